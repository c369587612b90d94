// The fake API's results of the messages that it accepted: on the phone at once, or, for
// unreachable numbers, never. As NHN tells them.
#include "tools/fake_alimtalk/fake_api.hpp"

#include "net/json_text.hpp"
#include "providers/message.hpp"
#include "tools/fake_alimtalk/nhn_words.hpp"
#include "tools/fake_alimtalk/query.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t page_max = 1000;
constexpr int bad_request = -4000;

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

/// The common part of both of NHN's lists for one message, behind other fields of it.
void fake_api::append_fate(std::string& out, const fake_message& message, instant accepted) const {
  const bool arrived = !message.as_sms && arrives(message.phone);
  const bool sms_arrived = message.as_sms || (!arrived && message.with_fallback);
  const char* const code = message.as_sms                 ? "3016"
                           : !arrived                     ? "3018"
                           : behaviour_.null_result_codes ? nullptr
                                                          : "1000";
  const char* const resend = sms_arrived ? "RSC04" : message.with_fallback ? "RSC02" : "RSC01";
  const json fate{{"requestDate", received_text(accepted)},
                  {"createDate", received_text(accepted)},
                  {"receiveDate", received_text(accepted)},
                  {"resendStatus", resend},
                  {"resendStatusName", nhn_resend_name(resend)},
                  {"messageStatus", arrived ? "COMPLETED" : "FAILED"},
                  {"resultCode", code ? json(code) : json()},
                  {"resultCodeName", code ? json(nhn_delivery_name(code)) : json()}};
  const std::string text = fate.dump();
  out.push_back(',');
  out.append(text, 1, text.size() - 2); // without its braces
}

/// Without totalCount, numbers and grouping keys, as NHN documents it.
fake_answer fake_api::nhn_results(const query& filters, bool only_count) const {
  const auto from = parse_korea_time(value_of(filters, "startUpdateDate"));
  const auto to = parse_korea_time(value_of(filters, "endUpdateDate"));
  const std::size_t page = number_of(filters, "pageNum", 1);
  const std::size_t page_size = number_of(filters, "pageSize", 15);
  if (!from || !to || page == 0 || page_size == 0 || page_size > page_max)
    return {.body = json{{"header",
                          {{"resultCode", bad_request},
                           {"resultMessage", nhn_message(bad_request)},
                           {"isSuccessful", false}}}}
                        .dump()};
  std::string out = R"({"header":{"resultCode":0,"resultMessage":"SUCCESS","isSuccessful":true})";
  if (!only_count)
    out.append(R"(,"messages":[)");
  std::size_t total = 0;
  std::size_t listed = 0;
  for (std::size_t i = 0; i < log_.size(); ++i) {
    const instant at = log_.accepted_at(i);
    if (at < *from || at > *to || total++ / page_size != page - 1 || only_count)
      continue;
    const fake_message one = log_.at(i);
    out.append(listed++ == 0 ? "{" : ",{");
    out.append(R"("requestId":)");
    net::append_json_string(out, one.request_id);
    out.append(R"(,"recipientSeq":)");
    net::append_number(out, one.recipient_seq);
    append_fate(out, one, at);
    out.push_back('}');
  }
  if (only_count)
    net::append_number(out.append(R"(,"totalCount":)"), total);
  else
    out.push_back(']');
  return {.body = out.append("}")};
}

} // namespace paymentd::providers
