// NHN's JSON: the body of a send, and what is used of its answers. Pure functions; any thread.
#pragma once

#include "providers/message.hpp"
#include "providers/provider.hpp"

#include <optional>

#include <string_view>

namespace paymentd::providers {

/// The part of a body that is the same for every message.
struct nhn_sender {
  std::string_view sender_key;
  std::string_view template_code;
  const message_options& message;
  const std::optional<fallback_message>& fallback; // none: as it is set at NHN
};

/// The parts of a message that NHN gives back: its delivery id and its amount, since a search by a
/// key that was given twice (a restored backup) must not take one payment's message for another's.
std::string nhn_grouping_key(const recipient& one);
/// The delivery id in such a key, or in that of a release before, which had no amount.
std::string_view delivery_id_of(std::string_view grouping_key);

/// The body of a send, written straight as text: a thousand messages in well under a millisecond.
std::string nhn_send_body(const nhn_sender& from, const call& what);

/// One element of `sendResults`, of a search's `messages`, or of `message-results`, which tells
/// only the request's id, the message's place in it and the message's result.
struct nhn_result {
  std::optional<int> code; // of a send; a search's codes are of another kind, and texts
  std::int64_t seq = 0;    // 0: not given
  std::string phone;
  std::string key;        // recipientGroupingKey
  std::string request_id; // of a search
  std::string message;
  std::string status;        // of a search: messageStatus
  std::string final_code;    // of a search: resultCode, as a text
  std::string final_name;    // of a search: resultCodeName
  std::string received_at;   // of a search: receiveDate
  std::string resend_status; // of a search: resendStatus, what became of the SMS
};

struct nhn_answer {
  std::optional<int> code;        // header.resultCode
  std::optional<bool> successful; // header.isSuccessful
  std::string message;            // header.resultMessage
  std::string request_id;         // message.requestId
  std::vector<nhn_result> results;
  std::optional<std::uint64_t> total; // totalCount, of a search or of a count
};

/// Nothing where it is not JSON (a half of it is not) or no object. Fields of a wrong type are as
/// if they were not there.
std::optional<nhn_answer> parse_nhn_answer(std::string_view json);

} // namespace paymentd::providers
