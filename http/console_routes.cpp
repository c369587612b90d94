// The console: the files of a page for operators, and the calls that the page makes. All but that
// of the audits are calls of the contract, by the same functions, under paths of their own. They
// give no customer's whole phone, and all of them need the scope `operate`.
#include "domain/check.hpp"
#include "http/console/files.hpp"
#include "http/json_text.hpp"
#include "http/routes.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace paymentd::http {

namespace {

// ---- files --------------------------------------------------------------------------------------

/// The page may load files of this server and ask this server, and nothing else: no other address,
/// no script or style in a document, no frame around it. A browser that knows Trusted Types lets
/// its scripts make no HTML of a text (Content Security Policy Level 3; Trusted Types).
constexpr std::string_view page_fields =
    "\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    "\r\nX-Content-Type-Options: nosniff"
    "\r\nReferrer-Policy: same-origin"
    "\r\nCross-Origin-Opener-Policy: same-origin"
    "\r\nCross-Origin-Resource-Policy: same-origin";

constexpr std::string_view html = "text/html; charset=utf-8";
constexpr std::string_view css = "text/css; charset=utf-8";
constexpr std::string_view svg = "image/svg+xml";
constexpr std::string_view script = "text/javascript; charset=utf-8";

template <std::string_view (*file)() noexcept, const std::string_view& type>
std::expected<demand, problem> prepare_file(const route_input&, response& answer) {
  answer.body = file();
  answer.text_type = type;
  answer.more_fields = page_fields;
  return answered{};
}

/// The page's own addresses begin from /console/.
std::expected<demand, problem> prepare_redirect(const route_input&, response& answer) {
  answer.status = 308;
  answer.location = "console/";
  return answered{};
}

// ---- calls --------------------------------------------------------------------------------------

const route& call_of_clients(http_method method, std::string_view path) {
  const auto all = public_routes();
  const auto found = std::ranges::find_if(
      all, [&](const route& each) { return each.method == method && each.path == path; });
  check(found != all.end(), "the console makes calls that there are");
  return *found;
}

using enum http_method;

std::expected<void, problem> write_masked_user(const answer& what, response& answer) {
  const auto& write = call_of_clients(get, "/v1/users/{id}").found;
  const auto* one = std::get_if<user>(&what);
  if (one == nullptr)
    return write(what, answer);
  user masked = *one;
  masked.phone = masked_phone(masked.phone);
  return write(paymentd::answer{std::move(masked)}, answer);
}

std::expected<void, problem> write_masked_users(const answer& what, response& answer) {
  const auto& write = call_of_clients(get, "/v1/users").found;
  const auto* page = std::get_if<user_page>(&what);
  if (page == nullptr)
    return write(what, answer);
  user_page masked = *page;
  for (user& each : masked.items)
    each.phone = masked_phone(each.phone);
  return write(paymentd::answer{std::move(masked)}, answer);
}

std::expected<demand, problem> prepare_get_audits(const route_input&, response&) {
  return query{get_audits{}};
}

void append_audit(std::string& out, const std::optional<audit_result>& what) {
  if (!what) {
    out += "null";
    return;
  }
  append_member(out, R"({"beganAt":)", what->began_at);
  append_member(out, R"(,"tookMs":)", what->took.count());
  append_member(out, R"(,"entries":)", what->entries);
  append_member(out, R"(,"orders":)", what->orders);
  append_member(out, R"(,"breaches":)", what->breaches);
  out += R"(,"firstBreaches":[)";
  for (const std::string& each : what->first_breaches) {
    if (&each != &what->first_breaches.front())
      out += ',';
    append_quoted(out, each);
  }
  append_member(out, R"(],"version":)", what->version);
  out += '}';
}

std::expected<void, problem> write_audits(const answer& what, response& answer) {
  const auto& audits = std::get<noted_audits>(what);
  answer.body += R"({"last":)";
  append_audit(answer.body, audits.last);
  answer.body += R"(,"lastClean":)";
  append_audit(answer.body, audits.last_clean);
  answer.body += '}';
  return {};
}

struct console_call {
  http_method method;
  std::string_view as;   // the path of the contract
  std::string_view path; // the console's
  std::expected<void, problem> (*found)(const answer& what, response& answer) = nullptr;
};

constexpr std::array calls{
    console_call{get, "/v1/orders", "/console/api/orders"},
    console_call{get, "/v1/orders/{id}", "/console/api/orders/{id}"},
    console_call{get, "/v1/orders/{id}/entries", "/console/api/orders/{id}/entries"},
    console_call{get, "/v1/users", "/console/api/users", write_masked_users},
    console_call{get, "/v1/users/{id}", "/console/api/users/{id}", write_masked_user},
    console_call{get, "/v1/users/{id}/entries", "/console/api/users/{id}/entries"},
    console_call{get, "/v1/notifications", "/console/api/notifications"},
    console_call{get, "/v1/notifications/{name}", "/console/api/notifications/{name}"},
    console_call{post, "/v1/notifications/{name}/retry", "/console/api/notifications/{name}/retry"},
    console_call{get, "/v1/webhooks", "/console/api/webhooks"},
    console_call{get, "/v1/webhooks/{name}", "/console/api/webhooks/{name}"},
    console_call{patch, "/v1/webhooks/{name}", "/console/api/webhooks/{name}"},
    console_call{post, "/v1/webhooks/{name}/test", "/console/api/webhooks/{name}/test"},
    console_call{post, "/v1/webhooks/{name}/replay", "/console/api/webhooks/{name}/replay"},
};

/// The console's own: clients have no need of it.
constexpr route own_call{
    get,     "/console/api/audit", scope::operate, body_rule::ignored, prepare_get_audits,
    nullptr, write_audits};

// ---- the table ----------------------------------------------------------------------------------

template <std::string_view (*file)() noexcept, const std::string_view& type = script>
constexpr route file_route(std::string_view path) {
  return {get, path, scope::none, body_rule::ignored, prepare_file<file, type>, nullptr, nullptr};
}

constexpr std::array files{
    route{get, "/console", scope::none, body_rule::ignored, prepare_redirect, nullptr, nullptr},
    file_route<console_page, html>("/console/"),
    file_route<console_style, css>("/console/console.css"),
    file_route<console_icon, svg>("/console/icon.svg"),
    file_route<console_main>("/console/main.js"),
    file_route<console_api>("/console/api.js"),
    file_route<console_text>("/console/text.js"),
    file_route<console_dom>("/console/dom.js"),
    file_route<console_metrics>("/console/metrics.js"),
    file_route<console_audit>("/console/audit.js"),
    file_route<console_overview>("/console/overview.js"),
    file_route<console_orders>("/console/orders.js"),
    file_route<console_users>("/console/users.js"),
    file_route<console_notifications>("/console/notifications.js"),
    file_route<console_retries>("/console/retries.js"),
    file_route<console_webhooks>("/console/webhooks.js"),
    file_route<console_search>("/console/search.js"),
};

} // namespace

std::span<const route> console_routes() {
  static const std::vector<route> all = [] {
    std::vector<route> made(files.begin(), files.end());
    made.push_back(own_call);
    for (const console_call& each : calls) {
      route& one = made.emplace_back(call_of_clients(each.method, each.as));
      one.path = each.path;
      one.needs = scope::operate;
      if (each.found != nullptr)
        one.found = each.found;
    }
    return made;
  }();
  return all;
}

} // namespace paymentd::http
