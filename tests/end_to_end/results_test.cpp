// Goal: what finally became of an accepted message is seen: when it arrived, or that it did not and
// why. Method: the real program, which asks every 100 ms, on the embedded database, and a message
// API in this process that accepts all and does not reach one number.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::int64_t users = 10;

TEST(results, what_arrived_has_its_time_and_what_did_not_is_failed_with_the_reason) {
  const workplace place;
  ASSERT_EQ(
      place
          .run({"seed", "--set", "database.url=" + place.database_url(), "--users",
                std::to_string(users), "--orders", "100", "--balance", "1000000", "--amount", "10"})
          .exit_code,
      0);
  providers::fake_alimtalk api;
  api.set_behaviour({.unreachable_numbers = {"01000000003"}}); // of user 3 of the seed
  auto sets = sent_to(api);
  sets.push_back("notification.results_poll=100ms");
  server_process server(place, sets);
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 20, users).size(), 20u); // orders 2 and 12 are user 3's
  ASSERT_TRUE(eventually([&] {
    return place.number("select count(*) from deliveries where delivered_at is not null") == 18 &&
           place.number("select count(*) from deliveries where status = 2") == 2;
  }));
  const auto get = [&](const std::string& query) {
    const auto answer = client.get("/v1/notifications?" + query);
    return answer ? json::parse(answer->body)["items"] : json();
  };
  const auto reached = get("orderId=1");
  ASSERT_EQ(reached.size(), 1u);
  EXPECT_EQ(reached[0]["status"], "DELIVERED");
  EXPECT_TRUE(reached[0]["deliveredAt"].is_string());
  const auto failed = get("status=FAILED");
  ASSERT_EQ(failed.size(), 2u);
  EXPECT_EQ(failed[1]["orderId"], 2);
  EXPECT_EQ(failed[1]["deliveredAt"], nullptr);
  EXPECT_NE(failed[1]["lastError"].get<std::string>().find("3018"), std::string::npos);

  api.set_behaviour({});
  const auto retry =
      client.post("/v1/notifications/" + failed[1]["id"].get<std::string>() + "/retry", "");
  ASSERT_TRUE(retry);
  EXPECT_EQ(retry->status, 202);
  EXPECT_TRUE(eventually([&] { return get("orderId=2")[0]["deliveredAt"].is_string(); }))
      << get("orderId=2");
  EXPECT_EQ(place.audit().exit_code, 0);
}

} // namespace
} // namespace paymentd::end_to_end
