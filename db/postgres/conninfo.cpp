#include "db/postgres/conninfo.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
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

} // namespace

session_limits limits_for(milliseconds lease) {
  // Below these a slow disk or a busy machine looks like a fault; fences, not the limits, keep a
  // very short lease safe.
  constexpr milliseconds wait_min{1000};
  constexpr milliseconds connect_min{2000};
  return {.connect = std::max(lease / 5, connect_min),
          .lock = std::max(lease / 6, wait_min),
          .statement = std::max(lease / 4, wait_min * 2),
          .idle_inside = std::max(lease / 4, wait_min * 2),
          .network = std::max(lease / 4, wait_min * 2),
          .call = std::max(lease / 2, wait_min * 3)};
}

result<conninfo> conninfo::parse(const std::string& url, const session_limits& limits) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, free_options> parsed(PQconninfoParse(url.c_str(), &why));
  // libpq's own words may quote a part of the URL, and that part may be the password.
  const std::unique_ptr<char, decltype(&PQfreemem)> owned(why, &PQfreemem);
  if (!parsed)
    return std::unexpected(error{error_kind::broken,
                                 "the database's address does not parse; it has to be "
                                 "postgresql://user@host:port/database"});
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
