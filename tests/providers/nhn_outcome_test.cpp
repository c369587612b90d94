// Goal: nothing counts as accepted that was not clearly said to be, and each answer is of the right
// class. Method: the pure functions against answers written by hand, good, bad and hostile.
#include "providers/nhn/nhn_outcome.hpp"

#include "providers/nhn/nhn_json.hpp"
#include "tests/providers/example_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;
using testing::HasSubstr;

json header(int code, bool successful) {
  return {{"resultCode", code}, {"resultMessage", "said NHN"}, {"isSuccessful", successful}};
}

json result_of(int i, int code = 0) {
  return {{"recipientSeq", i},
          {"recipientNo", "010" + std::to_string(10'000'000 + i)},
          {"resultCode", code},
          {"resultMessage", code == 0 ? "success" : "said NHN"},
          {"recipientGroupingKey", "alimtalk-" + std::to_string(i)}};
}

json accepted_call(const std::vector<json>& results) {
  return {{"header", header(0, true)}, {"message", {{"requestId", "R"}, {"sendResults", results}}}};
}

net::http_response response(std::string body, int status = 200) {
  net::http_response made;
  made.status = status;
  made.body = std::move(body);
  return made;
}

call_result outcome(int recipients, const json& answer, int status = 200) {
  return nhn_call_result(example_call("k", recipients, {}), response(answer.dump(), status));
}

void expect_failure(const call_result& result, failure_class kind, bool refused_content = false) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
  EXPECT_EQ(result.error().refused_content, refused_content);
  EXPECT_FALSE(result.error().never_written);
  EXPECT_FALSE(result.error().reason.empty());
}

void expect_failure(const recipient_result& result, failure_class kind) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
}

TEST(nhn_outcome, each_accepted_message_has_the_request_and_its_place_as_its_id) {
  const call_result result = outcome(2, accepted_call({result_of(1), result_of(2)}));
  ASSERT_TRUE(result);
  ASSERT_EQ(result->size(), 2u);
  EXPECT_EQ(result->at(0)->provider_message_id, "R/1");
  EXPECT_EQ(result->at(1)->provider_message_id, "R/2");
}

TEST(nhn_outcome, results_are_matched_by_grouping_key_whatever_their_order) {
  const call_result result =
      outcome(3, accepted_call({result_of(3), result_of(1, -5000), result_of(2)}));
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::permanent);
  EXPECT_EQ(result->at(0).error().reason, "NHN refused the message: -5000 said NHN");
  EXPECT_EQ(result->at(1)->provider_message_id, "R/2");
  EXPECT_EQ(result->at(2)->provider_message_id, "R/3");
}

TEST(nhn_outcome, one_messages_failure_has_the_class_of_its_code) {
  const call_result result =
      outcome(5, accepted_call({result_of(1), result_of(2, -5000), result_of(3, -7000),
                                result_of(4, -9999), result_of(5, -3010)}));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  expect_failure(result->at(1), failure_class::permanent);
  expect_failure(result->at(2), failure_class::transient);
  expect_failure(result->at(3), failure_class::unknown); // maybe behind the acceptance
  expect_failure(result->at(4), failure_class::outage);  // the template's, not this customer's
}

TEST(nhn_outcome, a_message_without_a_result_is_unknown_and_the_others_stand) {
  const call_result result = outcome(3, accepted_call({result_of(1), result_of(3)}));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  expect_failure(result->at(1), failure_class::unknown);
  EXPECT_TRUE(result->at(2));
}

TEST(nhn_outcome, results_for_strangers_count_for_nobody) {
  const call_result result = outcome(2, accepted_call({result_of(7), result_of(2)}));
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::unknown);
  EXPECT_TRUE(result->at(1));
  expect_failure(outcome(2, accepted_call({result_of(7), result_of(8)})), failure_class::unknown);
}

TEST(nhn_outcome, contradicting_results_for_a_message_are_unknown) {
  const call_result result =
      outcome(2, accepted_call({result_of(1), result_of(2), result_of(1, -5000)}));
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::unknown);
  EXPECT_TRUE(result->at(1));
}

TEST(nhn_outcome, without_grouping_keys_a_message_is_known_by_place_and_number_or_not_at_all) {
  json first = result_of(1, -5000);
  json second = result_of(2);
  first.erase("recipientGroupingKey");
  second["recipientGroupingKey"] = nullptr;
  const call_result whole = outcome(2, accepted_call({second, first}));
  ASSERT_TRUE(whole);
  expect_failure(whole->at(0), failure_class::permanent);
  EXPECT_EQ(whole->at(1)->provider_message_id, "R/2");

  expect_failure(outcome(3, accepted_call({first, second})), failure_class::unknown);
  expect_failure(outcome(2, accepted_call({second, second})), failure_class::unknown);
  first["recipientNo"] = "01099999999";
  expect_failure(outcome(2, accepted_call({first, second})), failure_class::unknown);
}

TEST(nhn_outcome, a_success_without_request_results_or_codes_is_unknown) {
  json no_id = accepted_call({result_of(1)});
  no_id["message"].erase("requestId");
  expect_failure(outcome(1, no_id), failure_class::unknown);
  expect_failure(outcome(1, accepted_call({})), failure_class::unknown);
  expect_failure(outcome(1, {{"header", header(0, true)}}), failure_class::unknown);
  expect_failure(outcome(1, {{"header", header(0, true)}, {"message", nullptr}}),
                 failure_class::unknown);
  json no_code = result_of(1);
  no_code["resultCode"] = "0";
  const call_result result = outcome(1, accepted_call({no_code}));
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::unknown);
}

TEST(nhn_outcome, what_cannot_be_read_or_contradicts_itself_is_unknown) {
  const call what = example_call("k", 1, {});
  const std::string good = accepted_call({result_of(1)}).dump();
  ASSERT_TRUE(nhn_call_result(what, response(good)));
  for (std::size_t size = 0; size < good.size(); ++size)
    expect_failure(nhn_call_result(what, response(good.substr(0, size))), failure_class::unknown);
  for (const char* bad : {"[]", "1", "\"\"", "null", "{}", "<html></html>", "{\"header\":[]}",
                          "{\"header\":{\"resultCode\":0}}", "{\"header\":{\"isSuccessful\":true}}",
                          "{\"header\":{\"resultCode\":\"0\",\"isSuccessful\":\"true\"}}"})
    expect_failure(nhn_call_result(what, response(bad)), failure_class::unknown);
  expect_failure(nhn_call_result(what, response(std::string(100'000, '['))),
                 failure_class::unknown);
  json contradiction = accepted_call({result_of(1)});
  contradiction["header"] = header(-5000, true);
  expect_failure(outcome(1, contradiction), failure_class::unknown);
  contradiction["header"] = header(0, false);
  expect_failure(outcome(1, contradiction), failure_class::unknown);
}

TEST(nhn_outcome, fields_count_only_in_their_own_place) {
  json answer = accepted_call({result_of(1)});
  answer["resultCode"] = -1;
  answer["other"] = {{"header", header(-1000, false)}, {"requestId", "wrong"}};
  answer["message"]["more"] = {{"requestId", "wrong"},
                               {"sendResults", json::array({result_of(1, -5000)})}};
  answer["message"]["sendResults"][0]["more"] = {{"resultCode", -5000}, {"recipientSeq", 9}};
  answer["message"]["sendResults"][0]["zlist"] = {{{"resultCode", -5000}}, {1, 2}};
  const call_result result = outcome(1, answer);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id, "R/1");
}

TEST(nhn_outcome, a_refused_call_has_the_class_of_its_code) {
  for (const int code : {-1000, -1001, -1027, -3003, -3004, -3005, -3010, -7000, -9999})
    expect_failure(outcome(2, {{"header", header(code, false)}}), failure_class::outage);
  expect_failure(outcome(2, {{"header", header(-1005, false)}}), failure_class::seen);
  for (const int code : {-5000, -4000, 17}) {
    expect_failure(outcome(2, {{"header", header(code, false)}}), failure_class::outage, true);
    expect_failure(outcome(1, {{"header", header(code, false)}}),
                   code == -5000 ? failure_class::permanent : failure_class::outage, true);
  }
}

TEST(nhn_outcome, a_template_that_every_message_was_refused_for_is_an_outage_of_the_call) {
  expect_failure(outcome(2, accepted_call({result_of(1, -3003), result_of(2, -3003)})),
                 failure_class::outage);
}

TEST(nhn_outcome, http_statuses_have_their_classes) {
  for (const int status : {301, 302, 307, 308, 401, 403, 404, 405, 408, 409, 500, 501, 503})
    expect_failure(nhn_call_result(example_call("k", 2, {}), response("x", status)),
                   failure_class::outage);
  for (const int status : {400, 413, 422})
    expect_failure(nhn_call_result(example_call("k", 2, {}), response("x", status)),
                   failure_class::outage, true);
  for (const int status : {502, 504, 520, 524})
    expect_failure(nhn_call_result(example_call("k", 2, {}), response("x", status)),
                   failure_class::unknown);
  expect_failure(outcome(1, {{"header", header(-5000, false)}}, 400), failure_class::permanent,
                 true);
  expect_failure(outcome(1, {{"header", header(-1005, false)}}, 409), failure_class::seen);
}

TEST(nhn_outcome, a_success_in_a_refused_status_accepts_nothing) {
  for (const int status : {302, 400, 404, 429, 500, 502})
    EXPECT_FALSE(outcome(1, accepted_call({result_of(1)}), status)) << status;
}

TEST(nhn_outcome, throttled_says_how_long) {
  net::http_response busy = response("", 429);
  busy.retry_after = std::chrono::seconds{3};
  const call_result result = nhn_call_result(example_call("k", 1, {}), busy);
  expect_failure(result, failure_class::throttled);
  EXPECT_EQ(result.error().retry_after, std::chrono::seconds{3});
}

TEST(nhn_outcome, a_request_that_was_not_written_is_an_outage_and_says_so) {
  const auto failed = [](net::http_error::kind what, bool written) {
    return nhn_call_result(example_call("k", 1, {}),
                           std::unexpected(net::http_error{what, written, "why"}));
  };
  const call_result refused = failed(net::http_error::kind::not_connected, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, failure_class::outage);
  EXPECT_TRUE(refused.error().never_written);
  EXPECT_EQ(refused.error().reason, "why");
  expect_failure(failed(net::http_error::kind::too_slow, true), failure_class::unknown);
  expect_failure(failed(net::http_error::kind::lost, true), failure_class::unknown);
  expect_failure(failed(net::http_error::kind::malformed, true), failure_class::unknown);
  expect_failure(failed(net::http_error::kind::stopped, true), failure_class::unknown);
  expect_failure(failed(net::http_error::kind::stopped, false), failure_class::unknown);
}

TEST(nhn_outcome, nhns_words_are_cut_and_made_one_line) {
  json answer{{"header", header(-1000, false)}};
  answer["header"]["resultMessage"] = "two\nlines " + std::string(189, 'x') + "원원";
  const call_result result = outcome(1, answer);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason,
            "NHN refused the call: -1000 two lines " + std::string(189, 'x'));
}

TEST(nhn_search, a_page_gives_the_ids_by_grouping_key) {
  const json listed{{"requestId", "R"},
                    {"recipientSeq", 2},
                    {"recipientGroupingKey", "alimtalk-2"},
                    {"resultCode", "1000"}};
  const auto page = nhn_search_page(response(json{
      {"header", header(0, true)},
      {"messageSearchResultResponse",
       {{"messages", {listed, json{{"requestId", "R"}}}},
        {"totalCount", 2}}}}.dump()));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->listed, 2u);
  EXPECT_EQ(page->total, 2u);
  ASSERT_EQ(page->found.size(), 1u);
  EXPECT_EQ(page->found.at("alimtalk-2").message, found_message{"R/2"});
}

TEST(nhn_search, a_message_that_is_listed_as_failed_was_not_sent) {
  const json listed{{"requestId", "R"},
                    {"recipientSeq", 1},
                    {"recipientNo", "01012345678"},
                    {"recipientGroupingKey", "alimtalk-1"},
                    {"messageStatus", "FAILED"},
                    {"resultCode", "3018"},
                    {"resultCodeName", "no KakaoTalk"}};
  const auto page = nhn_search_page(
      response(json{{"header", header(0, true)},
                    {"messageSearchResultResponse", {{"messages", {listed}}, {"totalCount", 1}}}}
                   .dump()));
  ASSERT_TRUE(page);
  const nhn_found& found = page->found.at("alimtalk-1");
  EXPECT_EQ(found.phone, "01012345678");
  EXPECT_EQ(found.message.failed, "NHN: FAILED 3018 no KakaoTalk");
}

TEST(nhn_search, a_message_that_failed_for_no_reason_of_its_recipient_was_not_sent) {
  const auto found = [](const char* status, const char* code, const char* resend) {
    const json listed{{"requestId", "R"},
                      {"recipientSeq", 1},
                      {"recipientNo", "01012345678"},
                      {"recipientGroupingKey", "alimtalk-1"},
                      {"messageStatus", status},
                      {"resultCode", code},
                      {"resendStatus", resend}};
    return nhn_search_page(response(
        json{{"header", header(0, true)}, {"messageSearchResultResponse", {{"messages", {listed}}}}}
            .dump()));
  };
  EXPECT_TRUE(found("FAILED", "3013", "RSC01")->found.empty()) << "it is to be sent";
  for (const char* resend : {"RSC02", "RSC03", "RSC04"})
    EXPECT_EQ(found("FAILED", "3018", resend)->found.at("alimtalk-1").message.provider_message_id,
              "R/1")
        << resend << ": the SMS goes, went or arrived";
  EXPECT_EQ(found("FAILED", "3018", "RSC04")->found.at("alimtalk-1").message.channel,
            message_channel::sms);
  EXPECT_NE(found("FAILED", "3018", "RSC05")->found.at("alimtalk-1").message.failed, "");
}

json all_refused(const std::vector<json>& results) {
  return {{"header", header(-1031, false)},
          {"message", {{"requestId", nullptr}, {"sendResults", results}}}};
}

TEST(nhn_outcome, a_lone_message_is_failed_only_for_what_is_its_recipients) {
  const auto alone = [](int code) { return outcome(1, all_refused({result_of(1, code)})); };
  const auto bad_number = outcome(2, all_refused({result_of(1, -5000), result_of(2, -5000)}));
  ASSERT_TRUE(bad_number);
  expect_failure(bad_number->at(0), failure_class::permanent);
  const auto one = alone(-5000);
  ASSERT_TRUE(one);
  expect_failure(one->at(0), failure_class::permanent);
  EXPECT_THAT(one->at(0).error().reason, HasSubstr("-5000"));
  for (const int code : {4, -1000, -1001, -1002, -1003, -1014, -1030, -2017, -2502, -3005, -4005})
    expect_failure(alone(code), failure_class::outage);
  expect_failure(alone(-1017), failure_class::throttled);
  expect_failure(alone(-7000), failure_class::outage);
  expect_failure(alone(-4711), failure_class::outage, true); // not on any list: others decide
}

TEST(nhn_outcome, an_unlisted_code_beside_an_accepted_message_is_the_messages_own) {
  const auto mixed = outcome(2, accepted_call({result_of(1), result_of(2, -4711)}));
  ASSERT_TRUE(mixed);
  expect_failure(mixed->at(1), failure_class::permanent);
  const auto none = outcome(2, all_refused({result_of(1, -5000), result_of(2, -4711)}));
  ASSERT_TRUE(none);
  expect_failure(none->at(1), failure_class::transient);
}

TEST(nhn_outcome, what_was_refused_before_it_was_registered_is_in_no_doubt) {
  const auto refused = outcome(1, all_refused({result_of(1, -7000)}));
  expect_failure(refused, failure_class::outage);
  EXPECT_FALSE(refused.error().may_follow_acceptance);
  const auto registered = outcome(2, accepted_call({result_of(1), result_of(2, -9999)}));
  ASSERT_TRUE(registered);
  expect_failure(registered->at(1), failure_class::unknown);
  const auto again = outcome(2, accepted_call({result_of(1), result_of(2, -1005)}));
  ASSERT_TRUE(again);
  expect_failure(again->at(1), failure_class::seen);
}

TEST(nhn_outcome, a_template_for_some_messages_that_is_refused_is_their_fault_alone) {
  const auto by_condition = [](const json& answer, int recipients, int status = 200) {
    return nhn_call_result(example_call("k", recipients, {}), response(answer.dump(), status),
                           {.by_condition = true});
  };
  for (const int code : {-3003, -3004, -3005, -3010}) {
    const json whole{{"header", header(code, false)}};
    expect_failure(by_condition(whole, 2), failure_class::transient);
    expect_failure(by_condition(all_refused({result_of(1, code), result_of(2, code)}), 2),
                   failure_class::transient);
    expect_failure(outcome(2, whole), failure_class::outage);
    const auto one = by_condition(accepted_call({result_of(1), result_of(2, code)}), 2);
    ASSERT_TRUE(one);
    EXPECT_TRUE(one->at(0));
    expect_failure(one->at(1), failure_class::transient);
    // Another status may follow an acceptance.
    const auto in_doubt = by_condition(whole, 2, 400);
    expect_failure(in_doubt, failure_class::outage);
    EXPECT_TRUE(in_doubt.error().may_follow_acceptance);
  }
  expect_failure(by_condition({{"header", header(-1001, false)}}, 2), failure_class::outage);
  expect_failure(by_condition({{"header", header(-1027, false)}}, 2), failure_class::outage);
}

TEST(nhn_outcome, what_went_as_an_sms_is_not_sent_again) {
  const auto falls_back = [](const json& answer) {
    return nhn_call_result(example_call("k", 1, {}), response(answer.dump()), {.falls_back = true});
  };
  for (const int code : {-3010, -3011, -3042, -3043, -3046}) {
    const auto sent = falls_back(all_refused({result_of(1, code)}));
    ASSERT_TRUE(sent) << code;
    EXPECT_TRUE(sent->at(0).has_value()) << code;
    EXPECT_FALSE(outcome(1, all_refused({result_of(1, code)}))) << "no fallback was asked for";
  }
}

TEST(nhn_outcome, only_an_answer_that_proves_a_refusal_gives_the_key_up) {
  const auto after = [](const json& answer, int status) {
    return outcome(1, answer, status).error().may_follow_acceptance;
  };
  for (const int status : {404, 500, 502, 503})
    EXPECT_TRUE(
        nhn_call_result(example_call("k", 1, {}), response("<html>", status))
            .error()
            .may_follow_acceptance ||
        nhn_call_result(example_call("k", 1, {}), response("<html>", status)).error().kind ==
            failure_class::unknown)
        << status;
  EXPECT_TRUE(after({{"header", header(-1001, false)}}, 403));
  EXPECT_TRUE(after({{"header", header(-9999, false)}}, 200));
  EXPECT_FALSE(after({{"header", header(-1001, false)}}, 200));
  EXPECT_FALSE(after({{"header", header(-5000, false)}}, 400));
}

TEST(nhn_search, no_failure_of_a_search_is_unknown) {
  EXPECT_EQ(nhn_search_page(response("", 504)).error().kind, failure_class::outage);
  EXPECT_EQ(nhn_search_page(response("", 429)).error().kind, failure_class::throttled);
  EXPECT_EQ(nhn_search_page(response("garbage")).error().kind, failure_class::outage);
  EXPECT_EQ(nhn_search_page(response(json{{"header", header(-1000, false)}}.dump())).error().kind,
            failure_class::outage);
  EXPECT_EQ(
      nhn_search_page(std::unexpected(net::http_error{net::http_error::kind::lost, true, "why"}))
          .error()
          .kind,
      failure_class::outage);
}

} // namespace
} // namespace paymentd::providers
