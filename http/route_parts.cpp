#include "http/route_parts.hpp"

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

std::expected<void, problem> read_no_fields(std::string_view body) {
  return body.empty() ? std::expected<void, problem>{} : read_object(body, {}, {});
}

} // namespace paymentd::http
