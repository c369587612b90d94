// The fake API's face of Naver Cloud's SENS: signed calls, whole texts, results by the time at
// which they were known.
#include "tools/fake_alimtalk/fake_api.hpp"

#include "domain/model.hpp"
#include "net/digest.hpp"
#include "providers/message.hpp"
#include "tools/fake_alimtalk/query.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <span>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t recipients_max = 100;
constexpr std::size_t page_max = 100;
constexpr std::chrono::minutes clock_difference_max{5};

/// An error of the gateway before the API.
fake_answer refused_by_gateway(int status, std::string_view code, std::string_view message) {
  return {.status = status,
          .body =
              json{{"error", {{"errorCode", code}, {"message", message}, {"details", "refused"}}}}
                  .dump()};
}

fake_answer refused(std::string_view why) {
  return {.status = 400, .body = json{{"statusCode", "400"}, {"errorMessage", why}}.dump()};
}

std::string message_id(std::string_view request_id, int seq) {
  return std::string(request_id) + "-" + std::to_string(seq);
}

/// SENS gives no id of the caller's back, so messages are told apart by what they say to whom.
std::string key_of(std::string_view phone, std::string_view content) {
  constexpr std::size_t digest_bytes = 8;
  const auto digest = net::sha256(std::string(phone).append("\n").append(content));
  return "sens-" + net::hex_text(std::span(digest).first(digest_bytes));
}

std::string time_text(instant at) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch() % 60;
  return korea_time_text(at) + ":" + std::to_string(100 + second.count()).substr(1);
}

} // namespace

fake_answer fake_api::sens(const fake_request& request) {
  const bool is_send = request.method == "POST";
  ++(is_send ? calls_ : searches_);
  if (is_send)
    last_body_.assign(request.body);
  fake_answer answer;
  if (std::optional<fake_answer> failed = fail_on_demand()) {
    answer = *std::move(failed);
    answer.body = refused_by_gateway(answer.status, "900", "Unexpected Error").body;
  } else if (!is_signed_for_sens(request)) {
    answer = refused_by_gateway(401, "200", "Authentication Failed");
  } else {
    answer = is_send ? sens_send(request.body, now_()) : sens_list(parse_query(request.target));
  }
  answer.latency = behaviour_.latency;
  return answer;
}

bool fake_api::is_signed_for_sens(const fake_request& request) const {
  std::int64_t at = 0;
  std::from_chars(request.timestamp.data(), request.timestamp.data() + request.timestamp.size(),
                  at);
  const auto difference = now_() - instant{std::chrono::milliseconds{at}};
  std::string text(request.method);
  text.append(" ").append(request.target).append("\n").append(request.timestamp);
  text.append("\n").append(request.access_key);
  return !request.access_key.empty() && std::chrono::abs(difference) <= clock_difference_max &&
         request.signature == net::base64_text(net::hmac_sha256(secret_, text));
}

fake_answer fake_api::sens_send(std::string_view body, instant now) {
  const json sent = json::parse(body, nullptr, false);
  const json messages = sent.is_object() ? sent.value("messages", json::array()) : json();
  if (!messages.is_array() || messages.empty() || messages.size() > recipients_max ||
      sent.value("plusFriendId", "").empty() || sent.value("templateCode", "").empty())
    return refused("bad request");
  const auto has_poison = [this](const json& one) { return is_poison(one.value("to", "")); };
  if (behaviour_.poison_refuses_call && std::ranges::any_of(messages, has_poison))
    return refused("a bad number");
  log_.begin_call("", now);
  json listed = json::array();
  int seq = 0;
  for (const json& one : messages) {
    ++seq;
    const std::string phone = one.value("to", "");
    const std::string content = one.value("content", "");
    const bool with_fallback = one.value("useSmsFailover", false);
    const bool good =
        behaviour_.result_code == 0 && valid_phone(phone) && !content.empty() && !is_poison(phone);
    const std::string code = good                          ? "A000"
                             : behaviour_.result_code != 0 ? std::to_string(behaviour_.result_code)
                                                           : "A001";
    if (good)
      log_.append(key_of(phone, content), phone, seq, with_fallback);
    listed.push_back({{"messageId", message_id(log_.current_request_id(), seq)},
                      {"countryCode", "82"},
                      {"to", phone},
                      {"content", content},
                      {"requestStatusCode", code},
                      {"requestStatusName", good ? "success" : "fail"},
                      {"requestStatusDesc", good ? "accepted" : "refused"},
                      {"useSmsFailover", with_fallback}});
  }
  return answer_of_accepted(json{{"requestId", log_.current_request_id()},
                                 {"requestTime", time_text(now)},
                                 {"statusCode", "202"},
                                 {"statusName", "success"},
                                 {"messages", std::move(listed)}}
                                .dump(),
                            202);
}

/// Those that were completed in a span of time: on the phone at once or never.
fake_answer fake_api::sens_list(const query& filters) const {
  const auto from = parse_korea_time(value_of(filters, "completeStartTime"));
  const auto to = parse_korea_time(value_of(filters, "completeEndTime"));
  const std::size_t page_size = number_of(filters, "pageSize", 20);
  if (!from || !to || *to - *from > std::chrono::hours{24} || page_size == 0 ||
      page_size > page_max || value_of(filters, "plusFriendId").empty())
    return refused("bad request");
  json listed = json::array();
  json next;
  for (std::size_t i = number_of(filters, "nextToken", 0); i < log_.size(); ++i) {
    const instant at = log_.accepted_at(i);
    if (at < *from || at > *to)
      continue;
    if (listed.size() == page_size) {
      next = std::to_string(i);
      break;
    }
    const fake_message one = log_.at(i);
    const bool reached = arrives(one.phone);
    json message{{"requestId", one.request_id},
                 {"messageId", message_id(one.request_id, one.recipient_seq)},
                 {"to", one.phone},
                 {"completeTime", time_text(std::chrono::ceil<std::chrono::seconds>(at))},
                 {"messageStatusCode", reached ? "0000" : "3019"},
                 {"messageStatusName", reached ? "success" : "fail"},
                 {"messageStatusDesc", reached ? "success" : "no KakaoTalk"},
                 {"useSmsFailover", one.with_fallback}};
    if (!reached && one.with_fallback)
      message["failover"] = {{"messageStatusName", "success"}};
    listed.push_back(std::move(message));
  }
  if (listed.empty())
    return {.status = 404};
  return {.body = json{{"messages", std::move(listed)}, {"nextToken", next}}.dump()};
}

} // namespace paymentd::providers
