// API keys: who may use which routes. A key is a random text that its holder sends with each
// request. The server's file holds its SHA-256 and never the key. Values; any thread.
#pragma once

#include "domain/types.hpp"
#include "net/digest.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::http {

/// The right that a route needs. `none`: it needs no key.
enum class scope : std::uint8_t { none, read, pay, charge, refund, operate };

/// All that a key can be given, in the order of the enumeration: "read", "pay", …
std::string_view name_of(scope which) noexcept;
inline constexpr std::array<scope, 5> all_scopes{scope::read, scope::pay, scope::charge,
                                                 scope::refund, scope::operate};

class scope_set {
 public:
  constexpr void add(scope which) { bits_ |= bit(which); }
  /// Every set holds `none`.
  constexpr bool holds(scope which) const {
    return which == scope::none || (bits_ & bit(which)) != 0;
  }
  constexpr bool empty() const { return bits_ == 0; }
  friend bool operator==(const scope_set&, const scope_set&) = default;

 private:
  static constexpr std::uint8_t bit(scope which) {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(which));
  }
  std::uint8_t bits_ = 0;
};

/// "pay,read" as a set, and back with the scopes in their order. The error names the word that is
/// no scope, or says that there is none.
std::expected<scope_set, std::string> parse_scopes(std::string_view text);
std::string to_string(scope_set scopes);

struct api_key {
  std::string name;         // 1 to 40 of [a-z0-9_-]; of one key for ever, since ledgers name it
  scope_set scopes;         // at least one
  net::digest_bytes hash{}; // SHA-256 of the key's text
  int rate = 0;             // requests a second, 1 to 1,000,000; 0: no limit
  instant created_at{};
  std::optional<instant> expires_at; // from then on it is refused
  std::optional<instant> revoked_at; // likewise
  friend bool operator==(const api_key&, const api_key&) = default;
};

inline constexpr int key_rate_max = 1'000'000;
/// Keys of one file, whether in force or not.
inline constexpr std::size_t keys_max = 1000;

bool valid_key_name(std::string_view name) noexcept;

/// A new key's text: "pmd_" and 40 random letters and digits, which are 238 bits. Throws
/// std::runtime_error where the system gives no random bytes.
std::string make_key_text();

} // namespace paymentd::http
