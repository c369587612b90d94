// Goal: nothing that the message API does can touch a payment, and what it missed arrives later.
// Method: the API is gone, or fails in each of its ways, while orders are paid; then it comes back.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t users = 10;

void seed(const workplace& place, std::int64_t orders) {
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users",
                      std::to_string(users), "--orders", std::to_string(orders), "--balance",
                      "1000000", "--amount", "10"})
                .exit_code,
            0);
}

void expect_all_arrived_once(const workplace& place, const providers::fake_alimtalk& api,
                             std::int64_t count) {
  ASSERT_TRUE(eventually([&] {
    return place.number("select count(*) from deliveries where status = 1") == count;
  })) << place.number("select count(*) from deliveries where status = 1");
  EXPECT_EQ(api.accepted(), static_cast<std::uint64_t>(count));
  EXPECT_EQ(api.distinct(), static_cast<std::uint64_t>(count));
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

TEST(outage, payments_go_on_while_the_api_is_gone_and_their_messages_arrive_once_it_is_back) {
  const workplace place;
  seed(place, 1'000);
  std::optional<providers::fake_alimtalk> api;
  api.emplace();
  const std::uint16_t port = api->port();
  const std::vector<std::string> sets = sent_to(*api);
  api.reset();
  server_process server(place, sets);
  auto client = server.client();
  EXPECT_EQ(pay_orders(client, 1, 1'000, users).size(), 1'000u);
  EXPECT_EQ(place.number("select count(*) from deliveries"), 0);
  api.emplace(providers::fake_alimtalk_options{.port = port});
  expect_all_arrived_once(place, *api, 1'000);
}

TEST(outage, a_call_in_doubt_that_meets_an_outage_is_repeated_once_the_api_is_back) {
  const workplace place;
  seed(place, 2);
  providers::fake_alimtalk api;
  auto sets = sent_to(api);
  sets.emplace_back("alimtalk.timeout=300ms");
  server_process server(place, sets);
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 1, users).size(), 1u);
  ASSERT_TRUE(api.wait_for_accepted(1, 30s)); // a success, but from before
  api.set_behaviour({.hang = true});
  ASSERT_EQ(pay_orders(client, 2, 2, users).size(), 1u);
  ASSERT_TRUE(api.wait_for_calls(2, 30s));
  api.set_behaviour({.status = 500});
  ASSERT_TRUE(api.wait_for_calls(3, 30s));
  api.set_behaviour({});
  expect_all_arrived_once(place, api, 2);
}

TEST(outage, payments_go_on_while_the_api_fails_or_hangs) {
  for (const providers::fake_behaviour& behaviour :
       {providers::fake_behaviour{.status = 500}, providers::fake_behaviour{.hang = true},
        providers::fake_behaviour{.throttle = 1s}, providers::fake_behaviour{.fail_rate = 0.5}}) {
    const workplace place;
    seed(place, 200);
    providers::fake_alimtalk api({.behaviour = behaviour});
    auto sets = sent_to(api);
    sets.emplace_back("alimtalk.timeout=300ms");
    server_process server(place, sets);
    auto client = server.client();
    EXPECT_EQ(pay_orders(client, 1, 200, users).size(), 200u);
    EXPECT_TRUE(api.wait_for_calls(1, 30s));
    api.set_behaviour({});
    expect_all_arrived_once(place, api, 200);
  }
}

} // namespace
} // namespace paymentd::end_to_end
