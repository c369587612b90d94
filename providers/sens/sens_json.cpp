#include "providers/sens/sens_json.hpp"

#include "providers/json_parts.hpp"

#include <utility>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t message_bytes = 600; // of one message in a body, about

void append_buttons(std::string& out, const filled_message& by) {
  using enum templates::button::kind;
  out.append(R"(,"buttons":[)");
  bool first = true;
  for (const templates::button& each : by.buttons()) {
    if (!std::exchange(first, false))
      out.push_back(',');
    append_member(out, R"({"type":)", templates::code_of(each.type));
    append_member(out, R"(,"name":)", each.name);
    const bool is_app = each.type == app_link;
    if (!each.link.empty())
      append_member(out, is_app ? R"(,"schemeIos":)" : R"(,"linkMobile":)", by.in(each.link));
    if (!each.other_link.empty())
      append_member(out, is_app ? R"(,"schemeAndroid":)" : R"(,"linkPc":)", by.in(each.other_link));
    out.push_back('}');
  }
  out.push_back(']');
}

/// `content` is the whole text of the AlimTalk.
void append_fallback(std::string& out, const fallback_message& fallback, const filled_message& by,
                     std::string content) {
  out.append(R"(,"useSmsFailover":true,"failoverConfig":{"type":)");
  out.append(fallback.is_long ? R"("LMS")" : R"("SMS")");
  append_member(out, R"(,"from":)", fallback.from);
  if (fallback.is_long && !fallback.title.empty())
    append_member(out, R"(,"subject":)", by.in(fallback.title));
  append_member(out, R"(,"content":)", fallback_or(std::move(content), fallback, by));
  out.push_back('}');
}

bool flag(const json& of, const char* name) {
  const json* found = member(of, name);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

/// The first of two members that is a text and not empty.
std::string either(const json& of, const char* name, const char* other) {
  std::string found = text_of(of, name);
  return found.empty() ? text_of(of, other) : found;
}

} // namespace

std::string sens_send_body(const sens_sender& from, const call& what) {
  std::string out;
  out.reserve(message_bytes * (what.recipients.size() + 1));
  append_member(out, R"({"plusFriendId":)", from.channel);
  append_member(out, R"(,"templateCode":)", from.template_code);
  out.append(R"(,"messages":[)");
  filled_message by(from.message);
  bool first = true;
  for (const recipient& one : what.recipients) {
    if (!std::exchange(first, false))
      out.push_back(',');
    by.fill(one.event);
    std::string content = by.whole_text();
    append_member(out, R"({"to":)", one.event.phone);
    append_member(out, R"(,"content":)", content);
    if (!by.buttons().empty())
      append_buttons(out, by);
    if (from.fallback)
      append_fallback(out, *from.fallback, by, std::move(content));
    else
      out.append(R"(,"useSmsFailover":false)");
    out.push_back('}');
  }
  return out.append("]}");
}

std::optional<sens_answer> parse_sens_answer(std::string_view given) {
  const json root = parse_json(given);
  const json* messages = member(root, "messages");
  if (messages == nullptr || !messages->is_array())
    return std::nullopt;
  sens_answer answer{.request_id = text_of(root, "requestId"), .messages = {}};
  answer.messages.reserve(messages->size());
  for (const json& each : *messages)
    answer.messages.push_back({.message_id = text_of(each, "messageId"),
                               .phone = text_of(each, "to"),
                               .code = text_of(each, "requestStatusCode"),
                               .reason = either(each, "requestStatusDesc", "requestStatusName")});
  return answer;
}

std::optional<sens_list> parse_sens_list(std::string_view given) {
  const json root = parse_json(given);
  const json* messages = member(root, "messages");
  if (messages == nullptr || !messages->is_array())
    return std::nullopt;
  sens_list list{.messages = {}, .next = text_of(root, "nextToken")};
  list.messages.reserve(messages->size());
  for (const json& each : *messages) {
    const json* sms = member(each, "failover");
    list.messages.push_back(
        {.message_id = text_of(each, "messageId"),
         .status = text_of(each, "messageStatusName"),
         .code = text_of(each, "messageStatusCode"),
         .reason = either(each, "messageStatusDesc", "messageStatusName"),
         .completed_at = text_of(each, "completeTime"),
         .falls_back = flag(each, "useSmsFailover"),
         .sms_status = sms == nullptr ? "" : either(*sms, "messageStatusName", "statusName")});
  }
  return list;
}

std::string parse_sens_error(std::string_view given) {
  const json root = parse_json(given);
  if (const json* error = member(root, "error")) { // the gateway's
    const std::string code = text_of(*error, "errorCode");
    const std::string more = either(*error, "details", "message");
    return code + (code.empty() || more.empty() ? "" : " ") + more;
  }
  return either(root, "errorMessage", "message");
}

} // namespace paymentd::providers
