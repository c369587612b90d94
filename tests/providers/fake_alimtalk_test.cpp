// Goal: the fake API behaves as NHN's does, since other tests believe it. Method: requests over
// real sockets, and a clock of the test's own for its ten minutes.
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include "net/http_client.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <future>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;

constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;

class fake_alimtalk_test : public testing::Test {
 protected:
  fake_alimtalk_test() {
    net::http_client_options options;
    options.origin = fake_.base_url();
    client_ = *net::http_client::create(options);
  }

  net::http_response request(std::string method, std::string target, std::string body = {},
                             std::string key = {}) {
    std::promise<net::http_result> promise;
    client_->request({.method = std::move(method),
                      .target = std::move(target),
                      .headers = {{"X-Secret-Key", "s"}, {"X-NC-API-IDEMPOTENCY-KEY", key}},
                      .body = std::move(body)},
                     [&](net::http_result result) { promise.set_value(std::move(result)); });
    net::http_result result = promise.get_future().get();
    if (!result)
      throw std::runtime_error(result.error().reason);
    return *result;
  }

  json send(const std::string& key, const std::vector<std::string>& recipients) {
    json body{{"senderKey", "s"}, {"templateCode", "t"}, {"senderGroupingKey", key}};
    for (const std::string& one : recipients)
      body["recipientList"].push_back({{"recipientNo", "01012345678"},
                                       {"templateParameter", {{"recipientNo", "no"}}},
                                       {"recipientGroupingKey", one}});
    return json::parse(request("POST", path_, body.dump(), key).body);
  }

  json search(const std::string& query) {
    return json::parse(request("GET", path_ + "?" + query).body);
  }

  const std::string path_ = "/alimtalk/v2.3/appkeys/app/messages";
  std::atomic<instant> now_ = evening;
  fake_alimtalk fake_{{.now = [this] { return now_.load(); }}};
  std::unique_ptr<net::http_client> client_;
};

TEST_F(fake_alimtalk_test, a_key_is_refused_for_ten_minutes_and_then_forgotten) {
  EXPECT_EQ(send("k", {"a"})["header"]["resultCode"], 0);
  now_ = evening + 10min - 1ms;
  EXPECT_EQ(send("k", {"a"})["header"]["resultCode"], -1005);
  EXPECT_EQ(send("l", {"b"})["header"]["resultCode"], 0);
  EXPECT_EQ(fake_.times_accepted("a"), 1u);
  now_ = evening + 10min;
  EXPECT_EQ(send("k", {"a"})["header"]["resultCode"], 0);
  EXPECT_EQ(fake_.times_accepted("a"), 2u);
  EXPECT_EQ(fake_.accepted(), 3u);
  EXPECT_EQ(fake_.distinct(), 2u);
}

TEST_F(fake_alimtalk_test, received_tells_how_often_each_key_was_accepted) {
  send("k", {"a", "b"});
  send("l", {"a"});
  EXPECT_EQ(request("GET", "/received?count=1").body, R"({"count":3,"distinct":2})");
  const json all = json::parse(request("GET", "/received").body);
  ASSERT_EQ(all["messages"].size(), 3u);
  EXPECT_EQ(all["messages"][0]["timesAccepted"], 2);
  EXPECT_EQ(all["messages"][1]["timesAccepted"], 1);
  EXPECT_EQ(all["messages"][1]["recipientGroupingKey"], "b");
  const json repeated = json::parse(request("GET", "/received?repeated=1&limit=1").body);
  ASSERT_EQ(repeated["messages"].size(), 1u);
  EXPECT_EQ(repeated["hasMore"], true);
}

TEST_F(fake_alimtalk_test, a_search_wants_a_window_and_gives_pages) {
  send("k 1", {"a", "b", "c"});
  send("l", {"a"});
  const std::string window =
      "&startRequestDate=2026-11-22%2022:59&endRequestDate=2026-11-22+23%3A01";
  const json page = search("senderGroupingKey=k%201&pageSize=2" + window);
  const json& found = page["messageSearchResultResponse"];
  EXPECT_EQ(found["totalCount"], 3);
  ASSERT_EQ(found["messages"].size(), 2u);
  EXPECT_EQ(found["messages"][1]["recipientGroupingKey"], "b");
  EXPECT_EQ(search("senderGroupingKey=k+1&pageSize=2&pageNum=2" +
                   window)["messageSearchResultResponse"]["messages"][0]["recipientSeq"],
            3);
  EXPECT_EQ(search("recipientGroupingKey=a" + window)["messageSearchResultResponse"]["totalCount"],
            2);
  EXPECT_EQ(search("senderGroupingKey=l&recipientGroupingKey=a" +
                   window)["messageSearchResultResponse"]["totalCount"],
            1);
  EXPECT_EQ(search("senderGroupingKey=l&startRequestDate=2026-11-22%2023:01&endRequestDate="
                   "2026-11-23%2023:01")["messageSearchResultResponse"]["totalCount"],
            0);
  EXPECT_EQ(search(window.substr(1))["messageSearchResultResponse"]["totalCount"], 4);
  EXPECT_EQ(search("startCreateDate=2026-11-22%2022:59&endCreateDate=2026-11-22%2023:01")
                ["messageSearchResultResponse"]["totalCount"],
            4);
  EXPECT_EQ(search("senderGroupingKey=l")["header"]["resultCode"], -4103);
}

TEST_F(fake_alimtalk_test, a_search_has_bounds) {
  const auto code = [this](const std::string& from, const std::string& to) {
    return search("startRequestDate=" + from + "%2000:00&endRequestDate=" + to +
                  "%2000:00")["header"]["resultCode"];
  };
  EXPECT_EQ(code("2026-10-24", "2026-11-23"), 0);
  EXPECT_EQ(code("2026-10-23", "2026-11-23"), -4003);
  EXPECT_EQ(code("2026-08-25", "2026-09-01"), 0);
  EXPECT_EQ(code("2026-08-24", "2026-09-01"), -4017);
}

TEST_F(fake_alimtalk_test, behaviour_is_changed_and_healed_by_requests) {
  EXPECT_EQ(request("PUT", "/behaviour", R"({"status":503,"retryAfterSeconds":2})").status, 200);
  EXPECT_EQ(fake_.behaviour().status, 503);
  EXPECT_EQ(request("POST", path_, "{}").status, 503);
  EXPECT_EQ(request("PUT", "/behaviour", R"({"retryAfterSeconds":2})").status, 200);
  EXPECT_EQ(request("POST", path_, "{}").retry_after, 2s);
  for (const char* bad : {"", "[]", R"({"status":"500"})", R"({"status":99})", R"({"failRate":2})",
                          R"({"unknown":1})", R"({"latencyMs":-1})"})
    EXPECT_EQ(request("PUT", "/behaviour", bad).status, 400) << bad;
  EXPECT_EQ(fake_.behaviour().throttle, 2s);
  EXPECT_EQ(request("PUT", "/behaviour", "{}").status, 200);
  EXPECT_EQ(send("k", {"a"})["header"]["resultCode"], 0);
}

TEST_F(fake_alimtalk_test, half_of_the_calls_fail_where_asked_for) {
  fake_.set_behaviour({.fail_rate = 0.5, .fail_status = 503});
  int failed = 0;
  for (int i = 0; i < 200; ++i)
    failed += request("POST", path_, "{}").status == 503 ? 1 : 0;
  EXPECT_GT(failed, 60);
  EXPECT_LT(failed, 140);
}

TEST_F(fake_alimtalk_test, bodies_that_are_none_are_refused) {
  for (const char* bad :
       {"", "{", "[]", "{}", R"({"senderKey":1})",
        R"({"senderKey":"s","templateCode":"t","recipientList":{}})",
        R"({"senderKey":"s","templateCode":"t","recipientList":[]})",
        R"({"senderKey":"s","templateCode":"t","recipientList":[{"recipientNo":1}]})"})
    EXPECT_EQ(json::parse(request("POST", path_, bad).body)["header"]["isSuccessful"], false)
        << bad;
  EXPECT_EQ(request("POST", "/alimtalk/v2.3/appkeys//messages").status, 404);
  EXPECT_EQ(request("DELETE", path_).status, 405);
  EXPECT_EQ(fake_.accepted(), 0u);
}

TEST_F(fake_alimtalk_test, many_different_keys_are_each_remembered) {
  constexpr int calls = 20;
  for (int c = 0; c < calls; ++c) {
    std::vector<std::string> recipients;
    for (int i = 0; i < 1000; ++i)
      recipients.push_back("alimtalk-" + std::to_string(c * 1000 + i));
    send(std::to_string(c), recipients);
  }
  EXPECT_TRUE(fake_.wait_for_accepted(20'000, 1s));
  EXPECT_EQ(fake_.distinct(), 20'000u);
  for (int i = 0; i < 20'000; i += 97)
    EXPECT_EQ(fake_.times_accepted("alimtalk-" + std::to_string(i)), 1u);
  EXPECT_EQ(fake_.times_accepted("alimtalk-20000"), 0u);
  EXPECT_FALSE(fake_.wait_for_accepted(20'001, 1ms));
}

} // namespace
} // namespace paymentd::providers
