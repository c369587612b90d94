// Goal: whatever fails between a store and its server, the store says what is true: `unavailable`
// where nothing happened, the outcomes where it did, and `resolve` tells where neither is known.
// Method: the real server behind a network that fails at the commit, locks held by a session of the
// test's own, stopped processes, and a server that is killed under load.
#include "tests/db/postgres_fixture.hpp"
#include "tests/db/postgres_proxy.hpp"

#include <algorithm>
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

  /// Returns when a session of the program waits for the lock of a row; after ten seconds at most.
  void wait_for_a_lock() {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (sql("select 1 from pg_stat_activity where application_name = 'paymentd' and "
               "wait_event_type = 'Lock' and datname = current_database()")
               .empty())
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "nobody waits for a lock";
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

TEST_F(postgres_faults, a_batch_without_a_ledger_entry_is_resolved_as_well) {
  const auto on = lane("one", proxy_url());
  const auto pays = payable(*on, 1);
  const std::vector<command> creates(2,
                                     create_order{std::get<pay>(pays[0].what).user, {10}, {0}, {}});
  proxy_.fail_next(fault::cut_after_commit);
  EXPECT_EQ(kind_of(on->settle(creates, start)), error_kind::in_doubt);
  const auto outcomes = must(on->resolve(start));
  ASSERT_TRUE(outcomes.has_value());
  EXPECT_EQ(outcomes->size(), 2u);
  EXPECT_EQ(sql("select count(*) from paymentd.orders").at(0), "3");

  proxy_.fail_next(fault::cut_before_commit);
  EXPECT_EQ(kind_of(on->settle(creates, start)), error_kind::in_doubt);
  EXPECT_EQ(must(on->resolve(start)), std::nullopt);
  EXPECT_EQ(sql("select count(*) from paymentd.orders").at(0), "3");
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

TEST_F(postgres_faults, a_retry_under_a_key_whose_commit_was_lost_is_done_or_given_again) {
  const auto on = lane("one", proxy_url());
  const auto entries = failed_messages(*on, 2);
  const std::vector lost{retry_under_key(entries[0])};
  proxy_.fail_next(fault::cut_before_commit);
  const auto done = must(on->retry(lost, start)).at(0);
  EXPECT_EQ(std::get<delivery>(done).status, delivery_status::pending);
  const std::vector unheard{retry_under_key(entries[1])};
  proxy_.fail_next(fault::cut_after_commit);
  const auto given = must(on->retry(unheard, start)).at(0);
  EXPECT_EQ(std::get<replayed_retry>(given).what.status, delivery_status::pending);
  EXPECT_EQ(must(lane("other")->retry(unheard, start)).at(0), given);
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_faults, a_retry_under_a_key_waits_for_the_first_one) {
  lease_ = milliseconds{20'000}; // the server gives up on a held commit later than on a lock
  const auto on = lane("one", proxy_url());
  const std::vector which{retry_under_key(failed_messages(*on, 1).at(0))};
  const auto other = lane("other");
  proxy_.fail_next(fault::hold_commit);
  EXPECT_EQ(kind_of(on->retry(which, start)), error_kind::in_doubt)
      << "done again, it waits for the first one in vain";
  EXPECT_EQ(kind_of(other->retry(which, start)), error_kind::unavailable);
  proxy_.release();
  const auto given = must(other->retry(which, start)).at(0);
  EXPECT_TRUE(std::holds_alternative<replayed_retry>(given));
  EXPECT_EQ(must(on->retry(which, start)).at(0), given);
}

TEST_F(postgres_faults, a_process_that_stops_inside_a_transaction_frees_the_others_in_time) {
  const auto stopped = lane("stopped", proxy_url());
  const auto pays = payable(*stopped, 3);
  proxy_.fail_next(fault::hold_commit);
  EXPECT_EQ(kind_of(stopped->settle(pays, start)), error_kind::in_doubt);

  const auto other = lane("other");
  const auto began = std::chrono::steady_clock::now();
  // Until then its rows are locked, and whoever names them is told so.
  const auto are_paid = [](const result<std::vector<outcome>>& settled) {
    return settled && std::ranges::all_of(*settled, [](const outcome& each) {
             return std::holds_alternative<order>(each);
           });
  };
  auto settled = other->settle(pays, start);
  while (!are_paid(settled) && std::chrono::steady_clock::now() - began < lease_)
    settled = other->settle(pays, start);
  EXPECT_TRUE(are_paid(settled));
  EXPECT_LT(std::chrono::steady_clock::now() - began, lease_);
  proxy_.drop();
  EXPECT_EQ(paid_orders(), "3");
}

TEST_F(postgres_faults, a_row_that_is_locked_elsewhere_costs_the_commands_on_it_alone) {
  const auto on = lane("one");
  const auto held = payable(*on, 3);
  auto batch = payable(*on, 2); // another user's
  const user_id locked_user = std::get<pay>(held[0].what).user;
  must(on->settle({&held[2], 1}, start));
  const order_id paid = std::get<pay>(held[2].what).order;
  batch.insert(batch.begin(), held[0]);
  batch.emplace_back(charge{locked_user, {5}});
  batch.emplace_back(refund{paid}); // names no user
  batch.emplace_back(create_user{"01012345678", {0}});
  side_session other(url());
  other.sql("begin; select id from paymentd.users where id = " + std::to_string(locked_user.value) +
            " for update");
  const auto is_locked = [](const outcome& one) {
    const auto* no = std::get_if<refused>(&one);
    return no != nullptr && no->why == refusal::row_locked;
  };
  auto outcomes = must(on->settle(batch, start));
  ASSERT_EQ(outcomes.size(), 6u);
  for (const std::size_t at : {0u, 3u, 4u})
    EXPECT_TRUE(is_locked(outcomes[at])) << at;
  for (const std::size_t at : {1u, 2u})
    EXPECT_EQ(std::get<order>(outcomes[at]).status, order_status::paid) << at;
  EXPECT_TRUE(std::holds_alternative<user>(outcomes[5]));
  EXPECT_EQ(paid_orders(), "3");

  // It is known by now: nobody waits for it again, and it is found free when it is.
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(is_locked(must(on->settle({&held[1], 1}, start)).at(0)));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds{900});
  other.sql("rollback");
  do {
    outcomes = must(on->settle({&held[1], 1}, start));
  } while (is_locked(outcomes.at(0)));
  EXPECT_EQ(std::get<order>(outcomes[0]).status, order_status::paid);
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_faults, an_order_that_is_locked_elsewhere_is_refused_and_changes_nothing) {
  const auto on = lane("one");
  const auto pays = payable(*on, 3);
  side_session other(url());
  other.sql("begin; select id from paymentd.orders for update");
  for (const outcome& each : must(on->settle(pays, start)))
    EXPECT_EQ(std::get<refused>(each).why, refusal::row_locked);
  EXPECT_EQ(paid_orders(), "0");
  other.sql("rollback");
}

TEST_F(postgres_faults, a_status_or_a_kind_that_no_reader_knows_is_refused) {
  const auto on = lane("one");
  must(on->settle(payable(*on, 1), start));
  EXPECT_ANY_THROW(sql("update paymentd.orders set status = 4"));
  EXPECT_ANY_THROW(sql("update paymentd.ledger_entries set kind = -1"));
  EXPECT_ANY_THROW(sql("update paymentd.users set balance = -1"));
}

TEST_F(postgres_faults, an_order_that_a_hand_changes_in_the_middle_of_a_batch_is_decided_again) {
  const auto on = lane("one");
  const auto pays = payable(*on, 3);
  const auto by_hand = std::get<pay>(pays[1].what).order;
  side_session other(url());
  other.sql("begin; update paymentd.orders set status = 2 where id = " +
            std::to_string(by_hand.value));
  std::vector<outcome> outcomes;
  {
    const std::jthread settles([&] { outcomes = must(on->settle(pays, start)); });
    wait_for_a_lock(); // the batch has read the order PENDING
    other.sql("commit");
  }
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes[1], outcome(refused{refusal::order_not_payable, order_status::cancelled}));
  EXPECT_EQ(paid_orders(), "2");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_faults, charges_and_withdrawals_of_several_processes_add_up) {
  const auto one = lane("one");
  const auto two = lane("two");
  std::vector<user_id> users;
  for (const outcome& made :
       must(one->settle(std::vector<command>(3, create_user{"01012345678", {1000}}), start)))
    users.push_back(std::get<user>(made).id);
  const auto change_all = [&](store& on, bool adds) {
    for (std::size_t i = 0; i < 60; ++i) {
      std::vector<command> batch;
      for (std::size_t j = 0; j < users.size(); ++j) { // in no order of theirs
        const user_id of = users[(i + j) % users.size()];
        if (adds)
          batch.emplace_back(charge{of, {3}});
        else
          batch.emplace_back(withdraw{of, {2}});
      }
      EXPECT_TRUE(on.settle(batch, start));
    }
  };
  {
    const std::jthread beside([&] { change_all(*two, false); });
    change_all(*one, true);
  }
  EXPECT_THAT(sql("select balance from paymentd.users"),
              testing::Each(std::to_string(1000 + 60 * (3 - 2))));
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_faults, commands_of_several_processes_on_the_same_orders_leave_one_truth) {
  const auto one = lane("one");
  const auto two = lane("two");
  const auto pays = payable(*one, 60);
  std::vector<command> others;
  for (const command& each : pays) {
    const auto which = std::get<pay>(each.what).order;
    others.emplace_back(cancel{which});
    others.emplace_back(refund{which});
  }
  const auto settle_all = [&](store& on, std::span<const command> all, std::size_t size) {
    for (; !all.empty(); all = all.subspan(std::min(size, all.size())))
      EXPECT_TRUE(on.settle(all.first(std::min(size, all.size())), start));
  };
  {
    const std::jthread beside([&] { settle_all(*two, others, 7); });
    settle_all(*one, pays, 5);
  }
  EXPECT_EQ(sql("select count(*) from paymentd.orders where status = 0").at(0), "0");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_faults, a_lock_on_the_stream_itself_makes_the_batch_unavailable) {
  const auto on = lane("one");
  const auto pays = payable(*on, 3);
  side_session other(url());
  other.sql("begin; select id from paymentd.streams for update");
  EXPECT_EQ(kind_of(on->settle(pays, start)), error_kind::unavailable);
  other.sql("rollback");
  EXPECT_EQ(must(on->settle(pays, start)).size(), 3u);
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
