// Which addresses are of the public internet: those that a URL from outside may lead to. Used by
// the HTTP client on the addresses that it is about to connect to. Pure; any thread.
#pragma once

#include <boost/asio/ip/address.hpp>

namespace paymentd::net {

/// False for loopback, private (RFC 1918), shared (RFC 6598), link-local and unique-local
/// addresses, for multicast and whatever else the IANA registries of special-purpose addresses
/// reserve. An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4, Teredo) is as that
/// one is.
bool is_public(const boost::asio::ip::address& address);

} // namespace paymentd::net
