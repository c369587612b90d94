// Goal: the calls on notifications ask the actors the right thing and write their answer as the
// contract has it; bad input is told field by field. Method: a real server over real sockets, in
// front of scripted actors.
#include "http/idempotency.hpp"
#include "http/page_cursor.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;

const std::string at = "2025-11-22T05:04:03.021Z";

class http_notifications : public ::testing::Test {
 protected:
  /// The answer, and what the actors were asked where they were.
  test_answer get(const std::string& path) {
    asked.reset();
    const auto answer = client.get(path);
    EXPECT_TRUE(answer) << path;
    return answer.value_or(test_answer{});
  }
  json get_json(const std::string& path) { return json::parse(get(path).body); }
  void expect_bad(const std::string& path, const std::string& field) {
    SCOPED_TRACE(path);
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 400);
    const auto body = json::parse(answer.body);
    EXPECT_EQ(body["code"], "invalid_request");
    EXPECT_EQ(body["errors"][0]["field"], field);
    EXPECT_FALSE(asked);
  }

  scripted_server server;
  test_client client{server.port()};
  std::optional<query> asked;
  delivery_page page;

  void SetUp() override {
    server.actors.look_up = [this](const query& what) -> actors::answer_reply {
      asked = what;
      if (std::holds_alternative<list_deliveries>(what))
        return page;
      return plausible(what);
    };
  }
};

TEST_F(http_notifications, one_is_shown_with_all_its_fields) {
  EXPECT_EQ(get_json("/v1/notifications/alimtalk-2199024304128"),
            json({{"id", "alimtalk-2199024304128"},
                  {"entryId", 2199024304128},
                  {"orderId", 3},
                  {"subscriber", "alimtalk"},
                  {"status", "FAILED"},
                  {"attempts", 2},
                  {"lastError", "-1006 bad number"},
                  {"providerMessageId", nullptr},
                  {"nextAttemptAt", nullptr},
                  {"deliveredAt", nullptr},
                  {"channel", nullptr},
                  {"createdAt", at},
                  {"updatedAt", at},
                  {"tries", json::array({{{"at", at},
                                          {"tookMs", 12},
                                          {"outcome", "OUTAGE"},
                                          {"detail", "connection \"refused\""}}})}}));
}

TEST_F(http_notifications, one_alone_has_its_tries_in_their_order_and_a_page_has_none) {
  const get_delivery which{"alimtalk", {77}};
  delivery shown = some_delivery(which, delivery_status::pending);
  using enum try_outcome;
  shown.tries.clear();
  for (const auto each : {permanent, transient, throttled, outage, unknown, undelivered})
    shown.tries.push_back({.at = noon, .outcome = each, .detail = {}});
  server.actors.look_up = [&](const query&) { return answer{shown}; };
  std::vector<std::string> outcomes;
  const json alone = get_json("/v1/notifications/alimtalk-77");
  for (const json& each : alone.at("tries"))
    outcomes.push_back(each["outcome"]);
  EXPECT_THAT(outcomes, ::testing::ElementsAre("PERMANENT", "TRANSIENT", "THROTTLED", "OUTAGE",
                                               "UNKNOWN", "UNDELIVERED"));
  shown.tries.clear();
  EXPECT_EQ(get_json("/v1/notifications/alimtalk-77")["tries"], json::array());
  server.actors.look_up = [&](const query&) {
    return answer{delivery_page{{some_delivery(which, delivery_status::failed)}, std::nullopt}};
  };
  EXPECT_FALSE(get_json("/v1/notifications")["items"].at(0).contains("tries"));
}

TEST_F(http_notifications, a_subscribers_name_may_have_dashes_and_digits) {
  get("/v1/notifications/shop-2-hook_9-77");
  const auto& which = std::get<get_delivery>(asked.value());
  EXPECT_EQ(which.subscriber, "shop-2-hook_9");
  EXPECT_EQ(which.entry, entry_id{77});
}

TEST_F(http_notifications, an_id_that_is_none_is_bad_input) {
  for (const std::string id : {"7", "alimtalk", "alimtalk-", "-7", "alimtalk-0", "alimtalk-07",
                               "alimtalk-x", "alimtalk-9007199254740992", "alimtalk-7x"})
    expect_bad("/v1/notifications/" + id, "id");
}

TEST_F(http_notifications, one_that_is_not_there_is_not_found) {
  server.actors.look_up = [](const query&) { return answer{not_found{}}; };
  const auto answer = get("/v1/notifications/alimtalk-7");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(json::parse(answer.body)["code"], "not_found");
}

TEST_F(http_notifications, a_list_is_asked_for_with_its_filters) {
  get("/v1/notifications");
  auto list = std::get<list_deliveries>(asked.value());
  EXPECT_EQ(list.limit, 20);
  EXPECT_FALSE(list.status || list.order || list.after);
  const std::vector<list_position> after{{{1}, {2}, 1 << 20}, {{3}, {4095}, 5}};
  get("/v1/notifications?status=FAILED&orderId=12&limit=100&cursor=" + to_cursor(after));
  list = std::get<list_deliveries>(asked.value());
  EXPECT_EQ(list.status, delivery_status::failed);
  EXPECT_EQ(list.order, order_id{12});
  EXPECT_EQ(list.limit, 100);
  EXPECT_EQ(list.after, after);
  get("/v1/notifications?subscriber=shop&createdFrom=2025-11-22T05:04:03.021Z");
  list = std::get<list_deliveries>(asked.value());
  EXPECT_EQ(list.subscriber, "shop");
  EXPECT_EQ(list.created.from, noon);
  get("/v1/notifications?status=%50ENDING&");
  EXPECT_EQ(std::get<list_deliveries>(asked.value()).status, delivery_status::pending);
}

TEST_F(http_notifications, a_page_says_whether_there_are_more_and_where_they_begin) {
  EXPECT_EQ(get_json("/v1/notifications"),
            json({{"items", json::array()}, {"hasMore", false}, {"nextCursor", nullptr}}));
  const get_delivery which{"alimtalk", {77}};
  page.items = {some_delivery(which, delivery_status::pending),
                some_delivery(which, delivery_status::delivered)};
  page.items[0].next_attempt = noon;
  page.items[1].provider_message_id = "m-1";
  page.items[1].delivered_at = noon;
  page.items[1].channel = message_channel::sms;
  page.next = std::vector<list_position>{{{1}, {1}, 77}};
  const auto body = get_json("/v1/notifications?limit=2");
  ASSERT_EQ(body["items"].size(), 2u);
  EXPECT_EQ(body["items"][0]["nextAttemptAt"], at);
  EXPECT_EQ(body["items"][1]["providerMessageId"], "m-1");
  EXPECT_EQ(body["items"][0]["deliveredAt"], nullptr);
  EXPECT_EQ(body["items"][1]["deliveredAt"], at);
  EXPECT_EQ(body["items"][1]["channel"], "SMS");
  EXPECT_EQ(body["hasMore"], true);
  get("/v1/notifications?cursor=" + body["nextCursor"].get<std::string>());
  EXPECT_EQ(std::get<list_deliveries>(asked.value()).after, page.next);
}

TEST_F(http_notifications, a_bad_query_is_told_field_by_field) {
  for (const auto& [query, field] : std::vector<std::pair<std::string, std::string>>{
           {"status=failed", "status"},
           {"status=", "status"},
           {"orderId=0", "orderId"},
           {"orderId=1x", "orderId"},
           {"subscriber=", "subscriber"},
           {"createdTo=today", "createdTo"},
           {"limit=0", "limit"},
           {"limit=101", "limit"},
           {"limit=5&limit=5", "limit"},
           {"limit=%3", "limit"},
           {"page=2", "page"},
           {"cursor=", "cursor"},
           {"cursor=AQ", "cursor"},
           {"cursor=AQEB0YBAx", "cursor"}, // a letter too many
           {"cursor=AQGBAAE", "cursor"},   // a number in more bytes than it needs
           {"cursor=AQEBAR", "cursor"},    // bits that no byte has
           {"cursor=!!", "cursor"},
           {"cursor=AAAA", "cursor"},
           {"cursor=________________________", "cursor"}})
    expect_bad("/v1/notifications?" + query, field);
  const auto both = get_json("/v1/notifications?limit=x&status=x");
  EXPECT_EQ(both["errors"].size(), 2u);
}

TEST_F(http_notifications, a_failed_one_is_tried_again) {
  std::optional<get_delivery> which;
  server.actors.retry = [&](const delivery_retry& what) {
    which = what.which;
    return some_delivery(what.which, delivery_status::pending);
  };
  auto answer = client.post("/v1/notifications/web-hook-77/retry", "");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 202);
  EXPECT_EQ(json::parse(answer->body)["status"], "PENDING");
  EXPECT_EQ(json::parse(answer->body)["id"], "web-hook-77");
  EXPECT_EQ(json::parse(answer->body)["tries"].size(), 1u);
  EXPECT_EQ(which->subscriber, "web-hook");
  EXPECT_EQ(which->entry, entry_id{77});
  answer = client.post("/v1/notifications/alimtalk-77/retry", R"({"now":1})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
}

TEST_F(http_notifications, one_that_did_not_fail_is_not_tried_again) {
  server.actors.retry = [](const delivery_retry&) {
    return answer{not_failed{delivery_status::delivered}};
  };
  auto answer = client.post("/v1/notifications/alimtalk-77/retry", "{}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 409);
  EXPECT_EQ(json::parse(answer->body)["code"], "notification_not_failed");
  EXPECT_EQ(json::parse(answer->body)["notificationStatus"], "DELIVERED");
  server.actors.retry = [](const delivery_retry&) { return paymentd::answer{not_found{}}; };
  answer = client.post("/v1/notifications/alimtalk-77/retry", "{}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  server.actors.retry = [](const delivery_retry&) -> actors::answer_reply {
    return std::unexpected(actors::no_outcome::outcome_unknown);
  };
  answer = client.post("/v1/notifications/alimtalk-77/retry", "{}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 504);
}

TEST_F(http_notifications, all_failed_ones_that_fit_are_tried_again) {
  failed_retry wanted;
  server.actors.retry_all = [&](const failed_retry& what) {
    wanted = what;
    return paymentd::answer{retried_count{12}};
  };
  const std::string path = "/v1/notifications/retry";
  auto answer = client
                    .post(path, R"({"subscriber":"alimtalk","createdFrom":"2026-11-25T00:00:00Z",
      "createdTo":"2026-11-26T09:00:00+09:00"})")
                    .value();
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, R"({"count":12})");
  EXPECT_EQ(wanted.subscriber, "alimtalk");
  EXPECT_EQ(wanted.created.to - wanted.created.from, std::chrono::hours{24});
  EXPECT_FALSE(wanted.key);
  server.actors.retry_all = [&](const failed_retry& what) {
    wanted = what;
    return paymentd::answer{retried_count{12, true}};
  };
  answer = client.post(path, "", "Idempotency-Key: a\r\n").value();
  EXPECT_EQ(answer.body, R"({"count":12})");
  EXPECT_EQ(answer.field("idempotent-replayed"), "true");
  EXPECT_EQ(wanted.subscriber, "");
  EXPECT_EQ(wanted.key, digest_key({"", "POST", path, "a", ""}));
  server.actors.retry_all = [](const failed_retry&) { return paymentd::answer{key_reused{}}; };
  EXPECT_EQ(client.post(path, "", "Idempotency-Key: a\r\n")->status, 422);
}

TEST_F(http_notifications, a_retry_of_all_by_bad_fields_is_refused) {
  const std::string path = "/v1/notifications/retry";
  const auto bad = client
                       .post(path, R"({"subscriber":"","createdFrom":"yesterday","createdTo":1,
      "status":"FAILED"})")
                       .value();
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(json::parse(bad.body)["errors"].size(), 4u) << bad.body;
  EXPECT_EQ(client.post(path, "[]")->status, 400);
}

TEST_F(http_notifications, other_methods_are_not_allowed) {
  client.send("DELETE /v1/notifications/alimtalk-7 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 405);
  EXPECT_EQ(answer->field("allow"), "GET, HEAD");
  EXPECT_EQ(get("/v1/notifications/alimtalk-7/retry").status, 405);
}

} // namespace
} // namespace paymentd::http::testing
