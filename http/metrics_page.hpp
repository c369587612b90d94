// The page /metrics: Prometheus's text format, written from the counters that the actors keep. By
// hand, since it is a few lines of text. Any thread.
#pragma once

#include "actors/counters.hpp"
#include "http/events/event_counters.hpp"

#include <string>

namespace paymentd::http {

/// Appends the counters and gauges of `of` as they stand now. `shed`: see server_options.
void append_metrics(std::string& out, const actors::payment_metrics& of, std::uint64_t shed,
                    instant now);

/// The same of those who follow the events.
void append_metrics(std::string& out, const event_counters& of, instant now);

} // namespace paymentd::http
