#include "app/keys.hpp"

#include "app/exit_code.hpp"
#include "http/keys/key_file.hpp"
#include "net/utc_text.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

namespace paymentd {
namespace {

constexpr std::chrono::hours expires_max{24 * 36'500};

instant now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// "90d" or "12h".
std::optional<std::chrono::hours> parse_lifetime(const std::string& text) {
  if (text.empty() || (text.back() != 'd' && text.back() != 'h'))
    return std::nullopt;
  const auto count = config::parse_whole(std::string_view{text}.substr(0, text.size() - 1));
  const std::int64_t hours_each = text.back() == 'd' ? 24 : 1;
  if (!count || *count < 1 || *count > expires_max.count() / hours_each)
    return std::nullopt;
  return std::chrono::hours{*count * hours_each};
}

/// The file that the settings name; an empty path, and a line, where they name none.
std::filesystem::path key_file_of(const config::settings& settings) {
  if (settings.http.api_keys_file.empty())
    complain(bad_usage, "http.api_keys_file names no file: set it in the settings' file, or by "
                        "--set http.api_keys_file=PATH");
  return settings.http.api_keys_file;
}

std::string_view state_of(const http::api_key& key, instant at) {
  if (key.revoked_at)
    return "revoked";
  return key.expires_at && at >= *key.expires_at ? "expired" : "in force";
}

} // namespace

int create_key(const config::settings& settings, const new_key& wanted) {
  const auto file = key_file_of(settings);
  if (file.empty())
    return bad_usage;
  if (!http::valid_key_name(wanted.name))
    return complain(bad_usage, "a key's name is 1 to 40 of a-z, 0-9, - and _");
  const auto scopes = http::parse_scopes(wanted.scopes);
  if (!scopes)
    return complain(bad_usage, "--scopes: " + scopes.error());
  const auto lifetime = parse_lifetime(wanted.expires);
  if (!wanted.expires.empty() && !lifetime)
    return complain(bad_usage, "--expires must be a number of days or hours, such as 90d or 12h, "
                               "and at most 100 years");
  const std::string text = http::make_key_text();
  const auto changed = http::change_keys(file, [&](auto& keys) -> std::expected<void, std::string> {
    if (std::ranges::find(keys, wanted.name, &http::api_key::name) != keys.end())
      return std::unexpected("there is a key named " + wanted.name +
                             ", and a name is never given again: the ledger may have it");
    if (keys.size() >= http::keys_max)
      return std::unexpected(file.string() + " is full: it holds 1000 keys");
    http::api_key made{.name = wanted.name,
                       .scopes = *scopes,
                       .hash = net::sha256(text),
                       .rate = wanted.rate,
                       .created_at = now(),
                       .expires_at = std::nullopt,
                       .revoked_at = std::nullopt};
    if (lifetime)
      made.expires_at = made.created_at + *lifetime;
    keys.push_back(std::move(made));
    return {};
  });
  if (!changed)
    return complain(failed, changed.error());
  fmt::print("{}\n", text);
  fmt::print(stderr, "paymentd: this is the key {}; it is shown this once, and stored nowhere\n",
             wanted.name);
  return fine;
}

int list_keys(const config::settings& settings) {
  const auto file = key_file_of(settings);
  if (file.empty())
    return bad_usage;
  const auto keys = http::read_keys(file);
  if (!keys)
    return complain(failed, keys.error());
  constexpr std::string_view line = "{:<40} {:<31} {:>7} {:<24} {:<24} {}\n";
  fmt::print(fmt::runtime(line), "NAME", "SCOPES", "RATE", "CREATED", "EXPIRES", "STATE");
  for (const auto& each : *keys)
    fmt::print(fmt::runtime(line), each.name, to_string(each.scopes),
               each.rate > 0 ? std::to_string(each.rate) : "-", net::utc_text(each.created_at),
               each.expires_at ? net::utc_text(*each.expires_at) : "never", state_of(each, now()));
  return fine;
}

int revoke_key(const config::settings& settings, const std::string& name) {
  const auto file = key_file_of(settings);
  if (file.empty())
    return bad_usage;
  const auto changed = http::change_keys(file, [&](auto& keys) -> std::expected<void, std::string> {
    const auto found = std::ranges::find(keys, name, &http::api_key::name);
    if (found == keys.end())
      return std::unexpected("there is no key named " + name.substr(0, 40));
    if (!found->revoked_at)
      found->revoked_at = now();
    return {};
  });
  if (!changed)
    return complain(failed, changed.error());
  fmt::print("{} is revoked\n", name);
  return fine;
}

std::expected<void, std::string> key_loader::load() {
  if (file_.empty())
    return {};
  auto keys = http::read_keys(file_);
  if (!keys)
    return std::unexpected(keys.error());
  keys_ = std::move(*keys);
  ring_.put(keys_);
  return {};
}

void key_loader::reload() {
  auto keys = http::read_keys(file_);
  if (!keys) {
    if (keys.error() != fault_)
      spdlog::error("the API keys stay as they were: {}", keys.error());
    fault_ = keys.error();
    return;
  }
  if (*keys == keys_ && fault_.empty())
    return;
  fault_.clear();
  keys_ = std::move(*keys);
  ring_.put(keys_);
  const auto in_force = std::ranges::count(
      keys_, "in force", [](const http::api_key& each) { return state_of(each, now()); });
  spdlog::info("API keys were read anew: {} in force", in_force);
}

} // namespace paymentd
