// The adapter for trying paymentd out: it writes each message to the log and calls no API. (The
// setting `alimtalk.provider = "none"` has no adapter: then there is no subscriber `alimtalk`.)
#pragma once

#include "providers/provider.hpp"

namespace paymentd::providers {

struct log_provider_options {
  bool mask_phone = true;            // "010****5678" rather than the customer's whole number
  std::size_t recipients_max = 1000; // messages in one call
};

/// Writes one line at info a message and answers within `send` itself, on the caller's thread. It
/// knows no keys: a message whose mark was lost in a crash is written again.
std::unique_ptr<provider> make_log_provider(log_provider_options options = {});

} // namespace paymentd::providers
