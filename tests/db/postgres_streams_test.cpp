// Goal: streams of several processes on one database are leased, fenced and taken over, and the
// locks behind that wait for what they must and for nothing else. Method: stores of different
// owners on one database, leases ended by hand, and a session of the test's own that holds locks.
#include "tests/db/postgres_fixture.hpp"

#include <algorithm>
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

  /// Claims one call's worth of a stream and stores it as DELIVERED.
  static void deliver_what_is_left(store& on, subscriber_id who, stream_lease stream) {
    delivery_step step;
    step.subscriber = who;
    step.stream = stream;
    step.open_max = 1;
    step.ended = {end_as(must(on.deliver(step, start)).claims.at(0), delivery_status::delivered)};
    must(on.deliver(step, start));
  }
};

TEST_F(postgres_streams, each_lane_has_a_stream_of_its_own) {
  const auto first = lane("first");
  const auto second = lane("second");
  EXPECT_NE(first->lease().stream, second->lease().stream);
}

TEST_F(postgres_streams, a_step_that_ends_what_its_successor_has_ended_is_fenced) {
  const auto stopped = lane("stopped");
  const auto left = with_something_left(*stopped);
  const auto who = must(stopped->subscribe("alimtalk", true, false, start));
  must(stopped->open_claims(who.id, left, start));
  delivery_step step;
  step.subscriber = who.id;
  step.stream = left;
  step.open_max = 1;
  const auto opened = must(stopped->deliver(step, start)).claims.at(0);
  step.ended = {end_as(opened, delivery_status::delivered)};

  const auto other = lane("other");
  must(other->subscribe("alimtalk", true, false, start));
  end_leases("other");
  const auto adopted = must(other->adopt_streams({}, 10, start));
  ASSERT_EQ(adopted.size(), 1u);
  delivery_step successor;
  successor.subscriber = who.id;
  successor.stream = adopted[0];
  const auto found = must(other->open_claims(who.id, adopted[0], start));
  successor.ended = {end_as(found.at(0), delivery_status::delivered)};
  must(other->deliver(successor, start));

  EXPECT_EQ(kind_of(stopped->deliver(step, start)), error_kind::fenced) << "not broken";
}

TEST_F(postgres_streams, a_living_processs_stream_is_not_adopted) {
  const auto alive = lane("alive");
  with_something_left(*alive);
  const auto other = lane("other");
  EXPECT_THAT(must(other->adopt_streams({}, 10, start)), testing::IsEmpty());
}

TEST_F(postgres_streams, a_dead_processs_stream_is_adopted_and_delivered_from) {
  const auto dead = lane("dead");
  const auto left = with_something_left(*dead);
  const auto other = lane("other");
  end_leases("other");

  const auto adopted = must(other->adopt_streams({}, 10, start));
  ASSERT_EQ(adopted.size(), 1u);
  EXPECT_EQ(adopted[0].stream, left.stream);
  EXPECT_GT(adopted[0].epoch, left.epoch);
  const auto who = must(other->subscribe("alimtalk", true, false, start));
  delivery_step step;
  step.subscriber = who.id;
  step.stream = adopted[0];
  step.open_max = 1;
  EXPECT_EQ(must(other->deliver(step, start)).claims.at(0).messages.size(), 1u);
}

TEST_F(postgres_streams, the_old_owner_is_fenced_in_all_that_it_does) {
  const auto late = lane("late");
  const auto pays = payable(*late, 1);
  const auto who = must(late->subscribe("alimtalk", true, false, start));
  const auto held = late->lease();
  const auto other = lane("other");
  end_leases();
  must(other->adopt_streams({}, 10, start));

  EXPECT_EQ(kind_of(late->settle(pays, start)), error_kind::fenced);
  EXPECT_EQ(kind_of(late->open_claims(who.id, held, start)), error_kind::fenced);
  delivery_step step;
  step.subscriber = who.id;
  step.stream = held;
  step.open_max = 1;
  EXPECT_EQ(kind_of(late->deliver(step, start)), error_kind::fenced);
  EXPECT_EQ(paid_orders(), "0");

  must(late->take_stream(start));
  must(late->settle(pays, start));
  EXPECT_EQ(paid_orders(), "1");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_streams, an_adopted_stream_is_kept_while_something_is_left_and_then_freed) {
  const auto dead = lane("dead");
  const auto left = with_something_left(*dead);
  const auto other = lane("other");
  end_leases("other");
  const auto adopted = must(other->adopt_streams({}, 10, start));
  ASSERT_EQ(adopted.size(), 1u);
  EXPECT_EQ(must(other->adopt_streams(adopted, 10, start)), adopted);

  const auto who = must(other->subscribe("alimtalk", true, false, start));
  deliver_what_is_left(*other, who.id, adopted[0]);
  EXPECT_THAT(must(other->adopt_streams(adopted, 10, start)), testing::IsEmpty());
  EXPECT_EQ(lane("third")->lease().stream, left.stream);
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_F(postgres_streams,
       what_is_left_for_who_is_not_here_holds_no_stream_and_waits_for_its_return) {
  const auto dead = lane("dead");
  must(dead->subscribe("webhook-shop", true, false, start));
  const auto left = with_something_left(*dead);
  const auto other = must(open("other")->connect(database::role::delivery));
  const auto who = must(other->subscribe("alimtalk", true, false, start));
  end_leases();
  const auto adopted = must(other->adopt_streams({}, 10, start));
  ASSERT_EQ(adopted.size(), 1u);
  deliver_what_is_left(*other, who.id, adopted[0]);
  EXPECT_THAT(must(other->adopt_streams(adopted, 10, start)), testing::IsEmpty());
  EXPECT_THAT(must(other->adopt_streams({}, 10, start)), testing::IsEmpty());

  const auto with_shop = must(open("with shop")->connect(database::role::delivery));
  must(with_shop->subscribe("webhook-shop", true, false, start));
  const auto again = must(with_shop->adopt_streams({}, 10, start));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].stream, left.stream);
}

TEST_F(postgres_streams, processes_that_adopt_at_once_share_what_there_is) {
  std::vector<std::unique_ptr<store>> dead;
  for (int i = 0; i < 6; ++i)
    dead.push_back(lane("dead" + std::to_string(i)));
  const auto other = must(open("other")->connect(database::role::delivery));
  const auto another = must(open("another")->connect(database::role::delivery));
  end_leases();
  std::vector<stream_lease> mine;
  std::vector<stream_lease> theirs;
  {
    const std::jthread beside([&] { theirs = must(another->adopt_streams({}, 10, start)); });
    mine = must(other->adopt_streams({}, 10, start));
  }
  std::vector<stream_id> all;
  for (const auto* some : {&mine, &theirs})
    for (const auto one : *some)
      all.push_back(one.stream);
  std::ranges::sort(all);
  EXPECT_EQ(all.size(), 6u);
  EXPECT_EQ(std::ranges::unique(all).size(), 0u);
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
  const auto deliverer = must(open("one")->connect(database::role::delivery));
  must(deliverer->open_claims(who.id, held, start));

  side_session batch(url()); // takes numbers, as a batch does, and does not commit
  batch.sql("begin; update streams set next = next + 1 where id = " +
            std::to_string(held.stream.value));
  delivery_step step;
  step.subscriber = who.id;
  step.stream = held;
  step.open_max = 1;
  EXPECT_EQ(must(deliverer->deliver(step, start)).claims.size(), 1u);
}

TEST_F(postgres_streams, a_new_epoch_waits_for_a_delivery_under_the_old_one) {
  const auto one = lane("one");
  const auto id = std::to_string(one->lease().stream.value);
  side_session delivery(url());
  delivery.sql("begin; select id from streams where id = " + id + " for key share");
  must(one->settle({}, start)); // a batch does not wait
  EXPECT_EQ(kind_of(one->resolve(start)), error_kind::unavailable);
  delivery.sql("commit");
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
