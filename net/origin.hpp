// "https://host:port" taken apart, and the two other small texts of HTTP that the client and the
// adapters need. Pure functions; any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace paymentd::net {

struct origin {
  bool tls = false;
  std::string host; // a name or an address, an IPv6 address without its brackets
  std::string port;
  std::string authority; // for the Host header
};

/// An error is one line that says what is wrong with it.
std::expected<origin, std::string> parse_origin(std::string_view url);

/// Whether `text` can stand in a request's line or in a header: no control characters.
bool safe_in_header(std::string_view text) noexcept;

/// `text` as it may stand within a path or the value of a query.
std::string percent_encoded(std::string_view text);

} // namespace paymentd::net
