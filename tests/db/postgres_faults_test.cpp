// Goal: whatever fails between a store and its server, the store says what is true: `unavailable`
// where nothing happened, the outcomes where it did, and `resolve` tells where neither is known.
// Method: the real server behind a network that fails at the commit, locks held by a session of the
// test's own, stopped processes, and a server that is killed under load.
#include "tests/db/postgres_fixture.hpp"
#include "tests/db/postgres_proxy.hpp"

#include <csignal>
#include <thread>

namespace paymentd::db {
namespace {

using fault = postgres_proxy::fault;

class postgres_faults : public postgres_test {
 protected:
  std::string proxy_url() {
    return "postgresql:///" + name_ + "?user=postgres&host=" + proxy_.host();
  }

  postgres_proxy proxy_{cluster().socket()};
};

TEST_F(postgres_faults, a_commit_that_never_arrived_is_resolved_to_nothing) {
  const auto on = lane("one", proxy_url());
  const auto pays = payable(*on, 3);
  proxy_.fail_next(fault::cut_before_commit);
  EXPECT_EQ(kind_of(on->settle(pays, start)), error_kind::in_doubt);
  EXPECT_EQ(kind_of(on->settle(pays, start)), error_kind::in_doubt);
  EXPECT_EQ(must(on->resolve(start)), std::nullopt);
  EXPECT_EQ(paid_orders(), "0");
  must(on->settle(pays, start));
  EXPECT_EQ(paid_orders(), "3");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_faults, a_commit_whose_answer_was_lost_is_resolved_to_its_outcomes) {
  const auto on = lane("one", proxy_url());
  const auto pays = payable(*on, 3);
  proxy_.fail_next(fault::cut_after_commit);
  EXPECT_EQ(kind_of(on->settle(pays, start)), error_kind::in_doubt);
  const auto outcomes = must(on->resolve(start));
  ASSERT_TRUE(outcomes.has_value());
  ASSERT_EQ(outcomes->size(), 3u);
  EXPECT_EQ(std::get<order>(outcomes->front()).status, order_status::paid);
  EXPECT_EQ(paid_orders(), "3");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_faults, a_commit_that_is_late_is_waited_for) {
  const auto on = lane("one", proxy_url());
  const auto pays = payable(*on, 3);
  proxy_.fail_next(fault::hold_commit);
  EXPECT_EQ(kind_of(on->settle(pays, start)), error_kind::in_doubt);
  // The old transaction still holds its stream: nobody can know yet.
  EXPECT_EQ(kind_of(on->resolve(start)), error_kind::unavailable);
  proxy_.release();
  EXPECT_TRUE(must(on->resolve(start)).has_value());
  EXPECT_EQ(paid_orders(), "3");
}

TEST_F(postgres_faults, a_commit_that_comes_after_the_resolve_is_shut_out) {
  const auto on = lane("one", proxy_url());
  const auto pays = payable(*on, 3);
  proxy_.fail_next(fault::hold_commit);
  EXPECT_EQ(kind_of(on->settle(pays, start)), error_kind::in_doubt);
  // The server ends a transaction that stands still, well within the lease.
  auto resolved = on->resolve(start);
  while (!resolved && resolved.error().kind == error_kind::unavailable)
    resolved = on->resolve(start);
  EXPECT_EQ(must(resolved), std::nullopt);
  must(on->settle(pays, start));
  proxy_.release();
  EXPECT_EQ(paid_orders(), "3");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_faults, a_process_that_stops_inside_a_transaction_frees_the_others_in_time) {
  const auto stopped = lane("stopped", proxy_url());
  const auto pays = payable(*stopped, 3);
  proxy_.fail_next(fault::hold_commit);
  EXPECT_EQ(kind_of(stopped->settle(pays, start)), error_kind::in_doubt);

  const auto other = lane("other");
  const auto began = std::chrono::steady_clock::now();
  auto settled = other->settle(pays, start);
  while (!settled && settled.error().kind == error_kind::unavailable)
    settled = other->settle(pays, start);
  EXPECT_EQ(must(settled).size(), 3u);
  EXPECT_LT(std::chrono::steady_clock::now() - began, lease_);
  proxy_.drop();
  EXPECT_EQ(paid_orders(), "3");
}

TEST_F(postgres_faults, a_lock_held_elsewhere_makes_a_batch_unavailable_and_changes_nothing) {
  const auto on = lane("one");
  const auto pays = payable(*on, 3);
  side_session other(url());
  other.sql("begin; select id from orders for update");
  EXPECT_EQ(kind_of(on->settle(pays, start)), error_kind::unavailable);
  other.sql("rollback");
  EXPECT_EQ(must(on->settle(pays, start)).size(), 3u);
  EXPECT_EQ(paid_orders(), "3");
}

TEST_F(postgres_faults, a_session_that_was_ended_is_opened_anew_under_a_new_epoch) {
  const auto on = lane("one");
  const auto pays = payable(*on, 3);
  const auto before = on->lease();
  sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'paymentd' "
      "and datname = current_database()");
  auto settled = on->settle(pays, start);
  if (!settled) {
    EXPECT_EQ(settled.error().kind, error_kind::unavailable);
    settled = on->settle(pays, start);
  }
  EXPECT_EQ(must(settled).size(), 3u);
  EXPECT_EQ(on->lease().epoch, before.epoch + 1);
}

TEST_F(postgres_faults, a_server_that_stands_still_is_not_waited_for) {
  const auto on = lane("one");
  const auto pays = payable(*on, 1);
  const auto process = std::stoi(sql("select pid from pg_stat_activity where application_name = "
                                     "'paymentd' and datname = current_database()")
                                     .at(0));
  const auto began = std::chrono::steady_clock::now();
  ASSERT_EQ(::kill(process, SIGSTOP), 0);
  const auto settled = on->settle(pays, start);
  ASSERT_EQ(::kill(process, SIGCONT), 0);
  EXPECT_EQ(kind_of(settled), error_kind::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, lease_);
}

TEST_F(postgres_faults, a_server_killed_under_load_loses_nothing_that_was_answered) {
  const auto on = lane("one");
  const auto pays = payable(*on, 3000);
  std::atomic<int> answered{0};
  std::vector<order_id> paid;
  std::jthread load([&] {
    std::size_t next = 0;
    while (next < pays.size()) {
      const auto batch = std::span(pays).subspan(next, 10);
      auto settled = on->settle(batch, start);
      if (!settled && settled.error().kind == error_kind::in_doubt) {
        auto resolved = on->resolve(start);
        while (!resolved)
          resolved = on->resolve(start);
        if (!*resolved)
          continue; // nothing happened
        settled = **std::move(resolved);
      }
      if (!settled)
        continue; // not there: again
      for (const auto& one : *settled)
        paid.push_back(std::get<order>(one).id);
      next += batch.size();
      answered = static_cast<int>(next);
      answered.notify_all();
    }
  });
  for (const int at : {500, 1500}) {
    for (int seen = answered; seen < at; seen = answered)
      answered.wait(seen);
    cluster().crash();
    cluster().start();
  }
  load.join();
  EXPECT_EQ(paid.size(), 3000u);
  EXPECT_EQ(paid_orders(), "3000");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

} // namespace
} // namespace paymentd::db
