#include "http/json_input.hpp"

#include "domain/utf8.hpp"
#include "http/json_object.hpp"

#include <array>

namespace paymentd::http {

std::string what_fits(const field_rule& rule) {
  if (rule.type == field_rule::kind::metadata)
    return "must be an object of at most " + std::to_string(metadata_members_max) +
           " members, whose names are 1 to " + std::to_string(metadata_name_max) +
           " of [A-Za-z0-9_.-] and whose values are strings of at most " +
           std::to_string(metadata_value_max) + " characters without U+0000, " +
           std::to_string(metadata_bytes_max) + " bytes in all";
  if (rule.type == field_rule::kind::text && rule.characters_max > 0)
    return "must be a string of at most " + std::to_string(rule.characters_max) + " characters";
  if (rule.type == field_rule::kind::text)
    return "must be a string";
  if (rule.type == field_rule::kind::texts)
    return "must be a list of strings";
  if (rule.type == field_rule::kind::boolean)
    return "must be true or false";
  return "must be a whole number from " + std::to_string(rule.min) + " to " +
         std::to_string(rule.max);
}

problem bad_json(std::size_t position) {
  return {problem_code::invalid_json,
          "The body is not valid JSON: it goes wrong at byte " + std::to_string(position) + ".",
          {},
          {}};
}

bool is_too_long(std::string_view text, std::size_t most) {
  return most > 0 &&
         text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues_character)) >
             most;
}

std::optional<problem> unreadable(std::string_view body) {
  if (body.empty())
    return problem{problem_code::invalid_json, "The body is missing.", {}, {}};
  // The parser takes a NUL for the end of its input, and would let anything stand after it.
  if (body.find('\0') != std::string_view::npos)
    return problem{problem_code::invalid_json, "The body holds a NUL character.", {}, {}};
  // The parser would skip it; JSON is sent without one (RFC 8259, 8.1).
  if (body.starts_with("\xEF\xBB\xBF"))
    return problem{problem_code::invalid_json, "The body begins with a byte order mark.", {}, {}};
  return std::nullopt;
}

std::expected<void, problem> read_object(std::string_view body, std::span<const field_rule> rules,
                                         std::span<field_value> values) {
  if (auto fault = unreadable(body))
    return std::unexpected(*std::move(fault));
  object_handler handler{rules, values};
  const bool parsed = nlohmann::json::sax_parse(body.data(), body.data() + body.size(), &handler);
  return handler.result(parsed);
}

std::optional<std::string> read_metadata(std::string_view object) {
  static constexpr std::array rules{
      field_rule{.name = "metadata", .type = field_rule::kind::metadata}};
  std::array<field_value, 1> values;
  std::string body(R"({"metadata":)");
  body.append(object).push_back('}');
  if (!read_object(body, rules, values))
    return std::nullopt;
  return std::move(values.front().text);
}

problem invalid_field(std::string_view field, std::string_view message) {
  return {problem_code::invalid_request, {}, {{std::string{field}, std::string{message}}}, {}};
}

} // namespace paymentd::http
