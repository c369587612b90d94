// Appending JSON texts and numbers to a string: for bodies of a thousand recipients, where a
// document tree would cost several times as much as the text. Pure functions; any thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace paymentd::net {

inline void append_number(std::string& out, std::integral auto number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

inline bool has_to_be_escaped(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// Whether one of eight characters has to be escaped. In each byte, x - n borrows into the highest
/// bit where x < n, and ~x keeps UTF-8 out of that.
inline bool any_of_eight_to_escape(const char* eight) {
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
  std::uint64_t x = 0;
  std::memcpy(&x, eight, sizeof x);
  const auto below = [](std::uint64_t bytes, std::uint64_t n) {
    return (bytes - ones * n) & ~bytes & (ones * 0x80);
  };
  return (below(x, 0x20) | below(x ^ (ones * '"'), 1) | below(x ^ (ones * '\\'), 1)) != 0;
}

/// Whether `text` stands in JSON as it is. Most texts do, so it looks at eight characters at a
/// time.
inline bool is_plain(std::string_view text) {
  if (text.size() < 8)
    return std::ranges::none_of(text, has_to_be_escaped);
  for (std::size_t at = 0; at + 8 < text.size(); at += 8)
    if (any_of_eight_to_escape(text.data() + at))
      return false;
  return !any_of_eight_to_escape(text.data() + text.size() - 8);
}

/// Appends `text` as a JSON string with its quotes. UTF-8 passes as it is.
inline void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t begin = is_plain(text) ? text.size() : 0;
  out.append(text.substr(0, begin));
  for (std::size_t i = begin; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!has_to_be_escaped(text[i]))
      continue;
    out.append(text.substr(begin, i - begin));
    begin = i + 1;
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(text[i]);
    } else {
      constexpr std::string_view hex = "0123456789abcdef";
      out.append("\\u00");
      out.push_back(hex[c >> 4]);
      out.push_back(hex[c & 15]);
    }
  }
  out.append(text.substr(begin));
  out.push_back('"');
}

} // namespace paymentd::net
