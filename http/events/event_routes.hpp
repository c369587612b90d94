// The call that tells events: as a stream, or as pages for those who poll. Used by routes.cpp.
#pragma once

#include "http/router.hpp"

namespace paymentd::http {

std::expected<step, problem> prepare_events(const call_input& input, response& answer);
/// Of those who poll.
std::expected<void, problem> write_events(const answer& what, response& answer);

} // namespace paymentd::http
