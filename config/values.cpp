#include "config/values.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace paymentd::config {

namespace {

struct unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array units{unit{"h", 3'600'000}, unit{"m", 60'000}, unit{"s", 1'000},
                           unit{"ms", 1}};

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// The value of each parameter of a URL's query that may be a password, replaced by the mark.
std::string hide_parameters(std::string_view query) {
  std::string shown;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto parameter = query.substr(0, end);
    const auto equals = parameter.find('=');
    const auto name = parameter.substr(0, equals);
    // password, sslpassword, passfile; a name with an escape in it may be one of them.
    const bool hide = name.find("pass") != name.npos || name.find('%') != name.npos;
    shown += hide ? std::string{name}.append("=").append(hidden_mark) : std::string{parameter};
    if (end == query.npos)
      break;
    shown += '&';
    query.remove_prefix(end + 1);
  }
  return shown;
}

} // namespace

std::string secret_url::shown() const {
  constexpr std::string_view separator = "://";
  const auto scheme_end = text_.find(separator);
  if (scheme_end == text_.npos)
    return text_; // sqlite:PATH
  std::string shown = text_.substr(0, scheme_end + separator.size());
  std::string_view rest = std::string_view{text_}.substr(shown.size());
  const auto at = rest.find('@');
  // Where an @, /, ? or # is not escaped, nobody knows where the password ends.
  if (at != rest.npos && (rest.find('@', at + 1) != rest.npos || rest.find_first_of("/?#") < at))
    return shown.append(hidden_mark);
  if (at != rest.npos) {
    const auto user = rest.substr(0, at);
    const auto colon = user.find(':');
    shown += user.substr(0, colon);
    if (colon != user.npos)
      shown.append(":").append(hidden_mark);
    rest.remove_prefix(at);
  }
  const auto query = rest.find('?');
  if (query == rest.npos)
    return shown.append(rest);
  return shown.append(rest.substr(0, query + 1)).append(hide_parameters(rest.substr(query + 1)));
}

std::optional<address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos)
    return std::nullopt;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (!port)
    return std::nullopt;
  if (host == "localhost")
    host = "127.0.0.1";
  int family = AF_INET;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    family = AF_INET6;
    host = host.substr(1, host.size() - 2);
  }
  address value{std::string{host}, *port};
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (host.find('\0') != host.npos || inet_pton(family, value.host.c_str(), bytes.data()) != 1)
    return std::nullopt;
  return value;
}

std::string to_string(const address& of) {
  const bool v6 = of.host.find(':') != of.host.npos;
  return (v6 ? "[" + of.host + "]" : of.host) + ":" + std::to_string(of.port);
}

bool is_loopback(const address& of) {
  in_addr v4{};
  if (inet_pton(AF_INET, of.host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == IN_LOOPBACKNET;
  in6_addr v6{};
  if (inet_pton(AF_INET6, of.host.c_str(), &v6) != 1)
    return false;
  const std::string_view bytes{reinterpret_cast<const char*>(v6.s6_addr), sizeof v6.s6_addr};
  constexpr std::string_view mapped_127{"\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f", 13};
  constexpr std::string_view one{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16};
  return bytes == one || bytes.starts_with(mapped_127);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == text.npos)
    return std::nullopt;
  const auto count = parse_number<std::int64_t>(text.substr(0, digits));
  for (const auto& each : units)
    if (count && text.substr(digits) == each.name &&
        *count <= std::numeric_limits<std::int64_t>::max() / each.milliseconds)
      return std::chrono::milliseconds{*count * each.milliseconds};
  return std::nullopt;
}

std::string to_string(std::chrono::milliseconds of) {
  if (of.count() == 0)
    return "0s";
  for (const auto& each : units)
    if (of.count() % each.milliseconds == 0)
      return std::to_string(of.count() / each.milliseconds).append(each.name);
  return {};
}

std::optional<std::int64_t> parse_whole(std::string_view text) {
  return parse_number<std::int64_t>(text);
}

std::optional<double> parse_real(std::string_view text) {
  const auto value = parse_number<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::string to_string(double of) {
  std::array<char, 32> digits{}; // the longest shortest form has 24
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), of).ptr;
  std::string text{digits.data(), end};
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

std::optional<request_lines> parse_request_lines(std::string_view text) {
  if (text == "off")
    return request_lines{};
  if (text == "errors")
    return request_lines{.errors = true};
  if (text == "all")
    return request_lines{.errors = true, .part = 1.0};
  const auto part = parse_real(text);
  if (!part || *part < 0.0 || *part > 1.0)
    return std::nullopt;
  return request_lines{.errors = true, .part = *part};
}

std::string toml_of(const request_lines& of) {
  if (of.part >= 1.0)
    return toml_text("all");
  if (of.part > 0.0)
    return to_string(of.part);
  return toml_text(of.errors ? "errors" : "off");
}

std::string toml_text(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out.append(1, '\\').append(1, c);
    else if (byte < 0x20 || byte == 0x7f)
      out.append("\\u00").append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
    else
      out += c;
  }
  return out + '"';
}

} // namespace paymentd::config
