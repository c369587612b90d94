// Appending several parts to a string at once: texts as they stand, whole numbers, instants. The
// string grows once, and a literal is copied without a call, so an answer of twenty parts costs a
// third of twenty appends. Pure functions; any thread.
#pragma once

#include "net/utc_text.hpp"

#include <charconv>
#include <concepts>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

namespace paymentd::net {

// A part is whatever has these two: `room_for` gives the bytes it takes at most, and `put` writes
// it at `at` and gives where it ends. Other rooms have them for types of their own.

template <std::size_t size>
constexpr std::size_t room_for(const char (&)[size]) {
  return size - 1;
}
template <std::size_t size>
char* put(char* at, const char (&literal)[size]) {
  std::memcpy(at, literal, size - 1);
  return at + (size - 1);
}

constexpr std::size_t room_for(std::string_view text) {
  return text.size();
}
inline char* put(char* at, std::string_view text) {
  text.copy(at, text.size());
  return at + text.size();
}

template <std::integral Number>
constexpr std::size_t room_for(Number) {
  return std::numeric_limits<Number>::digits10 + 2; // a sign, and a digit that is not a whole one
}
template <std::integral Number>
char* put(char* at, Number number) {
  return std::to_chars(at, at + room_for(number), number).ptr;
}

constexpr std::size_t room_for(utc_time) {
  return utc_text_size;
}
inline char* put(char* at, utc_time time) {
  return write_utc(at, time);
}

/// Appends `parts`, one behind the other. A `put` must not throw.
template <class... Parts>
void append_parts(std::string& out, const Parts&... parts) {
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + (room_for(parts) + ...), [&](char* text, std::size_t) {
    char* at = text + before;
    ((at = put(at, parts)), ...);
    return static_cast<std::size_t>(at - text);
  });
}

} // namespace paymentd::net
