// Goal: nothing counts as accepted that Aligo did not clearly say to be, though its status is
// always 200, and each answer is of the right class. Method: the pure functions against answers
// written by hand, good, bad and hostile; ids against a value made by another program.
#include "providers/aligo/aligo_outcome.hpp"

#include "tests/providers/example_call.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;

constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;

net::http_response response(std::string body, int status = 200) {
  net::http_response made;
  made.status = status;
  made.body = std::move(body);
  return made;
}

call_result outcome(const call& what, const std::string& body, int status = 200,
                    bool by_condition = false) {
  return aligo_call_result(what, response(body, status), "secret", by_condition);
}
call_result outcome(int recipients, const json& answer, int status = 200,
                    bool by_condition = false) {
  return outcome(example_call("k", recipients, {}), answer.dump(), status, by_condition);
}

json accepted_answer(int good, int bad = 0) {
  return {{"code", 0},
          {"message", "said Aligo"},
          {"info", {{"type", "AT"}, {"mid", 123456789}, {"scnt", good}, {"fcnt", bad}}}};
}
json refused_answer(int code, const char* message) {
  return {{"code", code}, {"message", message}};
}

template <class Result>
void expect_failure(const Result& result, failure_class kind, bool refused_content = false) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
  EXPECT_EQ(result.error().refused_content, refused_content);
  EXPECT_FALSE(result.error().reason.empty());
}

// Expected: printf '123456789/01012345678/0/1' | openssl dgst -sha256 -hmac secret, its first half
//           of 16 digits.
TEST(aligo_message_id, is_of_the_call_and_a_digest_of_the_number) {
  EXPECT_EQ(aligo_message_id("123456789", "01012345678", 0, 1, "secret"),
            "#123456789/f06c68e956f83534");
}

TEST(aligo_message_id, is_a_short_line_whatever_the_number_of_the_call) {
  const std::string id = aligo_message_id(std::string("1\0", 2) + std::string(10'000, '2'),
                                          "01012345678", 0, 1, "secret");
  EXPECT_TRUE(id.starts_with("#1 2"));
  EXPECT_LE(id.size(), 218u);
}

TEST(aligo_message_id, tells_calls_numbers_places_and_accounts_apart) {
  const std::set<std::string> all{aligo_message_id("1", "01012345678", 0, 1, "s"),
                                  aligo_message_id("2", "01012345678", 0, 1, "s"),
                                  aligo_message_id("1", "01012345679", 0, 1, "s"),
                                  aligo_message_id("1", "01012345678", 0, 2, "s"),
                                  aligo_message_id("1", "01012345678", 1, 2, "s"),
                                  aligo_message_id("1", "01012345678", 0, 1, "t")};
  EXPECT_EQ(all.size(), 6u);
}

TEST(aligo_outcome, a_call_that_is_accepted_gives_each_message_an_id) {
  const call_result result = outcome(2, accepted_answer(2));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id,
            aligo_message_id("123456789", "01010000001", 0, 1, "secret"));
  EXPECT_EQ(result->at(1)->provider_message_id,
            aligo_message_id("123456789", "01010000002", 0, 1, "secret"));
  json as_texts = accepted_answer(2);
  as_texts["code"] = "0";
  as_texts["info"]["mid"] = "123456789";
  as_texts["info"]["scnt"] = "2";
  as_texts["info"]["fcnt"] = "0";
  const call_result same = outcome(2, as_texts);
  ASSERT_TRUE(same) << "numbers may come as texts";
  EXPECT_EQ(same->at(0)->provider_message_id, result->at(0)->provider_message_id);
}

TEST(aligo_outcome, several_messages_to_one_number_have_ids_of_their_own) {
  call what = example_call("k", 3, {});
  what.recipients[2].event.phone = what.recipients[0].event.phone;
  const call_result result = outcome(what, accepted_answer(3).dump());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id,
            aligo_message_id("123456789", "01010000001", 0, 2, "secret"));
  EXPECT_EQ(result->at(2)->provider_message_id,
            aligo_message_id("123456789", "01010000001", 1, 2, "secret"));
}

TEST(aligo_outcome, numbers_that_are_refused_are_known_where_they_are_all) {
  const call_result alone = outcome(1, accepted_answer(0, 1));
  ASSERT_TRUE(alone);
  expect_failure(alone->at(0), failure_class::permanent);
  expect_failure(outcome(2, accepted_answer(0, 2)), failure_class::outage, true);
  const call_result some = outcome(2, accepted_answer(1, 1));
  ASSERT_TRUE(some) << "it does not say which: their results do";
  EXPECT_TRUE(some->at(0));
  EXPECT_TRUE(some->at(1));
}

TEST(aligo_outcome, a_code_refuses_the_call) {
  const call_result refused = outcome(2, refused_answer(-99, "템플릿 코드가 없습니다."));
  expect_failure(refused, failure_class::outage, true);
  EXPECT_EQ(refused.error().reason, "Aligo refused the call: -99 템플릿 코드가 없습니다.");
  expect_failure(outcome(2, refused_answer(-99, "템플릿 코드가 없습니다."), 200, true),
                 failure_class::transient);
  expect_failure(outcome(1, refused_answer(509, "said Aligo")), failure_class::outage, true);
  for (const bool by_condition : {false, true}) {
    expect_failure(outcome(2, refused_answer(-101, "인증오류입니다."), 200, by_condition),
                   failure_class::outage);
    expect_failure(outcome(2, refused_answer(-99, "포인트가 부족합니다."), 200, by_condition),
                   failure_class::outage);
  }
}

TEST(aligo_outcome, a_success_that_is_not_clearly_one_is_unknown) {
  json no_mid = accepted_answer(1);
  no_mid["info"].erase("mid");
  expect_failure(outcome(1, no_mid), failure_class::unknown);
  const std::string whole = accepted_answer(1).dump();
  for (const std::string& bad :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("<html></html>"),
        std::string("null"), std::string("[]"), std::string("{}"), std::string("0"),
        std::string(R"({"code":0})"), std::string(R"({"code":0.5})"),
        std::string(R"({"code":"0x"})"), std::string(R"({"code":null})"),
        std::string(100'000, '[')})
    expect_failure(outcome(example_call("k", 1, {}), bad), failure_class::unknown);
}

TEST(aligo_outcome, another_status_is_a_gateways) {
  expect_failure(outcome(1, accepted_answer(1), 429), failure_class::throttled);
  expect_failure(outcome(1, accepted_answer(1), 500), failure_class::outage);
  expect_failure(outcome(1, accepted_answer(1), 502), failure_class::unknown);
  expect_failure(outcome(1, accepted_answer(1), 302), failure_class::outage);
}

json message(const char* id, const char* phone, const char* result) {
  return {{"msgid", id},    {"phone", phone},
          {"status", "3"},  {"rsltdate", "2026-11-22 23:05:10"},
          {"rslt", result}, {"rslt_message", "said Aligo"},
          {"smid", "0"},    {"type", "AT"}};
}

std::vector<final_result> results_of(const std::vector<json>& messages) {
  const auto read = aligo_final_results(response(json{{"code", 0}, {"list", messages}}.dump()), "7",
                                        "secret", evening);
  return read ? *read : std::vector<final_result>{};
}

TEST(aligo_results, only_0_and_an_sms_that_went_out_are_reached) {
  json by_sms = message("3", "01010000003", "A");
  by_sms["smid"] = 77;
  json no_number = message("4", "01010000004", "");
  no_number["status"] = 2;
  const auto results = results_of(
      {message("1", "010-1000-0001", "0"), message("2", "01010000002", "U"), by_sms, no_number});
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[0].provider_message_id, aligo_message_id("7", "01010000001", 0, 1, "secret"));
  EXPECT_TRUE(results[0].reached);
  EXPECT_EQ(results[0].channel, message_channel::alimtalk);
  EXPECT_EQ(results[0].at, evening + 5min + 10s);
  EXPECT_FALSE(results[1].reached);
  EXPECT_EQ(results[1].reason, "Aligo: U said Aligo");
  EXPECT_EQ(results[1].channel, std::nullopt);
  EXPECT_TRUE(results[2].reached);
  EXPECT_EQ(results[2].channel, message_channel::sms);
  EXPECT_FALSE(results[3].reached);
  EXPECT_EQ(results[3].reason, "Aligo: no such number said Aligo");
}

TEST(aligo_results, what_may_still_change_is_not_told) {
  EXPECT_TRUE(
      results_of({message("1", "01010000001", ""), message("Q2", "01010000002", "0"),
                  message("3", "01010000003", "5"), message("4", "01010000004", "6"), json(7)})
          .empty());
}

TEST(aligo_results, messages_to_one_number_are_told_apart_by_the_order_of_their_ids) {
  const auto results =
      results_of({message("12", "01010000001", "A"), message("9", "01010000001", "0")});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].provider_message_id, aligo_message_id("7", "01010000001", 0, 2, "secret"));
  EXPECT_TRUE(results[0].reached) << "9 comes before 12";
  EXPECT_EQ(results[1].provider_message_id, aligo_message_id("7", "01010000001", 1, 2, "secret"));
  EXPECT_FALSE(results[1].reached);
}

TEST(aligo_results, a_call_that_is_not_known_has_none_and_bad_answers_tell_nothing) {
  const auto unknown = aligo_final_results(response(refused_answer(-99, "no such mid").dump()), "7",
                                           "secret", evening);
  ASSERT_TRUE(unknown);
  EXPECT_TRUE(unknown->empty());
  for (const std::string& bad :
       {std::string(), std::string("<html>"), std::string("null"), std::string(100'000, '[')}) {
    EXPECT_FALSE(aligo_final_results(response(bad), "7", "secret", evening)) << bad;
    EXPECT_FALSE(aligo_calls(response(bad))) << bad;
  }
  EXPECT_EQ(aligo_calls(response("{}", 429)).error().kind, failure_class::throttled);
  const auto refused = aligo_calls(response(refused_answer(-101, "인증오류입니다.").dump()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "Aligo refused the list of calls: -101 인증오류입니다.");
}

TEST(aligo_results, the_list_of_calls_is_read_by_either_name_of_its_times) {
  const auto list = aligo_calls(response(R"({"code":"0","list":[
      {"mid":"8","type":"AT","regdate":"2026-11-22 23:05:10"},
      {"mid":7,"type":"AT","reg_date":"2026-11-22 23:05:09"}],"totalPage":"3"})"));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->pages, 3u);
  ASSERT_EQ(list->calls.size(), 2u);
  EXPECT_EQ(list->calls[0].mid, "8");
  EXPECT_EQ(list->calls[0].requested_at, "2026-11-22 23:05:10");
  EXPECT_EQ(list->calls[1].mid, "7");
  EXPECT_EQ(list->calls[1].requested_at, "2026-11-22 23:05:09");
}

} // namespace
} // namespace paymentd::providers
