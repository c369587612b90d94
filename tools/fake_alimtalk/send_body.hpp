// The body of a send, read from JSON as NHN's API takes it. Used by fake_api.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::providers {

struct send_recipient {
  std::string phone;
  std::string key;                 // recipientGroupingKey
  std::optional<bool> with_resend; // resendParameter.isResend
};

struct send_body {
  std::string sender_key;
  std::string template_code;
  std::string sender_grouping_key;
  std::vector<send_recipient> recipients; // the first `count` are this body's
  std::size_t count = 0;

  /// Reads `json` over what was there before, whose memory it uses again. False where it is not
  /// JSON or a known field has another type than it should; unknown fields are passed over.
  bool read(std::string_view json);
};

} // namespace paymentd::providers
