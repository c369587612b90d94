// Letters as HTTP compares them: ASCII alone, whatever the locale. Pure functions; any thread.
#pragma once

#include <algorithm>
#include <string_view>

namespace paymentd::http {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whether both are the same but for upper and lower case.
constexpr bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a == b || std::ranges::equal(a, b, {}, lower, lower));
}

constexpr bool begins_with_word(std::string_view text, std::string_view word) {
  return same_word(text.substr(0, word.size()), word);
}

/// Whether all of it is visible ASCII, without spaces.
constexpr bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

} // namespace paymentd::http
