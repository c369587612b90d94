#include "domain/log_fields.hpp"

#include <array>
#include <charconv>
#include <random>

namespace paymentd {

namespace {

constexpr char separator = '\x1f'; // ASCII's unit separator
constexpr char is_number = 'n';
constexpr char is_decimal = 'd';
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

template <class Number>
Number number_of(std::string_view text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

} // namespace

std::string decimal_text(double of) {
  constexpr int decimals = 3;
  std::array<char, 352> digits{}; // the largest one has 309 before the point
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), of,
                                 std::chars_format::fixed, decimals)
                       .ptr;
  return {digits.data(), end};
}

std::string with_fields(std::string_view message, std::span<const log_field> fields) {
  std::string line{message};
  line += mark();
  for (const log_field& each : fields) {
    line.append(each.name) += separator;
    if (const auto* number = std::get_if<std::int64_t>(&each.value)) {
      line += is_number;
      line += std::to_string(*number);
    } else if (const auto* decimal = std::get_if<double>(&each.value)) {
      line += is_decimal;
      line += decimal_text(*decimal);
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
      parts.fields.push_back({name, number_of<std::int64_t>(value.substr(1))});
    } else if (value.starts_with(is_decimal)) {
      parts.fields.push_back({name, number_of<double>(value.substr(1))});
    } else if (value.starts_with(is_text)) {
      parts.fields.push_back({name, value.substr(1)});
    }
  }
  return parts;
}

} // namespace paymentd
