// A success, a delivery that was retried, or a webhook that was changed, as the few bytes that a
// store keeps for an idempotency key, and back. Fields stand in the order of their struct. A
// release that adds one gives the struct another mark and goes on reading the old one, since what
// was stored before it has to be read. Pure; any thread.
#pragma once

#include "domain/command.hpp"
#include "domain/query.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace paymentd {

/// At most some hundred bytes and the metadata.
std::string to_bytes(const success& what);

/// Nothing where `bytes` are not what to_bytes gives.
std::optional<success> success_from_bytes(std::string_view bytes);

/// The same of a delivery: at most some hundred bytes, its last error and the details of its tries.
std::string to_bytes(const delivery& what);
std::optional<delivery> delivery_from_bytes(std::string_view bytes);

/// The same of the count of a failed_retry.
std::string to_bytes(const retried_count& what);
std::optional<retried_count> retried_count_from_bytes(std::string_view bytes);

/// The same of a webhook_request: all that its answer shows of the webhook, and of its secrets the
/// one that it shows.
std::string to_bytes(const webhook_success& what);
std::optional<webhook_success> webhook_success_from_bytes(std::string_view bytes);

} // namespace paymentd
