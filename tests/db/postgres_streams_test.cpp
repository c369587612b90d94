// Goal: streams of several processes on one database are leased, fenced and taken over, and the
// locks behind that wait for what they must and for nothing else. Method: stores of different
// owners on one database, leases ended by hand, and a session of the test's own that holds locks.
#include "db/postgres/delivery_sql.hpp"
#include "db/postgres/upkeep_sql.hpp"
#include "tests/db/postgres_fixture.hpp"

#include <algorithm>
#include <iterator>
#include <stop_token>
#include <thread>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;

class postgres_streams : public postgres_test {
 protected:
  // The lease of a stream with one paid order that nobody was told of.
  stream_lease with_something_left(store& on) {
    const auto pays = payable(on, 1);
    must(on.subscribe("alimtalk", true, false, start));
    must(on.settle(pays, start));
    return on.lease();
  }

  /// The deliveries that a process has now, which writes these streams.
  static std::vector<stream_lease> leased(store& on, const std::vector<stream_id>& written = {},
                                          const std::vector<std::string>& names = {"alimtalk"},
                                          int leases_max = 10) {
    std::vector<stream_lease> all;
    for (const delivery_lease& each : must(on.lease_deliveries(names, written, leases_max, start)))
      all.push_back(each.stream);
    return all;
  }

  static delivery_step step_in(stream_lease stream, subscriber_id who) {
    delivery_step step;
    step.subscriber = who;
    step.stream = stream;
    step.open_max = 1;
    return step;
  }

  /// Claims one call's worth of a stream and stores it as DELIVERED.
  static void deliver_what_is_left(store& on, subscriber_id who, stream_lease stream) {
    delivery_step step = step_in(stream, who);
    step.ended = {end_as(must(on.deliver(step, start)).claims.at(0), delivery_status::delivered)};
    must(on.deliver(step, start));
  }
};

TEST_F(postgres_streams, a_seed_beside_a_server_hinders_none_of_its_creations) {
  const instant later = start + std::chrono::days{3 * 365};
  const auto one = lane("a");
  // Refused, but ids are reserved by now.
  const std::vector<command> refused{create_order{{777}, {1}, {0}, std::nullopt}};
  must(one->settle(refused, later));
  must(open("seed")->seed({.users = 20, .orders = 20, .spread = 0, .balance = {100}, .amount = {5}},
                          later));
  const std::vector<command> creates(10, create_user{"01012345678", {5}});
  for (const outcome& each : must(one->settle(creates, later)))
    EXPECT_GT(std::get<user>(each).id, user_id{20});
  const std::vector<command> payment{pay{{1}, {2}}};
  EXPECT_EQ(std::get<order>(must(one->settle(payment, later)).at(0)).status, order_status::paid);
  EXPECT_TRUE(breaches().empty());
}

TEST_F(postgres_streams, each_lane_has_a_stream_of_its_own) {
  const auto first = lane("first");
  const auto second = lane("second");
  EXPECT_NE(first->lease().stream, second->lease().stream);
}

TEST_F(postgres_streams, a_step_that_ends_what_its_successor_has_ended_is_fenced) {
  const auto stopped = lane("stopped");
  const auto left = with_something_left(*stopped);
  const auto who = must(stopped->subscribe("alimtalk", true, false, start));
  delivery_step step = step_in(leased(*stopped, {left.stream}).at(0), who.id);
  must(stopped->open_claims(who.id, step.stream, start));
  step.ended = {
      end_as(must(stopped->deliver(step, start)).claims.at(0), delivery_status::delivered)};

  const auto other = lane("other");
  end_leases("other");
  const auto taken = leased(*other);
  ASSERT_EQ(taken.size(), 1u);
  delivery_step successor = step_in(taken[0], who.id);
  const auto found = must(other->open_claims(who.id, taken[0], start));
  successor.ended = {end_as(found.at(0), delivery_status::delivered)};
  must(other->deliver(successor, start));

  EXPECT_EQ(kind_of(stopped->deliver(step, start)), error_kind::fenced) << "not broken";
}

TEST_F(postgres_streams, kinds_that_another_process_changes_hold_for_the_next_step) {
  const auto one = lane("one");
  const auto pays = payable(*one, 2);
  const auto settle_one = [&](const command& what) {
    return std::get<order>(must(one->settle(std::span(&what, 1), start)).at(0));
  };
  const auto who = must(one->subscribe("alimtalk", true, false, start));
  const auto stream = leased(*one, {one->lease().stream}).at(0);
  const order before = settle_one(pays[0]);
  deliver_what_is_left(*one, who.id, stream); // from here on it knows the cursor
  settle_one(refund{before.id});

  const auto other = must(open("other")->connect());
  must(other->set_kinds("alimtalk", true, true));
  const order after = settle_one(pays[1]);
  const order refunded = settle_one(refund{after.id});
  std::vector<entry_id> told;
  for (bool more = true; more;) {
    const auto answer = must(one->deliver(step_in(stream, who.id), start));
    more = answer.more;
    for (const claim& each : answer.claims)
      std::ranges::copy(entries_of(each), std::back_inserter(told));
  }
  EXPECT_THAT(told, testing::ElementsAre(*after.payment_entry, *refunded.refund_entry));
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_streams, changes_of_kinds_beside_steps_leave_each_entry_in_one_state) {
  constexpr std::size_t turns = 30;
  const auto one = lane("one");
  const auto who = must(one->subscribe("alimtalk", true, false, start));
  const auto pay_refund_and_deliver = [&](store& on, const command& payment) {
    const auto paid = std::get<order>(must(on.settle(std::span(&payment, 1), start)).at(0));
    const command back = refund{paid.id};
    must(on.settle(std::span(&back, 1), start));
    const std::vector<stream_id> written{on.lease().stream};
    for (const stream_lease& each : leased(on, written)) {
      if (each.stream != on.lease().stream)
        continue;
      auto step = step_in(each, who.id);
      for (const claim& open : must(on.deliver(step, start)).claims)
        step.ended.push_back(end_as(open, delivery_status::delivered));
      must(on.deliver(step, start));
    }
  };
  {
    const std::jthread beside([&](const std::stop_token& stop) {
      const auto other = must(open("other")->connect());
      for (bool refunds = true; !stop.stop_requested(); refunds = !refunds)
        must(other->set_kinds("alimtalk", true, refunds));
    });
    for (const command& each : payable(*one, turns))
      pay_refund_and_deliver(*one, each);
    const auto late = lane("late"); // its stream is younger than most changes
    for (const command& each : payable(*late, turns))
      pay_refund_and_deliver(*late, each);
  }
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_streams, a_deleted_webhook_locks_in_the_order_of_an_import) {
  const auto one = lane("one"); // its stream has a cursor of the webhook
  const webhook made{.name = "shop", .url = "https://shop.example", .secret = "whsec_first"};
  must(one->change_webhook(create_webhook{made}, start));
  side_session import(url());
  import.sql("begin; lock table paymentd.subscribers in share row exclusive mode");
  {
    const std::jthread beside(
        [&] { EXPECT_TRUE(one->change_webhook(delete_webhook{"shop"}, start)); });
    constexpr int looks_max = 10'000;
    const auto waits = [&] {
      return sql("select count(*) from pg_locks where not granted "
                 "and relation = 'paymentd.subscribers'::regclass")
                 .at(0) != "0";
    };
    for (int looks = 0; looks < looks_max && !waits(); ++looks)
      std::this_thread::yield();
    import.sql("update paymentd.cursors set position = position");
    import.sql("commit");
  }
  EXPECT_TRUE(must(one->webhooks()).all.empty());
}

TEST_F(postgres_streams, what_a_living_process_delivers_no_other_does) {
  const auto alive = lane("alive");
  const auto left = with_something_left(*alive);
  ASSERT_EQ(leased(*alive, {left.stream}).size(), 1u);
  const auto other = lane("other");
  EXPECT_THAT(leased(*other), testing::IsEmpty());
}

TEST_F(postgres_streams, what_a_living_process_does_not_serve_is_delivered_by_one_that_does) {
  const auto writes = lane("writes");
  const auto left = with_something_left(*writes);
  must(writes->subscribe("webhook-shop", true, false, start));
  leased(*writes, {left.stream}, {"webhook-shop"});
  const auto other = must(open("other")->connect());
  const auto who = must(other->subscribe("alimtalk", true, false, start));
  const auto taken = leased(*other);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].stream, left.stream);
  deliver_what_is_left(*other, who.id, taken[0]);

  // Drained it is let go, so that its writer may have it when it serves that subscriber, too.
  EXPECT_THAT(leased(*other), testing::IsEmpty());
  const auto back = leased(*writes, {left.stream}, {"alimtalk", "webhook-shop"});
  EXPECT_EQ(back.size(), 2u);
  must(writes->settle(payable(*writes, 1), start));
  EXPECT_THAT(leased(*other), testing::IsEmpty());
}

TEST_F(postgres_streams, what_a_program_of_before_writes_is_its_own_to_deliver) {
  const auto before = lane("before"); // it says nowhere that it lives but in its stream's lease
  const auto left = with_something_left(*before);
  const auto other = must(open("other")->connect());
  EXPECT_THAT(leased(*other), testing::IsEmpty());
  end_leases("other");
  ASSERT_EQ(leased(*other).size(), 1u);
  EXPECT_EQ(leased(*other)[0].stream, left.stream);
}

TEST_F(postgres_streams, a_dead_processs_stream_is_delivered_by_another) {
  const auto dead = lane("dead");
  const auto left = with_something_left(*dead);
  const auto was = leased(*dead, {left.stream}).at(0);
  const auto other = lane("other");
  end_leases("other");

  const auto taken = leased(*other);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].stream, left.stream);
  EXPECT_GT(taken[0].epoch, was.epoch);
  const auto who = must(other->subscribe("alimtalk", true, false, start));
  EXPECT_EQ(must(other->deliver(step_in(taken[0], who.id), start)).claims.at(0).messages.size(),
            1u);
}

TEST_F(postgres_streams, a_process_that_ends_leaves_its_deliveries_to_the_next_at_once) {
  {
    const auto one = lane("one");
    const auto left = with_something_left(*one);
    ASSERT_EQ(leased(*one, {left.stream}).size(), 1u);
  }
  const auto other = must(open("other")->connect());
  EXPECT_EQ(leased(*other).size(), 1u);
}

TEST_F(postgres_streams, the_old_owner_is_fenced_in_all_that_it_does) {
  const auto late = lane("late");
  const auto pays = payable(*late, 2);
  const auto who = must(late->subscribe("alimtalk", true, false, start));
  must(late->settle(std::span(pays).first(1), start));
  const auto held = late->lease();
  const auto delivers = leased(*late, {held.stream}).at(0);
  const auto other = lane("other");
  end_leases("other");
  EXPECT_EQ(must(other->take_stream(start)).stream, held.stream);
  ASSERT_EQ(leased(*other).size(), 1u);

  EXPECT_EQ(kind_of(late->settle(pays, start)), error_kind::fenced);
  EXPECT_EQ(kind_of(late->open_claims(who.id, delivers, start)), error_kind::fenced);
  EXPECT_EQ(kind_of(late->deliver(step_in(delivers, who.id), start)), error_kind::fenced);
  EXPECT_EQ(paid_orders(), "1");

  must(late->take_stream(start));
  must(late->settle(pays, start));
  EXPECT_EQ(paid_orders(), "2");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_streams, the_old_owner_is_fenced_where_no_user_of_its_batch_is_there) {
  const auto late = lane("late");
  std::vector<command> pays_nobody(1);
  pays_nobody.front().what = pay{{4242}, {4242}};
  const auto held = late->lease();
  const auto refused_once = must(late->settle(pays_nobody, start));
  EXPECT_EQ(std::get<refused>(refused_once.at(0)).why, refusal::order_not_found);
  const auto other = lane("other");
  end_leases("other");
  ASSERT_EQ(must(other->take_stream(start)).stream, held.stream);

  EXPECT_EQ(kind_of(late->settle(pays_nobody, start)), error_kind::fenced);
}

TEST_F(postgres_streams, deliveries_are_kept_while_something_is_left_and_then_let_go) {
  const auto dead = lane("dead");
  const auto left = with_something_left(*dead);
  const auto other = lane("other");
  end_leases("other");
  const auto taken = leased(*other);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(leased(*other), taken);

  const auto who = must(other->subscribe("alimtalk", true, false, start));
  deliver_what_is_left(*other, who.id, taken[0]);
  EXPECT_THAT(leased(*other), testing::IsEmpty());
  EXPECT_EQ(lane("third")->lease().stream, left.stream);
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_streams, what_is_left_for_who_is_not_here_waits_for_its_return) {
  const auto dead = lane("dead");
  must(dead->subscribe("webhook-shop", true, false, start));
  const auto left = with_something_left(*dead);
  const auto other = must(open("other")->connect());
  const auto who = must(other->subscribe("alimtalk", true, false, start));
  end_leases();
  const auto taken = leased(*other);
  ASSERT_EQ(taken.size(), 1u);
  deliver_what_is_left(*other, who.id, taken[0]);
  EXPECT_THAT(leased(*other), testing::IsEmpty());

  const auto with_shop = must(open("with shop")->connect());
  const auto again = leased(*with_shop, {}, {"webhook-shop"});
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].stream, left.stream);
}

TEST_F(postgres_streams, a_new_connection_begins_a_new_epoch_of_deliveries) {
  const auto one = lane("one");
  const auto left = with_something_left(*one);
  const auto before = leased(*one, {left.stream}).at(0);
  EXPECT_EQ(leased(*one, {left.stream}).at(0), before);
  sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'paymentd' "
      "and datname = current_database()");
  static_cast<void>(one->lease_deliveries(std::vector<std::string>{"alimtalk"},
                                          std::vector{left.stream}, 10, start)); // finds it dead
  EXPECT_GT(leased(*one, {left.stream}).at(0).epoch, before.epoch);
}

TEST_F(postgres_streams, processes_that_lease_at_once_share_what_there_is) {
  std::vector<std::unique_ptr<store>> dead;
  for (int i = 0; i < 6; ++i)
    with_something_left(*dead.emplace_back(lane("dead" + std::to_string(i))));
  const auto other = must(open("other")->connect());
  const auto another = must(open("another")->connect());
  end_leases();
  std::vector<stream_lease> mine;
  std::vector<stream_lease> theirs;
  {
    const std::jthread beside([&] { theirs = leased(*another); });
    mine = leased(*other);
  }
  mine = leased(*other); // what was looked at by both at once, one may have left to the other
  theirs = leased(*another);
  std::vector<stream_id> all;
  for (const auto* some : {&mine, &theirs})
    for (const auto one : *some)
      all.push_back(one.stream);
  std::ranges::sort(all);
  EXPECT_EQ(all.size(), 6u);
  EXPECT_EQ(std::ranges::unique(all).size(), 0u);
}

TEST_F(postgres_streams, no_more_deliveries_are_leased_than_allowed_but_for_own_streams) {
  std::vector<std::unique_ptr<store>> dead;
  for (int i = 0; i < 4; ++i)
    with_something_left(*dead.emplace_back(lane("dead" + std::to_string(i))));
  const auto other = lane("other");
  end_leases("other");
  EXPECT_EQ(leased(*other, {}, {"alimtalk"}, 3).size(), 3u);
  EXPECT_EQ(leased(*other, {other->lease().stream}, {"alimtalk"}, 3).size(), 4u);
}

TEST_F(postgres_streams, batches_leave_no_dead_versions_of_their_streams_row) {
  const auto one = lane("one");
  const auto pays = payable(*one, 50);
  const std::string version = "select ctid::text || ' ' || xmin::text from paymentd.streams";
  const auto before = sql(version);
  for (const command& each : pays)
    must(one->settle(std::span(&each, 1), start));
  EXPECT_EQ(sql(version), before);
}

// A plan is made once, often while a table is empty, and kept while it grows.
TEST_F(postgres_streams, results_of_messages_are_written_without_a_look_at_all_deliveries) {
  const auto one = lane("one"); // the schema is there
  side_session on(url());
  on.sql("set search_path = paymentd; set plan_cache_mode = force_generic_plan; "
         "set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; "
         "set enable_mergejoin = off; set enable_material = off");
  const auto expect_addresses = [&](const postgres::statement& of, int parameters) {
    const std::string name = of.name;
    on.sql("prepare " + name + " as " + of.text);
    std::string nulls = "null";
    for (int more = 1; more < parameters; ++more)
      nulls += ", null";
    std::string plan;
    for (const std::string& line : on.sql("explain execute " + name + " (" + nulls + ")"))
      plan += line + "\n";
    EXPECT_THAT(plan, testing::HasSubstr("Tid Scan on deliveries d")) << name;
    EXPECT_THAT(plan, testing::HasSubstr("Index Scan using deliveries_pkey on deliveries x"))
        << name;
  };
  expect_addresses(postgres::sql::change_deliveries, 8);
  expect_addresses(postgres::sql::mark_deliveries, 4);
  expect_addresses(postgres::sql::set_copies_by, 3);
  expect_addresses(postgres::sql::add_tries, 7);
  expect_addresses(postgres::sql::retry_deliveries, 3);
}

TEST_F(postgres_streams, a_batch_renews_the_lease_in_time_and_the_marks_before_it_go) {
  lease_ = 4s; // the shortest there is: a sixth of it passes soon
  const auto one = lane("one");
  for (int i = 0; i < 3; ++i)
    must(one->settle({}, start)); // a batch without an entry leaves a mark
  const std::string lease = "select lease_until::text from paymentd.streams";
  const auto before = sql(lease);
  EXPECT_EQ(sql("select count(*) from paymentd.batch_marks").at(0), "3");
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (sql(lease) == before && std::chrono::steady_clock::now() < give_up)
    must(one->settle({}, start));
  EXPECT_NE(sql(lease), before);
  EXPECT_EQ(sql("select count(*) from paymentd.batch_marks").at(0), "1") << "its own";
}

TEST_F(postgres_streams, more_numbers_than_a_block_holds_are_reserved_on_the_way) {
  const auto one = lane("one");
  const auto owner = std::get<user>(
      must(one->settle(std::vector<command>{create_user{"01012345678", {0}}}, start)).front());
  const std::vector<command> charges(20'000, charge{owner.id, {1}});
  std::int64_t last = 0;
  for (int batch = 0; batch < 3; ++batch)
    for (const auto& out : must(one->settle(charges, start))) {
      const auto id = std::get<ledger_entry>(out).id.value;
      EXPECT_GT(id, last);
      last = id;
    }
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_streams, a_delivery_does_not_wait_for_a_batch_of_its_lane) {
  const auto one = lane("one");
  const auto held = with_something_left(*one);
  const auto who = must(one->subscribe("alimtalk", true, false, start));
  const auto deliverer = must(open("one")->connect());
  const auto delivers = leased(*deliverer, {held.stream}).at(0);
  must(deliverer->open_claims(who.id, delivers, start));

  side_session batch(url()); // takes numbers, as a batch does, and does not commit
  batch.sql("begin; update streams set next = next + 1 where id = " +
            std::to_string(held.stream.value));
  EXPECT_EQ(must(deliverer->deliver(step_in(delivers, who.id), start)).claims.size(), 1u);
}

TEST_F(postgres_streams, a_new_epoch_waits_for_a_batch_under_the_old_one) {
  const auto one = lane("one");
  const auto id = std::to_string(one->lease().stream.value);
  side_session batch(url());
  batch.sql("begin; select id from streams where id = " + id + " for key share");
  EXPECT_EQ(kind_of(one->resolve(start)), error_kind::unavailable);
  batch.sql("commit");
  const auto before = one->lease().epoch;
  EXPECT_EQ(must(one->resolve(start)), std::nullopt);
  EXPECT_EQ(one->lease().epoch, before + 1);
}

TEST_F(postgres_streams, a_clean_end_leaves_the_stream_to_the_next_at_once) {
  auto first = lane("first");
  const auto held = first->lease();
  first.reset();
  const auto next = lane("next");
  EXPECT_EQ(next->lease().stream, held.stream);
  EXPECT_GT(next->lease().epoch, held.epoch);
}

TEST_F(postgres_streams, two_processes_that_pay_the_same_orders_never_pay_twice) {
  const auto one = lane("one");
  const auto two = lane("two");
  auto pays = payable(*one, 400);
  auto reversed = pays;
  std::ranges::reverse(reversed);
  const auto pay_all = [](store& on, const std::vector<command>& all) {
    int paid = 0;
    for (std::size_t from = 0; from < all.size(); from += 20)
      for (const auto& out : must(on.settle(std::span(all).subspan(from, 20), start)))
        paid += std::holds_alternative<order>(out) ? 1 : 0;
    return paid;
  };
  int by_two = 0;
  int by_one = 0;
  {
    const std::jthread beside([&] { by_two = pay_all(*two, reversed); });
    by_one = pay_all(*one, pays);
  }
  EXPECT_EQ(by_one + by_two, 400);
  EXPECT_EQ(paid_orders(), "400");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

} // namespace
} // namespace paymentd::db
