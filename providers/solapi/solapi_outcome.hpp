// The meaning of Solapi's answers for delivery: every way that a request can end, in the port's
// classes of failure. Pure functions; any thread.
#pragma once

#include "net/http_client.hpp"
#include "providers/message.hpp"
#include "providers/provider.hpp"

namespace paymentd::providers {

/// The result of a send. Where the template of one of `others` is refused, its messages are tried
/// again, and those of other templates go on.
call_result solapi_call_result(const call& what, net::http_result answer,
                               const std::vector<conditional_template>& others = {});

/// One page of a list of messages by the time at which they changed; `asked_to` stands for times
/// that Solapi does not tell. A message that is still under way is not in it.
results_answer solapi_results_page(net::http_result answer, instant asked_to);

} // namespace paymentd::providers
