// The fake API's face of Aligo: forms, a status of 200 whatever happened, results by history.
#include "tools/fake_alimtalk/fake_api.hpp"

#include "domain/model.hpp"
#include "providers/message.hpp"
#include "tools/fake_alimtalk/query.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

constexpr std::size_t recipients_max = 500;
constexpr std::size_t page_min = 50;
constexpr std::size_t page_max = 500;
constexpr int no_credentials = -101;
constexpr int refused_code = -99; // of nearly everything

fake_answer refused(int code, std::string_view message) {
  return {.body = json{{"code", code}, {"message", message}}.dump()};
}

/// A request's number, of the id that the log gives it ("fake-7").
std::string mid_of(std::string_view request_id) {
  return std::string(request_id.substr(request_id.find('-') + 1));
}

std::string time_text(instant at) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch() % 60;
  return korea_time_text(at) + ":" + std::to_string(100 + second.count()).substr(1);
}

std::string day_text(instant at) {
  std::string day = korea_time_text(at).substr(0, 10);
  std::erase(day, '-');
  return day;
}

struct listed_call {
  std::string request_id;
  instant at;
  std::size_t messages = 0;
};

} // namespace

fake_answer fake_api::aligo(const fake_request& request, std::string_view path) {
  const bool is_send = path == "/akv10/alimtalk/send/";
  ++(is_send ? calls_ : searches_);
  if (is_send)
    last_body_.assign(request.body);
  fake_answer answer;
  const query form = parse_query("?" + std::string(request.body));
  if (std::optional<fake_answer> failed = fail_on_demand()) {
    answer = *std::move(failed);
    answer.body = "<html>error</html>";
  } else if (value_of(form, "apikey") != secret_ || value_of(form, "userid").empty()) {
    answer = refused(no_credentials, "인증오류입니다.");
  } else if (is_send) {
    answer = aligo_send(form, now_());
  } else if (path == "/akv10/history/list/") {
    answer = aligo_calls(form);
  } else if (path == "/akv10/history/detail/") {
    answer = aligo_messages(form);
  } else {
    answer.status = 404;
  }
  answer.latency = behaviour_.latency;
  return answer;
}

fake_answer fake_api::aligo_send(const query& form, instant now) {
  // By name: a form has thousands of fields.
  std::unordered_map<std::string_view, std::string_view> fields;
  for (const auto& [name, value] : form)
    fields.emplace(name, value);
  const auto field = [&](const std::string& name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view{} : found->second;
  };
  std::size_t count = 0;
  while (!field("receiver_" + std::to_string(count + 1)).empty())
    ++count;
  for (const char* needed : {"senderkey", "tpl_code", "sender"})
    if (field(needed).empty())
      return refused(refused_code, std::string("no ") + needed);
  if (behaviour_.result_code != 0)
    return refused(behaviour_.result_code, "refused");
  if (count == 0 || count > recipients_max)
    return refused(refused_code, "a bad number of receivers");
  for (std::size_t i = 1; i <= count; ++i) {
    const std::string number = std::to_string(i);
    if (field("message_" + number).empty() || field("subject_" + number).empty() ||
        (behaviour_.poison_refuses_call && is_poison(field("receiver_" + number))))
      return refused(refused_code, "a bad message");
  }
  log_.begin_call("", now);
  std::size_t bad = 0;
  for (std::size_t i = 1; i <= count; ++i) {
    const std::string number = std::to_string(i);
    const std::string_view phone = field("receiver_" + number);
    const std::string_view key = field("subject_" + number);
    if (valid_phone(phone) && !is_poison(phone) && key.size() <= received_log::key_bytes_max)
      log_.append(key, phone, static_cast<int>(i), field("failover") == "Y");
    else
      ++bad;
  }
  return answer_of_accepted(json{{"code", 0},
                                 {"message", "성공적으로 전송요청 하였습니다."},
                                 {"info",
                                  {{"type", "AT"},
                                   {"mid", mid_of(log_.current_request_id())},
                                   {"scnt", count - bad},
                                   {"fcnt", bad}}}}
                                .dump(),
                            200);
}

/// The calls of some days, newest first.
fake_answer fake_api::aligo_calls(const query& form) const {
  const std::string first = value_of(form, "startdate");
  const std::string last = value_of(form, "enddate");
  const std::size_t page = number_of(form, "page", 1);
  const std::size_t limit = number_of(form, "limit", page_min);
  if (page == 0 || limit < page_min || limit > page_max || first.size() != 8 || last.size() != 8)
    return refused(refused_code, "bad request");
  std::vector<listed_call> calls;
  for (std::size_t i = 0; i < log_.size(); ++i) {
    const fake_message one = log_.at(i);
    const std::string day = day_text(log_.accepted_at(i));
    if (day < first || day > last)
      continue;
    if (calls.empty() || calls.back().request_id != one.request_id)
      calls.push_back({.request_id = one.request_id, .at = log_.accepted_at(i)});
    ++calls.back().messages;
  }
  std::ranges::reverse(calls);
  json listed = json::array();
  for (std::size_t i = (page - 1) * limit; i < std::min(calls.size(), page * limit); ++i)
    listed.push_back({{"mid", mid_of(calls[i].request_id)},
                      {"type", "AT"},
                      {"msg_count", std::to_string(calls[i].messages)},
                      {"regdate", time_text(calls[i].at)}});
  return {.body = json{{"code", 0},
                       {"message", "정상적으로 호출하였습니다."},
                       {"list", std::move(listed)},
                       {"currentPage", std::to_string(page)},
                       {"totalPage", std::to_string((calls.size() + limit - 1) / limit)},
                       {"totalCount", std::to_string(calls.size())}}
                      .dump()};
}

/// The messages of a call: on the phone at once or never, and then by SMS where that was asked for.
fake_answer fake_api::aligo_messages(const query& form) const {
  json listed = json::array();
  for (const std::size_t index : log_.with_request_id("fake-" + value_of(form, "mid"))) {
    const fake_message one = log_.at(index);
    const bool reached = arrives(one.phone);
    const std::string at =
        time_text(std::chrono::ceil<std::chrono::seconds>(log_.accepted_at(index)));
    listed.push_back({{"msgid", std::to_string(1'000'000 + index)},
                      {"type", "AT"},
                      {"phone", one.phone},
                      {"status", "3"},
                      {"reqdate", at},
                      {"sentdate", at},
                      {"rsltdate", at},
                      {"reportdate", at},
                      {"rslt", reached ? "0" : "A"},
                      {"rslt_message", reached ? "성공" : "카카오톡 미사용자"},
                      {"smid", !reached && one.with_fallback ? "77" : "0"}});
  }
  return {.body = json{{"code", 0},
                       {"message", "정상적으로 호출하였습니다."},
                       {"list", std::move(listed)},
                       {"currentPage", "1"},
                       {"totalPage", "1"}}
                      .dump()};
}

} // namespace paymentd::providers
