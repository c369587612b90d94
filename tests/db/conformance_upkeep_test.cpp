// Goal: a retry by hand happens once and is sent, and pruning takes what was DELIVERED for long and
// nothing else. Method: bring deliveries into every state, retry and prune them, at once, again and
// under an ended epoch, and let the audit judge after each test.
#include "tests/db/conformance.hpp"

#include <thread>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using enum delivery_status;

class upkeep : public conformance {
 protected:
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }

  /// As many payments, oldest first, claimed and ended as `status`.
  std::vector<entry_id> ended_as(delivery_status status, int count, instant next = {}) {
    paid_orders(count);
    const auto claims = deliver(step(who_, 1)).claims;
    auto end = step(who_);
    end.ended = {end_as(claims.at(0), status, next)};
    deliver(end);
    return entries_of(claims.at(0));
  }
  answer retry(entry_id entry, const std::string& name = "alimtalk") {
    const delivery_retry which{{name, entry}};
    return must(deliverer().retry(std::span(&which, 1), now_)).at(0);
  }
  bool is_there(entry_id entry) {
    const std::vector<query> asked{get_delivery{"alimtalk", entry}};
    return std::holds_alternative<delivery>(must(lane_->read(asked)).at(0));
  }
  prune_answer prune(std::int64_t after = 0, int looked_at_max = 500) {
    return must(deliverer().prune({.subscriber = who_,
                                   .stream = delivers(who_),
                                   .after = after,
                                   .before = now_ - 24h,
                                   .looked_at_max = looked_at_max},
                                  now_));
  }
  subscriber_id who_;

 public:
  void SetUp() override {
    conformance::SetUp();
    who_ = subscribe();
  }
};

TEST_P(upkeep, a_failed_delivery_is_retried_once_and_claimed_at_the_next_step) {
  const auto entries = ended_as(failed, 2);
  now_ += 1h;
  const auto done = std::get<delivery>(retry(entries[0]));
  EXPECT_EQ(done.status, pending);
  EXPECT_EQ(done.next_attempt, now_);
  EXPECT_EQ(done.updated_at, now_);
  EXPECT_EQ(done.attempts, 1);
  EXPECT_EQ(retry(entries[0]), answer(not_failed{pending}));
  const auto claims = deliver(step(who_, 1)).claims;
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_THAT(entries_of(claims[0]), ElementsAre(entries[0]));
  EXPECT_EQ(claims[0].messages[0].attempts, 1);
  EXPECT_EQ(retry(entries[0]), answer(not_failed{pending})) << "in a claim";
  auto end = step(who_);
  end.ended = {end_as(claims[0], delivered)};
  deliver(end);
  EXPECT_EQ(retry(entries[0]), answer(not_failed{delivered}));
}

TEST_P(upkeep, only_what_is_there_and_failed_is_retried) {
  const auto waiting = ended_as(pending, 1, now_ + 1h);
  const auto entries = ended_as(failed, 2);
  paid_orders(1);
  const auto ahead = read<delivery_page>(list_deliveries{.limit = 1}).items.at(0).entry;
  const std::vector<delivery_retry> which{{{"alimtalk", waiting[0]}}, {{"alimtalk", entries[1]}},
                                          {{"alimtalk", ahead}},      {{"nobody", entries[0]}},
                                          {{"alimtalk", {5}}},        {{"alimtalk", entries[1]}}};
  const auto answers = must(deliverer().retry(which, now_));
  ASSERT_THAT(answers, SizeIs(6));
  EXPECT_EQ(answers[0], answer(not_failed{pending}));
  EXPECT_EQ(std::get<delivery>(answers[1]).entry, entries[1]);
  EXPECT_EQ(answers[2], answer(not_failed{pending}));
  EXPECT_EQ(answers[3], answer(not_found{}));
  EXPECT_EQ(answers[4], answer(not_found{}));
  EXPECT_EQ(answers[5], answer(not_failed{pending})) << "the same one twice at once";
}

TEST_P(upkeep, all_that_failed_is_retried_for_one_subscriber_or_for_all) {
  const auto entries = ended_as(failed, 5);
  ended_as(delivered, 2);
  const auto other = subscribe("other");
  paid_orders(1);
  auto end = step(other);
  end.ended = {end_as(deliver(step(other, 1)).claims.at(0), failed)};
  deliver(end);
  std::int64_t told = 0;
  const auto retried = [&](std::string_view name) {
    return database_->retry_all_failed(name, now_, [&](std::int64_t so_far) { told = so_far; });
  };
  EXPECT_EQ(kind_of(retried("nobody")), error_kind::broken);
  EXPECT_EQ(must(retried("alimtalk")), 5);
  EXPECT_EQ(told, 5);
  EXPECT_EQ(must(retried("alimtalk")), 0);
  EXPECT_EQ(must(retried("")), 1);
  const auto claims = deliver(step(who_, 1)).claims;
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(entries_of(claims[0]), entries);
}

TEST_P(upkeep, all_that_failed_and_fits_is_retried_beside_who_delivers) {
  const auto early = ended_as(failed, 2);
  ended_as(delivered, 1);
  now_ += 1h;
  const auto late = ended_as(failed, 3);
  const auto all_of = [&](const failed_retry& which) {
    failed_progress at;
    std::vector<stream_id> due;
    while (!at.outcome) {
      at = must(deliverer().retry_failed(which, at, now_));
      due.insert(due.end(), at.due.begin(), at.due.end());
    }
    return std::pair(*at.outcome, due);
  };
  const auto counted = [](std::int64_t count) { return answer(retried_count{count}); };
  EXPECT_EQ(all_of({.subscriber = "nobody"}).first, counted(0));
  EXPECT_EQ(all_of({.created = {.from = now_ - 30min}}),
            std::pair(counted(3), std::vector{stream_of(late[0])}));
  const idempotency_key key{.digest = {1}, .body = 2};
  EXPECT_EQ(all_of({.subscriber = "alimtalk", .key = key}).first, counted(2));
  EXPECT_EQ(all_of({}).first, counted(0));
  const auto again = all_of({.subscriber = "alimtalk", .key = key});
  EXPECT_EQ(again.first, answer(retried_count{2, true}));
  EXPECT_THAT(again.second, IsEmpty());
  EXPECT_EQ(all_of({.key = idempotency_key{.digest = {1}, .body = 3}}).first, answer(key_reused{}));
  const auto claims = deliver(step(who_, 1)).claims;
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_THAT(entries_of(claims[0]), SizeIs(5));
}

TEST_P(upkeep, what_was_delivered_long_ago_is_pruned_and_all_else_stays) {
  const auto old = ended_as(delivered, 3);
  const auto bad = ended_as(failed, 2);
  const auto waits = ended_as(pending, 1, now_ + 1000h);
  const auto late = ended_as(delivered, 2);
  now_ += 48h;
  const auto young = ended_as(delivered, 2);
  const auto done = prune();
  EXPECT_EQ(done.deleted, 5);
  EXPECT_TRUE(done.at_end);
  EXPECT_EQ(done.seen_to, number_of(late[1]));
  for (const entry_id each : {old[0], old[2], late[0], late[1]})
    EXPECT_FALSE(is_there(each));
  for (const entry_id each : {bad[0], bad[1], waits[0], young[0], young[1]})
    EXPECT_TRUE(is_there(each));
  std::vector<entry_id> shown;
  for (const auto& each : read<delivery_page>(list_deliveries{.limit = 100}).items)
    shown.push_back(each.entry);
  EXPECT_THAT(shown, ElementsAre(young[1], young[0], waits[0], bad[1], bad[0]));
  EXPECT_EQ(prune().deleted, 0);
}

TEST_P(upkeep, pruning_goes_in_small_steps_and_says_where_to_go_on) {
  ended_as(delivered, 5);
  ended_as(failed, 1);
  ended_as(delivered, 4);
  now_ += 48h;
  int deleted = 0;
  std::int64_t after = 0;
  int steps = 0;
  for (bool at_end = false; !at_end; ++steps) {
    const auto done = prune(after, 3);
    EXPECT_LE(done.deleted, 3);
    EXPECT_THAT(breaches(), IsEmpty());
    deleted += done.deleted;
    after = done.seen_to;
    at_end = done.at_end;
  }
  EXPECT_EQ(deleted, 9);
  EXPECT_EQ(steps, 4);
}

TEST_P(upkeep, what_was_delivered_late_is_kept_from_then_on) {
  const auto entries = ended_as(failed, 1);
  ended_as(delivered, 1);
  now_ += 48h;
  retry(entries[0]);
  auto end = step(who_);
  end.ended = {end_as(deliver(step(who_, 1)).claims.at(0), delivered)};
  deliver(end);
  EXPECT_EQ(prune().deleted, 1);
  EXPECT_TRUE(is_there(entries[0]));
  now_ += 48h;
  EXPECT_EQ(prune().deleted, 1) << "though it lies before what was pruned already";
  EXPECT_FALSE(is_there(entries[0]));
}

TEST_P(upkeep, nothing_behind_an_open_claim_is_pruned) {
  const auto before = ended_as(delivered, 1);
  paid_orders(2);
  const auto open = deliver(step(who_, 1)).claims.at(0);
  ended_as(delivered, 2);
  now_ += 48h;
  EXPECT_EQ(prune().deleted, 1);
  EXPECT_FALSE(is_there(before[0]));
  for (const entry_id each : entries_of(open))
    EXPECT_TRUE(is_there(each));
  auto end = step(who_);
  end.ended = {end_as(open, delivered)};
  deliver(end);
  EXPECT_EQ(prune().deleted, 2) << "those that were behind the claim";
  now_ += 48h;
  EXPECT_EQ(prune().deleted, 2) << "those that were in it";
}

TEST_P(upkeep, who_lost_the_stream_prunes_nothing) {
  ended_as(delivered, 1);
  auto was = delivers(who_);
  --was.epoch;
  EXPECT_EQ(
      kind_of(deliverer().prune({.subscriber = who_, .stream = was, .before = now_ + 48h}, now_)),
      error_kind::fenced);
}

TEST_P(upkeep, a_retry_in_a_stream_that_nobody_delivers_is_found) {
  const auto entries = ended_as(failed, 1);
  reopen();
  const auto other = must(database_->connect());
  const std::vector<std::string> names{"alimtalk"};
  if (!database_->delivers_on_lane()) { // all is drained and let go
    EXPECT_THAT(must(other->lease_deliveries(names, {}, 10, now_)), IsEmpty());
  }
  EXPECT_TRUE(std::holds_alternative<delivery>(retry(entries[0])));
  const std::vector written{lane_->lease().stream};
  store& finds = database_->delivers_on_lane() ? *lane_ : *other;
  std::vector<entry_id> got;
  for (const auto& [name, stream] : must(finds.lease_deliveries(names, written, 10, now_))) {
    must(finds.open_claims(who_, stream, now_));
    delivery_step next;
    next.subscriber = who_;
    next.stream = stream;
    next.open_max = 1;
    for (const auto& one : must(finds.deliver(next, now_)).claims)
      for (const auto entry : entries_of(one))
        got.push_back(entry);
  }
  EXPECT_THAT(got, ElementsAre(entries[0]));
}

TEST_P(upkeep, of_many_retries_at_once_one_happens) {
  const auto entries = ended_as(failed, 1);
  std::vector<std::unique_ptr<store>> stores;
  for (int i = 0; i < 4; ++i)
    stores.push_back(must(database_->connect()));
  std::vector<int> done(stores.size(), 0);
  {
    std::vector<std::jthread> at_once;
    for (std::size_t i = 0; i < stores.size(); ++i)
      at_once.emplace_back([&, i] {
        const delivery_retry which{{"alimtalk", entries[0]}};
        for (int tries = 0; tries < 100; ++tries)
          if (const auto answers = stores[i]->retry(std::span(&which, 1), now_)) {
            done[i] = std::holds_alternative<delivery>(answers->at(0)) ? 1 : 0;
            return;
          }
      });
  }
  EXPECT_EQ(done[0] + done[1] + done[2] + done[3], 1);
}

TEST_P(upkeep, an_entry_from_the_future_stops_no_pruning) {
  const auto old = ended_as(delivered, 1);
  const instant was = now_;
  now_ += 48h; // a clock that was ahead for a moment
  const auto future = ended_as(delivered, 1);
  now_ = was + 1h;
  const auto behind = ended_as(delivered, 1);
  now_ = was + 26h;
  EXPECT_EQ(prune().deleted, 2);
  EXPECT_FALSE(is_there(old[0]));
  EXPECT_FALSE(is_there(behind[0]));
}

INSTANTIATE_TEST_SUITE_P(stores, upkeep, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
