#include "http/token_bytes.hpp"

namespace paymentd::http {

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

} // namespace paymentd::http
