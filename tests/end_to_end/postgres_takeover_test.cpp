// Goal: the messages of a process that stopped or died are sent by another one in time, and each is
// accepted once, whatever the first one does when it wakes.
// Method: two real processes on one PostgreSQL cluster; SIGSTOP and SIGCONT, or SIGKILL, while
// calls are under way to an API that is slow, silent or loses its answers.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <csignal>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

constexpr auto lease = 2s; // as the fixture sets it

class postgres_takeover : public postgres {
 protected:
  /// How many claims stand open.
  std::int64_t open_claims() const { return number("select count(*) from paymentd.claims"); }
};

TEST_F(postgres_takeover, a_process_that_wakes_after_its_streams_were_taken_sends_nothing_twice) {
  seed(400);
  const auto other = serve();
  const auto stopped = serve();
  std::int64_t next = 1;
  const std::vector<providers::fake_behaviour> manners{
      {.latency = 300ms, .drop_answers = true}, // a call is under way, and its answer is lost
      {.hang = true},                           // it was written and never read
  };
  for (const auto& manner : manners) {
    SCOPED_TRACE(next);
    api.set_behaviour(manner);
    const std::uint64_t calls = api.calls();
    auto client = stopped->client();
    ASSERT_EQ(pay_orders(client, next, next + 99, users).size(), 100u);
    ASSERT_TRUE(api.wait_for_calls(calls + 1, 30s));
    ASSERT_TRUE(eventually([&] { return open_claims() > 0; }));
    stopped->process().signal(SIGSTOP);
    api.set_behaviour({});
    const std::int64_t paid_so_far = next + 99;
    EXPECT_TRUE(eventually([&] { return delivered() == paid_so_far; }))
        << delivered() << " of " << paid_so_far;
    stopped->process().signal(SIGCONT);
    // It goes on to pay and to send, on another stream or epoch.
    auto again = stopped->client();
    ASSERT_EQ(pay_orders(again, next + 100, next + 199, users).size(), 100u);
    expect_all_arrive_once(next + 199);
    next += 200;
  }
  EXPECT_TRUE(stopped->process().lives());
}

TEST_F(postgres_takeover, after_a_kill_sending_goes_on_within_five_seconds_of_the_leases_end) {
  seed(100);
  const auto living = serve();
  auto dying = serve();
  api.set_behaviour({.hang = true});
  auto client = dying->client();
  ASSERT_EQ(pay_orders(client, 1, 100, users).size(), 100u);
  ASSERT_TRUE(api.wait_for_calls(1, 30s));
  dying->process().signal(SIGKILL);
  dying->process().wait();
  const auto died = std::chrono::steady_clock::now();
  api.set_behaviour({});
  ASSERT_TRUE(api.wait_for_accepted(1, 30s));
  EXPECT_LT(std::chrono::steady_clock::now() - died, lease + 5s);
  expect_all_arrive_once(100);
}

TEST_F(postgres_takeover, a_process_that_sends_no_messages_holds_none_back) {
  seed(300);
  const auto sends = serve();
  auto for_the_api_alone = serve({"alimtalk.provider=none"});
  auto client = for_the_api_alone->client();
  ASSERT_EQ(pay_orders(client, 1, 100, users).size(), 100u);
  expect_all_arrive_once(100);
  auto both = sends->client();
  ASSERT_EQ(pay_orders(both, 101, 200, users).size(), 100u);
  ASSERT_EQ(pay_orders(client, 201, 300, users).size(), 100u);
  expect_all_arrive_once(300);
}

} // namespace
} // namespace paymentd::end_to_end
