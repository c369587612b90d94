// Numbers as the bytes of opaque tokens, whose letters are base64url (net/digest.hpp). Used by the
// cursors of pages and by the positions in the events. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace paymentd::http {

/// Appends a number from 0 on: 7 bits a byte, the low ones first.
void append_token_number(std::string& out, std::int64_t number);
/// Takes a number from 1 to `max` off the front of `bytes`; 0 where there is none.
std::int64_t take_token_number(std::string_view& bytes, std::int64_t max);

} // namespace paymentd::http
