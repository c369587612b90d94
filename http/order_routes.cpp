// The routes of orders and their payments, one by one or many in one request.
#include "http/idempotency.hpp"
#include "http/route_parts.hpp"
#include "http/routes.hpp"

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace {

constexpr std::string_view payments = "payments";
constexpr std::string_view orders = "orders";

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
prepared prepare_one(const route_input& input, response&) {
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
        append_number(text, given[at].integer);
      else
        append_quoted(text, given[at].text);
      text += ';';
    }
  return text;
}

/// The same fields as for one, and an idempotencyKey.
template <const auto& name, const auto& rules, maker make>
prepared prepare_many(const route_input& input, response&) {
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

prepared prepare_update_order(const route_input& input, response&) {
  static constexpr std::array rules{
      field_rule{.name = "metadata", .type = field_rule::kind::metadata, .null_is_empty = true}};
  std::array<field_value, rules.size()> given;
  if (auto read = read_object(input.body, rules, given); !read)
    return std::unexpected(std::move(read.error()));
  return update_order{{input.id}, std::move(given[0].text)};
}

/// No body, or an amount and a reason, which may both be left out.
prepared prepare_refund(const route_input& input, response&) {
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

/// For requests that say all by their path.
template <class Command>
prepared prepare_on_order(const route_input& input, response&) {
  if (auto read = read_no_fields(input.body); !read)
    return std::unexpected(std::move(read.error()));
  return Command{order_id{input.id}};
}

prepared prepare_get_order(const route_input& input, response&) {
  return query{get_order{order_id{input.id}}};
}

constexpr std::string_view orders_path = "orders/";

using enum http_method;

constexpr std::array table{
    // The most frequent route first: the table is searched from the top.
    route{post, "/v1/payments", scope::pay, body_rule::required,
          prepare_one<payment_rules, payment_from>, write_created<order>, nullptr},
    route{post, "/v1/orders", scope::pay, body_rule::required, prepare_one<order_rules, order_from>,
          write_created_at<order, orders_path>, nullptr},
    route{post, "/v1/payments/bulk", scope::pay, body_rule::required,
          prepare_many<payments, payment_rules, payment_from>, write_created<order>, nullptr},
    route{post, "/v1/orders/bulk", scope::pay, body_rule::required,
          prepare_many<orders, order_rules, order_from>, write_created<order>, nullptr},
    route{get, "/v1/orders/{id}", scope::read, body_rule::ignored, prepare_get_order, nullptr,
          write_found<order, problem_code::order_not_found>},
    route{patch, "/v1/orders/{id}", scope::pay, body_rule::required, prepare_update_order,
          write_changed<order>, nullptr},
    route{post, "/v1/orders/{id}/cancel", scope::pay, body_rule::optional, prepare_on_order<cancel>,
          write_changed<order>, nullptr},
    route{post, "/v1/orders/{id}/refund", scope::refund, body_rule::optional, prepare_refund,
          write_changed<order>, nullptr},
};

} // namespace

std::span<const route> order_routes() {
  return table;
}

} // namespace paymentd::http
