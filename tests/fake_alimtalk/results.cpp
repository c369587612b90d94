// What the fake API tells of the messages that it accepted: on the phone at once, or, for
// unreachable numbers, never. In NHN's words and in Solapi's.
#include "tests/fake_alimtalk/fake_api.hpp"

#include "alimtalk/message.hpp"
#include "alimtalk/utc_text.hpp"
#include "tests/fake_alimtalk/query.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace paymentd::alimtalk {
namespace {

using json = nlohmann::json;

constexpr std::size_t page_max = 1000;

/// The second after the acceptance: NHN tells no parts of a second, and nothing arrives before it
/// was accepted.
std::string received_text(instant accepted) {
  const instant at = std::chrono::ceil<std::chrono::seconds>(accepted);
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()) % 60;
  const std::string digits = std::to_string(100 + second.count()).substr(1);
  return korea_time_text(at) + ":" + digits + ".0";
}

} // namespace

bool fake_api::arrives(std::string_view phone) const {
  return std::ranges::find(behaviour_.unreachable_numbers, phone) ==
         behaviour_.unreachable_numbers.end();
}

fake_answer fake_api::nhn_results(const query& filters) const {
  const auto from = parse_korea_time(value_of(filters, "startUpdateDate"));
  const auto to = parse_korea_time(value_of(filters, "endUpdateDate"));
  const std::size_t page = number_of(filters, "pageNum", 1);
  const std::size_t page_size = number_of(filters, "pageSize", 15);
  if (!from || !to || page == 0 || page_size == 0 || page_size > page_max)
    return {.body = json{{"header", {{"resultCode", -4000}, {"isSuccessful", false}}}}.dump()};
  json messages = json::array();
  std::size_t total = 0;
  for (std::size_t i = 0; i < log_.size(); ++i) {
    const instant at = log_.accepted_at(i);
    if (at < *from || at > *to)
      continue;
    if (total++ / page_size != page - 1)
      continue;
    const fake_message one = log_.at(i);
    const bool reached = arrives(one.phone);
    messages.push_back({{"requestId", one.request_id},
                        {"recipientSeq", one.recipient_seq},
                        {"recipientNo", one.phone},
                        {"recipientGroupingKey", one.recipient_grouping_key},
                        {"receiveDate", received_text(at)},
                        {"messageStatus", reached ? "COMPLETED" : "FAILED"},
                        {"resultCode", reached ? "1000" : "3018"},
                        {"resultCodeName", reached ? "success" : "cannot be delivered"}});
  }
  return {.body = json{{"header",
                        {{"resultCode", 0}, {"resultMessage", "success"}, {"isSuccessful", true}}},
                       {"messageSearchResultResponse",
                        {{"messages", std::move(messages)}, {"totalCount", total}}}}
                      .dump()};
}

fake_answer fake_api::solapi_list(const query& filters) const {
  const auto from = parse_utc(value_of(filters, "startDate"));
  const auto to = parse_utc(value_of(filters, "endDate"));
  const std::size_t limit = number_of(filters, "limit", 20);
  if (!from || !to || limit == 0 || value_of(filters, "dateType") != "UPDATED")
    return {.status = 400, .body = R"({"errorCode":"ValidationError","errorMessage":"refused"})"};
  json messages = json::object();
  json next;
  for (std::size_t i = number_of(filters, "startKey", 0); i < log_.size(); ++i) {
    const instant at = log_.accepted_at(i);
    if (at < *from || at > *to)
      continue;
    if (messages.size() == limit) {
      next = std::to_string(i);
      break;
    }
    const fake_message one = log_.at(i);
    const bool reached = arrives(one.phone);
    messages["M" + std::to_string(i)] = {
        {"groupId", one.request_id},
        {"to", one.phone},
        {"statusCode", reached ? "4000" : "3104"},
        {"reason", reached ? json() : json("no KakaoTalk")},
        {"dateReceived", reached ? json(utc_text(at)) : json()},
        {"customFields", {{"deliveryId", one.recipient_grouping_key}}}};
  }
  return {.body = json{{"limit", limit}, {"messageList", messages}, {"nextKey", next}}.dump()};
}

} // namespace paymentd::alimtalk
