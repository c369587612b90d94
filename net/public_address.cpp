#include "net/public_address.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

namespace paymentd::net {
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

using v6_bytes = ip::address_v6::bytes_type;

/// The IPv4 address that `bytes` hold at these places.
ip::address_v4 embedded(const v6_bytes& bytes, std::array<std::size_t, 4> at) {
  return ip::address_v4({bytes[at[0]], bytes[at[1]], bytes[at[2]], bytes[at[3]]});
}

bool starts_with(const v6_bytes& bytes, std::initializer_list<unsigned> words) {
  std::size_t i = 0;
  return std::ranges::all_of(words, [&](unsigned word) {
    const unsigned there = static_cast<unsigned>(bytes[i] << 8 | bytes[i + 1]);
    i += 2;
    return there == word;
  });
}

/// 64:ff9b:1::/48 (RFC 8215): each network has its own length of prefix, and with it its own place
/// for the IPv4 address (RFC 6052, 2.2). Since nobody tells which, no reading may lead into a
/// private network. 0.0.0.0/8 is what a reading finds in the zeros of another; it leads nowhere.
bool is_public_nat64(const v6_bytes& bytes) {
  bool any = false;
  for (const std::array<std::size_t, 4> at : {std::array<std::size_t, 4>{6, 7, 9, 10},
                                              {7, 9, 10, 11},
                                              {9, 10, 11, 12},
                                              {12, 13, 14, 15}}) {
    const ip::address_v4 reading = embedded(bytes, at);
    if (is_public_v4(reading))
      any = true;
    else if (reading.to_uint() >> 24 != 0)
      return false;
  }
  return any;
}

bool is_public_v6(const ip::address_v6& address) {
  const v6_bytes bytes = address.to_bytes();
  constexpr std::array<std::size_t, 4> last{12, 13, 14, 15};
  // Addresses that stand for one of IPv4 are judged by that one.
  if (address.is_v4_mapped() || starts_with(bytes, {0x0064, 0xff9b, 0, 0, 0, 0}))
    return is_public_v4(embedded(bytes, last));
  if (starts_with(bytes, {0x0064, 0xff9b, 0x0001}))
    return is_public_nat64(bytes);
  if (starts_with(bytes, {0x2002})) // 6to4
    return is_public_v4(embedded(bytes, {2, 3, 4, 5}));
  if (starts_with(bytes, {0x2001, 0})) // Teredo: its server, and its client with each bit turned
    return is_public_v4(embedded(bytes, {4, 5, 6, 7})) &&
           is_public_v4(ip::address_v4(~embedded(bytes, last).to_uint()));
  const auto word = [&](std::size_t i) {
    return static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  };
  // Global unicast is 2000::/3; all else is reserved, local or multicast.
  return bytes[0] >> 5 == 1 && !(word(0) == 0x2001 && word(1) < 0x0200) && // special purposes
         !(word(0) == 0x2001 && word(1) == 0x0db8) &&                      // documentation
         !(word(0) == 0x3fff && word(1) < 0x1000);                         // documentation
}

} // namespace

bool is_public(const ip::address& address) {
  // A scope names an interface of this machine.
  return address.is_v4() ? is_public_v4(address.to_v4())
                         : address.to_v6().scope_id() == 0 && is_public_v6(address.to_v6());
}

} // namespace paymentd::net
