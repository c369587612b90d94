// Whether a request may come from where it says it comes: pages of other sites must not make
// requests with the help of a browser that stands near this server (cross-site request forgery),
// nor by letting their own name lead here (DNS rebinding). Values; any thread.
#pragma once

#include "http/problem.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::http {

/// The names that a listener calls its own site.
struct site_policy {
  /// On a loopback address: then Host has to name this machine, or one of `hosts`.
  bool checks_host = false;
  std::vector<std::string> hosts; // in lower case, without port: "shop.example"
};

/// A request's statement of where it comes from. Empty where it does not say.
struct request_site {
  std::string_view host = {};       // Host, or what an absolute target names
  std::string_view origin = {};     // Origin
  std::string_view fetch_site = {}; // Sec-Fetch-Site
  bool changes = false;             // the method is not GET or HEAD, which change nothing
};

/// Nothing where the request may be served; otherwise 421 for a host that is not this one, or 403
/// for a request that another site's page makes. Clients other than browsers send neither Origin
/// nor Sec-Fetch-Site (Fetch Standard; W3C Fetch Metadata).
std::optional<problem> objection_to(const request_site& from, const site_policy& policy);

} // namespace paymentd::http
