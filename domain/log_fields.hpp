// The subject of a line of the log, as values that a program can search for: the order, the
// request. The log's library has no such fields, so they travel behind the message of the line; the
// log writes them beside it in JSON, and leaves them out for people, whom the message tells. Any
// thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace paymentd {

/// The names are stable, and all of them stand in docs/operation.md.
struct log_field {
  std::string_view name;
  std::variant<std::int64_t, std::string_view> value;
};

/// The text to give to the log.
std::string with_fields(std::string_view message, std::initializer_list<log_field> fields);

/// The parts that `with_fields` was given; a line that it did not make is a message without fields.
/// Points into `line`.
struct log_line {
  std::string_view message;
  std::vector<log_field> fields;
};
log_line split_fields(std::string_view line);

} // namespace paymentd
