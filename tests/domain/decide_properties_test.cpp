// Goal: what must hold for every batch, not only for those that someone thought of.
// Method: random batches over few orders and users, so that commands collide; a fixed seed a run.
// One world is decided in batches, its twin one command at a time; both must agree, and the
// ledger must add up.
#include "domain/decide.hpp"
#include "domain/recent_keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace paymentd {
namespace {

constexpr std::int64_t ids_max = 12; // few, so that commands meet

/// The state that a store would hold, and the only thing it does: load, decide, write.
struct world {
  std::map<order_id, order> orders;
  std::map<user_id, user> users;
  std::vector<ledger_entry> ledger;
  std::map<decltype(idempotency_key::digest), kept_success> kept;
  recent_keys recent;
  std::int64_t next_entry = 1;

  std::vector<outcome> settle(std::span<const command> batch, instant now) {
    const named_ids named = ids_named_by(batch);
    snapshot state{.orders = {},
                   .users = {},
                   .first_entry = make_entry_id({1}, next_entry),
                   .first_user = {next_id(users)},
                   .first_order = {next_id(orders)}};
    std::vector<user_id> who = named.users;
    for (const order_id id : named.orders)
      if (const auto at = orders.find(id); at != orders.end()) {
        state.orders.push_back(at->second);
        who.push_back(at->second.owner);
      }
    std::ranges::sort(who);
    who.erase(std::ranges::unique(who).begin(), who.end());
    for (const user_id id : who)
      if (const auto at = users.find(id); at != users.end())
        state.users.push_back(at->second);

    for (const idempotency_key& each : named.keys)
      if (const auto at = kept.find(each.digest); at != kept.end())
        state.kept.push_back(at->second);

    recent.warn(batch, state);
    decision result = decide(batch, std::move(state), now);
    recent.learn(batch, result.outcomes);
    next_entry += static_cast<std::int64_t>(result.entries.size());
    for (const user& each : result.new_users)
      EXPECT_TRUE(users.emplace(each.id, each).second);
    for (const order& each : result.new_orders)
      EXPECT_TRUE(orders.emplace(each.id, each).second);
    for (const user& each : result.changed_users)
      users.at(each.id) = each;
    for (const order& each : result.changed_orders)
      orders.at(each.id) = each;
    ledger.insert(ledger.end(), result.entries.begin(), result.entries.end());
    for (const kept_success& each : result.new_kept)
      EXPECT_TRUE(kept.emplace(each.key.digest, each).second);
    EXPECT_EQ(result.outcomes.size(), batch.size());
    return std::move(result.outcomes);
  }

  template <class Map>
  static std::int64_t next_id(const Map& of) {
    return of.empty() ? 1 : of.rbegin()->first.value + 1;
  }
};

action random_action(std::mt19937_64& random) {
  const auto pick = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  switch (pick(0, 11)) {
  case 0:
    return create_user{"01012345678", {pick(0, 1) * pick(0, 300)}};
  case 1:
    if (pick(0, 2) == 0)
      return withdraw{{pick(1, ids_max)}, {pick(1, 200)}, {}};
    return charge{{pick(1, ids_max)}, {pick(0, 40) == 0 ? won_max.value : pick(1, 200)}};
  case 2:
  case 3: {
    const std::int64_t total = pick(0, 150);
    const bool pays = pick(0, 3) == 0;
    return create_order{{pick(1, ids_max)}, {total}, {pick(0, total)}, std::nullopt, pays};
  }
  case 4:
    return cancel{{pick(1, ids_max * 3)}};
  case 5:
  case 6:
    return pick(0, 1) == 0 ? refund{{pick(1, ids_max * 3)}, std::nullopt, {}}
                           : refund{{pick(1, ids_max * 3)}, won{pick(1, 100)}, "a part"};
  default:
    return pay{{pick(1, ids_max * 3)}, {pick(1, ids_max)}};
  }
}

/// Half of them under a key, of few. As with clients, a path has keys of its own, and a body says
/// what is asked: of a payment, which order.
command random_command(std::mt19937_64& random) {
  command made = random_action(random);
  const auto pick = [&](int to) { return std::uniform_int_distribution<int>(0, to)(random); };
  if (pick(1) == 0) {
    made.key.emplace();
    made.key->digest.front() = static_cast<std::uint8_t>(made.what.index());
    made.key->digest.back() = static_cast<std::uint8_t>(pick(60));
    made.key->body = pick(9) == 0 ? 1 : 0;
    if (const auto* payment = std::get_if<pay>(&made.what))
      made.key->body = payment->order.value * 100 + payment->user.value;
  }
  return made;
}

void expect_sound(const world& of) {
  std::map<user_id, won> sums;
  std::map<user_id, std::int64_t> sequences;
  std::map<order_id, int> payments;
  std::map<order_id, won> refunds;
  entry_id last{0};
  for (const ledger_entry& entry : of.ledger) {
    EXPECT_LT(last, entry.id);
    last = entry.id;
    sums[entry.user].value += entry.amount.value;
    EXPECT_EQ(entry.balance_after, sums[entry.user]);
    EXPECT_EQ(entry.sequence, ++sequences[entry.user]);
    if (entry.kind == entry_kind::payment) {
      ++payments[*entry.order];
      EXPECT_EQ(entry.amount, -of.orders.at(*entry.order).final_amount());
    } else if (entry.kind == entry_kind::refund) {
      refunds[*entry.order].value += entry.amount.value;
      EXPECT_EQ(entry.refunded_after, refunds[*entry.order]);
    } else if (entry.kind == entry_kind::withdrawal) {
      EXPECT_LT(entry.amount, won{0});
    } else {
      EXPECT_GT(entry.amount, won{0});
    }
  }
  for (const auto& [id, each] : of.users) {
    EXPECT_EQ(each.balance, sums[id]);
    EXPECT_GE(each.balance, won{0});
    EXPECT_LE(each.balance, won_max);
    EXPECT_EQ(each.last_sequence, sequences[id]);
  }
  for (const auto& [id, each] : of.orders) {
    const bool was_paid =
        each.status == order_status::paid || each.status == order_status::refunded;
    EXPECT_EQ(payments[id], was_paid ? 1 : 0);
    EXPECT_EQ(refunds[id], each.refunded);
    EXPECT_LE(each.refunded, each.final_amount());
    if (each.status == order_status::refunded) {
      EXPECT_EQ(each.refunded, each.final_amount());
    }
    if (each.status == order_status::paid && each.refunded > won{0}) {
      EXPECT_LT(each.refunded, each.final_amount());
    }
    EXPECT_EQ(each.payment_entry.has_value(), was_paid);
    EXPECT_EQ(each.refund_entry.has_value(),
              each.refunded > won{0} || each.status == order_status::refunded);
  }
}

TEST(decide_properties, a_batch_equals_its_commands_one_at_a_time_and_the_ledger_adds_up) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    std::mt19937_64 random(seed);
    world batched;
    world single;
    for (int round = 0; round < 10; ++round) {
      const instant now{std::chrono::milliseconds{round}};
      std::vector<command> batch(std::uniform_int_distribution<std::size_t>(0, 40)(random));
      for (command& each : batch)
        each = random_command(random);
      const std::vector<outcome> together = batched.settle(batch, now);
      std::vector<outcome> apart;
      for (const command& each : batch)
        apart.push_back(single.settle({&each, 1}, now).front());
      ASSERT_EQ(together, apart) << "seed " << seed << " round " << round;
    }
    ASSERT_EQ(batched.orders, single.orders) << "seed " << seed;
    ASSERT_EQ(batched.users, single.users) << "seed " << seed;
    ASSERT_EQ(batched.ledger, single.ledger) << "seed " << seed;
    ASSERT_EQ(batched.kept, single.kept) << "seed " << seed;
    expect_sound(batched);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

} // namespace
} // namespace paymentd
