// How long a text is where messages are bounded: in characters for an AlimTalk, in bytes of EUC-KR
// for an SMS. Texts are UTF-8; bytes that are none count as characters, too. Pure functions; any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace paymentd::templates {

/// Characters as the message APIs count them, in units of UTF-16: an emoji is two.
std::size_t characters(std::string_view text) noexcept;

/// Shortens `text` to at most so many characters, the last of them "…", never within one. A text
/// that fits stays as it is.
void cut_to_characters(std::string& text, std::size_t characters_max);

/// Bytes in EUC-KR: one for ASCII, two for every other character, and for one that EUC-KR has not,
/// since something stands in its place.
std::size_t euc_kr_bytes(std::string_view text) noexcept;

/// Shortens `text` to at most so many bytes in EUC-KR, never within a character.
void cut_to_euc_kr(std::string& text, std::size_t bytes_max);

} // namespace paymentd::templates
