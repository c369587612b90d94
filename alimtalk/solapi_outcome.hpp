// What Solapi's answers mean for delivery: every way that a request can end, in the port's classes
// of failure. Pure functions; any thread.
#pragma once

#include "alimtalk/http_client.hpp"
#include "alimtalk/provider.hpp"

namespace paymentd::alimtalk {

/// What became of a send.
call_result solapi_call_result(const call& what, http_result answer);

} // namespace paymentd::alimtalk
