// The routes of users and their balances.
#include "http/route_parts.hpp"
#include "http/routes.hpp"

#include <array>

namespace paymentd::http {

namespace {

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

prepared prepare_create_user(const route_input& input, response&) {
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

prepared prepare_update_user(const route_input& input, response&) {
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

/// A charge or a withdrawal.
template <class Command>
prepared prepare_movement(const route_input& input, response&) {
  static constexpr std::array rules{field_rule{.name = "amount", .min = 1}, reason_rule};
  std::array<field_value, rules.size()> given;
  if (auto read = read_object(input.body, rules, given); !read)
    return std::unexpected(std::move(read.error()));
  return Command{user_id{input.id}, won{given[0].integer}, std::move(given[1].text)};
}

prepared prepare_get_user(const route_input& input, response&) {
  return query{get_user{user_id{input.id}}};
}

constexpr std::string_view users_path = "users/";

using enum http_method;

constexpr std::array table{
    route{post, "/v1/users", scope::charge, body_rule::required, prepare_create_user,
          write_created_at<user, users_path>, nullptr},
    route{get, "/v1/users/{id}", scope::read, body_rule::ignored, prepare_get_user, nullptr,
          write_found<user, problem_code::user_not_found>},
    route{patch, "/v1/users/{id}", scope::charge, body_rule::required, prepare_update_user,
          write_changed<user>, nullptr},
    route{post, "/v1/users/{id}/charges", scope::charge, body_rule::required,
          prepare_movement<charge>, write_created<ledger_entry>, nullptr},
    route{post, "/v1/users/{id}/withdrawals", scope::charge, body_rule::required,
          prepare_movement<withdraw>, write_created<ledger_entry>, nullptr},
};

} // namespace

std::span<const route> user_routes() {
  return table;
}

} // namespace paymentd::http
