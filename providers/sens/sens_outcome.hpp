// The meaning of SENS's answers for delivery: every way that a request can end, in the port's
// classes of failure. Pure functions; any thread.
#pragma once

#include "net/http_client.hpp"
#include "providers/provider.hpp"

namespace paymentd::providers {

/// The result of a send. Where the template of a call is for some messages alone (`by_condition`)
/// and is refused, its messages are tried again, and those of other templates go on.
call_result sens_call_result(const call& what, net::http_result answer, bool by_condition = false);

/// One page of a list of messages by the time at which they were completed; `asked_to` stands for
/// times that SENS does not tell. A message that is still under way is not in it.
results_answer sens_results_page(net::http_result answer, instant asked_to);

} // namespace paymentd::providers
