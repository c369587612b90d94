// The process as the system sees it, for /metrics. Used by serve.cpp; any thread.
#pragma once

#include "http/metrics_page.hpp"

namespace paymentd {

/// From /proc; what the system does not tell is 0.
http::process_figures read_process_figures();

} // namespace paymentd
