// Goal: what the README promises to a newcomer holds for the real program.
// Method: paymentd as a process, its database in a directory of the test's own, the message API in
// this process.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <map>

namespace paymentd::end_to_end {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

TEST(payment, takes_the_amount_from_the_balance_and_sends_one_message) {
  const workplace place;
  const providers::fake_alimtalk api;
  server_process server(place, sent_to(api));
  auto client = server.client();

  const auto user = client.post("/v1/users", R"({"phone":"01012345678","balance":50000})");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->status, 201);
  const json user_id = json::parse(user->body)["id"];
  const std::string user_path = "/v1/users/" + user_id.dump();
  EXPECT_EQ("/v1/" + user->field("location"), user_path);
  const auto order = client.post(
      "/v1/orders",
      json{{"userId", user_id}, {"totalAmount", 12000}, {"discountAmount", 2000}, {"couponId", 7}}
          .dump());
  ASSERT_TRUE(order);
  EXPECT_EQ(order->status, 201);
  EXPECT_EQ(json::parse(order->body)["status"], "PENDING");
  const json order_id = json::parse(order->body)["id"];
  const auto paid =
      client.post("/v1/payments", json{{"orderId", order_id}, {"userId", user_id}}.dump());
  ASSERT_TRUE(paid);
  EXPECT_EQ(paid->status, 201);
  EXPECT_EQ(json::parse(paid->body)["status"], "PAID");
  EXPECT_EQ(json::parse(paid->body)["finalAmount"], 10000);
  EXPECT_EQ(json::parse(client.get(user_path)->body)["balance"], 40000);
  EXPECT_EQ(json::parse(client.get("/v1/orders/" + order_id.dump())->body)["status"], "PAID");

  ASSERT_TRUE(api.wait_for_accepted(1, 30s));
  EXPECT_EQ(api.received().at(0).phone, "01012345678");
  ASSERT_TRUE(eventually([&] { return place.number("select count(*) from claims") == 0; }));
  EXPECT_EQ(api.accepted(), 1u);
  EXPECT_EQ(place.number("select count(*) from deliveries where status = 1"), 1);
  EXPECT_EQ(place.audit().exit_code, 0);
}

TEST(payment, many_in_one_request_are_paid_each_by_itself_and_repeated_under_their_key_once) {
  const workplace place;
  const providers::fake_alimtalk api;
  constexpr int count = 300;
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users", "10",
                      "--orders", std::to_string(count), "--balance", "290", "--amount", "10"})
                .exit_code,
            0);
  server_process server(place, sent_to(api));
  auto client = server.client();
  json payments = json::array();
  for (int id = 1; id <= count; ++id)
    payments.push_back({{"orderId", id}, {"userId", 1 + id % 10}});
  const std::string body = json{{"payments", payments}}.dump();
  const std::string key = "Idempotency-Key: all-of-today\r\n";
  const auto first = client.post("/v1/payments/bulk", body, key);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->status, 200) << first->body;
  // Each user's balance suffices for 29 of its 30 orders.
  const json results = json::parse(first->body)["results"];
  std::map<int, int> statuses;
  for (int at = 0; at < count; ++at) {
    const json& each = results[static_cast<std::size_t>(at)];
    ++statuses[each["status"].get<int>()];
    if (each["status"] == 201) {
      EXPECT_EQ(each["order"]["id"], at + 1);
    }
  }
  EXPECT_EQ(statuses, (std::map<int, int>{{201, 290}, {402, 10}}));
  const json again = json::parse(client.post("/v1/payments/bulk", body, key)->body)["results"];
  for (std::size_t at = 0; at < count; ++at)
    EXPECT_EQ(again[at].value("order", json{}), results[at].value("order", json{})) << at;
  for (int user = 1; user <= 10; ++user)
    EXPECT_EQ(
        client.post("/v1/users/" + std::to_string(user) + "/charges", R"({"amount":10})")->status,
        201);
  // Those that were refused pass now, and none is paid again.
  const json last = json::parse(client.post("/v1/payments/bulk", body, key)->body)["results"];
  ASSERT_EQ(last.size(), results.size());
  for (const json& each : last)
    EXPECT_EQ(each["status"], 201);
  EXPECT_EQ(place.number("select sum(balance) from users"), 0);
  ASSERT_TRUE(api.wait_for_accepted(count, 30s));
  EXPECT_EQ(api.accepted(), static_cast<std::uint64_t>(count));
  EXPECT_EQ(place.audit().exit_code, 0);
}

TEST(payment, a_stop_finishes_what_was_begun_and_exits_0) {
  const workplace place;
  const providers::fake_alimtalk api({.behaviour = {.latency = 100ms}});
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users", "10",
                      "--orders", "50", "--balance", "1000000", "--amount", "10"})
                .exit_code,
            0);
  server_process server(place, sent_to(api));
  auto client = server.client();
  EXPECT_EQ(pay_orders(client, 1, 50, 10).size(), 50u);
  server.process().signal(SIGTERM);
  EXPECT_EQ(server.process().wait().exit_code, 0);
  EXPECT_EQ(place.number("select count(*) from orders where status = 1"), 50);
  // Accepted messages were also marked; the rest is for the next start.
  EXPECT_EQ(
      static_cast<std::uint64_t>(place.number("select count(*) from deliveries where status = 1")),
      api.accepted());
  EXPECT_EQ(place.audit().exit_code, 0);
}

} // namespace
} // namespace paymentd::end_to_end
