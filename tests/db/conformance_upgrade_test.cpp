// Goal: a database of the release before goes on where it stood: nothing of it is lost, its ledger
// adds up, and what may have been sent is known. Method: a small database of each store, kept as
// SQL in data/, as a server of schema 3 left it when it was killed while the message API hung:
// three users, orders in every status, two messages in open claims and three DELIVERED, of which
// one was then made FAILED and one to be tried again by hand. And a database of the schema before
// the newest, which is made by undoing the newest migration.
#include "db/postgres/schema.hpp"
#include "tests/db/conformance.hpp"

#include <fstream>
#include <sstream>

namespace paymentd::db {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class upgrade : public conformance {
 protected:
  /// The first user in data/.
  user_id first_user() const {
    return {GetParam().name == "sqlite" ? 313'315'159'680 : 313'315'891'714};
  }
  void SetUp() override {
    fresh_ = GetParam().make();
    const std::string path =
        std::string(PAYMENTD_TEST_DATA) + "/version_3." + GetParam().name + ".sql";
    std::ifstream file(path);
    std::ostringstream sql;
    sql << file.rdbuf();
    ASSERT_FALSE(sql.str().empty()) << path;
    fresh_->raw(sql.str());
    now_ = instant{std::chrono::milliseconds{1'800'000'000'000}}; // long after it was killed
    database_ = open();
  }
  void take_stream() {
    lane_ = must(database_->connect());
    must(lane_->take_stream(now_));
  }
};

TEST_P(upgrade, an_older_database_is_refused_until_it_is_migrated) {
  EXPECT_EQ(kind_of(database_->check_schema()), error_kind::broken);
  EXPECT_EQ(must(database_->migrate(now_)), postgres::newest_schema - 3);
  EXPECT_EQ(kind_of(database_->check_schema()), std::nullopt);
  EXPECT_EQ(must(database_->migrate(now_)), 0);
}

TEST_P(upgrade, an_upgraded_database_is_sound_and_pays_on) {
  must(database_->migrate(now_));
  EXPECT_THAT(breaches(), IsEmpty());
  take_stream();
  EXPECT_FALSE(read<entry_page>(list_entries{}).items.empty());
  const auto before = read<user>(get_user{first_user()});
  const auto paid = settle_one<order>(pay{new_order(first_user(), 100).id, first_user()});
  EXPECT_EQ(paid.status, order_status::paid);
  EXPECT_EQ(read<user>(get_user{first_user()}).balance.value, before.balance.value - 100);
  EXPECT_EQ(read<user>(get_user{first_user()}).last_sequence, before.last_sequence + 1);
  EXPECT_THAT(breaches(), IsEmpty());
}

TEST_P(upgrade, what_may_have_been_sent_and_what_waits_is_delivered_on) {
  must(database_->migrate(now_));
  take_stream();
  const auto who = subscribe();
  const std::vector<std::string> names{"alimtalk"};
  const std::vector<stream_id> written{lane_->lease().stream};
  std::size_t in_doubt = 0;
  std::size_t waiting = 0;
  for (const auto& each : must(lane_->lease_deliveries(names, written, 100, now_))) {
    delivery_step next;
    next.subscriber = who;
    next.stream = each.stream;
    for (const auto& open : must(lane_->open_claims(who, each.stream, now_))) {
      in_doubt += open.messages.size();
      next.ended.push_back(end_as(open, delivery_status::delivered));
    }
    next.open_max = 8;
    next.messages_max = 100;
    for (const auto& opened : must(lane_->deliver(next, now_)).claims)
      waiting += opened.messages.size();
  }
  EXPECT_EQ(in_doubt, 2U);
  EXPECT_EQ(waiting, 1U);
  EXPECT_THAT(breaches(), IsEmpty());
}

/// Undoes the newest migration of a store, and so changes with each new one.
std::string undo_newest(const std::string& store) {
  const auto newest = postgres::newest_schema; // both stores' schemas have the same numbers
  if (store == "sqlite")
    return "pragma user_version = " + std::to_string(newest - 1);
  // All checks are gone already, as before each statement by hand (postgres_stores.cpp).
  return "alter table paymentd.ledger_entries "
         "add constraint ledger_entries_values check (sequence >= 1 and kind between 0 and 3 "
         "and balance_after between 0 and 9007199254740991) not valid; "
         "delete from paymentd.schema_migrations where version = " +
         std::to_string(newest);
}

class upgrade_by_one : public conformance {
 protected:
  void step_back() {
    lane_.reset();
    database_.reset();
    fresh_->raw(undo_newest(GetParam().name));
    database_ = open();
  }
  std::vector<ledger_entry> all_entries() {
    return read<entry_page>(list_entries{.limit = 100}).items;
  }
};

TEST_P(upgrade_by_one, all_of_the_schema_before_is_there_and_pays_on) {
  const auto paid = paid_orders(5);
  now_ += std::chrono::milliseconds{1};
  settle({refund{paid[0].id, won{40}, "a part"}, refund{paid[1].id},
          charge{paid[2].owner, won{7}, "a gift"},
          create_user{"01012345678", {5}, "shop-1", "{}"}});
  const auto owner = read<user>(get_user{paid[0].owner});
  const auto entries = all_entries();
  EXPECT_THAT(entries, SizeIs(10));

  step_back();
  EXPECT_EQ(kind_of(database_->check_schema()), error_kind::broken);
  EXPECT_EQ(must(database_->migrate(now_)), 1);
  EXPECT_THAT(breaches(), IsEmpty());
  lane_ = must(database_->connect());
  must(lane_->take_stream(now_));
  EXPECT_EQ(all_entries(), entries);
  EXPECT_EQ(read<user>(get_user{owner.id}), owner);
  EXPECT_EQ(settle_one<order>(pay{new_order(owner.id, 100).id, owner.id}).status,
            order_status::paid);
  const auto who = subscribe();
  command traced = pay{new_order(owner.id, 100).id, owner.id};
  traced.trace.id.fill(7);
  settle({traced});
  EXPECT_EQ(deliver(step(who, 1)).claims.at(0).messages.at(0).event.trace, traced.trace);
  EXPECT_THAT(breaches(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(stores, upgrade, testing::ValuesIn(all_stores()), name_of_store);
INSTANTIATE_TEST_SUITE_P(stores, upgrade_by_one, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
