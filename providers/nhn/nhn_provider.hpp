// The adapter for NHN Cloud's KakaoTalk Bizmessage, AlimTalk API v2.3. A call is one request with
// its key as idempotency key and sender grouping key, each message's delivery id as its recipient
// grouping key. Answers come on the thread of its HTTP client.
#pragma once

#include "providers/kind.hpp"
#include "providers/provider.hpp"

namespace paymentd::providers {

struct nhn_options : api_options {
  std::string app_key = {};
  std::string secret_key = {};
  std::string sender_key = {};
  /// The approved template's code, 20 characters at most. Its variables are those of `message`.
  std::string template_code = {};
};

/// An error is one line that names the option that is wrong.
std::expected<std::unique_ptr<provider>, std::string> make_nhn_provider(nhn_options options);

} // namespace paymentd::providers
