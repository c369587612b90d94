// Goal: an operator sees what became of each message, tries the failed ones again, and sees an
// outage without a payment being touched.
// Method: the real program on the embedded database and a message API that refuses on demand; the
// calls and the command as an operator gives them.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <set>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::int64_t users = 10;
const std::string bad_number = "01000000003"; // of user 3 of the seed

class notifications : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(place
                  .run({"seed", "--set", database, "--users", std::to_string(users), "--orders",
                        "2000", "--balance", "1000000", "--amount", "10"})
                  .exit_code,
              0);
  }
  static json get(const server_process& server, const std::string& path, int status = 200) {
    const auto answer = server.client().get(path);
    EXPECT_TRUE(answer) << path;
    EXPECT_EQ(answer ? answer->status : 0, status) << path;
    return answer ? json::parse(answer->body) : json();
  }
  std::int64_t stored_as(int status) const {
    return place.number("select count(*) from deliveries where status = " + std::to_string(status));
  }

  workplace place;
  const std::string database = "database.url=" + place.database_url();
  providers::fake_alimtalk api;
};

TEST_F(notifications, a_failed_one_is_seen_and_tried_again_by_its_id) {
  api.set_behaviour({.poison_numbers = {bad_number}});
  server_process server(place, sent_to(api));
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 20, users).size(), 20u); // orders 2 and 12 are user 3's
  ASSERT_TRUE(eventually([&] { return stored_as(1) == 18 && stored_as(2) == 2; }));
  const auto failed = get(server, "/v1/notifications?status=FAILED");
  ASSERT_EQ(failed["items"].size(), 2u);
  EXPECT_EQ(failed["hasMore"], false);
  EXPECT_EQ(failed["items"][0]["orderId"], 12);
  const auto one = failed["items"][1];
  EXPECT_EQ(one["orderId"], 2);
  EXPECT_FALSE(one["lastError"].get<std::string>().empty());
  auto alone = get(server, "/v1/notifications/" + one["id"].get<std::string>());
  ASSERT_FALSE(alone["tries"].empty());
  EXPECT_EQ(alone["tries"].back()["outcome"], "PERMANENT");
  EXPECT_EQ(alone["tries"].back()["detail"], one["lastError"]);
  EXPECT_GE(alone["tries"].back()["tookMs"].get<int>(), 0);
  alone.erase("tries");
  EXPECT_EQ(alone, one);
  EXPECT_EQ(get(server, "/v1/notifications?orderId=2")["items"], json::array({one}));

  api.set_behaviour({});
  const std::string retry = "/v1/notifications/" + one["id"].get<std::string>() + "/retry";
  auto answer = client.post(retry, "");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 202) << answer->body;
  ASSERT_TRUE(eventually([&] { return stored_as(1) == 19; }));
  answer = client.post(retry, "");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 409);
  EXPECT_EQ(json::parse(answer->body)["notificationStatus"], "DELIVERED");
  EXPECT_EQ(api.distinct(), 19u);
  EXPECT_EQ(api.accepted(), 19u);
}

TEST_F(notifications, a_retry_under_a_key_is_given_again_after_a_crash_and_a_refusal_is_not) {
  api.set_behaviour({.poison_numbers = {bad_number}});
  const std::string key = "Idempotency-Key: \"again\"\r\n";
  std::string retry;
  std::string first;
  {
    server_process server(place, sent_to(api));
    auto client = server.client();
    ASSERT_EQ(pay_orders(client, 2, 2, users).size(), 1u); // user 3's
    ASSERT_TRUE(eventually([&] { return stored_as(2) == 1; }));
    const auto failed = get(server, "/v1/notifications?status=FAILED");
    retry = "/v1/notifications/" + failed["items"][0]["id"].get<std::string>() + "/retry";
    api.set_behaviour({});
    const auto answer = client.post(retry, "", key).value();
    EXPECT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(answer.field("idempotent-replayed"), "");
    first = answer.body;
    server.process().signal(SIGKILL);
    server.process().wait();
  }
  server_process server(place, sent_to(api));
  auto client = server.client();
  ASSERT_TRUE(eventually([&] { return stored_as(1) == 1; }));
  const auto again = client.post(retry, "", key).value();
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first);
  EXPECT_EQ(again.field("idempotent-replayed"), "true");
  EXPECT_EQ(client.post(retry, "{}", key).value().status, 422) << "another body";
  const std::string other = "Idempotency-Key: other\r\n";
  EXPECT_EQ(client.post(retry, "", other).value().status, 409);
  EXPECT_EQ(client.post(retry, "", other).value().status, 409) << "decided anew";
  EXPECT_EQ(place.number("select count(*) from idempotency_keys"), 1);
  EXPECT_EQ(api.accepted(), 1u);
}

TEST_F(notifications, all_that_are_waiting_are_listed_while_the_api_is_gone) {
  api.set_behaviour({.status = 503});
  server_process server(place, sent_to(api));
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 250, users).size(), 250u);
  std::set<std::int64_t> orders;
  std::string cursor;
  int pages = 0;
  do {
    const auto page = get(server, "/v1/notifications?status=PENDING&limit=100" + cursor);
    for (const auto& each : page["items"])
      EXPECT_TRUE(orders.insert(each["orderId"].get<std::int64_t>()).second);
    cursor = page["hasMore"] == true ? "&cursor=" + page["nextCursor"].get<std::string>()
                                     : std::string{};
  } while (!cursor.empty() && ++pages < 10);
  EXPECT_EQ(orders.size(), 250u);
}

TEST_F(notifications, an_outage_is_seen_in_the_metrics_and_the_process_stays_ready) {
  api.set_behaviour({.status = 503});
  server_process server(place, sent_to(api));
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 5, users).size(), 5u);
  http::testing::test_client operators(server.admin_port());
  const auto shows = [&](const std::string& line) {
    return eventually([&] {
      const auto page = operators.get("/metrics");
      return page && page->body.find(line) != std::string::npos;
    });
  };
  EXPECT_TRUE(
      shows("paymentd_notification_state{subscriber=\"alimtalk\",state=\"backing_off\"} 1\n"));
  EXPECT_EQ(operators.get("/readyz")->status, 200);
  api.set_behaviour({});
  EXPECT_TRUE(shows("paymentd_notification_delivered_total{subscriber=\"alimtalk\"} 5\n"));
  EXPECT_TRUE(shows("paymentd_notification_state{subscriber=\"alimtalk\",state=\"running\"} 1\n"));
  EXPECT_TRUE(shows("paymentd_notification_oldest_seconds{subscriber=\"alimtalk\"} 0.000\n"));
}

TEST_F(notifications, the_command_retries_all_that_failed_where_it_is_alone) {
  const std::vector<std::string> command{"notifications", "retry", "--all-failed", "--set",
                                         database};
  {
    api.set_behaviour({.poison_numbers = {bad_number}});
    server_process server(place, sent_to(api));
    auto client = server.client();
    ASSERT_EQ(pay_orders(client, 1, 50, users).size(), 50u);
    ASSERT_TRUE(eventually([&] { return stored_as(1) == 45 && stored_as(2) == 5; }));
    const ended refused = place.run(command);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_NE(refused.output.find("POST /v1/notifications/"), std::string::npos) << refused.output;
    server.process().signal(SIGTERM);
    EXPECT_EQ(server.process().wait().exit_code, 0);
  }
  EXPECT_EQ(place.run({"notifications", "retry", "--set", database}).exit_code, 2);
  EXPECT_EQ(place.run({"notifications"}).exit_code, 2);
  auto of_nobody = command;
  of_nobody.insert(of_nobody.end(), {"--subscriber", "nobody"});
  EXPECT_EQ(place.run(of_nobody).exit_code, 1);
  const ended done = place.run(command);
  EXPECT_EQ(done.exit_code, 0) << done.output;
  EXPECT_NE(done.output.find("5 notifications"), std::string::npos) << done.output;
  api.set_behaviour({});
  server_process server(place, sent_to(api));
  EXPECT_TRUE(eventually([&] { return stored_as(1) == 50; }));
  EXPECT_EQ(api.accepted(), 50u);
}

TEST_F(notifications, a_number_for_which_the_api_refuses_the_whole_call_holds_up_nobody_for_long) {
  api.set_behaviour({.throttle = 1s, .poison_numbers = {bad_number}, .poison_refuses_call = true});
  server_process server(place, sent_to(api));
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 1, users).size(), 1u);
  ASSERT_TRUE(api.wait_for_calls(1, 30s));
  ASSERT_EQ(pay_orders(client, 2, 2, users).size(), 1u); // user 3's
  for (std::int64_t id = 3; id <= 1000; ++id)
    if (id % users != 2) {
      ASSERT_EQ(pay_orders(client, id, id, users).size(), 1u);
    }
  api.set_behaviour({.poison_numbers = {bad_number}, .poison_refuses_call = true});
  EXPECT_TRUE(eventually([&] { return stored_as(1) == 900 && stored_as(2) == 1; }))
      << stored_as(1) << " DELIVERED, " << stored_as(2) << " FAILED";
  EXPECT_EQ(api.accepted(), 900u);
}

} // namespace
} // namespace paymentd::end_to_end
