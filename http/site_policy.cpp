#include "http/site_policy.hpp"

#include "http/ascii.hpp"

#include <algorithm>

namespace paymentd::http {

namespace {

/// "shop.example:8080" -> "shop.example"; "[::1]:8080" -> "[::1]".
std::string_view without_port(std::string_view authority) {
  const auto end = authority.starts_with('[') ? authority.find(']') : std::string_view::npos;
  const auto colon = authority.find(':', end == std::string_view::npos ? 0 : end);
  return authority.substr(0, colon);
}

/// Names that cannot be made to lead elsewhere: RFC 6761, 6.3 for localhost; 127.0.0.0/8; ::1.
bool names_this_machine(std::string_view host) {
  constexpr std::string_view digits = "0123456789.";
  const bool address = host.starts_with("127.") && host.find_first_not_of(digits) == host.npos;
  return address || host == "[::1]" || same_word(host, "localhost") ||
         (host.size() > 10 && same_word(host.substr(host.size() - 10), ".localhost"));
}

bool is_named(std::string_view host, const site_policy& policy) {
  return std::ranges::any_of(policy.hosts, [&](const auto& each) { return same_word(host, each); });
}

/// An Origin is a scheme, "://" and an authority, or "null", which is nobody's.
std::string_view authority_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  return scheme == origin.npos ? std::string_view{} : origin.substr(scheme + 3);
}

} // namespace

std::optional<problem> objection_to(const request_site& from, const site_policy& policy) {
  if (policy.checks_host && !from.host.empty()) {
    const std::string_view host = without_port(from.host);
    if (!names_this_machine(host) && !is_named(host, policy))
      return problem{problem_code::misdirected_request, {}, {}, {}};
  }
  if (!from.changes)
    return std::nullopt;
  if (!from.origin.empty()) {
    const std::string_view origin = authority_of(from.origin);
    const bool ours =
        !origin.empty() && (same_word(origin, from.host) || is_named(without_port(origin), policy));
    if (!ours)
      return problem{problem_code::forbidden, {}, {}, {}};
  } else if (same_word(from.fetch_site, "cross-site") || same_word(from.fetch_site, "same-site")) {
    return problem{problem_code::forbidden, {}, {}, {}};
  }
  return std::nullopt;
}

} // namespace paymentd::http
