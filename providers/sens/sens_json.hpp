// The JSON of Naver Cloud's SENS: the body of a send, and what is used of its answers. Pure
// functions; any thread. Names are those of its API documents (api.ncloud-docs.com,
// sens-alimtalk-send, -list and -get).
#pragma once

#include "providers/message.hpp"
#include "providers/provider.hpp"

#include <optional>

namespace paymentd::providers {

/// The part of a body that is the same for every message.
struct sens_sender {
  std::string_view channel; // plusFriendId, "@shop"
  std::string_view template_code;
  const message_options& message;
  const std::optional<fallback_message>& fallback; // none: no SMS
};

/// The body of a send. SENS takes no id of ours, and gives none back.
std::string sens_send_body(const sens_sender& from, const call& what);

/// One element of `messages`.
struct sens_result {
  std::string message_id;
  std::string phone;  // to
  std::string code;   // requestStatusCode: "A000"
  std::string reason; // requestStatusDesc
};
struct sens_answer {
  std::string request_id;
  std::vector<sens_result> messages;
};
/// Nothing where it is not JSON or no object with a list of messages. Fields of a wrong type are as
/// if they were not there.
std::optional<sens_answer> parse_sens_answer(std::string_view json);

/// One element of a list of messages.
struct sens_listed {
  std::string message_id;
  std::string status; // messageStatusName: success, processing or fail
  std::string code;   // messageStatusCode: "0000"
  std::string reason; // messageStatusDesc
  std::string completed_at;
  bool falls_back = false; // useSmsFailover
  std::string sms_status;  // of the fallback: messageStatusName, or statusName
};
struct sens_list {
  std::vector<sens_listed> messages;
  std::string next; // nextToken
};
/// Nothing where it is no list.
std::optional<sens_list> parse_sens_list(std::string_view json);

/// The words of an answer with an error's status, of SENS or of the gateway before it; empty where
/// there are none.
std::string parse_sens_error(std::string_view json);

} // namespace paymentd::providers
