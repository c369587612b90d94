// The common parts of the routes of users and of orders: fields that both take, and the writing of
// what a command changed or a query found. Used by the tables of routes; any thread.
#pragma once

#include "http/json_input.hpp"
#include "http/json_text.hpp"
#include "http/router.hpp"

#include <expected>
#include <string_view>

namespace paymentd::http {

using prepared = std::expected<demand, problem>;

inline constexpr field_rule reference_rule{
    .name = "reference", .type = field_rule::kind::text, .required = false};
inline constexpr field_rule metadata_rule{
    .name = "metadata", .type = field_rule::kind::metadata, .required = false};
inline constexpr field_rule reason_rule{.name = "reason",
                                        .type = field_rule::kind::text,
                                        .required = false,
                                        .characters_max = reason_max};

/// Adds an error to what is wrong with a body already, unless it is no JSON.
void add_error(std::expected<void, problem>& read, std::string_view field,
               std::string_view message);

inline constexpr std::string_view reference_form = "must be 1 to 64 visible ASCII characters";
void check_reference(const field_value& reference, std::expected<void, problem>& read);

/// Reads a time of a body, where it was given, as one of a query is.
void read_time_field(std::string_view name, const field_value& given, instant& to,
                     std::expected<void, problem>& read);

/// The body of a request that says all by its path: none, or an empty object.
std::expected<void, problem> read_no_fields(std::string_view body);

/// Writes the thing that the outcome holds. Another kind of outcome is a bug: get throws, and the
/// request is answered internal_error.
template <class Thing>
void write_changed(const outcome& what, response& answer) {
  append_json(answer.body, std::get<Thing>(what));
}

template <class Thing>
void write_created(const outcome& what, response& answer) {
  write_changed<Thing>(what, answer);
  answer.status = 201;
}

/// With its Location, below `path`. That is relative to the request's own path, so that it holds
/// behind a proxy's prefix, too.
template <class Thing, const std::string_view& path>
void write_created_at(const outcome& what, response& answer) {
  write_created<Thing>(what, answer);
  answer.location = path;
  append_number(answer.location, std::get<Thing>(what).id.value);
}

template <class Thing, problem_code missing>
std::expected<void, problem> write_found(const answer& what, response& answer) {
  if (std::holds_alternative<not_found>(what))
    return std::unexpected(problem{missing, {}, {}, {}});
  append_json(answer.body, std::get<Thing>(what));
  return {};
}

} // namespace paymentd::http
