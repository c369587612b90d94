// The Idempotency-Key of a request as the digests that commands carry (IETF draft
// "The Idempotency-Key HTTP Header Field"). Pure functions; any thread.
#pragma once

#include "domain/command.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace paymentd::http {

inline constexpr std::size_t idempotency_key_max = 255;

/// Takes the quotes off a key that is written as a quoted string (RFC 8941, 3.3.3), in place; a
/// bare one stays as it is. False where it is not 1 to 255 visible ASCII characters then.
bool unquote_key(std::string& key);
/// Whether it is one, without quotes.
bool valid_key(std::string_view key);

/// The parts of a request that a key is scoped by, and its body.
struct keyed_request {
  std::string_view api_key; // its name; empty where there are no API keys
  std::string_view method;
  std::string_view path;
  std::string_view key; // without quotes; of a bulk, with a 0 behind it, and then an item's index
  std::string_view body;
};

idempotency_key digest_key(const keyed_request& of);

} // namespace paymentd::http
