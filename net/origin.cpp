#include "net/origin.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace paymentd::net {

std::expected<origin, std::string> parse_origin(std::string_view url) {
  constexpr std::string_view plain = "http://";
  constexpr std::string_view tls = "https://";
  origin parsed;
  parsed.tls = url.starts_with(tls);
  if (!parsed.tls && !url.starts_with(plain))
    return std::unexpected("a URL must begin with http:// or https://");
  url.remove_prefix(parsed.tls ? tls.size() : plain.size());
  if (url.ends_with('/'))
    url.remove_suffix(1);
  if (url.find_first_of("/?#@ ") != url.npos || !safe_in_header(url))
    return std::unexpected("a URL must be only http[s]://host[:port]");
  parsed.authority = url;

  std::size_t host_end = url.find(':');
  if (url.starts_with('[')) {
    const std::size_t bracket = url.find(']');
    if (bracket == url.npos)
      return std::unexpected("the address in a URL has no closing bracket");
    parsed.host = url.substr(1, bracket - 1);
    host_end = bracket + 1 == url.size() ? url.npos : bracket + 1;
  } else {
    parsed.host = url.substr(0, host_end);
  }
  if (parsed.host.empty())
    return std::unexpected("a URL has no host");
  parsed.port = parsed.tls ? "443" : "80";
  if (host_end != url.npos) {
    const std::string_view port = url.substr(std::min(host_end + 1, url.size()));
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (url[host_end] != ':' || error != std::errc{} || end != port.data() + port.size() ||
        number == 0)
      return std::unexpected("a URL's port must be a number from 1 to 65535");
    parsed.port = std::to_string(number);
  }
  return parsed;
}

bool safe_in_header(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789-._~";
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (kept.find(c) != kept.npos) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.push_back('%');
    encoded.push_back(hex[byte >> 4]);
    encoded.push_back(hex[byte & 15]);
  }
  return encoded;
}

} // namespace paymentd::net
