// Goal: of retries by hand each FAILED delivery is taken once, a key has one answer, and a refusal
// leaves nothing behind. Method: batches of retries against views made by hand.
#include "domain/plan_retries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using enum delivery_status;

const instant now{std::chrono::milliseconds{1'763'787'843'021}};
const instant before = now - std::chrono::hours{1};

idempotency_key key(std::uint8_t number, std::int64_t body = 0) {
  idempotency_key made;
  made.digest.fill(number);
  made.body = body;
  return made;
}

delivery one(std::int64_t entry, delivery_status status = failed) {
  return {.subscriber = "alimtalk",
          .entry = {entry},
          .order = {7},
          .status = status,
          .attempts = 3,
          .last_error = "3018 no such customer",
          .provider_message_id = "m-1",
          .next_attempt = std::nullopt,
          .created_at = before,
          .updated_at = before,
          .delivered_at = std::nullopt,
          .channel = message_channel::sms};
}

delivery retried(std::int64_t entry, instant at = now) {
  delivery made = one(entry, pending);
  made.next_attempt = made.updated_at = at;
  made.channel = std::nullopt;
  return made;
}

delivery_retry asked(std::int64_t entry, std::optional<idempotency_key> under = std::nullopt) {
  return {{"alimtalk", {entry}}, under};
}

/// Plans retries of deliveries that are all FAILED.
retry_plan plan(const std::vector<delivery_retry>& batch,
                const std::vector<kept_retry>& kept = {}) {
  std::vector<retry_view> views;
  for (const delivery_retry& each : batch)
    views.push_back({one(each.which.entry.value), true});
  return plan_retries(batch, views, kept, now);
}

TEST(plan_retries, a_failed_one_becomes_pending_and_due) {
  const auto made = plan({asked(1), asked(2)});
  EXPECT_THAT(made.answers, ElementsAre(answer(retried(1)), answer(retried(2))));
  ASSERT_THAT(made.retried, SizeIs(2));
  EXPECT_EQ(made.retried[1].subscriber, "alimtalk");
  EXPECT_EQ(made.retried[1].entry, entry_id{2});
  EXPECT_THAT(made.new_kept, IsEmpty()) << "there was no key";
}

TEST(plan_retries, one_that_is_not_there_or_not_failed_is_refused_and_nothing_is_kept) {
  const std::vector<delivery_retry> batch{asked(1, key(1)), asked(2, key(2)), asked(3, key(3)),
                                          asked(4, key(4))};
  const std::vector<retry_view> views{
      {not_found{}}, {one(2, pending)}, {one(3, delivered)}, {one(4)}};
  const auto made = plan_retries(batch, views, {}, now);
  EXPECT_THAT(made.answers, ElementsAre(answer(not_found{}), answer(not_failed{pending}),
                                        answer(not_failed{delivered}), answer(not_failed{pending})))
      << "the last one was retried by somebody else and has failed again";
  EXPECT_THAT(made.retried, IsEmpty());
  EXPECT_THAT(made.new_kept, IsEmpty());
}

TEST(plan_retries, one_twice_is_retried_once) {
  const auto made = plan({asked(1), asked(1), asked(1, key(1))});
  EXPECT_THAT(made.answers, ElementsAre(answer(retried(1)), answer(not_failed{pending}),
                                        answer(not_failed{pending})));
  EXPECT_THAT(made.retried, SizeIs(1));
  EXPECT_THAT(made.new_kept, IsEmpty()) << "a refusal is not kept";
}

TEST(plan_retries, what_is_kept_under_a_key_is_given_again_and_changes_nothing) {
  const delivery then = retried(1, before);
  const auto made = plan({asked(1, key(1, 10))}, {{key(1, 10), then}});
  EXPECT_THAT(made.answers, ElementsAre(answer(replayed_retry{then})));
  EXPECT_THAT(made.retried, IsEmpty());
  EXPECT_THAT(made.new_kept, IsEmpty());
}

TEST(plan_retries, a_key_with_another_body_is_refused_and_fails_no_neighbour) {
  const auto made = plan({asked(1, key(1, 11)), asked(2)}, {{key(1, 10), retried(1, before)}});
  EXPECT_THAT(made.answers, ElementsAre(answer(key_reused{}), answer(retried(2))));
  EXPECT_THAT(made.retried, SizeIs(1));
}

TEST(plan_retries, a_key_twice_in_a_batch_is_once) {
  const auto made = plan({asked(1, key(1, 10)), asked(1, key(1, 10)), asked(1, key(1, 11))});
  EXPECT_THAT(made.answers, ElementsAre(answer(retried(1)), answer(replayed_retry{retried(1)}),
                                        answer(key_reused{})));
  EXPECT_THAT(made.retried, SizeIs(1));
  EXPECT_THAT(made.new_kept, ElementsAre(kept_retry{key(1, 10), retried(1)}));
}

TEST(plan_retries, what_is_to_be_kept_comes_by_rising_key) {
  const auto made = plan({asked(1, key(3)), asked(2, key(1)), asked(3, key(2))});
  EXPECT_THAT(made.new_kept,
              ElementsAre(kept_retry{key(1), retried(2)}, kept_retry{key(2), retried(3)},
                          kept_retry{key(3), retried(1)}));
}

} // namespace
} // namespace paymentd
