// Goal: where there is no template for some refunds, their messages are tried later, and none of
// them goes by another template; all others go on. Method: the gate before a provider that notes
// what it is asked, with calls of payments, of refunds and of both.
#include "providers/refund_gate.hpp"

#include "tests/providers/example_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::providers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Accepts everything, or refuses the call.
class noting_provider final : public provider {
 public:
  explicit noting_provider(std::vector<call>& sent, std::vector<call>& searched)
      : sent_(sent), searched_(searched) {}
  std::string_view name() const override { return "noting"; }
  void send(call what, std::function<void(call_result)> done) override {
    std::vector<recipient_result> results;
    for (const recipient& each : what.recipients)
      results.emplace_back(accepted{"id of " + each.delivery_id});
    const bool refuses = what.key == "refused";
    sent_.push_back(std::move(what));
    if (refuses)
      return done(
          std::unexpected(failure{.kind = failure_class::throttled, .reason = "too many calls"}));
    done(std::move(results));
  }
  void search(call what, std::function<void(search_result)> done) override {
    std::vector<found_message> found(what.recipients.size());
    searched_.push_back(std::move(what));
    done(std::move(found));
  }
  bool can_search() const override { return true; }
  std::chrono::milliseconds key_window() const override { return std::chrono::minutes{10}; }
  std::size_t recipients_max() const override { return 7; }
  bool needs_phone() const override { return true; }
  void stop() override {}

 private:
  std::vector<call>& sent_;
  std::vector<call>& searched_;
};

class refund_gate : public testing::Test {
 protected:
  call_result send(const call& what) {
    std::vector<call_result> answers;
    gate_->send(what, [&](call_result given) { answers.push_back(std::move(given)); });
    return std::move(answers.at(0));
  }
  /// The messages whose numbers are even are about refunds.
  static call mixed(const std::string& key, int count) {
    call what = example_call(key, count, instant{});
    for (std::size_t i = 1; i < what.recipients.size(); i += 2)
      what.recipients[i].event.kind = entry_kind::refund;
    return what;
  }
  std::vector<std::string> ids_of(const call& what) {
    std::vector<std::string> ids;
    for (const recipient& each : what.recipients)
      ids.push_back(each.delivery_id);
    return ids;
  }

  std::vector<call> sent_;
  std::vector<call> searched_;
  const std::vector<conditional_template> others_{
      {.when = *templates::metadata_condition::parse("metadata.kind = gift"),
       .code = "GIFT_REFUNDED",
       .message = {},
       .fallback = {},
       .about = entry_kind::refund}};
  std::unique_ptr<provider> gate_ = make_refund_gate(
      std::make_unique<noting_provider>(sent_, searched_), others_, "no template for refunds");
};

TEST_F(refund_gate, payments_pass_as_they_are) {
  const auto result = send(example_call("1.1", 3, instant{}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(2)->provider_message_id, "id of alimtalk-3");
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].key, "1.1");
  EXPECT_EQ(sent_[0].instance, "0f1e2d3c");
}

TEST_F(refund_gate, refunds_among_payments_are_left_out_and_fail_transiently) {
  const auto result = send(mixed("1.1", 5));
  ASSERT_TRUE(result);
  ASSERT_EQ(result->size(), 5u);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].key, "1.1");
  EXPECT_EQ(sent_[0].instance, "0f1e2d3c");
  EXPECT_THAT(ids_of(sent_[0]), ElementsAre("alimtalk-1", "alimtalk-3", "alimtalk-5"));
  for (const std::size_t i : {0u, 2u, 4u})
    EXPECT_EQ(result->at(i)->provider_message_id, "id of alimtalk-" + std::to_string(i + 1));
  for (const std::size_t i : {1u, 3u}) {
    ASSERT_FALSE(result->at(i));
    EXPECT_EQ(result->at(i).error().kind, failure_class::transient);
    EXPECT_THAT(result->at(i).error().reason, HasSubstr("no template for refunds"));
  }
}

TEST_F(refund_gate, a_call_of_nothing_else_fails_as_a_whole_and_asks_nobody) {
  call what = mixed("1.1", 2);
  what.recipients.erase(what.recipients.begin());
  const auto result = send(what);
  ASSERT_FALSE(result) << "or it would count as an API that works";
  EXPECT_EQ(result.error().kind, failure_class::transient);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(refund_gate, a_refund_that_a_template_is_for_passes) {
  call what = mixed("1.1", 4);
  what.recipients[1].event.metadata = R"({"kind":"gift"})";
  ASSERT_TRUE(send(what));
  EXPECT_THAT(ids_of(sent_.at(0)), ElementsAre("alimtalk-1", "alimtalk-2", "alimtalk-3"));
}

TEST_F(refund_gate, the_refusal_of_a_call_stays_one) {
  const auto result = send(mixed("refused", 3));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, failure_class::throttled);
}

TEST_F(refund_gate, all_else_is_the_providers_own) {
  std::size_t found = 0;
  gate_->search(mixed("1.1", 4), [&](const search_result& given) { found = given->size(); });
  EXPECT_EQ(found, 4u) << "a message may have been sent while there was a template";
  EXPECT_EQ(gate_->name(), "noting");
  EXPECT_TRUE(gate_->can_search() && gate_->needs_phone());
  EXPECT_FALSE(gate_->can_tell_results() || gate_->repeats_are_copies());
  EXPECT_EQ(gate_->key_window(), std::chrono::minutes{10});
  EXPECT_EQ(gate_->recipients_max(), 7u);
}

} // namespace
} // namespace paymentd::providers
