// Goal: users and orders are found by what clients call them, carry their notes, and are listed
// completely by time. Method: both stores; each name twice, in a batch, across batches and by two
// connections at once; lists against what was made.
#include "tests/db/conformance.hpp"

#include <barrier>
#include <thread>

namespace paymentd::db {
namespace {

using std::chrono::hours;
using testing::IsEmpty;

class references : public conformance {
 protected:
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }
  static create_user named_user(const std::string& reference) {
    return {"01012345678", {1000}, reference, {}};
  }
  static create_order named_order(user_id owner, const std::string& reference) {
    return {owner, {100}, {0}, std::nullopt, false, reference, {}};
  }
  /// All items of a list, page by page.
  template <class Page, class Asked>
  auto all(Asked asked) {
    decltype(Page::items) items;
    for (int pages = 0; pages < 100; ++pages) {
      const Page page = read<Page>(asked);
      items.insert(items.end(), page.items.begin(), page.items.end());
      if (!page.next)
        return items;
      asked.below = *page.next;
    }
    ADD_FAILURE() << "the list does not end";
    return items;
  }
};

TEST_P(references, belong_to_one_user_and_one_order) {
  const auto first =
      settle(std::vector<command>{named_user("a"), named_user("a"), named_user("b")});
  const auto owner = std::get<user>(first[0]);
  EXPECT_EQ(owner.reference, "a");
  EXPECT_EQ(std::get<refused>(first[1]).why, refusal::reference_in_use);
  EXPECT_EQ(std::get<refused>(first[1]).existing, owner.id.value);
  EXPECT_EQ(settle_one<refused>(named_user("b")).existing, std::get<user>(first[2]).id.value);
  reopen();
  EXPECT_EQ(settle_one<refused>(named_user("a")).existing, owner.id.value);

  const auto bought = settle_one<order>(named_order(owner.id, "a")); // users' names are others
  EXPECT_EQ(settle_one<refused>(named_order(owner.id, "a")).existing, bought.id.value);
  EXPECT_EQ(read<order>(get_order{bought.id}), bought);
  EXPECT_EQ(read<user>(get_user{owner.id}).reference, "a");
  EXPECT_EQ(all<user_page>(list_users{.reference = "a"}).at(0).id, owner.id);
  EXPECT_EQ(all<order_page>(list_orders{.reference = "a"}), std::vector{bought});
  EXPECT_THAT(all<order_page>(list_orders{.reference = "b"}), IsEmpty());
}

TEST_P(references, that_two_connections_bring_at_once_belong_to_one) {
  if (database_->lanes_max() < 2)
    GTEST_SKIP() << "this store has one writer";
  const auto owner = new_user(1000);
  auto other = must(database_->connect());
  must(other->take_stream(now_));
  for (int round = 0; round < 20; ++round) {
    const std::vector<command> batch{named_order(owner.id, "r" + std::to_string(round))};
    std::barrier both(2);
    std::vector<outcome> theirs;
    std::thread beside([&] {
      both.arrive_and_wait();
      theirs = must(other->settle(batch, now_));
    });
    both.arrive_and_wait();
    const auto ours = must(lane_->settle(batch, now_));
    beside.join();
    const auto* made = std::get_if<order>(&ours.at(0));
    const auto* made_there = std::get_if<order>(&theirs.at(0));
    ASSERT_NE(made == nullptr, made_there == nullptr) << round;
    const auto& no = std::get<refused>(made ? theirs.at(0) : ours.at(0));
    EXPECT_EQ(no.existing, (made ? made : made_there)->id.value);
  }
}

TEST_P(references, a_users_phone_and_metadata_change_and_go) {
  const auto made = settle_one<user>(create_user{"01012345678", {5}, "u", R"({"name":"kim"})"});
  EXPECT_EQ(made.updated_at, now_);
  now_ += hours{1};
  // In one batch with a movement of the same user.
  const auto outcomes =
      settle({charge{made.id, {2}}, update_user{made.id, "01099998888", std::nullopt},
              charge{made.id, {3}}});
  auto changed = std::get<user>(outcomes[1]);
  EXPECT_EQ(changed.phone, "01099998888");
  EXPECT_EQ(changed.metadata, made.metadata);
  EXPECT_EQ(changed.balance, won{7});
  auto found = read<user>(get_user{made.id});
  EXPECT_EQ(found.balance, won{10});
  EXPECT_EQ(found.phone, "01099998888");
  EXPECT_EQ(found.reference, "u");
  EXPECT_EQ(found.updated_at, now_);
  EXPECT_THAT(all<user_page>(list_users{.phone = "01012345678"}), IsEmpty());
  EXPECT_EQ(all<user_page>(list_users{.phone = "01099998888"}), std::vector{found});
  now_ += hours{1};
  changed = settle_one<user>(update_user{made.id, "", ""});
  reopen();
  found = read<user>(get_user{made.id});
  EXPECT_EQ(found, changed);
  EXPECT_EQ(found.phone, "");
  EXPECT_EQ(found.metadata, "");
  now_ += hours{1};
  settle({charge{made.id, {1}}});
  EXPECT_EQ(read<user>(get_user{made.id}).updated_at, now_); // a movement is a change
  EXPECT_EQ(settle_one<refused>(update_user{user_id{77}, "", std::nullopt}).why,
            refusal::user_not_found);
  EXPECT_EQ(settle_one<refused>(update_order{order_id{77}, ""}).why, refusal::order_not_found);
}

TEST_P(references, entries_name_who_asked_for_them) {
  const auto owner = new_user(100);
  command asked = charge{owner.id, {5}, "gift"};
  asked.created_by = "shop-backend";
  EXPECT_EQ(settle_one<ledger_entry>(asked).created_by, "shop-backend");
  command paid = pay{new_order(owner.id, 10).id, owner.id};
  paid.created_by = "till";
  settle({paid, charge{owner.id, {1}}});
  const auto entries = all<entry_page>(list_entries{.user = owner.id, .limit = 1});
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0].created_by, "");
  EXPECT_EQ(entries[1].created_by, "till");
  EXPECT_EQ(entries[2].created_by, "shop-backend");
  EXPECT_EQ(entries[2].reason, "gift");
}

TEST_P(references, orders_are_listed_by_time_and_status) {
  const auto owner = new_user(10'000);
  std::vector<order> made; // three an hour
  for (int hour = 0; hour < 4; ++hour, now_ += hours{1})
    for (int n = 0; n < 3; ++n)
      made.push_back(new_order(owner.id, 10));
  for (const std::size_t paid : {1u, 4u, 7u})
    made[paid] = settle_one<order>(pay{made[paid].id, owner.id});
  std::vector<order> newest_first(made.rbegin(), made.rend());
  EXPECT_EQ(all<order_page>(list_orders{.limit = 5}), newest_first);
  const time_span second_and_third{start + hours{1}, start + hours{3}};
  EXPECT_EQ(all<order_page>(list_orders{.created = second_and_third, .limit = 2}),
            std::vector(newest_first.begin() + 3, newest_first.begin() + 9));
  EXPECT_EQ(all<order_page>(list_orders{.user = owner.id, .created = second_and_third, .limit = 4}),
            std::vector(newest_first.begin() + 3, newest_first.begin() + 9));
  const std::vector paid{made[7], made[4], made[1]};
  EXPECT_EQ(all<order_page>(list_orders{.status = order_status::paid, .limit = 2}), paid);
  EXPECT_EQ(all<order_page>(list_orders{.user = owner.id, .status = order_status::paid}), paid);
  EXPECT_THAT(all<order_page>(list_orders{.user = owner.id, .status = order_status::cancelled}),
              IsEmpty());
}

TEST_P(references, entries_are_listed_by_order_and_by_day_and_kind) {
  const auto owner = new_user(1000);
  const auto bought = new_order(owner.id, 100);
  const auto other = new_order(owner.id, 50);
  settle({pay{bought.id, owner.id}, pay{other.id, owner.id}});
  now_ += hours{24};
  settle({refund{bought.id, won{10}, "a"}, withdraw{owner.id, {5}, {}}});
  settle({refund{bought.id, won{20}, "b"}});
  const auto of_order = all<entry_page>(list_entries{.order = bought.id, .limit = 2});
  ASSERT_EQ(of_order.size(), 3u);
  EXPECT_EQ(of_order[0].reason, "b");
  EXPECT_EQ(of_order[1].reason, "a");
  EXPECT_EQ(of_order[2].kind, entry_kind::payment);
  EXPECT_EQ(of_order[2].id, *read<order>(get_order{bought.id}).payment_entry);
  EXPECT_THAT(all<entry_page>(list_entries{.order = new_order(owner.id, 1).id}), IsEmpty());
  read<not_found>(list_entries{.order = order_id{77}});

  const auto whole = all<entry_page>(list_entries{.limit = 2});
  EXPECT_EQ(whole.size(), 6u); // with the user's first charge
  const time_span second_day{start + hours{24}, start + hours{48}};
  const auto of_day = all<entry_page>(list_entries{.created = second_day, .limit = 2});
  ASSERT_EQ(of_day.size(), 3u);
  EXPECT_EQ(std::vector(whole.begin(), whole.begin() + 3), of_day);
  const auto refunds =
      all<entry_page>(list_entries{.kind = entry_kind::refund, .created = second_day, .limit = 1});
  ASSERT_EQ(refunds.size(), 2u);
  EXPECT_EQ(all<entry_page>(list_entries{.user = owner.id, .kind = entry_kind::payment}).size(),
            2u);
}

TEST_P(references, entries_are_listed_by_time_when_the_clock_goes_back_and_batches_share_a_moment) {
  std::vector<user_id> owners;
  for (int i = 0; i < 5; ++i)
    owners.push_back(new_user(1).id);
  for (const int hour : {0, 2, 2, 1, 2, 0, 3}) {
    now_ = start + hours{hour};
    std::vector<command> batch;
    for (const user_id each : owners)
      batch.emplace_back(charge{each, {hour + 1}});
    settle(batch);
  }
  auto sorted = all<entry_page>(list_entries{.limit = 100});
  ASSERT_EQ(sorted.size(), 40u); // with the users' first charges
  std::ranges::sort(sorted, std::greater{},
                    [](const ledger_entry& each) { return std::pair(each.created_at, each.id); });
  for (const int limit : {1, 2, 3, 5, 7})
    EXPECT_EQ(all<entry_page>(list_entries{.limit = limit}), sorted) << limit;
  const time_span third{start + hours{2}, start + hours{3}};
  EXPECT_EQ(all<entry_page>(list_entries{.created = third, .limit = 4}),
            std::vector(sorted.begin() + 5, sorted.begin() + 20));
}

TEST_P(references, a_page_looks_at_few_rows_and_tells_where_to_go_on) {
  const auto owner = new_user(1000);
  const auto oldest = settle_one<order>(pay{new_order(owner.id, 1).id, owner.id});
  const std::vector<command> many(600, create_order{owner.id, {1}, {0}, std::nullopt});
  settle(many);
  const list_orders asked{.user = owner.id, .status = order_status::paid};
  const auto first = read<order_page>(asked);
  EXPECT_THAT(first.items, IsEmpty());
  EXPECT_TRUE(first.next);
  EXPECT_EQ(all<order_page>(asked), std::vector{oldest});
}

INSTANTIATE_TEST_SUITE_P(stores, references, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
