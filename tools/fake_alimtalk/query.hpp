// The small texts of the fake API: queries of a URL, its behaviour as JSON, one message as JSON.
// Pure functions.
#pragma once

#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <expected>
#include <utility>

namespace paymentd::providers {

/// The names and values after the `?` of a target, with % and + decoded.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view target);

/// The value with that name, or an empty text.
std::string value_of(const std::vector<std::pair<std::string, std::string>>& query,
                     std::string_view name);
/// The same as a number; `otherwise` where it is not there, 0 where it is no number.
std::size_t number_of(const std::vector<std::pair<std::string, std::string>>& query,
                      std::string_view name, std::size_t otherwise);

/// A healthy behaviour with what the JSON object names: latencyMs, hang, status, failRate,
/// failStatus, retryAfterSeconds, resultCode, dropAnswers, garbage, acceptFirst, failuresUseKeys,
/// numberCodes, consoleFallback, nullResultCodes, poisonNumbers, poisonRefusesCall,
/// unreachableNumbers. An unknown name or a bad value is an error.
std::expected<fake_behaviour, std::string> parse_behaviour(std::string_view json);
std::string behaviour_json(const fake_behaviour& behaviour);

/// The fields of a message, without the braces around them.
void append_message(std::string& json, const fake_message& message);

} // namespace paymentd::providers
