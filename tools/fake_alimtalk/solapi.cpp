// The fake API's other face: Solapi's send-many, with its signatures and its answers. The shape of
// an answer is the one that Solapi's own SDK for Node.js (solapi 6.0.1) accepts.
#include "tools/fake_alimtalk/fake_api.hpp"

#include "domain/model.hpp"
#include "net/digest.hpp"
#include "net/utc_text.hpp"
#include "tools/fake_alimtalk/query.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t solapi_recipients_max = 10'000;
constexpr std::size_t salt_min = 12;
constexpr std::size_t salt_max = 64;
constexpr std::chrono::minutes clock_difference_max{15};

// Status codes of Solapi's documentation ("Message status codes").
constexpr int accepted_code = 2000;
constexpr int no_value = 1010;
constexpr int bad_format = 1011;
constexpr int duplicate_number = 1026;
constexpr int bad_custom_field = 1032;
constexpr int blocked_number = 1060;

constexpr const char* message_types[] = {"sms", "lms",     "mms",     "ata",     "cta",    "cti",
                                         "nsa", "rcs_sms", "rcs_lms", "rcs_mms", "rcs_tpl"};

fake_answer refused(int status, std::string_view code) {
  return {.status = status, .body = json{{"errorCode", code}, {"errorMessage", "refused"}}.dump()};
}

/// "b" of "HMAC-SHA256 a=b, c=d" for "a".
std::string_view part_of(std::string_view header, std::string_view name) {
  const std::string before = std::string(name) + "=";
  const std::size_t begin = header.find(before);
  if (begin == header.npos)
    return {};
  header.remove_prefix(begin + before.size());
  return header.substr(0, header.find(','));
}

/// A text of an object; empty where there is none.
std::string text_of(const json& object, const char* name) {
  const auto at = object.find(name);
  const auto* const text = at == object.end() ? nullptr : at->get_ptr<const std::string*>();
  return text == nullptr ? std::string() : *text;
}

/// Whether a boolean of an object is true.
bool is_set(const json& object, const char* name) {
  const auto at = object.find(name);
  const auto* const flag = at == object.end() ? nullptr : at->get_ptr<const bool*>();
  return flag != nullptr && *flag;
}

/// The words of the code; a code that a test made up has none.
std::string_view words_of(int code) {
  switch (code) {
  case accepted_code:
    return "정상 접수(이통사로 접수 예정)";
  case no_value:
    return "필수 입력 값 미입력";
  case bad_format:
    return "Format Error";
  case duplicate_number:
    return "중복 수신번호";
  case bad_custom_field:
    return "유효한 커스텀 필드 값이 아닙니다.";
  case blocked_number:
    return "차단된 수신번호";
  default:
    return "refused";
  }
}

/// An entry of messageList: fewer fields than one of failedMessageList has.
json listed_result(const json& message, const std::string& id, int code) {
  return {{"messageId", id},
          {"statusCode", std::to_string(code)},
          {"statusMessage", words_of(code)},
          {"customFields", message.value("customFields", json::object())}};
}

json failed_result(const json& message, const std::string& id, int code) {
  return {{"to", text_of(message, "to")},
          {"from", text_of(message, "from")},
          {"type", text_of(message, "type")},
          {"country", "82"},
          {"accountId", "fake"},
          {"messageId", id},
          {"statusCode", std::to_string(code)},
          {"statusMessage", words_of(code)},
          {"customFields", message.value("customFields", json::object())}};
}

std::string custom_field(const json& message, const char* name) {
  return text_of(message.value("customFields", json::object()), name);
}

bool names_a_template(const json& message) {
  const json options = message.value("kakaoOptions", json::object());
  return !text_of(options, "pfId").empty() && !text_of(options, "templateId").empty();
}

/// An object with `value` for each type of message; `of_alimtalks` for theirs.
json by_type(const json& value, const json& of_alimtalks) {
  json made = json::object();
  for (const std::string_view type : message_types)
    made.emplace(type, type == "ata" ? of_alimtalks : value);
  return made;
}

/// A group as Solapi answers it: with every field that its own SDK holds to be required.
json group_of(const std::string& id, instant at, std::size_t registered, std::size_t failed,
              bool allows_duplicates) {
  const std::string time = net::utc_text(at);
  const json no_money{{"requested", 0}, {"replacement", 0}, {"refund", 0}, {"sum", 0}};
  const json charged = registered > 0 ? json{{"82", registered}} : json::object();
  return {{"groupId", id},
          {"count",
           {{"total", registered + failed},
            {"sentTotal", 0},
            {"sentFailed", 0},
            {"sentSuccess", 0},
            {"sentPending", 0},
            {"sentReplacement", 0},
            {"refund", 0},
            {"registeredFailed", failed},
            {"registeredSuccess", registered}}},
          {"countForCharge", by_type(json::object(), charged)},
          {"balance", no_money},
          {"point", no_money},
          {"app", {{"profit", by_type(0, 0)}, {"appId", nullptr}}},
          {"sdkVersion", nullptr},
          {"osPlatform", nullptr},
          {"log", json::array()},
          {"status", "SENDING"},
          {"allowDuplicates", allows_duplicates},
          {"isRefunded", false},
          {"accountId", "fake"},
          {"masterAccountId", nullptr},
          {"apiVersion", "4"},
          {"price", json::object()},
          {"dateCreated", time},
          {"dateUpdated", time},
          {"dateSent", time},
          {"scheduledDate", nullptr},
          {"dateCompleted", nullptr}};
}

} // namespace

fake_answer fake_api::solapi(const fake_request& request) {
  const bool is_send = request.method == "POST";
  ++(is_send ? calls_ : searches_);
  if (is_send)
    last_body_.assign(request.body);
  fake_answer answer;
  if (std::optional<fake_answer> failed = fail_on_demand()) {
    answer = *std::move(failed);
    answer.body = refused(answer.status, "InternalError").body;
  } else if (const std::string code = solapi_refusal(request.authorization); !code.empty()) {
    answer = refused(403, code);
  } else {
    answer = is_send ? solapi_send(request.body, now_()) : solapi_list(parse_query(request.target));
  }
  answer.latency = behaviour_.latency;
  return answer;
}

/// The error that a request's Authorization header deserves; empty where it is good.
std::string fake_api::solapi_refusal(std::string_view header) {
  const std::string_view date = part_of(header, "date");
  const std::string_view salt = part_of(header, "salt");
  const std::string_view signature = part_of(header, "signature");
  if (!header.starts_with("HMAC-SHA256 ") || part_of(header, "apiKey").empty())
    return "InvalidAPIKey";
  const std::optional<net::utc_time> at = net::parse_rfc3339(date);
  if (!at || std::chrono::abs(*at - now_()) > clock_difference_max)
    return "RequestTimeTooSkewed";
  if (salt.size() < salt_min || salt.size() > salt_max ||
      signature != net::hex_text(net::hmac_sha256(secret_, std::string(date).append(salt))))
    return "SignatureDoesNotMatch";
  return signatures_.emplace(signature).second ? "" : "DuplicatedSignature";
}

/// The code of one message: accepted_code, or why it is not registered.
int fake_api::solapi_code(const nlohmann::json& message, bool is_duplicate) const {
  const std::string phone = text_of(message, "to");
  if (behaviour_.result_code != 0)
    return behaviour_.result_code;
  if (text_of(message, "type") == "ATA" && !names_a_template(message))
    return no_value;
  if (!valid_phone(phone))
    return bad_format;
  if (custom_field(message, "deliveryId").size() > received_log::key_bytes_max)
    return bad_custom_field;
  if (is_poison(phone))
    return blocked_number;
  return is_duplicate ? duplicate_number : accepted_code;
}

fake_answer fake_api::solapi_send(std::string_view body, instant now) {
  const json sent = json::parse(body, nullptr, false);
  const json messages = sent.is_object() ? sent.value("messages", json::array()) : json();
  if (!messages.is_array() || messages.empty() || messages.size() > solapi_recipients_max ||
      !std::ranges::all_of(messages, [](const json& one) { return one.is_object(); }))
    return refused(400, "ValidationError");
  const auto has_poison = [this](const json& one) { return is_poison(text_of(one, "to")); };
  if (behaviour_.poison_refuses_call && std::ranges::any_of(messages, has_poison))
    return refused(400, "ValidationError");

  log_.begin_call(custom_field(messages.front(), "callKey"), now);
  const std::string group = log_.current_request_id();
  const bool allows_duplicates = is_set(sent, "allowDuplicates");
  std::unordered_set<std::string> numbers; // of this call
  json listed = json::array();
  json failed = json::array();
  int seq = 0;
  for (const json& one : messages) {
    const std::string id = solapi_message_id(group, ++seq);
    const std::string phone = text_of(one, "to");
    const int code = solapi_code(one, !numbers.insert(phone).second && !allows_duplicates);
    if (code == accepted_code) {
      log_.append(custom_field(one, "deliveryId"), phone, seq);
      listed.push_back(listed_result(one, id, code));
    } else {
      failed.push_back(failed_result(one, id, code));
    }
  }
  json answered{
      {"groupInfo", group_of(group, now, listed.size(), failed.size(), allows_duplicates)},
      {"failedMessageList", std::move(failed)}};
  if (is_set(sent, "showMessageList"))
    answered["messageList"] = std::move(listed);
  return answer_of_accepted(answered.dump(), 200);
}

} // namespace paymentd::providers
