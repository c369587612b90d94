// The part behind the ? of a request target: names and values, percent-decoded, each known and
// given once. Used by the routes; as strict as the bodies. Any thread.
#pragma once

#include "http/problem.hpp"

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace paymentd::http {

struct query_value {
  std::string_view name;
  std::optional<std::string> text = std::nullopt; // where it was given
};

/// Fills `values`, whose names are all that may be given. The problem is invalid_request with an
/// error for each name that is unknown, given twice or badly encoded.
std::expected<void, problem> read_query(std::string_view query, std::span<query_value> values);

/// The same, for a caller who adds what else is wrong: `errors` are empty where nothing is yet.
problem read_all(std::string_view query, std::span<query_value> values);

/// A decimal number from `min` to `max`, without sign and leading zeros.
std::optional<std::int64_t> read_number(std::string_view text, std::int64_t min, std::int64_t max);

} // namespace paymentd::http
