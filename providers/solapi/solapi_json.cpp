#include "providers/solapi/solapi_json.hpp"

#include "providers/json_parts.hpp"
#include "providers/message.hpp"

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t message_bytes = 400; // of one message in a body, about

/// A template, and the message that is filled in by it.
struct used_template {
  std::string_view id;
  const std::optional<fallback_message>& fallback;
  filled_message message;
};

/// `by` is filled with the recipient's event.
void append_message(std::string& out, std::string_view pf_id, const call& what,
                    const recipient& one, used_template& by) {
  append_member(out, R"({"to":)", one.event.phone);
  if (by.fallback) {
    append_member(out, R"(,"from":)", by.fallback->from);
    if (!by.fallback->text.empty()) {
      // Solapi chooses between SMS and LMS by the length.
      append_member(out, R"(,"text":)", fallback_text(*by.fallback, by.message, lms_bytes_max));
    }
  }
  append_member(out, R"(,"type":"ATA","kakaoOptions":{"pfId":)", pf_id);
  append_member(out, R"(,"templateId":)", by.id);
  out.append(R"(,"disableSms":)").append(by.fallback ? "false" : "true");
  out.append(R"(,"variables":)");
  by.message.append_json(out, "#{", "}");
  append_member(out, R"(},"customFields":{"deliveryId":)", one.delivery_id);
  append_member(out, R"(,"callKey":)", what.key);
  out.append("}}");
}

std::optional<std::size_t> count(const json& of, const char* name) {
  const json* found = member(of, name);
  return found != nullptr && found->is_number_unsigned() ? std::optional(found->get<std::size_t>())
                                                         : std::nullopt;
}

std::vector<solapi_result> results(const json& list) {
  std::vector<solapi_result> read;
  read.reserve(list.size());
  for (const json& each : list) {
    const json* fields = member(each, "customFields");
    read.push_back({.delivery_id = fields != nullptr ? text_of(*fields, "deliveryId") : "",
                    .message_id = text_of(each, "messageId"),
                    .code = text_of(each, "statusCode"),
                    .message = text_of(each, "statusMessage"),
                    .phone = text_of(each, "to")});
  }
  return read;
}

} // namespace

std::string solapi_send_body(const solapi_sender& from, const call& what) {
  std::string out;
  out.reserve(message_bytes * (what.recipients.size() + 1));
  out.append(R"({"messages":[)");
  std::vector<used_template> by_template;
  by_template.reserve(1 + from.others.size());
  by_template.push_back({from.template_id, from.fallback, filled_message(from.message)});
  for (const conditional_template& each : from.others)
    by_template.push_back({each.code, each.fallback, filled_message(each.message)});
  bool first = true;
  for (const recipient& one : what.recipients) {
    if (!std::exchange(first, false))
      out.push_back(',');
    const templates::event_fields fields(one.event);
    used_template& by = by_template[template_of(from.others, fields)];
    by.message.fill(fields);
    append_message(out, from.pf_id, what, one, by);
  }
  return out.append(R"(],"allowDuplicates":true,"showMessageList":true})");
}

std::optional<solapi_answer> parse_solapi_answer(std::string_view given) {
  const json root = parse_json(given);
  const json* group = member(root, "groupInfo");
  if (group == nullptr || !group->is_object())
    return std::nullopt;
  solapi_answer answer;
  answer.group_id = text_of(*group, "groupId");
  if (const json* counts = member(*group, "count")) {
    answer.total = count(*counts, "total");
    answer.registered = count(*counts, "registeredSuccess");
    answer.refused = count(*counts, "registeredFailed");
  }
  if (const json* list = member(root, "messageList"); list != nullptr && list->is_array())
    answer.listed = results(*list);
  if (const json* list = member(root, "failedMessageList"); list != nullptr && list->is_array()) {
    answer.failed = results(*list);
    answer.has_failed_list = true;
  }
  return answer;
}

std::optional<solapi_list> parse_solapi_list(std::string_view given) {
  const json root = parse_json(given);
  const json* messages = member(root, "messageList");
  if (messages == nullptr || !messages->is_structured())
    return std::nullopt;
  solapi_list list;
  list.next = text_of(root, "nextKey");
  for (const json& each : *messages) { // an object by message id
    const json* fields = member(each, "customFields");
    list.messages.push_back({.delivery_id = fields != nullptr ? text_of(*fields, "deliveryId") : "",
                             .group_id = text_of(each, "groupId"),
                             .type = text_of(each, "type"),
                             .code = text_of(each, "statusCode"),
                             .reason = text_of(each, "reason"),
                             .received_at = text_of(each, "dateReceived")});
  }
  return list;
}

solapi_error parse_solapi_error(std::string_view given) {
  const json root = parse_json(given);
  return {.code = text_of(root, "errorCode"), .message = text_of(root, "errorMessage")};
}

} // namespace paymentd::providers
