#include "providers/aligo/aligo_form.hpp"

#include "net/json_text.hpp"
#include "net/origin.hpp"
#include "providers/json_parts.hpp"

#include <charconv>
#include <limits>
#include <utility>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t message_bytes = 1500; // of one message in a body, about

void append_field(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty())
    form.push_back('&');
  form.append(name).append("=").append(net::percent_encoded(value));
}

void append_field(std::string& form, std::string_view name, std::size_t number,
                  std::string_view value) {
  std::string numbered(name);
  net::append_number(numbered, number);
  append_field(form, numbered, value);
}

/// The key stands first, where it is hidden when the form is shown.
std::string begun_form(const aligo_account& account) {
  std::string form;
  append_field(form, "apikey", account.api_key);
  append_field(form, "userid", account.user_id);
  return form;
}

std::string_view type_name(templates::button::kind type) {
  using enum templates::button::kind;
  switch (type) {
  case web_link:
    return "웹링크";
  case app_link:
    return "앱링크";
  case delivery_tracking:
    return "배송조회";
  case bot_keyword:
    return "봇키워드";
  case message:
    return "메시지전달";
  case add_channel:
    return "채널 추가";
  }
  return "";
}

std::string buttons_json(const filled_message& by) {
  std::string out = R"({"button":[)";
  bool first = true;
  for (const templates::button& each : by.buttons()) {
    if (!std::exchange(first, false))
      out.push_back(',');
    const bool is_app = each.type == templates::button::kind::app_link;
    append_member(out, R"({"name":)", each.name);
    append_member(out, R"(,"linkType":)", templates::code_of(each.type));
    append_member(out, R"(,"linkTypeName":)", type_name(each.type));
    if (!each.link.empty())
      append_member(out, is_app ? R"(,"linkIos":)" : R"(,"linkMo":)", by.in(each.link));
    if (!each.other_link.empty())
      append_member(out, is_app ? R"(,"linkAnd":)" : R"(,"linkPc":)", by.in(each.other_link));
    out.push_back('}');
  }
  return out.append("]}");
}

/// `content` is the whole text of the AlimTalk.
void append_fallback(std::string& form, std::size_t number, const fallback_message& fallback,
                     const filled_message& by, std::string content) {
  if (fallback.is_long && !fallback.title.empty())
    append_field(form, "fsubject_", number, by.in(fallback.title));
  append_field(form, "fmessage_", number, fallback_or(std::move(content), fallback, by));
}

/// A text, or a whole number as its digits.
std::string text(const json& of, const char* name) {
  const json* found = member(of, name);
  if (found == nullptr)
    return {};
  if (found->is_string())
    return found->get<std::string>();
  return found->is_number_integer() ? found->dump() : std::string();
}

std::optional<std::int64_t> number(const json& of, const char* name) {
  const std::string digits = text(of, name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool good = error == std::errc{} && end == digits.data() + digits.size();
  return good && !digits.empty() ? std::optional(value) : std::nullopt;
}

/// The list of an answer that is a success; null where it is none.
const json* list_of(const json& root) {
  if (number(root, "code") != 0)
    return nullptr;
  const json* list = member(root, "list");
  return list != nullptr && list->is_array() ? list : nullptr;
}

} // namespace

std::string aligo_send_body(const aligo_sender& from, const call& what) {
  std::string form = begun_form(from.account);
  form.reserve(message_bytes * (what.recipients.size() + 1));
  append_field(form, "senderkey", from.sender_key);
  append_field(form, "tpl_code", from.template_code);
  append_field(form, "sender", from.fallback ? from.fallback->from : from.number);
  append_field(form, "failover", from.fallback ? "Y" : "N");
  filled_message by(from.message);
  std::size_t number = 0;
  for (const recipient& one : what.recipients) {
    ++number;
    by.fill(one.event);
    std::string content = by.whole_text();
    append_field(form, "receiver_", number, one.event.phone);
    append_field(form, "subject_", number, one.delivery_id);
    append_field(form, "message_", number, content);
    if (!by.buttons().empty())
      append_field(form, "button_", number, buttons_json(by));
    if (from.fallback)
      append_fallback(form, number, *from.fallback, by, std::move(content));
  }
  return form;
}

std::string aligo_list_body(const aligo_account& account, std::string_view from_day,
                            std::string_view to_day, std::size_t page, std::size_t page_size) {
  std::string form = begun_form(account);
  append_field(form, "page", std::to_string(page));
  append_field(form, "limit", std::to_string(page_size));
  append_field(form, "startdate", from_day);
  append_field(form, "enddate", to_day);
  return form;
}

std::string aligo_detail_body(const aligo_account& account, std::string_view mid,
                              std::size_t page_size) {
  std::string form = begun_form(account);
  append_field(form, "mid", mid);
  append_field(form, "page", "1");
  append_field(form, "limit", std::to_string(page_size));
  return form;
}

std::optional<aligo_answer> parse_aligo_answer(std::string_view given) {
  const json root = parse_json(given);
  aligo_answer answer{.code = number(root, "code"),
                      .message = text(root, "message"),
                      .mid = {},
                      .registered = {},
                      .refused = {}};
  if (!answer.code)
    return std::nullopt;
  if (const json* info = member(root, "info")) {
    answer.mid = text(*info, "mid");
    answer.registered = number(*info, "scnt");
    answer.refused = number(*info, "fcnt");
  }
  return answer;
}

std::optional<aligo_list> parse_aligo_list(std::string_view given) {
  const json root = parse_json(given);
  const json* list = list_of(root);
  if (list == nullptr)
    return std::nullopt;
  const std::int64_t pages = number(root, "totalPage").value_or(0);
  aligo_list read{.calls = {}, .pages = pages < 0 ? 0 : static_cast<std::size_t>(pages)};
  read.calls.reserve(list->size());
  for (const json& each : *list) {
    // Its documents have it by both names.
    std::string at = text(each, "regdate");
    read.calls.push_back({.mid = text(each, "mid"),
                          .type = text(each, "type"),
                          .requested_at = at.empty() ? text(each, "reg_date") : std::move(at)});
  }
  return read;
}

std::optional<std::vector<aligo_message>> parse_aligo_messages(std::string_view given) {
  const json root = parse_json(given);
  const json* list = list_of(root);
  if (list == nullptr)
    return std::nullopt;
  std::vector<aligo_message> read;
  read.reserve(list->size());
  for (const json& each : *list)
    read.push_back({.id = text(each, "msgid"),
                    .phone = text(each, "phone"),
                    .status = text(each, "status"),
                    .result = text(each, "rslt"),
                    .reason = text(each, "rslt_message"),
                    .at = text(each, "rsltdate"),
                    .sms = text(each, "smid")});
  return read;
}

} // namespace paymentd::providers
