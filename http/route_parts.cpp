#include "http/route_parts.hpp"

#include "http/page.hpp"

namespace paymentd::http {

/// Adds an error to what is wrong with a body already, unless it is no JSON.
void add_error(std::expected<void, problem>& read, std::string_view field,
               std::string_view message) {
  if (read)
    read = std::unexpected(problem{problem_code::invalid_request, {}, {}, {}});
  if (read.error().code == problem_code::invalid_request)
    read.error().errors.push_back({std::string{field}, std::string{message}});
}

void check_reference(const field_value& reference, std::expected<void, problem>& read) {
  if (reference.given && !valid_reference(reference.text))
    add_error(read, "reference", reference_form);
}

void read_time_field(std::string_view name, const field_value& given, instant& to,
                     std::expected<void, problem>& read) {
  problem wrong;
  if (given.given)
    read_time(query_value{.name = name, .text = given.text}, to, wrong);
  for (const field_error& each : wrong.errors)
    add_error(read, each.field, each.message);
}

std::expected<void, problem> read_no_fields(std::string_view body) {
  return body.empty() ? std::expected<void, problem>{} : read_object(body, {}, {});
}

} // namespace paymentd::http
