// Bodies as this server takes them: one JSON object with known fields, flat but for metadata. Used
// by the routes. Strict on purpose: a field that is misspelt, given twice or of another type is an
// error, and all errors are found at once. Any thread.
#pragma once

#include "domain/types.hpp"
#include "http/problem.hpp"

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace paymentd::http {

/// No body has more errors reported than this.
inline constexpr std::size_t field_errors_max = 20;
/// How deep a body may nest before it is refused unread (ours hardly do).
inline constexpr int json_depth_max = 16;

struct field_rule {
  enum class kind : std::uint8_t { integer, text, boolean, metadata, texts };
  std::string_view name;
  kind type = kind::integer;
  bool required = true;       // else `null` counts as not given
  bool null_is_empty = false; // … as given and empty; of a text or of metadata
  std::int64_t min = 0;       // of an integer; written without fraction and exponent
  std::int64_t max = safe_integer_max;
  std::size_t characters_max = 0; // of a text; 0: no bound but the body's
};

struct field_value {
  bool given = false;
  bool is_null = false;     // it is empty, as null_is_empty has it
  std::int64_t integer = 0; // of a boolean, 1 or 0
  /// Of metadata, the object in one writing; empty where it has no members. Of a list of texts, all
  /// of them, with a line's end between; none of them has one.
  std::string text;
};

/// Reads `body` by `rules` into `values`, one a rule. The problem is invalid_json, or
/// invalid_request with an error for each field that is wrong. Never throws but for memory.
std::expected<void, problem> read_object(std::string_view body, std::span<const field_rule> rules,
                                         std::span<field_value> values);

/// One object of a list: a value a rule, or the problem that it has by itself.
using list_element = std::expected<std::vector<field_value>, problem>;

/// Brings metadata that stands by itself, as a text, into its one writing, which is empty where it
/// has no members. Nothing where it is no metadata.
std::optional<std::string> read_metadata(std::string_view object);

/// Reads a body that is {"<name>": [{…}, …]}, each object by `rules`, as read_object does. The
/// problem is of the body as a whole: invalid_json, or invalid_request where it is not such a list,
/// or one of none or of more than `elements_max` elements.
std::expected<std::vector<list_element>, problem> read_list(std::string_view body,
                                                            std::string_view name,
                                                            std::span<const field_rule> rules,
                                                            std::size_t elements_max);

/// A problem for input that reads well and is wrong all the same.
problem invalid_field(std::string_view field, std::string_view message);

} // namespace paymentd::http
