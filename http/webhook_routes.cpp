// The routes of webhooks: who is told of events over HTTP. The secret is shown where it is new.
#include "domain/webhook.hpp"
#include "http/page.hpp"
#include "http/route_parts.hpp"
#include "http/routes.hpp"
#include "net/utc_text.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace paymentd::http {

namespace {

constexpr std::string_view succeeded_type = "paymentd.payment.succeeded.v1";
constexpr std::string_view refunded_type = "paymentd.payment.refunded.v1";

constexpr std::string_view name_form = "must be 1 to 40 of a-z, 0-9, - and _";
constexpr std::string_view url_form =
    "must be a URL of at most 2000 visible ASCII characters, which begins with http:// or https:// "
    "and has no user and no #";

constexpr field_rule url_rule(bool required) {
  return {.name = "url",
          .type = field_rule::kind::text,
          .required = required,
          .characters_max = webhook_url_max};
}
constexpr field_rule events_rule{
    .name = "events", .type = field_rule::kind::texts, .required = false};
constexpr field_rule enabled_rule{
    .name = "enabled", .type = field_rule::kind::boolean, .required = false};
constexpr field_rule in_flight_rule{
    .name = "maxInFlight", .required = false, .min = 1, .max = webhook_in_flight_max};
constexpr field_rule per_second_rule{
    .name = "maxPerSecond", .required = false, .min = 0, .max = webhook_per_second_max};

constexpr field_rule content_type_rule{
    .name = "contentType", .type = field_rule::kind::text, .required = false, .characters_max = 40};

void append_optional_time(std::string& out, const std::optional<instant>& at) {
  if (at)
    append_time(out, *at);
  else
    out += "null";
}

void append_webhook(std::string& out, const webhook& what, bool with_secret) {
  out += R"({"name":)";
  append_quoted(out, what.name);
  out += R"(,"url":)";
  append_quoted(out, what.url);
  out += R"(,"events":[)";
  if (what.payments)
    append_quoted(out, succeeded_type);
  if (what.payments && what.refunds)
    out += ',';
  if (what.refunds)
    append_quoted(out, refunded_type);
  out.append(R"(],"enabled":)").append(what.enabled ? "true" : "false");
  out += R"(,"maxInFlight":)";
  append_number(out, what.max_in_flight);
  out += R"(,"maxPerSecond":)";
  append_number(out, what.max_per_second);
  out += R"(,"contentType":)";
  append_quoted(out, what.content_type);
  out += R"(,"failingSince":)";
  append_optional_time(out, what.failing_since);
  out += R"(,"pausedAt":)";
  append_optional_time(out, what.paused_at);
  out.append(R"(,"replaying":)").append(what.replaying ? "true" : "false");
  out += R"(,"createdAt":)";
  append_time(out, what.created_at);
  out += R"(,"updatedAt":)";
  append_time(out, what.updated_at);
  if (with_secret) {
    out += R"(,"secret":)";
    append_quoted(out, what.secret);
  }
  out += '}';
}

// ---- requests -----------------------------------------------------------------------------------

/// The name in the path. One that no webhook can have is not there.
std::expected<std::string, problem> read_name(const route_input& input) {
  if (!valid_webhook_name(input.name))
    return std::unexpected(problem{problem_code::not_found, "There is no such webhook.", {}, {}});
  return std::string(input.name);
}

void check_url(const field_value& url, std::expected<void, problem>& read) {
  if (url.given && !valid_webhook_url(url.text))
    add_error(read, "url", url_form);
}

void check_content_type(const field_value& type, std::expected<void, problem>& read) {
  if (type.given && type.text != cloudevents_type && type.text != json_type)
    add_error(read, "contentType", "must be application/cloudevents+json or application/json");
}

struct wanted_events {
  bool payments = true;
  bool refunds = true;
};
wanted_events read_events(const field_value& given, std::expected<void, problem>& read) {
  if (!given.given)
    return {};
  wanted_events wanted{.payments = false, .refunds = false};
  bool good = true;
  std::string_view left = given.text;
  while (!left.empty()) {
    const std::string_view each = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), each.size() + 1));
    bool& wants = each == refunded_type ? wanted.refunds : wanted.payments;
    good = good && !wants && (each == succeeded_type || each == refunded_type);
    wants = true;
  }
  if (!good || !(wanted.payments || wanted.refunds))
    add_error(read, "events",
              "must be a list of paymentd.payment.succeeded.v1, paymentd.payment.refunded.v1 or "
              "both");
  return wanted;
}

prepared prepare_create(const route_input& input, response&) {
  static constexpr std::array rules{
      field_rule{
          .name = "name", .type = field_rule::kind::text, .characters_max = webhook_name_max},
      url_rule(true),
      events_rule,
      enabled_rule,
      in_flight_rule,
      per_second_rule,
      content_type_rule,
  };
  std::array<field_value, rules.size()> given;
  auto read = read_object(input.body, rules, given);
  auto& [name, url, events, enabled, in_flight, per_second, content_type] = given;
  if (name.given && !valid_webhook_name(name.text))
    add_error(read, "name", name_form);
  check_url(url, read);
  check_content_type(content_type, read);
  const wanted_events wanted = read_events(events, read);
  if (!read)
    return std::unexpected(std::move(read.error()));
  webhook made;
  made.name = std::move(name.text);
  made.url = std::move(url.text);
  made.payments = wanted.payments;
  made.refunds = wanted.refunds;
  if (enabled.given)
    made.enabled = enabled.integer != 0;
  if (in_flight.given)
    made.max_in_flight = static_cast<int>(in_flight.integer);
  made.max_per_second = static_cast<int>(per_second.integer);
  if (content_type.given)
    made.content_type = std::move(content_type.text);
  return webhook_request{create_webhook{std::move(made)}};
}

prepared prepare_update(const route_input& input, response&) {
  static constexpr std::array rules{url_rule(false), events_rule,     enabled_rule,
                                    in_flight_rule,  per_second_rule, content_type_rule};
  auto name = read_name(input);
  if (!name)
    return std::unexpected(std::move(name.error()));
  std::array<field_value, rules.size()> given;
  auto read = read_object(input.body, rules, given);
  auto& [url, events, enabled, in_flight, per_second, content_type] = given;
  check_url(url, read);
  check_content_type(content_type, read);
  const wanted_events wanted = read_events(events, read);
  if (read && std::ranges::none_of(given, &field_value::given))
    add_error(read, "", "must have url, events, enabled, maxInFlight, maxPerSecond or contentType");
  if (!read)
    return std::unexpected(std::move(read.error()));
  update_webhook what{.name = *std::move(name)};
  if (url.given)
    what.url = std::move(url.text);
  if (events.given) {
    what.payments = wanted.payments;
    what.refunds = wanted.refunds;
  }
  if (enabled.given)
    what.enabled = enabled.integer != 0;
  if (in_flight.given)
    what.max_in_flight = static_cast<int>(in_flight.integer);
  if (per_second.given)
    what.max_per_second = static_cast<int>(per_second.integer);
  if (content_type.given)
    what.content_type = std::move(content_type.text);
  return webhook_request{std::move(what)};
}

prepared prepare_replay(const route_input& input, response&) {
  static constexpr std::array rules{field_rule{
      .name = "from", .type = field_rule::kind::text, .required = true, .characters_max = 40}};
  auto name = read_name(input);
  if (!name)
    return std::unexpected(std::move(name.error()));
  std::array<field_value, rules.size()> given;
  auto read = read_object(input.body, rules, given);
  instant from;
  read_time_field("from", given[0], from, read);
  if (!read)
    return std::unexpected(std::move(read.error()));
  return webhook_request{replay_webhook{.name = *std::move(name), .from = from}};
}

prepared prepare_list(const route_input&, response&) {
  return demand(std::in_place_type<webhook_request>, list_webhooks{});
}

/// A request that says all by its path. A GET and a DELETE take no body, and look at none.
template <class Request>
prepared prepare_by_name(const route_input& input, response&) {
  constexpr bool takes_body =
      !std::is_same_v<Request, get_webhook> && !std::is_same_v<Request, delete_webhook>;
  if (takes_body)
    if (auto read = read_no_fields(input.body); !read)
      return std::unexpected(std::move(read.error()));
  auto name = read_name(input);
  if (!name)
    return std::unexpected(std::move(name.error()));
  Request what;
  what.name = *std::move(name);
  return webhook_request{std::move(what)};
}

// ---- answers ------------------------------------------------------------------------------------

problem problem_of(const webhook_refused& why) {
  switch (why.why) {
  case webhook_refusal::exists:
    return {problem_code::webhook_exists, {}, {}, {}};
  case webhook_refusal::too_many:
    return {problem_code::too_many_webhooks, {}, {}, {}};
  case webhook_refusal::events_changed_too_often:
    return invalid_field("events", why.detail);
  case webhook_refusal::cannot_work:
    break;
  }
  std::string_view detail = why.detail;
  if (constexpr std::string_view own_name = "url: "; detail.starts_with(own_name))
    detail.remove_prefix(own_name.size());
  return invalid_field("url", "cannot be called: " + std::string{detail});
}

/// The problem of an answer that is none of a success.
std::optional<problem> fault_in(const answer& what) {
  if (std::holds_alternative<not_found>(what))
    return problem{problem_code::not_found, "There is no such webhook.", {}, {}};
  if (const auto* refused = std::get_if<webhook_refused>(&what))
    return problem_of(*refused);
  if (std::holds_alternative<key_reused>(what))
    return problem{problem_code::idempotency_key_reused, {}, {}, {}};
  return std::nullopt;
}

std::expected<void, problem> write_webhook(const answer& what, response& answer) {
  if (auto fault = fault_in(what))
    return std::unexpected(*std::move(fault));
  const auto& shown = std::get<webhook_shown>(what);
  answer.replayed = shown.replayed;
  append_webhook(answer.body, *shown.what, shown.with_secret);
  return {};
}

std::expected<void, problem> write_created(const answer& what, response& answer) {
  if (auto written = write_webhook(what, answer); !written)
    return written;
  answer.status = 201;
  answer.location = "webhooks/" + std::get<webhook_shown>(what).what->name;
  return {};
}

std::expected<void, problem> write_list(const answer& what, response& answer) {
  append_page(answer.body, std::get<webhook_list>(what).items, false, std::nullopt,
              [](std::string& to, const webhook& each) { append_webhook(to, each, false); });
  return {};
}

std::expected<void, problem> write_done(const answer& what, response& answer) {
  if (auto fault = fault_in(what))
    return std::unexpected(*std::move(fault));
  answer.replayed = std::get<webhook_done>(what).replayed;
  answer.body += "{}";
  return {};
}

std::expected<void, problem> write_replayed(const answer& what, response& answer) {
  auto written = write_done(what, answer);
  if (written)
    answer.status = 202;
  return written;
}

std::expected<void, problem> write_tested(const answer& what, response& answer) {
  if (auto fault = fault_in(what))
    return std::unexpected(*std::move(fault));
  const auto& tested = std::get<webhook_tested>(what);
  answer.body.append(R"({"delivered":)").append(tested.taken ? "true" : "false");
  answer.body += R"(,"detail":)";
  if (tested.detail.empty())
    answer.body += "null";
  else
    append_quoted(answer.body, tested.detail);
  answer.body += R"(,"tookMs":)";
  append_number(answer.body, tested.took.count());
  answer.body += '}';
  return {};
}

using enum http_method;
constexpr std::string_view all_path = "/v1/webhooks";
constexpr std::string_view one_path = "/v1/webhooks/{name}";

constexpr std::array table{
    route{get, all_path, scope::operate, body_rule::ignored, prepare_list, nullptr, write_list},
    route{post, all_path, scope::operate, body_rule::required, prepare_create, nullptr,
          write_created},
    route{get, one_path, scope::operate, body_rule::ignored, prepare_by_name<get_webhook>, nullptr,
          write_webhook},
    route{patch, one_path, scope::operate, body_rule::required, prepare_update, nullptr,
          write_webhook},
    route{remove, one_path, scope::operate, body_rule::ignored, prepare_by_name<delete_webhook>,
          nullptr, write_done},
    route{post, "/v1/webhooks/{name}/rotate-secret", scope::operate, body_rule::optional,
          prepare_by_name<rotate_webhook_secret>, nullptr, write_webhook},
    route{post, "/v1/webhooks/{name}/test", scope::operate, body_rule::optional,
          prepare_by_name<test_webhook>, nullptr, write_tested},
    route{post, "/v1/webhooks/{name}/replay", scope::operate, body_rule::required, prepare_replay,
          nullptr, write_replayed},
};

} // namespace

std::span<const route> webhook_routes() {
  return table;
}

} // namespace paymentd::http
