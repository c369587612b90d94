// Texts of others as UTF-8 (RFC 3629): whether they are, and where a character ends. Pure
// functions; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace paymentd {

/// Whether a byte goes on with the character before it.
constexpr bool continues_character(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// How many bytes the character at the begin of `text`, which is not empty, has; 0 where it is none
/// (RFC 3629, 4).
constexpr std::size_t character_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length <= 1)
    return length;
  if (text.size() < length)
    return 0;
  for (std::size_t at = 1; at < length; ++at)
    if (!continues_character(text[at]))
      return 0;
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool too_large = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

/// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates).
constexpr bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

/// The begin of `text`, of `bytes_max` at the most and not cut within a character.
constexpr std::string_view cut_between_characters(std::string_view text,
                                                  std::size_t bytes_max) noexcept {
  if (text.size() <= bytes_max)
    return text;
  while (bytes_max > 0 && continues_character(text[bytes_max]))
    --bytes_max;
  return text.substr(0, bytes_max);
}

} // namespace paymentd
