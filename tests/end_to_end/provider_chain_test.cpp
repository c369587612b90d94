// Goal: where the settings name two message APIs, the second one sends while the first is down, the
// first one again once it works, and no customer reads a message twice. Method: the real program
// between two fake APIs, NHN Cloud's and Solapi's, each at an address of its own.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t users = 10;

class provider_chain : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(place_
                  .run({"seed", "--set", "database.url=" + place_.database_url(), "--users",
                        std::to_string(users), "--orders", "5000", "--balance", "1000000",
                        "--amount", "10"})
                  .exit_code,
              0);
    nhn_.emplace();
  }

  std::vector<std::string> sets() const {
    return {"alimtalk.provider=nhn,solapi",
            "alimtalk.base_url=" + nhn_->base_url() + "," + solapi_.base_url(),
            "alimtalk.failover_after=1s",
            "alimtalk.app_key=app",
            "alimtalk.secret_key=secret",
            "alimtalk.sender_key=sender",
            "alimtalk.template_code=PAID",
            "alimtalk.api_key=key",
            "alimtalk.api_secret=secret",
            "alimtalk.pf_id=PF1",
            "alimtalk.template_id=KA01TP",
            "notification.backoff_max=1s"};
  }
  std::int64_t delivered() const {
    return place_.number("select count(*) from deliveries where status = 1");
  }

  const workplace place_;
  std::optional<providers::fake_alimtalk> nhn_;
  providers::fake_alimtalk solapi_;
};

TEST_F(provider_chain, the_second_sends_while_the_first_is_gone_and_the_first_once_it_is_back) {
  server_process server(place_, sets());
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 50, users).size(), 50u);
  ASSERT_TRUE(eventually([&] { return delivered() == 50; }));
  EXPECT_EQ(nhn_->accepted(), 50u);
  EXPECT_EQ(solapi_.accepted(), 0u);

  const std::uint16_t port = nhn_->port();
  nhn_.reset();
  ASSERT_EQ(pay_orders(client, 51, 150, users).size(), 100u);
  ASSERT_TRUE(eventually([&] { return delivered() == 150; })) << delivered();
  EXPECT_EQ(solapi_.accepted(), 100u);

  nhn_.emplace(providers::fake_alimtalk_options{.port = port});
  std::int64_t paid = 150;
  ASSERT_TRUE(eventually([&] {
    ++paid;
    EXPECT_EQ(pay_orders(client, paid, paid, users).size(), 1u);
    return nhn_->accepted() > 0 || paid == 4'000;
  }));
  ASSERT_TRUE(eventually([&] { return delivered() == paid; })) << delivered();
  const auto by_solapi = solapi_.accepted();
  ASSERT_EQ(pay_orders(client, paid + 1, paid + 100, users).size(), 100u);
  ASSERT_TRUE(eventually([&] { return delivered() == paid + 100; })) << delivered();
  EXPECT_EQ(solapi_.accepted(), by_solapi) << "all go to the first one again";
  EXPECT_EQ(nhn_->accepted() + solapi_.accepted(), static_cast<std::uint64_t>(paid + 50));
  EXPECT_EQ(nhn_->distinct() + solapi_.distinct(), static_cast<std::uint64_t>(paid + 50));
  EXPECT_EQ(place_.audit().exit_code, 0) << place_.audit().output;
}

TEST_F(provider_chain, a_message_whose_answer_the_first_lost_is_not_sent_by_the_second) {
  server_process server(place_, sets());
  auto client = server.client();
  nhn_->set_behaviour({.drop_answers = true}); // it accepts this one all the same
  std::int64_t paid = 1;
  ASSERT_EQ(pay_orders(client, 1, 1, users).size(), 1u);
  ASSERT_TRUE(eventually([&] { return nhn_->accepted() == 1; }));
  nhn_->set_behaviour({.status = 500}); // of the message that is in doubt it tells nothing
  ASSERT_TRUE(eventually([&] {
    ++paid;
    EXPECT_EQ(pay_orders(client, paid, paid, users).size(), 1u);
    return solapi_.accepted() >= 20 || paid == 5'000;
  }));
  EXPECT_GE(solapi_.accepted(), 20u);
  nhn_->set_behaviour({});
  ASSERT_TRUE(eventually([&] { return delivered() == paid; }, 120s)) << delivered();
  EXPECT_EQ(nhn_->accepted() + solapi_.accepted(), static_cast<std::uint64_t>(paid));
  EXPECT_EQ(nhn_->distinct() + solapi_.distinct(), static_cast<std::uint64_t>(paid));
  EXPECT_EQ(place_.audit().exit_code, 0) << place_.audit().output;
}

} // namespace
} // namespace paymentd::end_to_end
