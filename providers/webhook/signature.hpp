// The signature of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body. Pure functions; any
// thread.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::webhooks {

/// The key that a secret stands for: "whsec_" and 24 to 64 bytes in base64. An error is one line,
/// without the secret.
std::expected<std::string, std::string> key_of(std::string_view secret);

/// The value of webhook-signature: "v1,<base64>" for each key, with spaces between. `at` is what
/// webhook-timestamp says, in whole seconds.
std::string signature(const std::vector<std::string>& keys, std::string_view id,
                      std::chrono::sys_seconds at, std::string_view body);

} // namespace paymentd::webhooks
