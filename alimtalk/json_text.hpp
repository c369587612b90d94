// Appending JSON texts and numbers to a string: for bodies of a thousand recipients, where a
// document tree would cost several times as much as the text. Pure functions; any thread.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace paymentd::alimtalk {

inline void append_number(std::string& out, std::integral auto number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

/// Appends `text` as a JSON string with its quotes. UTF-8 passes as it is.
inline void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\')
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

} // namespace paymentd::alimtalk
