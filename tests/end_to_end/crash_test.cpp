// Goal: whatever moment the process is killed at, a restart heals: what was answered 201 is PAID,
// and every message is accepted exactly once.
// Method: SIGKILL after a growing number of answers, with an API slow enough that messages are
// waiting, under way, accepted and unmarked when it comes; then a new process on the same file.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <thread>

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

void expect_each_accepted_once(const providers::fake_alimtalk& api) {
  for (const providers::fake_message& each : api.received())
    EXPECT_EQ(api.times_accepted(each.recipient_grouping_key), 1u) << each.recipient_grouping_key;
}

TEST(crash, killed_between_the_answer_and_the_mark_the_message_is_still_accepted_once) {
  for (const std::int64_t answers : {1, 2, 5, 20, 60}) {
    SCOPED_TRACE(answers);
    const workplace place;
    seed(place, 100);
    const providers::fake_alimtalk api({.behaviour = {.latency = 15ms}});
    {
      server_process server(place, sent_to(api));
      auto client = server.client();
      ASSERT_EQ(pay_orders(client, 1, answers, users).size(), static_cast<std::size_t>(answers));
      server.process().signal(SIGKILL);
      server.process().wait();
    }
    EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
    server_process server(place, sent_to(api));
    ASSERT_TRUE(api.wait_for_accepted(static_cast<std::uint64_t>(answers), 30s));
    ASSERT_TRUE(eventually([&] {
      return place.number("select count(*) from deliveries where status = 1") == answers;
    }));
    EXPECT_EQ(api.accepted(), static_cast<std::uint64_t>(answers));
    expect_each_accepted_once(api);
    EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
  }
}

TEST(crash, killed_after_the_api_accepted_but_before_it_answered_the_message_is_not_sent_twice) {
  const workplace place;
  seed(place, 10);
  providers::fake_alimtalk api({.behaviour = {.drop_answers = true}});
  {
    server_process server(place, sent_to(api));
    auto client = server.client();
    ASSERT_EQ(pay_orders(client, 1, 1, users).size(), 1u);
    ASSERT_TRUE(api.wait_for_accepted(1, 30s));
    server.process().signal(SIGKILL);
    server.process().wait();
  }
  api.set_behaviour({});
  server_process server(place, sent_to(api));
  ASSERT_TRUE(eventually(
      [&] { return place.number("select count(*) from deliveries where status = 1") == 1; }));
  EXPECT_EQ(api.accepted(), 1u);
}

TEST(crash, killed_in_the_middle_of_a_load_what_was_answered_is_paid) {
  const workplace place;
  seed(place, 4'000);
  const providers::fake_alimtalk api;
  std::vector<std::vector<std::int64_t>> answered(4);
  {
    server_process server(place, sent_to(api));
    std::vector<std::jthread> clients;
    for (std::size_t i = 0; i < answered.size(); ++i)
      clients.emplace_back([&, i] {
        auto client = server.client();
        const auto first = static_cast<std::int64_t>(i) * 1'000;
        answered[i] = pay_orders(client, first + 1, first + 1'000, users);
      });
    ASSERT_TRUE(api.wait_for_accepted(300, 30s));
    server.process().signal(SIGKILL);
    server.process().wait();
  }
  std::int64_t count = 0;
  for (const auto& each : answered)
    for (const std::int64_t id : each) {
      ++count;
      ASSERT_EQ(place.number("select status from orders where id = " + std::to_string(id)), 1);
    }
  EXPECT_GT(count, 0);
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;

  // The restart sends what is left: one message for each payment, answered or not.
  const std::int64_t paid = place.number("select count(*) from orders where status = 1");
  EXPECT_GE(paid, count);
  server_process server(place, sent_to(api));
  ASSERT_TRUE(eventually(
      [&] { return place.number("select count(*) from deliveries where status = 1") == paid; }));
  EXPECT_EQ(api.accepted(), static_cast<std::uint64_t>(paid));
  EXPECT_EQ(api.distinct(), static_cast<std::uint64_t>(paid));
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

TEST(crash, a_backup_made_in_the_middle_of_a_load_is_a_whole_database) {
  const workplace place;
  seed(place, 3'000);
  const providers::fake_alimtalk api;
  const auto copy = place.path() / "copy.db";
  {
    server_process server(place, sent_to(api));
    std::jthread load([&] {
      auto client = server.client();
      pay_orders(client, 1, 3'000, users);
    });
    ASSERT_TRUE(api.wait_for_accepted(100, 30s));
    const ended made =
        place.run({"backup", copy.string(), "--set", "database.url=" + place.database_url()});
    EXPECT_EQ(made.exit_code, 0) << made.output;
    const ended again =
        place.run({"backup", copy.string(), "--set", "database.url=" + place.database_url()});
    EXPECT_EQ(again.exit_code, 1);
    EXPECT_NE(again.output.find("exists already"), std::string::npos) << again.output;
  }
  const ended audited = place.run({"audit", "--set", "database.url=sqlite:" + copy.string()});
  EXPECT_EQ(audited.exit_code, 0) << audited.output;
  // Restored: what it knows is served on, each message still once.
  std::filesystem::remove(place.path() / "paymentd.db-wal");
  std::filesystem::remove(place.path() / "paymentd.db-shm");
  std::filesystem::rename(copy, place.path() / "paymentd.db");
  const std::int64_t paid = place.number("select count(*) from orders where status = 1");
  EXPECT_GT(paid, 0);
  server_process server(place, sent_to(api));
  ASSERT_TRUE(eventually(
      [&] { return place.number("select count(*) from deliveries where status = 1") == paid; }));
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

} // namespace
} // namespace paymentd::end_to_end
