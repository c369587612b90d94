// The keys in force, and the limits of those who call with them. Every I/O thread asks it for every
// request; another thread puts new keys in while they do.
#pragma once

#include "http/keys/api_key.hpp"
#include "http/keys/rate_limit.hpp"
#include "http/problem.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace paymentd::http {

/// A key in force, with what is left of its rate. The rate lives as long as the key: new keys that
/// are put in do not give it back.
struct held_key {
  api_key key;
  std::shared_ptr<rate_limit> rate;
};

/// An IPv6 address, or an IPv4 one that is mapped into it (RFC 4291, 2.5.5.2).
using address_bytes = std::array<std::uint8_t, 16>;

/// A connection's memory of the key that it sent last, so that its next request is spared the
/// digest. Used by the connection's thread alone.
struct remembered_key {
  std::string authorization; // the field as it was sent
  std::uint64_t version = 0; // of the keys that it was looked up in
  std::shared_ptr<const held_key> key;
};

/// The part of a request that decides whether it may be served.
struct request_access {
  std::string_view authorization; // the field; empty where there is none
  bool repeated = false;          // there is more than one such field
  scope needs = scope::none;      // none: any key will do
  address_bytes from{};
  steady_instant now;
  instant wall_now;
};

class key_ring {
 public:
  /// Puts `keys` in force, in place of all before. Any thread.
  void put(const std::vector<api_key>& keys);

  /// Nothing where the request may be served; `last.key` is then whose it is. Otherwise the answer:
  /// 401 without a key in force, 403 without the scope, 429 above the key's rate, or instead of 401
  /// for an address that had too many of them. A key in force is never refused for its address,
  /// which others may share. Any thread.
  std::optional<problem> objection_to(const request_access& of, remembered_key& last);

  /// Whether a key that was found before still allows `needs`: for what goes on for long. Any
  /// thread.
  bool in_force(const api_key& key, scope needs, instant now) const;

  /// Addresses that are counted at once; beyond it new ones are held to have failed too often.
  static constexpr std::size_t addresses_max = 4096;
  /// Failed attempts of one address that are told why, at once and then a second.
  static constexpr int failures_at_once = 20;
  static constexpr int failures_a_second = 1;

 private:
  struct hash_of_digest {
    std::size_t operator()(const net::digest_bytes& of) const noexcept;
  };
  using key_table =
      std::unordered_map<net::digest_bytes, std::shared_ptr<const held_key>, hash_of_digest>;

  std::shared_ptr<const held_key> find(std::string_view key_text) const;
  std::optional<problem> refuse(const request_access& of, std::string_view detail, bool was_given,
                                const api_key* known = nullptr);
  bool failed_too_often(const request_access& of);

  std::atomic<std::uint64_t> version_{1};
  mutable std::mutex guard_; // of the two below
  std::shared_ptr<const key_table> keys_ = std::make_shared<const key_table>();
  std::map<address_bytes, rate_limit> failures_;
};

} // namespace paymentd::http
