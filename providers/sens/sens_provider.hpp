// The adapter for Naver Cloud's SENS, AlimTalk API v2. A call is one request, signed with the time.
// SENS wants the whole text of each message; it knows no idempotency key and no id of ours: a call
// whose outcome is unknown is sent again, and the customer may read it twice. Answers come on the
// thread of its HTTP client.
#pragma once

#include "providers/kind.hpp"
#include "providers/provider.hpp"

namespace paymentd::providers {

struct sens_options : api_options {
  std::string access_key = {};
  std::string secret_key = {};
  std::string service_id = {}; // "ncp:kkobizmsg:kr:1234567:shop"
  std::string channel = {};    // "@shop", that sends
  /// The approved template's code. Its text is that of `message`.
  std::string template_code = {};
};

/// An error is one line that names the option that is wrong. A call has at most 100 messages,
/// whatever the options say.
std::expected<std::unique_ptr<provider>, std::string> make_sens_provider(sens_options options);

/// The value of x-ncp-apigw-signature-v2: HMAC-SHA256 by the secret over method, target, time and
/// access key (api.ncloud-docs.com, common-ncpapi). `timestamp` is in milliseconds.
std::string sens_signature(std::string_view method, std::string_view target,
                           std::string_view timestamp, std::string_view access_key,
                           std::string_view secret_key);

} // namespace paymentd::providers
