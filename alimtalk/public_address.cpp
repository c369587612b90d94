#include "alimtalk/public_address.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace paymentd::alimtalk {
namespace {

namespace ip = boost::asio::ip;

struct block {
  std::uint32_t first;
  int bits;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast.
constexpr block not_public_v4[] = {
    {v4(0, 0, 0, 0), 8},      {v4(10, 0, 0, 0), 8},     {v4(100, 64, 0, 0), 10},
    {v4(127, 0, 0, 0), 8},    {v4(169, 254, 0, 0), 16}, {v4(172, 16, 0, 0), 12},
    {v4(192, 0, 0, 0), 24},   {v4(192, 0, 2, 0), 24},   {v4(192, 88, 99, 0), 24},
    {v4(192, 168, 0, 0), 16}, {v4(198, 18, 0, 0), 15},  {v4(198, 51, 100, 0), 24},
    {v4(203, 0, 113, 0), 24}, {v4(224, 0, 0, 0), 4},    {v4(240, 0, 0, 0), 4}};

bool is_public_v4(const ip::address_v4& address) {
  const std::uint32_t number = address.to_uint();
  return std::ranges::none_of(not_public_v4, [&](const block& each) {
    return (number ^ each.first) >> (32 - each.bits) == 0;
  });
}

bool is_public_v6(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  const auto word = [&](std::size_t i) {
    return static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  };
  // Global unicast is 2000::/3; all else is reserved, local, multicast or an IPv4 address.
  return bytes[0] >> 5 == 1 && !(word(0) == 0x2001 && word(1) < 0x0200) && // Teredo and others
         !(word(0) == 0x2001 && word(1) == 0x0db8) &&                      // documentation
         word(0) != 0x2002 &&                                              // 6to4
         !(word(0) == 0x3fff && word(1) < 0x1000);                         // documentation
}

} // namespace

bool is_public(const ip::address& address) {
  // A scope names an interface of this machine.
  return address.is_v4() ? is_public_v4(address.to_v4())
                         : address.to_v6().scope_id() == 0 && is_public_v6(address.to_v6());
}

} // namespace paymentd::alimtalk
