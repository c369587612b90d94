// Goal: what finally became of accepted messages is told as it is, and what may still change is not
// told yet. Method: both adapters against fake-alimtalk over real sockets, page by page; then the
// pure functions against answers written by hand.
#include "providers/nhn/nhn_outcome.hpp"
#include "providers/nhn/nhn_provider.hpp"
#include "providers/solapi/solapi_outcome.hpp"
#include "providers/solapi/solapi_provider.hpp"

#include "net/utc_text.hpp"
#include "providers/log/log_provider.hpp"
#include "providers/message.hpp"
#include "tests/providers/example_call.hpp"
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <future>
#include <map>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;

constexpr auto long_time = 10s;
constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;

template <class Result, class Begin>
Result wait(Begin begin) {
  auto promise = std::make_shared<std::promise<Result>>();
  auto result = promise->get_future();
  begin([promise](Result given) { promise->set_value(std::move(given)); });
  if (result.wait_for(2 * long_time) != std::future_status::ready)
    throw std::runtime_error("no answer at all");
  return result.get();
}

results_answer ask(provider& of, results_query what) {
  return wait<results_answer>([&](auto done) { of.results(std::move(what), std::move(done)); });
}

class results_test : public testing::Test {
 protected:
  std::vector<std::unique_ptr<provider>> both() {
    nhn_options nhn;
    nhn.base_url = fake_.base_url();
    nhn.app_key = nhn.secret_key = nhn.sender_key = nhn.template_code = "x";
    nhn.timeout = long_time;
    solapi_options solapi;
    solapi.base_url = fake_.base_url();
    solapi.api_key = solapi.pf_id = solapi.template_id = "x";
    solapi.api_secret = "secret";
    solapi.timeout = long_time;
    solapi.now = [this] { return now_.load(); };
    std::vector<std::unique_ptr<provider>> made;
    made.push_back(make_nhn_provider(std::move(nhn)).value());
    made.push_back(make_solapi_provider(std::move(solapi)).value());
    return made;
  }

  static std::map<std::string, final_result> all_pages(provider& of, instant from, instant to,
                                                       int& pages) {
    std::map<std::string, final_result> all;
    results_query what{.from = from, .to = to, .cursor = {}};
    do {
      const results_answer page = ask(of, what);
      if (!page)
        throw std::runtime_error(page.error().reason);
      ++pages;
      for (const final_result& each : page->results)
        EXPECT_TRUE(all.emplace(each.delivery_id, each).second) << each.delivery_id;
      what.cursor = page->next;
    } while (!what.cursor.empty());
    return all;
  }

  std::atomic<instant> now_ = evening;
  fake_alimtalk fake_{{.now = [this] { return now_.load(); },
                       .behaviour = {.unreachable_numbers = {"01010000002"}}}};
};

TEST_F(results_test, every_accepted_message_is_told_over_as_many_pages_as_it_takes) {
  int first = 1;
  for (const auto& api : both()) {
    now_ = now_.load() + 24h;
    ASSERT_TRUE(api->can_tell_results());
    const auto sent = wait<call_result>([&](auto done) {
      api->send(example_call("k" + std::to_string(first), 1000, evening, first), std::move(done));
    });
    ASSERT_TRUE(sent) << sent.error().reason;
    int pages = 0;
    const auto all = all_pages(*api, now_.load() - 1min, now_.load() + 1min, pages);
    EXPECT_EQ(all.size(), 1000u);
    EXPECT_GT(pages, 1);
    first += 1000;
  }
}

TEST_F(results_test, who_was_reached_and_who_was_not_is_told_apart) {
  for (const auto& api : both()) {
    now_ = now_.load() + 24h;
    ASSERT_TRUE(wait<call_result>([&](auto done) {
      api->send(example_call("k" + net::utc_text(now_), 3, evening), std::move(done));
    }));
    int pages = 0;
    const auto all = all_pages(*api, now_.load() - 1min, now_.load() + 1min, pages);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_TRUE(all.at("alimtalk-1").reached);
    EXPECT_GE(all.at("alimtalk-1").at, now_.load());
    EXPECT_LT(all.at("alimtalk-1").at, now_.load() + 1min);
    EXPECT_TRUE(all.at("alimtalk-1").reason.empty());
    EXPECT_FALSE(all.at("alimtalk-2").reached);
    EXPECT_FALSE(all.at("alimtalk-2").reason.empty());
    EXPECT_TRUE(all.at("alimtalk-3").reached);
  }
}

TEST_F(results_test, a_result_names_the_call_that_its_message_was_sent_in) {
  for (const auto& api : both()) {
    now_ = now_.load() + 24h;
    std::map<std::string, std::string> ids; // of the latest sending
    for (const char* key : {"first", "again"}) {
      const auto sent = wait<call_result>(
          [&](auto done) { api->send(example_call(key + net::utc_text(now_), 1, evening), done); });
      ASSERT_TRUE(sent);
      ids[key] = sent->front().value().provider_message_id;
    }
    const results_answer page =
        ask(*api, {.from = now_.load() - 1min, .to = now_.load() + 1min, .cursor = {}});
    ASSERT_TRUE(page);
    ASSERT_EQ(page->results.size(), 2u);
    for (const final_result& each : page->results)
      EXPECT_FALSE(each.provider_call_id.empty());
    EXPECT_TRUE(ids["first"].starts_with(page->results[0].provider_call_id));
    EXPECT_TRUE(ids["again"].starts_with(page->results[1].provider_call_id));
    EXPECT_FALSE(ids["again"].starts_with(page->results[0].provider_call_id));
  }
}

TEST_F(results_test, nothing_arrives_before_it_was_accepted) {
  for (const auto& api : both())
    for (const auto second : {1'250ms, 30'000ms, 59'999ms}) {
      now_ = now_.load() + 24h;
      const instant at = now_.load() + second;
      now_ = at;
      ASSERT_TRUE(wait<call_result>([&](auto done) {
        api->send(example_call("k" + net::utc_text(now_), 1, evening), std::move(done));
      }));
      int pages = 0;
      const auto all = all_pages(*api, at - 1min, at + 1min, pages);
      ASSERT_EQ(all.size(), 1u);
      EXPECT_GE(all.at("alimtalk-1").at, at);
      EXPECT_LE(all.at("alimtalk-1").at, at + 1s);
      now_ = evening + (now_.load() - evening) / 24h * 24h;
    }
}

TEST_F(results_test, a_list_that_changes_between_two_pages_is_given_up_rather_than_a_page_skipped) {
  const auto nhn = std::move(both().front());
  const auto send = [&](int first, int count) {
    return wait<call_result>([&](auto done) {
      nhn->send(example_call("k" + std::to_string(first), count, evening, first), std::move(done));
    });
  };
  ASSERT_TRUE(send(1, 600));
  results_query what{.from = evening - 1min, .to = evening + 1min, .cursor = {}};
  const auto first = ask(*nhn, what);
  ASSERT_TRUE(first);
  what.cursor = first->next;
  ASSERT_TRUE(ask(*nhn, what));
  ASSERT_TRUE(send(1001, 1));
  const auto second = ask(*nhn, what);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, failure_class::outage);
  EXPECT_NE(second.error().reason.find("changed"), std::string::npos);
}

TEST_F(results_test, another_span_of_time_has_other_results) {
  for (const auto& api : both()) {
    now_ = now_.load() + 24h;
    ASSERT_TRUE(wait<call_result>([&](auto done) {
      api->send(example_call("k" + net::utc_text(now_), 3, evening), std::move(done));
    }));
    int pages = 0;
    EXPECT_TRUE(all_pages(*api, now_.load() - 10min, now_.load() - 5min, pages).empty());
  }
}

TEST_F(results_test, an_api_that_is_gone_or_stopped_is_an_outage) {
  for (const auto& api : both()) {
    fake_.stop();
    const results_answer gone = ask(*api, {.from = evening, .to = evening, .cursor = {}});
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().kind, failure_class::outage);
    api->stop();
    EXPECT_FALSE(ask(*api, {.from = evening, .to = evening, .cursor = {}}));
  }
}

TEST_F(results_test, a_provider_that_cannot_tell_says_so) {
  const auto log = make_log_provider();
  EXPECT_FALSE(log->can_tell_results());
  EXPECT_FALSE(ask(*log, {.from = evening, .to = evening, .cursor = {}}));
}

net::http_response response(std::string body, int status = 200) {
  net::http_response made;
  made.status = status;
  made.body = std::move(body);
  return made;
}

TEST(nhn_results, only_1000_is_reached_and_3005_is_not_final) {
  const auto one = [](const char* key, const char* status, json code,
                      const char* resend = "RSC01") {
    return json{{"requestId", "R1"},           {"recipientSeq", 7},
                {"recipientGroupingKey", key}, {"messageStatus", status},
                {"resultCode", code},          {"resultCodeName", "said NHN"},
                {"resendStatus", resend},      {"receiveDate", "2026-11-22 23:05:10.0"}};
  };
  const auto page = nhn_final_results(
      response(json{{"header", {{"resultCode", 0}, {"isSuccessful", true}}},
                    {"messageSearchResultResponse",
                     {{"messages",
                       {one("a", "COMPLETED", "1000"), one("b", "FAILED", "3018"),
                        one("c", "COMPLETED", "3005"), one("d", "CANCEL", ""),
                        one("", "COMPLETED", "1000"), json{{"recipientGroupingKey", "e"}},
                        one("f.10000", "COMPLETED", nullptr), one("g", "FAILED", "3018", "RSC04"),
                        one("h", "FAILED", "3018", "RSC02"), one("i", "FAILED", "3018", "RSC05")}},
                      {"totalCount", 10}}}}
                   .dump()),
      evening);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->listed, 10u);
  EXPECT_EQ(page->total, 10u);
  ASSERT_EQ(page->results.size(), 6u);
  const auto result = [&](std::size_t i) { return page->results[i].second; };
  EXPECT_EQ(page->results[0].first, (nhn_news{.request_id = "R1", .seq = 7}));
  EXPECT_TRUE(result(0).reached);
  EXPECT_EQ(result(0).at, evening + 5min + 10s);
  EXPECT_EQ(result(0).channel, message_channel::alimtalk);
  EXPECT_FALSE(result(1).reached);
  EXPECT_EQ(result(1).reason, "NHN: FAILED 3018 said NHN");
  EXPECT_FALSE(result(2).reached);
  EXPECT_TRUE(result(3).reached) << "a null code is no failure";
  EXPECT_EQ(result(3).delivery_id, "f") << "without the amount";
  EXPECT_TRUE(result(4).reached) << "the SMS arrived";
  EXPECT_EQ(result(4).channel, message_channel::sms);
  EXPECT_FALSE(result(5).reached) << "nor did the SMS";
}

TEST(nhn_results, the_list_of_news_is_read_as_documented) {
  const auto news = nhn_news_page(response(R"({"header":{"resultCode":0,"resultMessage":"success",
    "isSuccessful":true},"messages":[{"requestId":"R1","recipientSeq":1,"resultCode":null},
    {"requestId":"R2","recipientSeq":3,"messageStatus":"FAILED","buttons":[{"a":[{"b":1}]}]}]})"));
  ASSERT_TRUE(news);
  EXPECT_EQ(*news, (std::vector<nhn_news>{{"R1", 1}, {"R2", 3}}));
  const auto count = nhn_news_count(
      response(R"({"header":{"resultCode":0,"isSuccessful":true},"totalCount":261})"));
  EXPECT_EQ(count, 261u);
  EXPECT_FALSE(nhn_news_count(response(R"({"header":{"resultCode":0,"isSuccessful":true}})")));
  EXPECT_FALSE(nhn_news_page(response("<html>")));
}

TEST(nhn_results, a_call_that_nhn_no_longer_knows_has_no_results) {
  const auto page = nhn_final_results(
      response(R"({"header":{"resultCode":-1016,"isSuccessful":false}})"), evening);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->results.empty());
}

TEST(solapi_results, only_4000_is_reached_and_what_is_under_way_is_not_final) {
  const auto one = [](const char* id, const char* code) {
    return json{{"groupId", "G1"},
                {"statusCode", code},
                {"reason", "said Solapi"},
                {"dateReceived", nullptr},
                {"customFields", {{"deliveryId", id}}}};
  };
  const auto page = solapi_results_page(response(json{{"messageList",
                                                       {{"M1", one("a", "4000")},
                                                        {"M2", one("b", "2000")},
                                                        {"M3", one("c", "3000")},
                                                        {"M4", one("d", "3104")},
                                                        {"M5", json{{"statusCode", "4000"}}},
                                                        {"M6", 7}}},
                                                      {"nextKey", "M9"}}
                                                     .dump()),
                                        evening);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->next, "M9");
  ASSERT_EQ(page->results.size(), 2u);
  EXPECT_EQ(page->results[0].delivery_id, "a");
  EXPECT_EQ(page->results[0].provider_call_id, "G1");
  EXPECT_TRUE(page->results[0].reached);
  EXPECT_EQ(page->results[0].at, evening); // it was not told
  EXPECT_EQ(page->results[1].delivery_id, "d");
  EXPECT_EQ(page->results[1].reason, "Solapi: 3104 said Solapi");
}

TEST(results, bad_answers_tell_nothing) {
  for (const std::string& bad :
       {std::string(), std::string("<html>"), std::string("null"), std::string("[]"),
        std::string("{\"messageList\":7}"), std::string(100'000, '[')}) {
    EXPECT_FALSE(nhn_final_results(response(bad), evening)) << bad;
    EXPECT_FALSE(solapi_results_page(response(bad), evening)) << bad;
  }
  for (const int status : {302, 403, 500}) {
    EXPECT_EQ(nhn_final_results(response("{}", status), evening).error().kind,
              failure_class::outage);
    EXPECT_EQ(solapi_results_page(response("{}", status), evening).error().kind,
              failure_class::outage);
  }
  EXPECT_EQ(solapi_results_page(response("{}", 429), evening).error().kind,
            failure_class::throttled);
}

TEST(times, are_read_back_or_not_at_all) {
  EXPECT_EQ(parse_korea_time("2026-11-22 23:05"), evening + 5min);
  EXPECT_EQ(parse_korea_time(korea_time_text(evening)), evening);
  EXPECT_EQ(net::parse_utc("2026-11-22T14:00:00.021Z"), evening + 21ms);
  EXPECT_EQ(net::parse_utc("2026-11-22T14:00:00Z"), evening);
  EXPECT_EQ(net::parse_utc(net::utc_text(evening + 123ms)), evening + 123ms);
  for (const char* bad :
       {"", "2026-11-22", "2026-13-22 23:05", "2026-02-30 23:05", "2026-11-22 24:05",
        "2026-11-22 23:60", "2026-11-22 23:05:", "2026-11-22 -1:05", "yesterday, at noon"})
    EXPECT_EQ(parse_korea_time(bad), std::nullopt) << bad;
  for (const char* bad : {"", "2026-11-22T14:00:00", "2026-11-22 14:00:00Z", "2026-02-30T14:00:00Z",
                          "2026-11-22T25:00:00Z", "2026-11-22T14:00:00+00:00"})
    EXPECT_EQ(net::parse_utc(bad), std::nullopt) << bad;
}

} // namespace
} // namespace paymentd::providers
