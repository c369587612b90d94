#include "http/query_input.hpp"

#include "http/json_input.hpp"
#include "http/json_text.hpp"
#include "http/page.hpp"
#include "net/utc_text.hpp"

#include <algorithm>
#include <charconv>

namespace paymentd::http {

namespace {

/// The text with its %xx decoded; nothing where that is not proper. A plus is a plus.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    unsigned value = 0;
    const char* const digits = text.data() + at + 1;
    if (text.size() - at < 3 || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2)
      return std::nullopt;
    out += static_cast<char>(value);
    at += 2;
  }
  return out;
}

} // namespace

std::expected<void, problem> read_query(std::string_view query, std::span<query_value> values) {
  problem wrong{problem_code::invalid_request, {}, {}, {}};
  while (!query.empty() && wrong.errors.size() < field_errors_max) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty())
      continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = decoded(pair.substr(0, equals));
    auto text = decoded(pair.substr(std::min(equals + 1, pair.size())));
    const auto known = name ? std::ranges::find(values, *name, &query_value::name) : values.end();
    if (known == values.end())
      wrong.errors.push_back({echoed(name.value_or("")), "is not known here"});
    else if (known->text)
      wrong.errors.push_back({*name, "is given twice"});
    else if (!text)
      wrong.errors.push_back({*name, "is not properly encoded"});
    else
      known->text = std::move(text);
  }
  if (!wrong.errors.empty())
    return std::unexpected(std::move(wrong));
  return {};
}

problem read_all(std::string_view query, std::span<query_value> values) {
  auto read = read_query(query, values);
  return read ? problem{problem_code::invalid_request, {}, {}, {}} : std::move(read.error());
}

void read_time(const query_value& given, instant& to, problem& wrong) {
  if (!given.text)
    return;
  // A date alone would be a day in UTC, which few mean.
  constexpr std::size_t date_alone = 10;
  const auto time =
      given.text->size() > date_alone ? net::parse_rfc3339(*given.text) : std::nullopt;
  if (time)
    to = *time;
  else
    wrong.errors.push_back({std::string{given.name},
                            "must be a time with its offset, such as 2026-11-22T05:04:03.021Z"});
}

void read_limit(const query_value& limit, int& to, problem& wrong) {
  if (!limit.text)
    return;
  if (const auto number = read_number(*limit.text, 1, page_limit_max))
    to = static_cast<int>(*number);
  else
    wrong.errors.push_back(
        {"limit", "must be a whole number from 1 to " + std::to_string(page_limit_max)});
}

std::optional<std::int64_t> read_number(std::string_view text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, value);
  const bool plain = !text.empty() && text.front() != '-' && (text.front() != '0' || text == "0");
  if (error != std::errc{} || after != end || !plain || value < min || value > max)
    return std::nullopt;
  return value;
}

} // namespace paymentd::http
