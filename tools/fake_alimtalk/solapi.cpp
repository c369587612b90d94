// The fake API's other face: Solapi's send-many, with its signatures and its answers.
#include "tools/fake_alimtalk/fake_api.hpp"

#include "domain/model.hpp"
#include "net/digest.hpp"
#include "tools/fake_alimtalk/query.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t solapi_recipients_max = 10'000;
constexpr std::size_t salt_min = 12;
constexpr std::size_t salt_max = 64;

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

json result_of(const json& message, const std::string& id, int code) {
  return {{"to", message.value("to", "")},
          {"messageId", id},
          {"statusCode", std::to_string(code)},
          {"statusMessage", code == 2000 ? "accepted" : "refused"},
          {"customFields", message.value("customFields", json::object())}};
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
  if (salt.size() < salt_min || salt.size() > salt_max ||
      signature != net::hex_text(net::hmac_sha256(secret_, std::string(date).append(salt))))
    return "SignatureDoesNotMatch";
  return signatures_.emplace(signature).second ? "" : "DuplicatedSignature";
}

fake_answer fake_api::solapi_send(std::string_view body, instant now) {
  const json sent = json::parse(body, nullptr, false);
  const json messages = sent.is_object() ? sent.value("messages", json::array()) : json();
  if (!messages.is_array() || messages.empty() || messages.size() > solapi_recipients_max)
    return refused(400, "ValidationError");
  const auto has_poison = [this](const json& one) { return is_poison(one.value("to", "")); };
  if (behaviour_.poison_refuses_call && std::ranges::any_of(messages, has_poison))
    return refused(400, "ValidationError");

  const auto custom = [](const json& one, const char* name) {
    return text_of(one.value("customFields", json::object()), name);
  };
  log_.begin_call(custom(messages.front(), "callKey"), now);
  json listed = json::array();
  json failed = json::array();
  int seq = 0;
  for (const json& one : messages) {
    ++seq;
    const std::string id = log_.current_request_id() + "-" + std::to_string(seq);
    const std::string phone = one.value("to", "");
    const std::string key = custom(one, "deliveryId");
    const bool good =
        valid_phone(phone) && key.size() <= received_log::key_bytes_max && !is_poison(phone);
    if (behaviour_.result_code != 0) {
      failed.push_back(result_of(one, id, behaviour_.result_code));
    } else if (!good) {
      failed.push_back(result_of(one, id, 3104));
    } else {
      log_.append(key, phone, seq);
      listed.push_back(result_of(one, id, 2000));
    }
  }
  json answered{{"groupInfo",
                 {{"groupId", log_.current_request_id()},
                  {"count",
                   {{"total", messages.size()},
                    {"registeredSuccess", listed.size()},
                    {"registeredFailed", failed.size()}}}}},
                {"failedMessageList", std::move(failed)}};
  if (sent.value("showMessageList", false))
    answered["messageList"] = std::move(listed);
  return answer_of_accepted(answered.dump(), 200);
}

} // namespace paymentd::providers
