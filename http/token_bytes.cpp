#include "http/token_bytes.hpp"

namespace paymentd::http {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

} // namespace

void append_token_number(std::string& out, std::int64_t number) {
  auto left = static_cast<std::uint64_t>(number);
  for (; left >= 0x80; left >>= 7)
    out += static_cast<char>(left | 0x80);
  out += static_cast<char>(left);
}

std::int64_t take_token_number(std::string_view& bytes, std::int64_t max) {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 63 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80)
      return number <= static_cast<std::uint64_t>(max) ? static_cast<std::int64_t>(number) : 0;
  }
  return 0;
}

std::string to_base64url(std::string_view bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char each : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(each);
    for (count += 8; count >= 6; count -= 6)
      out += alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0)
    out += alphabet[bits << (6 - count) & 63];
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char each : text) {
    const auto value = alphabet.find(each);
    if (value == std::string_view::npos)
      return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return out;
}

} // namespace paymentd::http
