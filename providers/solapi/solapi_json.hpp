// Solapi's JSON: the body of a send, and what is used of its answers. Pure functions; any thread.
#pragma once

#include "providers/message.hpp"
#include "providers/provider.hpp"

#include <optional>

#include <string_view>

namespace paymentd::providers {

/// The part of a body that is the same for every message.
struct solapi_sender {
  std::string_view pf_id;
  std::string_view template_id;
  const message_options& message;
  const std::optional<fallback_message>& fallback; // none: no SMS
  const std::vector<conditional_template>& others; // each message has its own template
};

/// The body of a send. Each message bears its delivery id and the call's key as custom fields,
/// which Solapi gives back. One number may occur more than once: a customer may pay twice.
std::string solapi_send_body(const solapi_sender& from, const call& what);

/// One element of `messageList` or `failedMessageList`.
struct solapi_result {
  std::string delivery_id; // of customFields; empty where it is not given back
  std::string message_id;
  std::string code; // "2000"
  std::string message;
  std::string phone; // "to", of failed ones
};

struct solapi_answer {
  std::string group_id;
  std::optional<std::size_t> total; // groupInfo.count: messages of the call
  std::optional<std::size_t> registered;
  std::optional<std::size_t> refused;
  std::vector<solapi_result> listed; // messageList
  std::vector<solapi_result> failed; // failedMessageList
  bool has_failed_list = false;
};

/// Nothing where it is not JSON (a half of it is not) or no object with a groupInfo. Fields of a
/// wrong type are as if they were not there.
std::optional<solapi_answer> parse_solapi_answer(std::string_view json);

/// One element of a list of messages.
struct solapi_listed {
  std::string delivery_id;
  std::string group_id;    // of the call that it came in
  std::string type;        // "ATA", or of a fallback "SMS", "LMS", "MMS"
  std::string code;        // statusCode
  std::string reason;      // may be empty
  std::string received_at; // dateReceived, ISO 8601; may be empty
};
struct solapi_list {
  std::vector<solapi_listed> messages;
  std::string next; // nextKey
};
/// Nothing where it is no list.
std::optional<solapi_list> parse_solapi_list(std::string_view json);

struct solapi_error {
  std::string code; // errorCode
  std::string message;
};

/// The text of an answer with an error's status; empty where there is none.
solapi_error parse_solapi_error(std::string_view json);

} // namespace paymentd::providers
