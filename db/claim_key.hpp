// A claim and its key, the same in both stores. The key is the provider's idempotency and sender
// grouping key.
#pragma once

#include "domain/delivery.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace paymentd::db {

/// "<instance>-<since>-<id>.<generation>", `since` in milliseconds since 1970 to the base of 36. At
/// most 64 characters of [a-z0-9.-], where `instance` has at most 20. A restored backup counts the
/// ids of claims anew; the time at which a generation was committed keeps their keys apart.
std::string claim_key(std::string_view instance, claim_id id, int generation, instant since);

/// The generation of a claim that is opened.
inline constexpr int first_generation = 1;

/// The claim with its key.
claim make_claim(std::string_view instance, claim_id id, int generation, instant since,
                 std::vector<message> messages, std::string provider);

} // namespace paymentd::db
