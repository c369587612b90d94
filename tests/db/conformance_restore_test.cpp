// Goal: an id or a key that somebody outside may remember is never given twice, not even after a
// backup was restored, a standby missed the last commits, or the clock was set back. Method: a copy
// is made of a database, running or at rest; the original goes on, then the copy does; all that the
// two have given is compared.
#include "tests/db/conformance.hpp"

#include "domain/id_floor.hpp"

#include <set>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;

class restoring : public conformance {
 protected:
  void SetUp() override {
    now_ = id_era + 30 * 24h;
    conformance::SetUp();
    who_ = subscribe();
    given("before the backup");
  }

  /// Gives a user, orders, ledger entries and claims, each of which must be new.
  void given(const std::string& when) {
    now_ += 1s;
    const auto owner = new_user(1'000);
    const auto made = new_order(owner.id, 10);
    const auto paid = settle_one<order>(pay{made.id, owner.id});
    ASSERT_EQ(paid.status, order_status::paid);
    first_time("user", owner.id.value, when);
    first_time("order", made.id.value, when);
    first_time("entry", paid.payment_entry.value_or(entry_id{}).value, when);
    first_time("entry", settle_one<ledger_entry>(charge{owner.id, {1}}).id.value, when);
    auto opens = step(who_, 1);
    const auto opened = deliver(opens).claims.at(0);
    EXPECT_TRUE(keys_.insert(opened.key).second) << opened.key << " again, " << when;
    auto again = step(who_);
    again.regenerate = {opened.id};
    now_ += 1ms;
    const auto next = deliver(again).claims.at(0);
    EXPECT_TRUE(keys_.insert(next.key).second) << next.key << " again, " << when;
    auto ends = step(who_);
    ends.ended = {end_as(next, delivery_status::delivered)};
    deliver(ends);
  }

  void first_time(const std::string& what, std::int64_t id, const std::string& when) {
    EXPECT_TRUE(ids_.insert({what, id}).second) << what << " " << id << " again, " << when;
    EXPECT_LE(id, safe_integer_max);
  }

  void go_on_with(std::unique_ptr<fresh_database> restored) {
    lane_.reset();
    database_.reset();
    fresh_ = std::move(restored);
    reopen();
    who_ = subscribe();
  }

  subscriber_id who_;
  std::set<std::pair<std::string, std::int64_t>> ids_;
  std::set<std::string> keys_;
};

TEST_P(restoring, a_copy_of_a_running_database_gives_nothing_again) {
  auto copy = fresh_->copy();
  given("after the backup");
  go_on_with(std::move(copy));
  given("after the restore");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_P(restoring, a_copy_of_a_stopped_database_gives_nothing_again) {
  lane_.reset();
  database_.reset();
  auto copy = fresh_->copy();
  reopen();
  given("after the backup");
  go_on_with(std::move(copy));
  given("after the restore");
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_P(restoring, restarts_between_the_backup_and_the_restore_are_not_forgotten) {
  auto copy = fresh_->copy();
  for (const auto* when : {"after a restart", "after another", "after a third"}) {
    reopen();
    given(when);
  }
  go_on_with(std::move(copy));
  given("after the restore");
  given("and once more");
}

TEST_P(restoring, one_backup_may_be_restored_twice) {
  auto first = fresh_->copy();
  auto second = fresh_->copy();
  go_on_with(std::move(first));
  given("after the first restore");
  go_on_with(std::move(second));
  given("after the second");
}

TEST_P(restoring, a_clock_that_was_set_back_gives_nothing_again) {
  now_ -= 24h;
  reopen();
  given("a day earlier");
  now_ = start; // a machine that has lost its clock
  reopen();
  given("years earlier");
}

TEST_P(restoring, a_new_window_of_the_clock_begins_streams_of_its_own) {
  const auto before = lane_->lease().stream;
  now_ += 200 * 24h;
  reopen();
  EXPECT_GE(lane_->lease().stream.value, before.value + 64);
  auto copy = fresh_->copy();
  given("in the next window");
  go_on_with(std::move(copy));
  given("after the restore");
}

INSTANTIATE_TEST_SUITE_P(stores, restoring, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
