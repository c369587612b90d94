// Goal: a call by several templates is sent part by part, so that each of its messages is sent once
// and has its own outcome, whatever becomes of the parts. Method: the pure class, with answers of
// every class of failure for each part.
#include "providers/nhn/nhn_parts.hpp"

#include "tests/providers/example_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::providers {
namespace {

using testing::ElementsAre;

/// Messages 1 to 5, by the templates 2, 0, 2, 1, 0.
nhn_parts example() {
  return {example_call("k", 5, {}), {2, 0, 2, 1, 0}};
}

call_result accepted_all(const nhn_parts& of) {
  std::vector<recipient_result> all;
  for (const std::size_t place : of.now().places)
    all.push_back(accepted{"R/" + std::to_string(place)});
  return all;
}

call_result refused(failure_class kind) {
  return std::unexpected(failure{.kind = kind, .reason = "why"});
}

/// "accepted", or the class of the failure; "not sent" where it surely was not accepted and no
/// fault of the message's own.
std::string outcome_of(const recipient_result& of) {
  if (of)
    return "accepted";
  switch (of.error().kind) {
  case failure_class::permanent:
    return "permanent";
  case failure_class::transient:
    return "transient";
  case failure_class::unknown:
    return "unknown";
  case failure_class::outage:
    return of.error().never_written ? "not sent" : "outage";
  default:
    return "another";
  }
}

std::vector<std::string> outcomes(const std::optional<call_result>& of) {
  std::vector<std::string> all;
  if (of && *of)
    for (const recipient_result& each : **of)
      all.push_back(outcome_of(each));
  return all;
}

TEST(nhn_parts, go_template_by_template_the_first_under_the_calls_own_key) {
  nhn_parts parts = example();
  EXPECT_EQ(parts.now().of_template, 0u);
  EXPECT_EQ(parts.now().key, "k");
  EXPECT_THAT(parts.now().places, ElementsAre(1u, 4u));
  EXPECT_EQ(parts.now().what.recipients[1].delivery_id, "alimtalk-5");
  EXPECT_FALSE(parts.answered(accepted_all(parts)));
  EXPECT_EQ(parts.now().of_template, 1u);
  EXPECT_EQ(parts.now().key, "k-1");
  EXPECT_FALSE(parts.answered(accepted_all(parts)));
  EXPECT_EQ(parts.now().key, "k-2");
  EXPECT_EQ(parts.now().what.key, "k") << "the sender grouping key, by which a search finds all";
  EXPECT_EQ(parts.now().what.instance, "0f1e2d3c");
  EXPECT_THAT(parts.now().places, ElementsAre(0u, 2u));
  const auto over = parts.answered(accepted_all(parts));
  ASSERT_TRUE(over && *over);
  for (std::size_t place = 0; place < 5; ++place)
    EXPECT_EQ((**over)[place]->provider_message_id, "R/" + std::to_string(place));
}

TEST(nhn_parts, nothing_is_sent_behind_a_first_part_that_failed) {
  for (const auto kind : {failure_class::unknown, failure_class::seen, failure_class::throttled,
                          failure_class::outage, failure_class::permanent}) {
    nhn_parts parts = example();
    const auto over = parts.answered(refused(kind));
    ASSERT_TRUE(over);
    ASSERT_FALSE(*over);
    EXPECT_EQ(over->error().kind, kind);
    EXPECT_FALSE(over->error().refused_content);
  }
}

TEST(nhn_parts, a_first_template_that_is_refused_has_the_call_halved) {
  nhn_parts parts{example_call("k", 2, {}), {2, 1}};
  const auto over = parts.answered(refused(failure_class::transient));
  ASSERT_TRUE(over);
  ASSERT_FALSE(*over);
  EXPECT_EQ(over->error().kind, failure_class::outage);
  EXPECT_TRUE(over->error().refused_content);
}

TEST(nhn_parts, nothing_is_sent_behind_a_first_part_of_which_nothing_was_accepted) {
  nhn_parts parts = example();
  std::vector<recipient_result> none{
      std::unexpected(failure{.kind = failure_class::permanent, .reason = "a bad number"}),
      std::unexpected(failure{.kind = failure_class::unknown, .reason = "no result"})};
  EXPECT_THAT(outcomes(parts.answered(std::move(none))),
              ElementsAre("not sent", "permanent", "not sent", "not sent", "unknown"));
}

TEST(nhn_parts, one_accepted_message_of_the_first_part_lets_the_others_go) {
  nhn_parts parts = example();
  std::vector<recipient_result> one{
      std::unexpected(failure{.kind = failure_class::permanent, .reason = "a bad number"}),
      accepted{"R/4"}};
  EXPECT_FALSE(parts.answered(std::move(one)));
  EXPECT_EQ(parts.now().of_template, 1u);
}

TEST(nhn_parts, a_later_part_in_doubt_leaves_the_accepted_ones_accepted_and_ends_the_call) {
  for (const auto kind : {failure_class::unknown, failure_class::seen}) {
    nhn_parts parts = example();
    EXPECT_FALSE(parts.answered(accepted_all(parts)));
    EXPECT_THAT(outcomes(parts.answered(refused(kind))),
                ElementsAre("not sent", "accepted", "not sent", "unknown", "accepted"));
  }
  nhn_parts parts = example();
  EXPECT_FALSE(parts.answered(accepted_all(parts)));
  EXPECT_THAT(outcomes(parts.answered(std::unexpected(failure{
                  .kind = failure_class::outage, .reason = "why", .may_follow_acceptance = true}))),
              ElementsAre("not sent", "accepted", "not sent", "unknown", "accepted"));
}

TEST(nhn_parts, a_later_part_that_the_api_cannot_take_now_was_not_sent) {
  for (const auto kind : {failure_class::outage, failure_class::throttled}) {
    nhn_parts parts = example();
    EXPECT_FALSE(parts.answered(accepted_all(parts)));
    EXPECT_THAT(outcomes(parts.answered(refused(kind))),
                ElementsAre("not sent", "accepted", "not sent", "not sent", "accepted"));
  }
}

TEST(nhn_parts, a_later_part_that_is_refused_for_itself_does_not_stop_those_behind_it) {
  for (const auto& [kind, of_one] : {std::pair{failure_class::permanent, "permanent"},
                                     std::pair{failure_class::transient, "transient"}}) {
    nhn_parts parts = example();
    EXPECT_FALSE(parts.answered(accepted_all(parts)));
    EXPECT_FALSE(parts.answered(refused(kind)));
    EXPECT_THAT(outcomes(parts.answered(accepted_all(parts))),
                ElementsAre("accepted", "accepted", "accepted", of_one, "accepted"));
  }
  nhn_parts parts = example();
  EXPECT_FALSE(parts.answered(accepted_all(parts)));
  EXPECT_FALSE(parts.answered(std::unexpected(
      failure{.kind = failure_class::outage, .reason = "why", .refused_content = true})));
  EXPECT_THAT(outcomes(parts.answered(accepted_all(parts))),
              ElementsAre("accepted", "accepted", "accepted", "not sent", "accepted"));
}

TEST(nhn_parts, a_call_that_takes_too_long_ends_with_what_was_not_sent) {
  nhn_parts parts = example();
  EXPECT_FALSE(parts.answered(accepted_all(parts)));
  EXPECT_THAT(outcomes(parts.result()),
              ElementsAre("not sent", "accepted", "not sent", "not sent", "accepted"));
}

} // namespace
} // namespace paymentd::providers
