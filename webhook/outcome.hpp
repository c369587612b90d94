// What a receiver's answers mean for delivery, in the port's classes of failure. Pure functions;
// any thread.
#pragma once

#include "alimtalk/http_client.hpp"
#include "alimtalk/provider.hpp"

namespace paymentd::webhook {

/// What became of one event. Since a receiver knows it again by its id, one whose outcome is not
/// known is simply sent again: `transient`, not `unknown`.
alimtalk::recipient_result result_of(alimtalk::http_result answer);

/// What became of a call, where each event of it has its result. `failed_before` says how many
/// calls before this one failed wholly, without a success since. A receiver that takes nothing at
/// all is out of order, unless it is this call that it cannot take; the first and then every other
/// failure is held to be the call's, so that one event that a receiver chokes on stops no others
/// for long, and a receiver that is down is told of few events and keeps all of them waiting in the
/// ledger.
alimtalk::call_result call_result_of(std::vector<alimtalk::recipient_result> results,
                                     std::uint64_t failed_before);

} // namespace paymentd::webhook
