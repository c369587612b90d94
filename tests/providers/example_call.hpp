// Calls of example messages, for the tests of the adapters.
#pragma once

#include "providers/provider.hpp"

namespace paymentd::providers {

/// A call of `count` messages about payments of 10,000 won at `at`; their numbers begin at `first`.
inline call example_call(std::string key, int count, instant at, int first = 1) {
  call what{.key = std::move(key), .recipients = {}, .instance = "0f1e2d3c"};
  for (int i = first; i < first + count; ++i) {
    payment_event event;
    event.entry = {i};
    event.kind = entry_kind::payment;
    event.order = {i};
    event.user = {i};
    event.phone = "010" + std::to_string(10'000'000 + i);
    event.total = {12000};
    event.discount = {2000};
    event.ordered_at = at;
    event.at = at;
    what.recipients.push_back({"alimtalk-" + std::to_string(i), std::move(event)});
  }
  return what;
}

} // namespace paymentd::providers
