#include "providers/sens/sens_json.hpp"

#include "net/json_text.hpp"
#include "templates/length.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t message_bytes = 600; // of one message in a body, about

void append_member(std::string& out, std::string_view before, std::string_view text) {
  out.append(before);
  net::append_json_string(out, text);
}

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
  const std::size_t bytes_max = fallback.is_long ? lms_bytes_max : sms_bytes_max;
  if (!fallback.text.empty())
    content = fallback_text(fallback, by, bytes_max);
  else
    templates::cut_to_euc_kr(content, bytes_max);
  out.append(R"(,"useSmsFailover":true,"failoverConfig":{"type":)");
  out.append(fallback.is_long ? R"("LMS")" : R"("SMS")");
  append_member(out, R"(,"from":)", fallback.from);
  if (fallback.is_long && !fallback.title.empty())
    append_member(out, R"(,"subject":)", by.in(fallback.title));
  append_member(out, R"(,"content":)", content);
  out.push_back('}');
}

const json* member(const json& of, const char* name) {
  if (!of.is_object())
    return nullptr;
  const auto found = of.find(name);
  return found == of.end() ? nullptr : &*found;
}

std::string text(const json& of, const char* name) {
  const json* found = member(of, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag(const json& of, const char* name) {
  const json* found = member(of, name);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

json parse(std::string_view text) {
  return json::parse(text, nullptr, false);
}

/// The first of two members that is a text and not empty.
std::string either(const json& of, const char* name, const char* other) {
  std::string found = text(of, name);
  return found.empty() ? text(of, other) : found;
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
  const json root = parse(given);
  const json* messages = member(root, "messages");
  if (messages == nullptr || !messages->is_array())
    return std::nullopt;
  sens_answer answer{.request_id = text(root, "requestId"), .messages = {}};
  answer.messages.reserve(messages->size());
  for (const json& each : *messages)
    answer.messages.push_back({.message_id = text(each, "messageId"),
                               .phone = text(each, "to"),
                               .code = text(each, "requestStatusCode"),
                               .reason = either(each, "requestStatusDesc", "requestStatusName")});
  return answer;
}

std::optional<sens_list> parse_sens_list(std::string_view given) {
  const json root = parse(given);
  const json* messages = member(root, "messages");
  if (messages == nullptr || !messages->is_array())
    return std::nullopt;
  sens_list list{.messages = {}, .next = text(root, "nextToken")};
  list.messages.reserve(messages->size());
  for (const json& each : *messages) {
    const json* sms = member(each, "failover");
    list.messages.push_back(
        {.message_id = text(each, "messageId"),
         .status = text(each, "messageStatusName"),
         .code = text(each, "messageStatusCode"),
         .reason = either(each, "messageStatusDesc", "messageStatusName"),
         .completed_at = text(each, "completeTime"),
         .falls_back = flag(each, "useSmsFailover"),
         .sms_status = sms == nullptr ? "" : either(*sms, "messageStatusName", "statusName")});
  }
  return list;
}

std::string parse_sens_error(std::string_view given) {
  const json root = parse(given);
  if (const json* error = member(root, "error")) { // the gateway's
    const std::string code = text(*error, "errorCode");
    const std::string more = either(*error, "details", "message");
    return code + (code.empty() || more.empty() ? "" : " ") + more;
  }
  return either(root, "errorMessage", "message");
}

} // namespace paymentd::providers
