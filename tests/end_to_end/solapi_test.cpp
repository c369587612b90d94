// Goal: the settings alone make another provider send the messages. Method: the real program with
// Solapi's API in this process, which checks every signature; it fails for a while.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

TEST(solapi, sends_each_payments_message_once_and_after_an_outage) {
  const workplace place;
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users", "10",
                      "--orders", "200", "--balance", "1000000", "--amount", "10"})
                .exit_code,
            0);
  providers::fake_alimtalk api;
  server_process server(place,
                        {"alimtalk.provider=solapi", "alimtalk.base_url=" + api.base_url(),
                         "alimtalk.api_key=key", "alimtalk.api_secret=secret", "alimtalk.pf_id=PF1",
                         "alimtalk.template_id=KA01TP", "alimtalk.fallback=sms",
                         "alimtalk.fallback_from=0212345678", "notification.backoff_max=1s"});
  auto client = server.client();
  EXPECT_EQ(pay_orders(client, 1, 100, 10).size(), 100u);
  ASSERT_TRUE(api.wait_for_accepted(100, 30s));
  const auto message = nlohmann::json::parse(api.last_body())["messages"][0];
  EXPECT_EQ(message["type"], "ATA");
  EXPECT_EQ(message["from"], "0212345678");
  api.set_behaviour({.status = 500});
  EXPECT_EQ(pay_orders(client, 101, 200, 10).size(), 100u);
  api.set_behaviour({});
  ASSERT_TRUE(eventually(
      [&] { return place.number("select count(*) from deliveries where status = 1") == 200; }));
  EXPECT_EQ(api.accepted(), 200u);
  EXPECT_EQ(api.distinct(), 200u);
  EXPECT_EQ(place.audit().exit_code, 0);
}

} // namespace
} // namespace paymentd::end_to_end
