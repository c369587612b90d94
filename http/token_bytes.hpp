// The letters of opaque tokens: numbers as bytes, and bytes as base64url. Used by the cursors of
// pages and by the positions in the events. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::http {

/// Appends a number from 0 on: 7 bits a byte, the low ones first.
void append_token_number(std::string& out, std::int64_t number);
/// Takes a number from 1 to `max` off the front of `bytes`; 0 where there is none.
std::int64_t take_token_number(std::string_view& bytes, std::int64_t max);

/// Without padding.
std::string to_base64url(std::string_view bytes);
/// Nothing where the text has other letters. It is read leniently: several texts may mean the same.
std::optional<std::string> from_base64url(std::string_view text);

} // namespace paymentd::http
