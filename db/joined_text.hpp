// Texts joined at compile time, so that what several statements share stands once. Values only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace paymentd::db {

/// A text that a template takes.
template <std::size_t Size>
struct shared_text {
  char bytes[Size]{};
  static constexpr std::size_t length = Size - 1; // without the zero at its end

  consteval shared_text(const char (&from)[Size]) { std::copy_n(from, Size, bytes); }
};

template <shared_text... Parts>
struct joined_bytes {
  static constexpr auto value = [] {
    std::array<char, (Parts.length + ... + 1)> all{};
    char* at = all.data();
    ((at = std::copy_n(Parts.bytes, Parts.length, at)), ...);
    return all;
  }();
};

/// The parts, one behind the other, as one text of static storage.
template <shared_text... Parts>
inline constexpr const char* joined = joined_bytes<Parts...>::value.data();

} // namespace paymentd::db
