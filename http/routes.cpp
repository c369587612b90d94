// The calls that clients make: each parses its input into a command or a query and writes the
// outcome. The rules of payment are elsewhere.
#include "http/documents/documents.hpp"
#include "http/events/event_routes.hpp"
#include "http/idempotency.hpp"
#include "http/json_input.hpp"
#include "http/json_text.hpp"
#include "http/list_routes.hpp"
#include "http/notification_routes.hpp"
#include "http/router.hpp"

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace {

using prepared = std::expected<step, problem>;

/// Adds an error to what is wrong with a body already, unless it is no JSON.
void add_error(std::expected<void, problem>& read, std::string_view field,
               std::string_view message) {
  if (read)
    read = std::unexpected(problem{problem_code::invalid_request, {}, {}, {}});
  if (read.error().code == problem_code::invalid_request)
    read.error().errors.push_back({std::string{field}, std::string{message}});
}

/// Brings a phone that was given into its one writing.
void check_phone(field_value& phone, std::expected<void, problem>& read) {
  if (phone.is_null || !phone.given)
    return;
  if (auto digits = read_phone(phone.text))
    phone.text = *std::move(digits);
  else
    add_error(read, "phone",
              "must be a Korean mobile number of 10 or 11 digits, such as 01012345678");
}

void check_reference(const field_value& reference, std::expected<void, problem>& read) {
  if (reference.given && !valid_reference(reference.text))
    add_error(read, "reference", "must be 1 to 64 visible ASCII characters");
}

constexpr field_rule reference_rule{
    .name = "reference", .type = field_rule::kind::text, .required = false};
constexpr field_rule metadata_rule{
    .name = "metadata", .type = field_rule::kind::metadata, .required = false};

prepared prepare_create_user(const call_input& input, response&) {
  static constexpr std::array rules{
      field_rule{.name = "phone", .type = field_rule::kind::text, .required = false},
      field_rule{.name = "balance", .required = false},
      reference_rule,
      metadata_rule,
  };
  std::array<field_value, rules.size()> given;
  auto read = read_object(input.body, rules, given);
  auto& [phone, balance, reference, metadata] = given;
  check_phone(phone, read);
  check_reference(reference, read);
  if (!read)
    return std::unexpected(std::move(read.error()));
  return create_user{std::move(phone.text), won{balance.integer}, std::move(reference.text),
                     std::move(metadata.text)};
}

prepared prepare_update_user(const call_input& input, response&) {
  static constexpr std::array rules{
      field_rule{.name = "phone",
                 .type = field_rule::kind::text,
                 .required = false,
                 .null_is_empty = true},
      field_rule{.name = "metadata",
                 .type = field_rule::kind::metadata,
                 .required = false,
                 .null_is_empty = true},
  };
  std::array<field_value, rules.size()> given;
  auto read = read_object(input.body, rules, given);
  auto& [phone, metadata] = given;
  check_phone(phone, read);
  if (read && !phone.given && !metadata.given)
    add_error(read, "", "must have phone or metadata");
  if (!read)
    return std::unexpected(std::move(read.error()));
  update_user what{.user = {input.id}};
  if (phone.given)
    what.phone = std::move(phone.text);
  if (metadata.given)
    what.metadata = std::move(metadata.text);
  return what;
}

prepared prepare_update_order(const call_input& input, response&) {
  static constexpr std::array rules{
      field_rule{.name = "metadata", .type = field_rule::kind::metadata, .null_is_empty = true}};
  std::array<field_value, rules.size()> given;
  if (auto read = read_object(input.body, rules, given); !read)
    return std::unexpected(std::move(read.error()));
  return update_order{{input.id}, std::move(given[0].text)};
}

constexpr field_rule reason_rule{.name = "reason",
                                 .type = field_rule::kind::text,
                                 .required = false,
                                 .characters_max = reason_max};

/// A charge or a withdrawal.
template <class Command>
prepared prepare_movement(const call_input& input, response&) {
  static constexpr std::array rules{field_rule{.name = "amount", .min = 1}, reason_rule};
  std::array<field_value, rules.size()> given;
  if (auto read = read_object(input.body, rules, given); !read)
    return std::unexpected(std::move(read.error()));
  return Command{user_id{input.id}, won{given[0].integer}, std::move(given[1].text)};
}

/// No body, or an amount and a reason, which may both be left out.
prepared prepare_refund(const call_input& input, response&) {
  static constexpr std::array rules{field_rule{.name = "amount", .required = false, .min = 1},
                                    reason_rule};
  std::array<field_value, rules.size()> given;
  if (!input.body.empty())
    if (auto read = read_object(input.body, rules, given); !read)
      return std::unexpected(std::move(read.error()));
  refund what{order_id{input.id}, std::nullopt, std::move(given[1].text)};
  if (given[0].given)
    what.amount = won{given[0].integer};
  return what;
}

constexpr std::array order_rules{
    field_rule{.name = "userId", .min = 1},
    field_rule{.name = "totalAmount"},
    field_rule{.name = "discountAmount", .required = false},
    field_rule{.name = "couponId", .required = false, .min = 1},
    field_rule{.name = "pay", .type = field_rule::kind::boolean, .required = false},
    reference_rule,
    metadata_rule,
};

constexpr std::array payment_rules{
    field_rule{.name = "orderId", .min = 1},
    field_rule{.name = "userId", .min = 1},
};

// Values as these rules have them, to commands. `read` tells what is wrong with them already.

std::expected<command, problem> order_from(std::expected<void, problem> read,
                                           std::span<field_value> given) {
  const auto& owner = given[0];
  const auto& total = given[1];
  const auto& discount = given[2];
  if (total.given && discount.given && discount.integer > total.integer)
    add_error(read, "discountAmount", "must not be above totalAmount");
  check_reference(given[5], read);
  if (!read)
    return std::unexpected(std::move(read.error()));
  create_order what{.user = {owner.integer},
                    .total = {total.integer},
                    .discount = {discount.integer},
                    .coupon = {},
                    .pays = given[4].integer != 0,
                    .reference = std::move(given[5].text),
                    .metadata = std::move(given[6].text)};
  if (given[3].given)
    what.coupon = coupon_id{given[3].integer};
  return what;
}

std::expected<command, problem> payment_from(std::expected<void, problem> read,
                                             std::span<field_value> given) {
  if (!read)
    return std::unexpected(std::move(read.error()));
  return pay{order_id{given[0].integer}, user_id{given[1].integer}};
}

using maker = std::expected<command, problem> (*)(std::expected<void, problem> read,
                                                  std::span<field_value> given);

template <const auto& rules, maker make>
prepared prepare_one(const call_input& input, response&) {
  std::array<field_value, rules.size()> given;
  auto read = read_object(input.body, rules, given);
  auto made = make(std::move(read), given);
  if (!made)
    return std::unexpected(std::move(made.error()));
  return *std::move(made);
}

/// Commands of one request, at the most.
constexpr std::size_t bulk_max = 1000;

/// An element's fields in one writing, so that its key knows them again.
std::string canonical(std::span<const field_rule> rules, std::span<const field_value> given) {
  std::string text;
  for (std::size_t at = 0; at < rules.size(); ++at)
    if (given[at].given) {
      text.append(rules[at].name).append("=");
      if (given[at].text.empty())
        append_integer(text, given[at].integer);
      else
        append_quoted(text, given[at].text);
      text += ';';
    }
  return text;
}

/// The same fields as a call for one, and an idempotencyKey.
template <const auto& name, const auto& rules, maker make>
prepared prepare_many(const call_input& input, response&) {
  static constexpr auto with_key = [] {
    std::array<field_rule, rules.size() + 1> all;
    std::ranges::copy(rules, all.begin());
    all.back() = {.name = "idempotencyKey", .type = field_rule::kind::text, .required = false};
    return all;
  }();
  auto elements = read_list(input.body, name, with_key, bulk_max);
  if (!elements)
    return std::unexpected(std::move(elements.error()));
  bulk many;
  many.items.reserve(elements->size());
  for (list_element& each : *elements) {
    if (each && each->back().given && !valid_key(each->back().text)) {
      many.items.emplace_back(std::unexpect,
                              invalid_field("idempotencyKey", "must be 1 to 255 visible ASCII "
                                                              "characters"));
      continue;
    }
    std::vector<field_value> given =
        each ? std::move(*each) : std::vector<field_value>(with_key.size());
    std::string body = canonical(rules, given); // before its texts are taken
    auto made = each ? make({}, given) : std::unexpected(std::move(each.error()));
    if (made)
      many.items.emplace_back(
          bulk_item{*std::move(made), std::move(given.back().text), std::move(body)});
    else
      many.items.emplace_back(std::unexpect, std::move(made.error()));
  }
  return many;
}

constexpr std::string_view payments = "payments";
constexpr std::string_view orders = "orders";

/// For calls that say all by their path: no body, or an empty object.
template <class Command>
prepared prepare_on_order(const call_input& input, response&) {
  if (!input.body.empty())
    if (auto read = read_object(input.body, {}, {}); !read)
      return std::unexpected(std::move(read.error()));
  return Command{order_id{input.id}};
}

prepared prepare_get_user(const call_input& input, response&) {
  return query{get_user{user_id{input.id}}};
}

prepared prepare_get_order(const call_input& input, response&) {
  return query{get_order{order_id{input.id}}};
}

prepared prepare_openapi(const call_input&, response& answer) {
  answer.body = openapi_document();
  return answered{};
}

prepared prepare_docs(const call_input&, response& answer) {
  answer.body = docs_page();
  answer.text_type = "text/html; charset=utf-8";
  return answered{};
}

/// Writes the thing that the outcome holds. Another kind of outcome is a bug: get throws, and the
/// session answers internal_error.
template <class Thing>
void write_changed(const outcome& what, response& answer) {
  append_json(answer.body, std::get<Thing>(what));
}

template <class Thing>
void write_created(const outcome& what, response& answer) {
  write_changed<Thing>(what, answer);
  answer.status = 201;
}

// A Location is relative to the call's own path, so that it holds behind a proxy's prefix, too.

void write_created_user(const outcome& what, response& answer) {
  write_created<user>(what, answer);
  answer.location = "users/";
  append_integer(answer.location, std::get<user>(what).id.value);
}

void write_created_order(const outcome& what, response& answer) {
  write_created<order>(what, answer);
  answer.location = "orders/";
  append_integer(answer.location, std::get<order>(what).id.value);
}

template <class Thing, problem_code missing>
std::expected<void, problem> write_found(const answer& what, response& answer) {
  if (std::holds_alternative<not_found>(what))
    return std::unexpected(problem{missing, {}, {}, {}});
  append_json(answer.body, std::get<Thing>(what));
  return {};
}

using enum http_method;

// The most frequent call first: the table is searched from the top.
constexpr std::array table{
    route{post, "/v1/payments", scope::pay, body_rule::required,
          prepare_one<payment_rules, payment_from>, write_created<order>, nullptr},
    route{post, "/v1/orders", scope::pay, body_rule::required, prepare_one<order_rules, order_from>,
          write_created_order, nullptr},
    route{post, "/v1/payments/bulk", scope::pay, body_rule::required,
          prepare_many<payments, payment_rules, payment_from>, write_created<order>, nullptr},
    route{post, "/v1/orders/bulk", scope::pay, body_rule::required,
          prepare_many<orders, order_rules, order_from>, write_created<order>, nullptr},
    route{get, "/v1/orders/{id}", scope::read, body_rule::ignored, prepare_get_order, nullptr,
          write_found<order, problem_code::order_not_found>},
    route{patch, "/v1/orders/{id}", scope::pay, body_rule::required, prepare_update_order,
          write_changed<order>, nullptr},
    route{get, "/v1/orders/{id}/entries", scope::read, body_rule::ignored,
          prepare_list_order_entries, nullptr, write_order_entries},
    route{post, "/v1/orders/{id}/cancel", scope::pay, body_rule::optional, prepare_on_order<cancel>,
          write_changed<order>, nullptr},
    route{post, "/v1/orders/{id}/refund", scope::refund, body_rule::optional, prepare_refund,
          write_changed<order>, nullptr},
    route{post, "/v1/users", scope::charge, body_rule::required, prepare_create_user,
          write_created_user, nullptr},
    route{get, "/v1/users/{id}", scope::read, body_rule::ignored, prepare_get_user, nullptr,
          write_found<user, problem_code::user_not_found>},
    route{patch, "/v1/users/{id}", scope::charge, body_rule::required, prepare_update_user,
          write_changed<user>, nullptr},
    route{get, "/v1/users", scope::read, body_rule::ignored, prepare_list_users, nullptr,
          write_users},
    route{post, "/v1/users/{id}/charges", scope::charge, body_rule::required,
          prepare_movement<charge>, write_created<ledger_entry>, nullptr},
    route{post, "/v1/users/{id}/withdrawals", scope::charge, body_rule::required,
          prepare_movement<withdraw>, write_created<ledger_entry>, nullptr},
    route{get, "/v1/users/{id}/entries", scope::read, body_rule::ignored, prepare_list_user_entries,
          nullptr, write_user_entries},
    route{get, "/v1/entries", scope::read, body_rule::ignored, prepare_list_entries, nullptr,
          write_user_entries},
    route{get, "/v1/orders", scope::read, body_rule::ignored, prepare_list_orders, nullptr,
          write_orders},
    route{get, "/v1/notifications", scope::read, body_rule::ignored, prepare_list_notifications,
          nullptr, write_notifications},
    route{get, "/v1/notifications/{name}", scope::read, body_rule::ignored,
          prepare_get_notification, nullptr, write_notification},
    route{post, "/v1/notifications/{name}/retry", scope::operate, body_rule::optional,
          prepare_retry_notification, nullptr, write_retried_notification},
    route{get, "/v1/events", scope::read, body_rule::ignored, prepare_events, nullptr,
          write_events},
    route{get, "/openapi.json", scope::none, body_rule::ignored, prepare_openapi, nullptr, nullptr},
    route{get, "/docs", scope::none, body_rule::ignored, prepare_docs, nullptr, nullptr},
};

} // namespace

std::span<const route> public_routes() {
  return table;
}

} // namespace paymentd::http
