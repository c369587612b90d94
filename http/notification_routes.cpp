// The routes of notifications: what became of the message of each payment, and trying one again.
#include "http/json_input.hpp"
#include "http/page.hpp"
#include "http/page_cursor.hpp"
#include "http/route_parts.hpp"
#include "http/routes.hpp"

#include <fmt/format.h>

#include <array>

namespace paymentd::http {

namespace {

std::optional<delivery_status> status_named(std::string_view name) {
  using enum delivery_status;
  for (const auto each : {pending, delivered, failed})
    if (to_string(each) == name)
      return each;
  return std::nullopt;
}

/// "<subscriber>-<entry id>". A subscriber's name may have dashes of its own.
std::expected<get_delivery, problem> read_id(std::string_view id) {
  const auto dash = id.rfind('-');
  if (dash != std::string_view::npos && dash > 0)
    if (const auto entry = read_number(id.substr(dash + 1), 1, safe_integer_max))
      return get_delivery{std::string(id.substr(0, dash)), {*entry}};
  return std::unexpected(invalid_field(
      "id", "must be a subscriber, a dash and the id of a ledger entry: alimtalk-2199024304128"));
}

problem no_such_notification() {
  return {problem_code::not_found, "There is no such notification.", {}, {}};
}

std::expected<demand, problem> prepare_list_notifications(const route_input& input, response&) {
  std::array<query_value, 7> given{{{.name = "status"},
                                    {.name = "orderId"},
                                    {.name = "subscriber"},
                                    {.name = "createdFrom"},
                                    {.name = "createdTo"},
                                    {.name = "limit"},
                                    {.name = "cursor"}}};
  problem wrong = read_all(input.query, given);
  const auto& [status, order, subscriber, from, to, limit, cursor] = given;
  list_deliveries asked;
  if (status.text && !(asked.status = status_named(*status.text)))
    wrong.errors.push_back({"status", "must be PENDING, DELIVERED or FAILED"});
  read_id(order, asked.order, wrong);
  asked.subscriber = subscriber.text.value_or("");
  if (subscriber.text && subscriber.text->empty())
    wrong.errors.push_back({"subscriber", "must not be empty"});
  read_time(from, asked.created.from, wrong);
  read_time(to, asked.created.to, wrong);
  read_limit(limit, asked.limit, wrong);
  if (cursor.text && !(asked.after = from_cursor(*cursor.text)))
    wrong.errors.push_back({"cursor", std::string{cursor_rule}});
  if (!wrong.errors.empty())
    return std::unexpected(std::move(wrong));
  return query{std::move(asked)};
}

std::expected<void, problem> write_notifications(const answer& what, response& answer) {
  const auto& page = std::get<delivery_page>(what);
  append_page(answer.body, page.items,
              page.next ? std::optional(to_cursor(*page.next)) : std::nullopt);
  return {};
}

std::expected<demand, problem> prepare_get_notification(const route_input& input, response&) {
  auto which = read_id(input.name);
  if (!which)
    return std::unexpected(std::move(which.error()));
  return query{*std::move(which)};
}

std::expected<demand, problem> prepare_retry_notification(const route_input& input, response&) {
  if (auto read = read_no_fields(input.body); !read)
    return std::unexpected(std::move(read.error()));
  auto which = read_id(input.name);
  if (!which)
    return std::unexpected(std::move(which.error()));
  return delivery_retry{*std::move(which)};
}

std::expected<demand, problem> prepare_retry_failed(const route_input& input, response&) {
  constexpr std::size_t time_characters_max = 40;
  constexpr auto text = [](std::string_view name, std::size_t characters_max) {
    return field_rule{.name = name,
                      .type = field_rule::kind::text,
                      .required = false,
                      .characters_max = characters_max};
  };
  static constexpr std::array rules{text("subscriber", subscriber_name_max),
                                    text("createdFrom", time_characters_max),
                                    text("createdTo", time_characters_max)};
  std::array<field_value, rules.size()> given;
  auto read =
      input.body.empty() ? std::expected<void, problem>{} : read_object(input.body, rules, given);
  const auto& [subscriber, from, to] = given;
  failed_retry asked{.subscriber = subscriber.text};
  if (subscriber.given && subscriber.text.empty())
    add_error(read, "subscriber", "must not be empty");
  read_time_field("createdFrom", from, asked.created.from, read);
  read_time_field("createdTo", to, asked.created.to, read);
  if (!read)
    return std::unexpected(std::move(read.error()));
  return asked;
}

std::expected<void, problem> write_retried_count(const answer& what, response& answer) {
  if (std::holds_alternative<key_reused>(what))
    return std::unexpected(problem{problem_code::idempotency_key_reused, {}, {}, {}});
  const auto& all = std::get<retried_count>(what);
  answer.status = 202;
  answer.replayed = all.replayed;
  answer.body = fmt::format(R"({{"count":{}}})", all.count);
  return {};
}

std::expected<void, problem> write_notification(const answer& what, response& answer) {
  if (std::holds_alternative<not_found>(what))
    return std::unexpected(no_such_notification());
  append_json_with_tries(answer.body, std::get<delivery>(what));
  return {};
}

std::expected<void, problem> write_retried_notification(const answer& what, response& answer) {
  if (const auto* why = std::get_if<not_failed>(&what)) {
    problem refused{problem_code::notification_not_failed, {}, {}, {}};
    refused.status_of_notification = why->status;
    return std::unexpected(std::move(refused));
  }
  if (std::holds_alternative<key_reused>(what))
    return std::unexpected(problem{problem_code::idempotency_key_reused, {}, {}, {}});
  answer.status = 202;
  if (const auto* before = std::get_if<replayed_retry>(&what)) {
    answer.replayed = true;
    append_json_with_tries(answer.body, before->what);
    return {};
  }
  return write_notification(what, answer);
}

using enum http_method;

constexpr std::array table{
    route{get, "/v1/notifications", scope::read, body_rule::ignored, prepare_list_notifications,
          nullptr, write_notifications},
    route{get, "/v1/notifications/{name}", scope::read, body_rule::ignored,
          prepare_get_notification, nullptr, write_notification},
    route{post, "/v1/notifications/retry", scope::operate, body_rule::optional,
          prepare_retry_failed, nullptr, write_retried_count},
    route{post, "/v1/notifications/{name}/retry", scope::operate, body_rule::optional,
          prepare_retry_notification, nullptr, write_retried_notification},
};

} // namespace

std::span<const route> notification_routes() {
  return table;
}

} // namespace paymentd::http
