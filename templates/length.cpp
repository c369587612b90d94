#include "templates/length.hpp"

#include "domain/utf8.hpp"

#include <algorithm>

namespace paymentd::templates {
namespace {

constexpr std::string_view ellipsis = "…";

/// How many bytes of `text` are the character that begins at `at`: at least one, also of bytes that
/// are no UTF-8.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t whole = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
  std::size_t bytes = 1;
  while (bytes < whole && at + bytes < text.size() && continues_character(text[at + bytes]))
    ++bytes;
  return bytes;
}

constexpr std::size_t utf16_units(std::size_t character_bytes) {
  return character_bytes == 4 ? 2 : 1;
}

constexpr std::size_t euc_kr_width(std::size_t character_bytes) {
  return character_bytes == 1 ? 1 : 2;
}

/// The bytes of `text` whose characters are together at most `most` wide.
template <class Width>
std::size_t bytes_within(std::string_view text, std::size_t most, Width width) {
  std::size_t taken = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_bytes(text, at);
    taken += width(bytes);
    if (taken > most)
      return at;
    at += bytes;
  }
  return text.size();
}

template <class Width>
std::size_t width_of(std::string_view text, Width width) {
  std::size_t all = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_bytes(text, at);
    all += width(bytes);
    at += bytes;
  }
  return all;
}

} // namespace

std::size_t characters(std::string_view text) noexcept {
  return width_of(text, utf16_units);
}

void cut_to_characters(std::string& text, std::size_t characters_max) {
  // No text has more characters than bytes.
  if (text.size() <= characters_max ||
      bytes_within(text, characters_max, utf16_units) == text.size())
    return;
  if (characters_max == 0)
    return text.clear();
  text.resize(bytes_within(text, characters_max - 1, utf16_units));
  text.append(ellipsis);
}

std::size_t euc_kr_bytes(std::string_view text) noexcept {
  return width_of(text, euc_kr_width);
}

void cut_to_euc_kr(std::string& text, std::size_t bytes_max) {
  text.resize(bytes_within(text, bytes_max, euc_kr_width));
}

} // namespace paymentd::templates
