// Aligo's API takes forms and gives JSON: the bodies of its requests, and what is used of its
// answers. Pure functions; any thread. Names are those of its API documents
// (smartsms.aligo.in/alimapi.html).
#pragma once

#include "providers/message.hpp"
#include "providers/provider.hpp"

#include <optional>

namespace paymentd::providers {

struct aligo_account {
  std::string_view api_key;
  std::string_view user_id;
};

/// The part of a send that is the same for every message.
struct aligo_sender {
  aligo_account account;
  std::string_view sender_key;
  std::string_view template_code;
  std::string_view number; // a number registered with Aligo, for every call
  const message_options& message;
  const std::optional<fallback_message>& fallback; // none: no SMS
};

/// The body of a send. Aligo takes no id of ours; each message has its delivery id as its title,
/// which customers do not see and Aligo's console shows.
std::string aligo_send_body(const aligo_sender& from, const call& what);

/// Of a page of the calls from one day to another, newest first ("20261122").
std::string aligo_list_body(const aligo_account& account, std::string_view from_day,
                            std::string_view to_day, std::size_t page, std::size_t page_size);
/// Of the messages of a call.
std::string aligo_detail_body(const aligo_account& account, std::string_view mid,
                              std::size_t page_size);

/// The part that all answers have, and that of a send. Numbers may come as texts.
struct aligo_answer {
  std::optional<std::int64_t> code; // 0: success
  std::string message;
  std::string mid; // of the call; empty: none
  std::optional<std::int64_t> registered;
  std::optional<std::int64_t> refused; // for their numbers
};
/// Nothing where it is not JSON or no object with a code. Fields of a wrong type are as if they
/// were not there.
std::optional<aligo_answer> parse_aligo_answer(std::string_view json);

/// A call in the list.
struct aligo_listed_call {
  std::string mid;
  std::string type;         // "AT"
  std::string requested_at; // "2026-11-22 23:05:10", in Korea
};
struct aligo_list {
  std::vector<aligo_listed_call> calls;
  std::size_t pages = 0; // in all
};
/// Nothing where it is no list.
std::optional<aligo_list> parse_aligo_list(std::string_view json);

/// A message of a call.
struct aligo_message {
  std::string id; // msgid; with a Q before it while it is under way
  std::string phone;
  std::string status; // "2": KakaoTalk does not know such a number
  std::string result; // rslt: "0", or a letter for why not
  std::string reason; // rslt_message
  std::string at;     // rsltdate, in Korea
  std::string sms;    // smid: of the SMS that went out instead; "0": none did
};
/// Nothing where it is no list.
std::optional<std::vector<aligo_message>> parse_aligo_messages(std::string_view json);

} // namespace paymentd::providers
