// The adapter for Solapi (CoolSMS), AlimTalk by send-many. A call is one request, signed anew each
// time. Solapi knows no idempotency key and no search by a key of ours: a call whose outcome is
// unknown is sent again, and the customer may read it twice. Answers come on the thread of its HTTP
// client.
#pragma once

#include "providers/kind.hpp"
#include "providers/provider.hpp"

namespace paymentd::providers {

struct solapi_options : api_options {
  std::string api_key = {};
  std::string api_secret = {};
  std::string pf_id = {}; // of the KakaoTalk channel that sends
  /// The approved template's id. Its variables are those of `message`.
  std::string template_id = {};
  std::function<std::string()> salt = {}; // 12 to 64 bytes, never the same; empty: from OpenSSL
};

/// An error is one line that names the option that is wrong.
std::expected<std::unique_ptr<provider>, std::string> make_solapi_provider(solapi_options options);

/// The value of the Authorization header: HMAC-SHA256 by the secret over date and salt.
std::string solapi_authorization(std::string_view api_key, std::string_view api_secret, instant at,
                                 std::string_view salt);

} // namespace paymentd::providers
