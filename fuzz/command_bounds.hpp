// Whether commands and queries that came out of a stranger's bytes are as the actors take them.
// Used by the targets of the HTTP side. Pure functions; any thread.
#pragma once

#include "domain/command.hpp"
#include "domain/query.hpp"

#include <string_view>

namespace paymentd::fuzz {

/// Within the bounds that the fields' comments in domain/command.hpp promise.
bool within_bounds(const command& what);
bool within_bounds(const query& what);
/// The same of domain/webhook.hpp.
bool within_bounds(const webhook_request& what);

} // namespace paymentd::fuzz
