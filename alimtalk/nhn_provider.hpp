// The adapter for NHN Cloud's KakaoTalk Bizmessage, AlimTalk API v2.3. A call is one request with
// its key as idempotency key and sender grouping key, each message's delivery id as its recipient
// grouping key. Answers come on the thread of its HTTP client.
#pragma once

#include "alimtalk/message.hpp"
#include "alimtalk/provider.hpp"

#include <optional>

namespace paymentd::alimtalk {

struct nhn_options {
  std::string base_url = "https://kakaotalk-bizmessage.api.nhncloudservice.com";
  std::string app_key;
  std::string secret_key;
  std::string sender_key;
  /// The approved template's code, 20 characters at most. The template may use `#{orderId}`,
  /// `#{amount}`, `#{time}` and `#{status}`: see alimtalk/message.hpp.
  std::string template_code;
  std::optional<fallback_message> fallback; // none: as it is set at NHN
  std::chrono::milliseconds timeout{5000};  // of a request, from `send` to its answer
  std::size_t connections_max = 8;
  std::size_t recipients_max = 1000;                // of a call; 1000 is NHN's own bound
  std::size_t response_bytes_max = 4 * 1024 * 1024; // an answer to 1000 recipients has some 160 kB
  std::string ca_file;          // PEM, trusted besides the system's certificates; empty: none
  std::function<instant()> now; // the wall clock, for the window of a search; empty: the system's
};

/// An error is one line that names the option that is wrong.
std::expected<std::unique_ptr<provider>, std::string> make_nhn_provider(nhn_options options);

} // namespace paymentd::alimtalk
