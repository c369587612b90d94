// Goal: a command under an idempotency key is done once, whichever connection it comes by and
// whatever happens between, and its key is forgotten in time. Method: both stores; commands are
// repeated in a batch, later, after a restart, and by two connections at once.
#include "tests/db/conformance.hpp"

#include <algorithm>
#include <barrier>
#include <random>
#include <thread>

namespace paymentd::db {
namespace {

using std::chrono::hours;
using testing::IsEmpty;

command under(std::uint64_t key, action what, std::int64_t body = 0) {
  command made = std::move(what);
  made.key.emplace();
  // As random as digests are, so that the store's order is not that of the test.
  std::mt19937_64 random(key);
  for (auto& byte : made.key->digest)
    byte = static_cast<std::uint8_t>(random());
  made.key->body = body;
  return made;
}

class keys : public conformance {
 protected:
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }
  won balance(user_id of) { return read<user>(get_user{of}).balance; }
};

TEST_P(keys, a_success_is_given_again_byte_for_byte_after_a_restart) {
  const auto owner = new_user(1000);
  const auto bought = new_order(owner.id, 100);
  const std::vector<command> all{
      under(1, pay{bought.id, owner.id}), under(2, charge{owner.id, {7}}),
      under(3, create_order{owner.id, {5}, {1}, coupon_id{9}}),
      under(4, create_user{"01098765432", {50}}), under(5, cancel{new_order(owner.id, 1).id})};
  const auto first = settle(all);
  settle({refund{bought.id}});
  now_ += hours{1};
  reopen();
  const auto again = settle(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto* given = std::get_if<replayed>(&again[i]);
    ASSERT_NE(given, nullptr) << i;
    std::visit([&](const auto& what) { EXPECT_EQ(outcome{what}, first[i]) << i; }, given->what);
  }
  EXPECT_EQ(balance(owner.id), won{1007});
}

TEST_P(keys, a_refusal_is_decided_anew) {
  const auto owner = new_user(0);
  const command payment = under(1, pay{new_order(owner.id, 100).id, owner.id});
  EXPECT_EQ(settle_one<refused>(payment).why, refusal::insufficient_balance);
  settle({charge{owner.id, {100}}});
  EXPECT_EQ(settle_one<order>(payment).status, order_status::paid);
  settle_one<replayed>(payment);
  EXPECT_EQ(balance(owner.id), won{0});
}

TEST_P(keys, another_body_under_a_key_is_refused_and_fails_no_neighbour) {
  const auto owner = new_user(0);
  settle({under(1, charge{owner.id, {1}}, 10)});
  const auto outcomes = settle({charge{owner.id, {100}}, under(1, charge{owner.id, {2}}, 11),
                                under(2, charge{owner.id, {1000}})});
  EXPECT_EQ(outcomes[1], (outcome{refused{refusal::key_reused, std::nullopt}}));
  EXPECT_EQ(balance(owner.id), won{1101});
}

TEST_P(keys, of_a_request_is_kept_with_its_body) {
  const command note = under(1, note_request{}, 10);
  settle_one<noted>(note);
  reopen();
  EXPECT_EQ(settle_one<replayed>(note), (replayed{noted{}}));
  EXPECT_EQ(settle_one<refused>(under(1, note_request{}, 11)).why, refusal::key_reused);
}

TEST_P(keys, of_a_payment_stand_in_its_order_whatever_becomes_of_it) {
  const auto owner = new_user(1000);
  const auto bought = new_order(owner.id, 100);
  const auto other = new_order(owner.id, 100);
  const command payment = under(1, pay{bought.id, owner.id}, 10);
  const auto first = settle_one<order>(payment);
  EXPECT_EQ(read<order>(get_order{bought.id}), first);
  now_ += hours{1};
  settle({refund{bought.id, won{30}, {}}});
  EXPECT_EQ(settle_one<replayed>(payment).what, success{first});
  settle({refund{bought.id}});
  reopen();
  EXPECT_EQ(settle_one<replayed>(payment).what, success{first});
  EXPECT_EQ(settle_one<refused>(under(1, pay{bought.id, owner.id}, 11)).why, refusal::key_reused);
  EXPECT_EQ(settle_one<refused>(under(2, pay{bought.id, owner.id}, 10)).why,
            refusal::order_not_payable);
  EXPECT_EQ(balance(owner.id), won{1000});
  // With another order it is known to have been used, as long as the store remembers.
  const auto third = new_order(owner.id, 100);
  const auto outcomes =
      settle({under(3, pay{other.id, owner.id}, 20), under(3, pay{third.id, owner.id}, 21),
              under(4, pay{third.id, owner.id}, 30)});
  EXPECT_EQ(std::get<refused>(outcomes[1]).why, refusal::key_reused);
  const auto fourth = new_order(owner.id, 100);
  EXPECT_EQ(settle_one<refused>(under(4, pay{fourth.id, owner.id}, 40)).why, refusal::key_reused);
  settle_one<replayed>(under(4, pay{third.id, owner.id}, 30));
  EXPECT_EQ(balance(owner.id), won{800});
}

TEST_P(keys, of_a_payment_give_the_metadata_of_then) {
  const auto owner = new_user(1000);
  const auto bought = settle_one<order>(
      create_order{owner.id, {100}, {0}, std::nullopt, false, "A-17", R"({"title":"a book"})"});
  const command payment = under(1, pay{bought.id, owner.id});
  const auto first = settle_one<order>(payment);
  for (const auto* metadata : {R"({"title":"two"})", "", R"({"title":"three"})"}) {
    now_ += hours{1};
    const auto changed = settle_one<order>(update_order{bought.id, metadata});
    EXPECT_EQ(changed.metadata, metadata);
    EXPECT_EQ(changed.updated_at, now_);
    EXPECT_EQ(read<order>(get_order{bought.id}), changed);
    reopen();
    EXPECT_EQ(settle_one<replayed>(payment).what, success{first});
  }
}

TEST_P(keys, twice_in_a_batch_is_once) {
  const auto owner = new_user(0);
  const command one = under(1, charge{owner.id, {5}});
  const auto outcomes = settle({one, one, one});
  EXPECT_TRUE(std::holds_alternative<ledger_entry>(outcomes[0]));
  EXPECT_EQ(outcomes[1], outcomes[2]);
  EXPECT_TRUE(std::holds_alternative<replayed>(outcomes[2]));
  EXPECT_EQ(balance(owner.id), won{5});
}

TEST_P(keys, connections_that_bring_the_same_keys_at_once_do_each_once) {
  const auto owner = new_user(0);
  // Users that are created have no row whose lock would put one batch behind the other: these meet
  // at the keys themselves.
  constexpr int commands = 200;
  std::vector<command> all;
  for (int i = 0; i < commands; ++i)
    all.push_back(i < commands / 2
                      ? under(static_cast<std::uint64_t>(i), create_user{"01012345678", {1}})
                      : under(static_cast<std::uint64_t>(i), charge{owner.id, {1}}));
  const int connections = std::min(3, database_->lanes_max());
  std::vector<std::unique_ptr<store>> stores;
  for (int n = 1; n < connections; ++n)
    must(stores.emplace_back(must(database_->connect()))->take_stream(now_));
  stores.push_back(std::move(lane_));
  std::vector<std::vector<outcome>> given(stores.size());
  std::barrier together(connections);
  std::vector<std::jthread> threads;
  for (std::size_t n = 0; n < stores.size(); ++n)
    threads.emplace_back([&, n] {
      for (std::size_t at = 0; at < all.size(); at += 10) {
        together.arrive_and_wait(); // so that each batch meets its like
        auto settled = stores[n]->settle(std::span{all.data() + at, 10}, now_);
        if (!settled) {
          ADD_FAILURE() << settled.error().text;
          return together.arrive_and_drop();
        }
        std::ranges::move(*settled, std::back_inserter(given[n]));
      }
    });
  threads.clear();
  lane_ = std::move(stores.back());
  std::ptrdiff_t done = 0;
  for (const auto& each : given)
    done += std::ranges::count_if(each, [](const outcome& one) {
      EXPECT_FALSE(std::holds_alternative<refused>(one));
      return !std::holds_alternative<replayed>(one);
    });
  EXPECT_EQ(done, commands);
  EXPECT_EQ(balance(owner.id), won{commands / 2});
}

TEST_P(keys, are_forgotten_oldest_first_and_some_at_a_time) {
  const auto owner = new_user(0);
  const command old = under(1, charge{owner.id, {1}});
  settle({old});
  now_ += hours{25};
  std::vector<command> many;
  for (std::uint64_t n = 0; n < 2 * upkeep_store::forgotten_at_once + 1; ++n)
    many.push_back(under(100 + n, charge{owner.id, {1}}));
  settle(many);
  EXPECT_EQ(must(lane_->forget_keys(now_ - hours{24})), 1);
  EXPECT_EQ(must(lane_->forget_keys(now_ - hours{24})), 0);
  settle_one<replayed>(many.front());
  settle_one<ledger_entry>(old); // nobody remembers it
  now_ += hours{25};
  EXPECT_EQ(must(lane_->forget_keys(now_ - hours{24})), upkeep_store::forgotten_at_once);
  EXPECT_EQ(must(lane_->forget_keys(now_ - hours{24})), upkeep_store::forgotten_at_once);
  EXPECT_EQ(must(lane_->forget_keys(now_ - hours{24})), 2);
}

INSTANTIATE_TEST_SUITE_P(stores, keys, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
