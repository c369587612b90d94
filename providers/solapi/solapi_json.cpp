#include "providers/solapi/solapi_json.hpp"

#include "net/json_text.hpp"
#include "providers/message.hpp"

#include <nlohmann/json.hpp>

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
  out.append(R"({"to":)");
  net::append_json_string(out, one.event.phone);
  if (by.fallback) {
    out.append(R"(,"from":)");
    net::append_json_string(out, by.fallback->from);
    if (!by.fallback->text.empty()) {
      out.append(R"(,"text":)");
      // Solapi chooses between SMS and LMS by the length.
      net::append_json_string(out, fallback_text(*by.fallback, by.message, lms_bytes_max));
    }
  }
  out.append(R"(,"type":"ATA","kakaoOptions":{"pfId":)");
  net::append_json_string(out, pf_id);
  out.append(R"(,"templateId":)");
  net::append_json_string(out, by.id);
  out.append(R"(,"disableSms":)").append(by.fallback ? "false" : "true");
  out.append(R"(,"variables":)");
  by.message.append_json(out, "#{", "}");
  out.append(R"(},"customFields":{"deliveryId":)");
  net::append_json_string(out, one.delivery_id);
  out.append(R"(,"callKey":)");
  net::append_json_string(out, what.key);
  out.append("}}");
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
    read.push_back({.delivery_id = fields != nullptr ? text(*fields, "deliveryId") : "",
                    .message_id = text(each, "messageId"),
                    .code = text(each, "statusCode"),
                    .message = text(each, "statusMessage"),
                    .phone = text(each, "to")});
  }
  return read;
}

json parse(std::string_view text) {
  return json::parse(text, nullptr, false);
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
  const json root = parse(given);
  const json* group = member(root, "groupInfo");
  if (group == nullptr || !group->is_object())
    return std::nullopt;
  solapi_answer answer;
  answer.group_id = text(*group, "groupId");
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
  const json root = parse(given);
  const json* messages = member(root, "messageList");
  if (messages == nullptr || !messages->is_structured())
    return std::nullopt;
  solapi_list list;
  list.next = text(root, "nextKey");
  for (const json& each : *messages) { // an object by message id
    const json* fields = member(each, "customFields");
    list.messages.push_back({.delivery_id = fields != nullptr ? text(*fields, "deliveryId") : "",
                             .group_id = text(each, "groupId"),
                             .type = text(each, "type"),
                             .code = text(each, "statusCode"),
                             .reason = text(each, "reason"),
                             .received_at = text(each, "dateReceived")});
  }
  return list;
}

solapi_error parse_solapi_error(std::string_view given) {
  const json root = parse(given);
  return {.code = text(root, "errorCode"), .message = text(root, "errorMessage")};
}

} // namespace paymentd::providers
