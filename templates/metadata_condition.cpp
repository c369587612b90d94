#include "templates/metadata_condition.hpp"

#include "templates/length.hpp"

#include <algorithm>

namespace paymentd::templates {
namespace {

constexpr std::string_view whose = "metadata.";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

bool is_quoted(std::string_view text) {
  return text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
         text.front() == text.back();
}

} // namespace

std::expected<metadata_condition, std::string> metadata_condition::parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view left = trimmed(text.substr(0, equals));
  if (equals == text.npos || !left.starts_with(whose) ||
      !valid_metadata_name(left.substr(whose.size())))
    return std::unexpected("must be a condition on the order's metadata, such as metadata.kind = "
                           "gift");
  const std::string_view value = trimmed(text.substr(equals + 1));
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (value.empty() || characters(value) > metadata_value_max ||
      std::ranges::any_of(value, is_control))
    return std::unexpected("the value must have 1 to " + std::to_string(metadata_value_max) +
                           " characters and no control characters");
  if (value.front() == '=')
    return std::unexpected("must have one =, as in metadata.kind = gift");
  if (is_quoted(value))
    return std::unexpected("the value must stand without quotes, as in metadata.kind = gift");
  return metadata_condition(left.substr(whose.size()), value);
}

bool metadata_condition::holds(const event_fields& of) const {
  const auto found = of.order_metadata().find(name_);
  if (!found)
    return false;
  if (found->find('\\') == found->npos)
    return *found == value_;
  std::string unescaped;
  append_unescaped(unescaped, *found);
  return unescaped == value_;
}

} // namespace paymentd::templates
