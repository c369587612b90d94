// The adapter for Solapi (CoolSMS), AlimTalk by send-many. A call is one request, signed anew each
// time. Solapi knows no idempotency key and no search by a key of ours: a call whose outcome is
// unknown is sent again, and the customer may read it twice. Answers come on the thread of its HTTP
// client.
#pragma once

#include "alimtalk/message.hpp"
#include "alimtalk/provider.hpp"

#include <optional>

namespace paymentd::alimtalk {

struct solapi_options {
  std::string base_url = "https://api.solapi.com";
  std::string api_key;
  std::string api_secret;
  std::string pf_id; // of the KakaoTalk channel that sends
  /// The approved template's id. The template may use `#{orderId}`, `#{amount}`, `#{time}` and
  /// `#{status}`: see alimtalk/message.hpp.
  std::string template_id;
  std::optional<fallback_message> fallback; // none: no SMS
  std::chrono::milliseconds timeout{5000};  // of a request, from `send` to its answer
  std::size_t connections_max = 8;
  std::size_t recipients_max = 1000;                // of a call; Solapi's own bound is 10,000
  std::size_t response_bytes_max = 4 * 1024 * 1024; // an answer to 1000 recipients has some 300 kB
  std::string ca_file;               // PEM, trusted besides the system's certificates; empty: none
  std::function<instant()> now;      // the wall clock, for signatures; empty: the system's
  std::function<std::string()> salt; // 12 to 64 bytes, never the same; empty: from OpenSSL
};

/// An error is one line that names the option that is wrong.
std::expected<std::unique_ptr<provider>, std::string> make_solapi_provider(solapi_options options);

/// The value of the Authorization header: HMAC-SHA256 by the secret over date and salt.
std::string solapi_authorization(std::string_view api_key, std::string_view api_secret, instant at,
                                 std::string_view salt);

} // namespace paymentd::alimtalk
