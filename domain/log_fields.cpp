#include "domain/log_fields.hpp"

#include <charconv>
#include <random>

namespace paymentd {

namespace {

constexpr char separator = '\x1f'; // ASCII's unit separator
constexpr char is_number = 'n';
constexpr char is_text = 't';

/// Between the message and the fields. By chance, so that no text that comes from outside and is
/// logged can make fields of its own.
const std::string& mark() {
  static const std::string made = [] {
    std::random_device source;
    return separator + std::to_string(source()) + std::to_string(source()) + separator;
  }();
  return made;
}

std::string_view cut_off(std::string_view& rest, char end) {
  const auto at = rest.find(end);
  const std::string_view front = rest.substr(0, at);
  rest.remove_prefix(at == rest.npos ? rest.size() : at + 1);
  return front;
}

} // namespace

std::string with_fields(std::string_view message, std::initializer_list<log_field> fields) {
  std::string line{message};
  line += mark();
  for (const log_field& each : fields) {
    line.append(each.name) += separator;
    if (const auto* number = std::get_if<std::int64_t>(&each.value)) {
      line += is_number;
      line += std::to_string(*number);
    } else {
      line += is_text;
      for (const char c : std::get<std::string_view>(each.value))
        line += c == separator ? ' ' : c;
    }
    line += separator;
  }
  return line;
}

log_line split_fields(std::string_view line) {
  const auto at = line.find(mark());
  log_line parts{.message = line.substr(0, at), .fields = {}};
  if (at == line.npos)
    return parts;
  std::string_view rest = line.substr(at + mark().size());
  while (!rest.empty()) {
    const std::string_view name = cut_off(rest, separator);
    const std::string_view value = cut_off(rest, separator);
    if (value.starts_with(is_number)) {
      std::int64_t number = 0;
      std::from_chars(value.data() + 1, value.data() + value.size(), number);
      parts.fields.push_back({name, number});
    } else if (value.starts_with(is_text)) {
      parts.fields.push_back({name, value.substr(1)});
    }
  }
  return parts;
}

} // namespace paymentd
