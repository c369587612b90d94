// Goal: a payment's key that comes again with another order is recognized, within a bound. Method:
// commands and their outcomes, as a store has them.
#include "domain/recent_keys.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

command payment(std::size_t number, std::int64_t body, bool keyed = true) {
  command made = pay{{1}, {7}};
  if (keyed) {
    made.key.emplace();
    for (std::size_t at = 0; at < 8; ++at)
      made.key->digest[at] = static_cast<std::uint8_t>(number >> (8 * at));
    made.key->body = body;
  }
  return made;
}

std::size_t warned(const recent_keys& of, const std::vector<command>& commands) {
  snapshot state;
  of.warn(commands, state);
  return state.kept.size();
}

const std::vector<outcome> paid{order{}};

TEST(recent_keys, a_key_with_another_body_is_recognized_and_no_other) {
  recent_keys keys;
  keys.learn(std::vector{payment(1, 10)}, paid);
  EXPECT_EQ(warned(keys, {payment(1, 11), payment(1, 12)}), 1u);
  EXPECT_EQ(warned(keys, {payment(1, 10), payment(2, 11), payment(1, 11, false)}), 0u);
  command charged = payment(1, 11);
  charged.what = charge{{7}, {1}};
  EXPECT_EQ(warned(keys, {charged}), 0u); // the store keeps those
}

TEST(recent_keys, what_was_refused_or_replayed_teaches_nothing) {
  recent_keys keys;
  keys.learn(std::vector{payment(1, 10)},
             std::vector<outcome>{refused{refusal::insufficient_balance, std::nullopt}});
  keys.learn(std::vector{payment(2, 10)}, std::vector<outcome>{replayed{order{}}});
  EXPECT_EQ(warned(keys, {payment(1, 11), payment(2, 11)}), 0u);
}

TEST(recent_keys, the_oldest_is_forgotten_first) {
  recent_keys keys;
  for (std::size_t n = 0; n <= recent_keys::kept_max; ++n)
    keys.learn(std::vector{payment(n, 10)}, paid);
  EXPECT_EQ(warned(keys, {payment(0, 11)}), 0u);
  EXPECT_EQ(warned(keys, {payment(1, 11)}), 1u);
}

} // namespace
} // namespace paymentd
