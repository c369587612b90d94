// Goal: a store adds nothing to the rules and loses nothing of them. Method: random batches go
// through the store and through `decide` on a model in memory; outcomes and state must be equal,
// events are delivered with random results meanwhile, and the audit is clean at the end.
#include "tests/db/conformance.hpp"

#include "domain/decide.hpp"

#include <map>
#include <random>

namespace paymentd::db {
namespace {

constexpr int batches = 60;
constexpr int commands_max = 40;

// The model that a store is held to: the state in two maps, and `decide`.
struct model {
  std::map<order_id, order> orders;
  std::map<user_id, user> users;
  std::int64_t events = 0;

  std::vector<outcome> settle(std::span<const command> batch, entry_id first, instant now) {
    const auto named = ids_named_by(batch);
    snapshot state;
    state.first_entry = first;
    state.first_user = {std::ssize(users) + 1};
    state.first_order = {std::ssize(orders) + 1};
    std::map<user_id, user> some;
    for (const auto id : named.users)
      if (const auto at = users.find(id); at != users.end())
        some.insert(*at);
    for (const auto id : named.orders)
      if (const auto at = orders.find(id); at != orders.end()) {
        state.orders.push_back(at->second);
        if (const auto owner = users.find(at->second.owner); owner != users.end())
          some.insert(*owner);
      }
    for (const auto& [id, one] : some)
      state.users.push_back(one);
    auto decided = decide(batch, std::move(state), now);
    for (const auto& list : {decided.new_users, decided.changed_users})
      for (const auto& one : list)
        users[one.id] = one;
    for (const auto& list : {decided.new_orders, decided.changed_orders})
      for (const auto& one : list)
        orders[one.id] = one;
    for (const auto& one : decided.entries)
      events += one.kind == entry_kind::charge ? 0 : 1;
    return std::move(decided.outcomes);
  }
};

class random_shop {
 public:
  explicit random_shop(unsigned seed) : random_(seed) {}

  std::vector<command> batch() {
    std::vector<command> made;
    for (auto left = pick(0, commands_max); left > 0; --left)
      made.push_back(one());
    return made;
  }
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }

 private:
  command one() {
    // Few users and orders, so that the commands of a batch meet; some that do not exist.
    const user_id who{pick(1, 12)};
    const order_id what{pick(1, 60)};
    switch (pick(0, 9)) {
    case 0:
      return create_user{"01012345678", {pick(0, 1000)}};
    case 1:
      return charge{who, {pick(1, 500)}};
    case 2:
    case 3: {
      const auto total = pick(0, 300);
      return create_order{who, {total}, {pick(0, total)}, std::nullopt};
    }
    case 4:
      return cancel{what};
    case 5:
      return refund{what};
    default:
      return pay{what, who};
    }
  }
  std::mt19937 random_;
};

class property : public conformance {
 protected:
  // Ends some of the open claims in random ways and opens others; gives how many events it ended.
  std::int64_t deliver_some(random_shop& random, subscriber_id who) {
    auto next = step(who, static_cast<int>(random.pick(0, 2)), static_cast<int>(random.pick(1, 7)));
    std::int64_t done = 0;
    for (const auto& one : open_claims(who)) {
      const auto what = random.pick(0, 4);
      if (what == 0)
        next.regenerate.push_back(one.id);
      if (what == 1 && one.messages.size() > 1)
        next.split.push_back(one.id);
      if (what < 3)
        continue;
      auto& ended = next.ended.emplace_back(end_as(one, delivery_status::delivered));
      for (auto& result : ended.results) {
        result.status = static_cast<delivery_status>(random.pick(0, 2));
        result.next_attempt = now_ + std::chrono::milliseconds{random.pick(0, 50)};
        result.last_error = "why";
        done += result.status == delivery_status::pending ? 0 : 1;
      }
    }
    deliver(next);
    return done;
  }
};

TEST_P(property, random_batches_come_out_as_decide_has_them) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    if (seed > 1)
      SetUp();
    random_shop random(seed);
    model expected;
    const auto who = subscribe("alimtalk", true, true);
    std::int64_t done = 0;

    // The first entry tells where the batches' numbers begin; each takes as many as it has
    // commands.
    const std::vector<command> first{create_user{"01012345678", {1}}, charge{{1}, {1}}};
    const auto known = std::get<ledger_entry>(settle(first).at(1)).id;
    entry_id next{known.value - 1};
    expected.settle(first, next, now_);
    next.value += std::ssize(first);

    for (int i = 0; i < batches; ++i) {
      now_ += std::chrono::milliseconds{random.pick(0, 20)};
      const auto batch = random.batch();
      const auto outcomes = settle(batch);
      EXPECT_EQ(outcomes, expected.settle(batch, next, now_)) << "batch " << i;
      next.value += std::max<std::int64_t>(std::ssize(batch), 1);
      done += deliver_some(random, who);
    }
    for (const auto& [id, one] : expected.orders)
      EXPECT_EQ(read<order>(get_order{id}), one);
    for (const auto& [id, one] : expected.users)
      EXPECT_EQ(read<user>(get_user{id}), one);
    EXPECT_THAT(breaches(), testing::IsEmpty());

    // And in the end every event was delivered or failed, none more than once.
    for (int left = 1000; done < expected.events && left > 0; --left) {
      now_ += std::chrono::milliseconds{100};
      done += deliver_some(random, who);
    }
    EXPECT_EQ(done, expected.events);
    EXPECT_GT(done, 0);
    EXPECT_THAT(open_claims(who), testing::IsEmpty());
    EXPECT_THAT(breaches(), testing::IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(stores, property, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
