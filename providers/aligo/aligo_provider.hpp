// The adapter for Aligo, AlimTalk by its akv10 API. A call is one form, and its status is 200
// whatever happened. Aligo wants the whole text of each message; it knows no idempotency key and no
// id of ours: a call whose outcome is unknown is sent again, and the customer may read it twice.
// Answers come on the thread of its HTTP client.
#pragma once

#include "providers/kind.hpp"
#include "providers/provider.hpp"

namespace paymentd::providers {

struct aligo_options : api_options {
  std::string api_key = {}; // stands in the body of every request
  std::string user_id = {};
  std::string sender_key = {}; // of the KakaoTalk channel that sends
  std::string sender = {};     // a number registered with Aligo, which wants one for each call
  /// The approved template's code. Its text is that of `message`.
  std::string template_code = {};
};

/// An error is one line that names the option that is wrong. A call has at most 500 messages,
/// whatever the options say.
std::expected<std::unique_ptr<provider>, std::string> make_aligo_provider(aligo_options options);

} // namespace paymentd::providers
