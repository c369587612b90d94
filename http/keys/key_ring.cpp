#include "http/keys/key_ring.hpp"

#include "http/ascii.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

namespace paymentd::http {

namespace {

constexpr std::string_view scheme = "bearer ";
/// A longer text is no key, and is not looked at.
constexpr std::size_t key_text_max = 256;

constexpr std::string_view no_key = "This server wants an API key: Authorization: Bearer pmd_…";
constexpr std::string_view several_keys = "There is more than one Authorization field.";
constexpr std::string_view unknown_key = "There is no such API key.";
constexpr std::string_view expired_key = "This API key has expired.";
constexpr std::string_view revoked_key = "This API key was revoked.";

/// The key's text in an Authorization field; empty where it is of another scheme (RFC 6750, 2.1).
std::string_view key_text_of(std::string_view authorization) {
  if (authorization.size() <= scheme.size() || !begins_with_word(authorization, scheme))
    return {};
  authorization.remove_prefix(scheme.size());
  return authorization.substr(std::min(authorization.find_first_not_of(' '), authorization.size()));
}

/// In a time that says nothing of where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::chrono::seconds whole_seconds(rate_limit::duration wait) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds{1});
}

/// The network that one customer of a provider has: a whole IPv4 address, or the half of an IPv6
/// address (RFC 6177).
address_bytes network_of(address_bytes address) {
  constexpr std::size_t network_bytes = 8;
  const bool mapped =
      std::all_of(address.begin(), address.begin() + 10, [](auto byte) { return byte == 0; });
  if (!mapped)
    std::fill(address.begin() + network_bytes, address.end(), std::uint8_t{0});
  return address;
}

} // namespace

std::size_t key_ring::hash_of_digest::operator()(const net::digest_bytes& of) const noexcept {
  std::size_t value = 0; // the digest's bytes are as random as any hash of them
  std::memcpy(&value, of.data(), sizeof value);
  return value;
}

void key_ring::put(const std::vector<api_key>& keys) {
  auto made = std::make_shared<key_table>();
  const std::lock_guard lock{guard_};
  for (const api_key& each : keys) {
    const auto before = keys_->find(each.hash);
    auto rate = before != keys_->end() ? before->second->rate : std::make_shared<rate_limit>();
    made->emplace(each.hash, std::make_shared<const held_key>(each, std::move(rate)));
  }
  keys_ = std::move(made);
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const held_key> key_ring::find(std::string_view key_text) const {
  if (key_text.empty() || key_text.size() > key_text_max)
    return nullptr;
  const net::digest_bytes hash = net::sha256(key_text);
  std::shared_ptr<const key_table> keys;
  {
    const std::lock_guard lock{guard_};
    keys = keys_;
  }
  // The table goes by the digest of what was sent, which tells nobody how near it was to a key.
  const auto found = keys->find(hash);
  return found == keys->end() ? nullptr : found->second;
}

bool key_ring::in_force(const api_key& key, scope needs, instant now) const {
  std::shared_ptr<const key_table> keys;
  {
    const std::lock_guard lock{guard_};
    keys = keys_;
  }
  const auto found = keys->find(key.hash);
  if (found == keys->end())
    return false;
  const api_key& present = found->second->key;
  const bool expired = present.expires_at && now >= *present.expires_at;
  return !present.revoked_at && !expired && present.scopes.holds(needs);
}

bool key_ring::failed_too_often(const request_access& of) {
  const std::lock_guard lock{guard_};
  const address_bytes network = network_of(of.from);
  auto found = failures_.find(network);
  if (found == failures_.end()) {
    if (failures_.size() >= addresses_max)
      std::erase_if(failures_, [&](const auto& each) { return each.second.at_rest(of.now); });
    if (failures_.size() >= addresses_max)
      return true;
    found = failures_.try_emplace(network).first;
  }
  return found->second.take(of.now, failures_a_second, failures_at_once).has_value();
}

std::optional<problem> key_ring::refuse(const request_access& of, std::string_view detail,
                                        bool was_given, const api_key* known) {
  const std::string name = known != nullptr ? known->name : std::string{};
  if (failed_too_often(of))
    return problem{.code = problem_code::rate_limited,
                   .detail = "There were too many requests without a key in force from this "
                             "address.",
                   .api_key = name};
  return problem{.code = problem_code::unauthorized,
                 .detail = std::string{detail},
                 .challenge = was_given ? R"(Bearer realm="paymentd", error="invalid_token")"
                                        : R"(Bearer realm="paymentd")",
                 .api_key = name};
}

std::optional<problem> key_ring::objection_to(const request_access& of, remembered_key& last) {
  if (of.repeated) // a proxy on the way may have looked at the other one
    return refuse(of, several_keys, true);
  const std::string_view text = key_text_of(of.authorization);
  if (text.empty())
    return refuse(of, no_key, false);
  // The version is read first: keys that are put in meanwhile are seen at the next request.
  const std::uint64_t version = version_.load(std::memory_order_acquire);
  if (last.version != version || !same_secret(last.authorization, of.authorization)) {
    last.key = find(text);
    last.version = version;
    last.authorization = last.key ? of.authorization : std::string_view{};
  }
  if (!last.key)
    return refuse(of, unknown_key, true);
  const api_key& key = last.key->key;
  if (key.revoked_at)
    return refuse(of, revoked_key, true, &key);
  if (key.expires_at && of.wall_now >= *key.expires_at)
    return refuse(of, expired_key, true, &key);
  if (!key.scopes.holds(of.needs))
    return problem{.code = problem_code::forbidden,
                   .detail = "The API key " + key.name + " lacks the scope " +
                             std::string{name_of(of.needs)} + ".",
                   .challenge = R"(Bearer realm="paymentd", error="insufficient_scope", scope=")" +
                                std::string{name_of(of.needs)} + '"',
                   .missing_scope = of.needs,
                   .api_key = key.name};
  if (key.rate > 0)
    if (const auto wait = last.key->rate->take(of.now, key.rate, key.rate))
      return problem{.code = problem_code::rate_limited,
                     .detail = "The API key " + key.name + " may make " + std::to_string(key.rate) +
                               " requests a second.",
                     .retry_after = whole_seconds(*wait),
                     .api_key = key.name};
  return std::nullopt;
}

} // namespace paymentd::http
