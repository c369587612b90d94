// Goal: several processes on one PostgreSQL database stay correct, whichever of them dies.
// Method: real processes on a cluster of the test's own; SIGKILL for paymentd, an immediate stop
// for the server, in the middle of a load; then what was answered is compared with what is there.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

TEST_F(postgres, a_dead_processs_messages_are_sent_by_a_living_one_within_seconds) {
  seed(200);
  api.set_behaviour({.status = 500});
  const auto living = serve();
  {
    const auto dying = serve();
    auto client = dying->client();
    ASSERT_EQ(pay_orders(client, 1, 200, users).size(), 200u);
    ASSERT_TRUE(api.wait_for_calls(1, 30s));
    dying->process().signal(SIGKILL);
    dying->process().wait();
  }
  api.set_behaviour({});
  expect_all_arrive_once(200);
}

TEST_F(postgres, the_result_of_an_audit_is_shown_by_each_process_beside_it) {
  seed(20);
  const auto one = serve();
  const auto other = serve();
  expect_sound();
  for (const auto* process : {one.get(), other.get()}) {
    http::testing::test_client operators(process->admin_port());
    const auto shown = nlohmann::json::parse(operators.get("/console/api/audit").value().body);
    EXPECT_EQ(shown["last"]["breaches"], 0);
    EXPECT_EQ(shown["last"]["orders"], 20);
    EXPECT_EQ(shown["last"], shown["lastClean"]);
  }
}

TEST_F(postgres, two_processes_that_pay_the_same_orders_pay_none_twice) {
  seed(600);
  const auto one = serve();
  const auto other = serve();
  std::vector<std::vector<std::int64_t>> answered(4);
  {
    std::vector<std::jthread> clients;
    for (std::size_t i = 0; i < answered.size(); ++i)
      clients.emplace_back([&, i] {
        auto client = (i % 2 == 0 ? one : other)->client();
        answered[i] = pay_orders(client, 1, 600, users);
      });
  }
  std::set<std::int64_t> once;
  for (const auto& each : answered)
    for (const std::int64_t id : each)
      EXPECT_TRUE(once.insert(id).second) << id << " was answered 201 twice";
  EXPECT_EQ(once.size(), 600u);
  expect_all_arrive_once(600);
}

TEST_F(postgres, a_process_and_then_the_server_die_under_load_and_what_was_answered_is_paid) {
  seed(6'000);
  const auto living = serve();
  const auto dying = serve();
  std::mutex guard;
  std::vector<std::int64_t> answered;
  std::atomic<bool> over{false};
  std::vector<std::jthread> clients;
  for (std::size_t i = 0; i < 4; ++i)
    clients.emplace_back([&, i] {
      server_process& server = i < 2 ? *living : *dying;
      auto client = server.client();
      const auto first = static_cast<std::int64_t>(i) * 1'500;
      for (std::int64_t id = first + 1; id <= first + 1'500 && !over; ++id) {
        const auto paid_now = pay_orders(client, id, id, users);
        const std::lock_guard lock(guard);
        answered.insert(answered.end(), paid_now.begin(), paid_now.end());
      }
    });
  const auto answers = [&] {
    const std::lock_guard lock(guard);
    return answered.size();
  };
  ASSERT_TRUE(eventually([&] { return answers() > 200; }));
  dying->process().signal(SIGKILL);
  const std::size_t before = answers();
  ASSERT_TRUE(eventually([&] { return answers() > before + 100; }));
  cluster.crash();
  cluster.start();
  const std::size_t after_crash = answers();
  // The living process finds the server again, and pays on.
  EXPECT_TRUE(eventually([&] { return answers() > after_crash + 100; }));
  over = true;
  clients.clear();
  expect_paid(answered);
  // Payments whose answer was lost may be there as well; each has its message.
  expect_all_arrive_once(paid());
  EXPECT_GE(paid(), static_cast<std::int64_t>(answered.size()));
}

TEST_F(postgres, a_server_that_is_not_there_at_the_start_is_waited_for) {
  cluster.crash();
  const auto server = serve();
  http::testing::test_client operators(server->admin_port());
  const auto not_ready = operators.get("/readyz");
  ASSERT_TRUE(not_ready);
  EXPECT_EQ(not_ready->status, 503);
  EXPECT_EQ(operators.get("/healthz")->status, 200);
  cluster.start();
  EXPECT_TRUE(eventually([&] { return operators.get("/readyz")->status == 200; }));
  auto client = server->client();
  EXPECT_TRUE(eventually([&] {
    return client.post("/v1/users", R"({"phone":"01012345678","balance":5})")->status == 201;
  }));
}

} // namespace
} // namespace paymentd::end_to_end
