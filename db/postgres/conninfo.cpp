#include "db/postgres/conninfo.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <ranges>
#include <string_view>

namespace paymentd::db::postgres {
namespace {

using std::chrono::milliseconds;

struct free_options {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};

std::string quoted(const std::string& value) {
  std::string out = "'";
  for (const char one : value) {
    if (one == '\'' || one == '\\')
      out += '\\';
    out += one;
  }
  return out + "'";
}

std::string whole_seconds(milliseconds time) {
  return std::to_string(std::max<std::int64_t>(time.count() / 1000, 1));
}

std::unexpected<error> no_address(std::string what) {
  // No value is shown, neither here nor in libpq's own words: where a URL is written wrongly, a
  // part of the password may stand anywhere.
  return std::unexpected(
      error{error_kind::broken, "the database's address " + std::move(what) +
                                    "; it has to be postgresql://user@host:port/database"});
}

/// Whether libpq knows a parameter of this name.
bool is_known(std::string_view name) {
  const std::unique_ptr<PQconninfoOption, free_options> all(PQconndefaults());
  for (const auto* option = all.get(); option != nullptr && option->keyword != nullptr; ++option)
    if (name == option->keyword)
      return true;
  return name == "ssl"; // in a URL, JDBC's word for sslmode=require
}

/// The part before the query. A ? begins it only where a parameter follows: it may as well be
/// part of a password that is not escaped.
std::string_view without_query(std::string_view url) {
  const auto mark = url.find('?');
  // To libpq an @ before the first slash ends a user, whatever stands between.
  const auto slash = url.find('/', url.find("://") + 3);
  if (mark == url.npos || slash > mark ||
      !is_known(url.substr(mark + 1, url.find('=', mark) - mark - 1)))
    return url;
  return url.substr(0, mark);
}

/// Names the first parameter that libpq does not know. A name that looks like none is not shown.
result<void> check_names(std::string_view url) {
  constexpr std::size_t name_max = 40;
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_";
  auto rest = url.substr(std::min(without_query(url).size() + 1, url.size()));
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::string_view name = pair.substr(0, pair.find('='));
    if (is_known(name))
      continue;
    if (name.size() > name_max || name.find_first_not_of(letters) != name.npos)
      return no_address("has a parameter that there is not");
    return no_address("has a parameter " + std::string(name) + ", which there is not");
  }
  return {};
}

/// libpq ends user and password at the first @ before a /, and takes what follows for hosts and
/// names, which it shows. So whatever else could end them has to be escaped.
result<void> check_user(std::string_view url) {
  constexpr std::string_view separator = "://";
  url = without_query(url);
  url.remove_prefix(std::min(url.size(), url.find(separator) + separator.size()));
  const auto at = url.find('@');
  if (at == url.npos)
    return {};
  if (url.find('@', at + 1) != url.npos)
    return no_address("has more than one @, of which a password's must be written %40");
  if (url.find_first_of("/?#") < at)
    return no_address("has a /, ? or # before its @; a password's must be written %2F, %3F or %23");
  return {};
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

std::ptrdiff_t members(std::string_view list) {
  return list.empty() ? 0 : std::ranges::count(list, ',') + 1;
}

/// Ports, one for all hosts or one for each. An empty one is the default.
bool are_ports(std::string_view list) {
  return std::ranges::all_of(std::views::split(list, ','), [](auto each) {
    const std::string_view text(each.begin(), each.end());
    const auto port = whole_number(text);
    return text.empty() || (port && *port >= 1 && *port <= 65535);
  });
}

/// Faults that libpq finds only when it connects, and that would be waited for in vain.
result<void> check_values(const PQconninfoOption* options) {
  constexpr std::array<std::string_view, 6> numbers = {"connect_timeout",  "keepalives",
                                                       "keepalives_idle",  "keepalives_interval",
                                                       "keepalives_count", "tcp_user_timeout"};
  struct choice {
    std::string_view key;
    std::vector<std::string_view> values;
  };
  static const std::array choices = {
      choice{"sslmode", {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
      choice{"target_session_attrs",
             {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}},
      choice{"channel_binding", {"disable", "prefer", "require"}},
      choice{"gssencmode", {"disable", "prefer", "require"}},
      choice{"ssl_min_protocol_version", {"", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}},
      choice{"ssl_max_protocol_version", {"", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}},
  };
  std::ptrdiff_t hosts = 1;
  std::ptrdiff_t ports = 1;
  for (const auto* option = options; option->keyword != nullptr; ++option) {
    if (option->val == nullptr)
      continue;
    const std::string_view key = option->keyword;
    const std::string_view value = option->val;
    if (key == "port" && !are_ports(value))
      return no_address("has a port that is no number from 1 to 65535");
    if (std::ranges::find(numbers, key) != numbers.end() && !whole_number(value))
      return no_address("has a " + std::string(key) + " that is no number");
    const auto limited = std::ranges::find(choices, key, &choice::key);
    if (limited != choices.end() &&
        std::ranges::find(limited->values, value) == limited->values.end())
      return no_address("has a " + std::string(key) + " that there is not");
    if (key == "host" || key == "hostaddr")
      hosts = std::max(hosts, members(value));
    if (key == "port")
      ports = members(value);
  }
  if (ports > 1 && ports != hosts)
    return no_address("has more than one port, but not one for each host");
  return {};
}

} // namespace

session_limits limits_for(milliseconds lease) {
  // Below these a slow disk or a busy machine looks like a fault; fences, not the limits, keep a
  // very short lease safe.
  constexpr milliseconds wait_min{1000};
  constexpr milliseconds connect_min{2000};
  return {.connect = std::max(lease / 5, connect_min),
          .lock = wait_min,
          .statement = std::max(lease / 4, wait_min * 2),
          .idle_inside = std::max(lease / 4, wait_min * 2),
          .network = std::max(lease / 4, wait_min * 2),
          .call = std::max(lease / 2, wait_min * 3)};
}

result<conninfo> conninfo::parse(const std::string& url, const session_limits& limits) {
  if (auto fine = check_user(url); !fine)
    return std::unexpected(fine.error());
  if (auto fine = check_names(url); !fine)
    return std::unexpected(fine.error());
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, free_options> parsed(PQconninfoParse(url.c_str(), &why));
  const std::unique_ptr<char, decltype(&PQfreemem)> owned(why, &PQfreemem);
  if (!parsed)
    return no_address("does not parse");
  if (auto fine = check_values(parsed.get()); !fine)
    return std::unexpected(fine.error());
  conninfo out;
  std::string host;
  std::string name;
  const auto put_default = [&](std::string_view key, std::string value) {
    const auto known = std::ranges::find(
        out.settings_, key, [](const auto& one) { return std::string_view(one.first); });
    if (known == out.settings_.end())
      out.settings_.emplace_back(key, std::move(value));
  };
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr)
      continue;
    const std::string_view key = option->keyword;
    out.settings_.emplace_back(key, option->val);
    if (key == "host" || (key == "hostaddr" && host.empty()))
      host = option->val;
    if (key == "dbname")
      name = option->val;
  }
  put_default("connect_timeout", whole_seconds(limits.connect));
  put_default("keepalives_idle", whole_seconds(limits.network / 2));
  put_default("keepalives_interval", "1");
  put_default("keepalives_count", "3");
  put_default("tcp_user_timeout", std::to_string(limits.network.count()));
  put_default("application_name", "paymentd");
  // Among several servers only the primary is of use, whichever it is by now.
  if (host.find(',') != std::string::npos)
    put_default("target_session_attrs", "read-write");
  out.shown_ = "PostgreSQL " + (name.empty() ? std::string("(default database)") : name) + " at " +
               (host.empty() ? std::string("(default host)") : host);
  return out;
}

std::string conninfo::text() const {
  std::string out;
  for (const auto& [key, value] : settings_)
    out += key + "=" + quoted(value) + " ";
  return out;
}

} // namespace paymentd::db::postgres
