// Goal: new messages go to the first provider that has not failed for long; one that has gets them
// now and then, until it takes one. Method: the rule on times that the test chooses.
#include "actors/delivery/provider_chain.hpp"

#include <gtest/gtest.h>

#include <array>

namespace paymentd::actors {
namespace {

using namespace std::chrono_literals;

constexpr chain_times times{.failover_after = 5min, .gap_max = 10min};
constexpr steady_instant begin{1000h};

class provider_chain_test : public testing::Test {
 protected:
  void fail(std::size_t place, steady_instant from, steady_instant until,
            std::chrono::minutes step = 1min) {
    for (steady_instant at = from; at <= until; at += step)
      note_failure(all_[place], times, at, at);
  }
  std::optional<std::size_t> serving_at(steady_instant now) const {
    return serving(all_, times, now);
  }
  intake intake_at(std::size_t place, steady_instant now) const {
    return intake_of(all_, place, times, now);
  }

  std::array<provider_record, 3> all_;
};

TEST_F(provider_chain_test, the_first_one_serves_from_the_start_on) {
  EXPECT_EQ(serving_at(begin), 0u);
  EXPECT_EQ(intake_at(0, begin), intake::all);
  EXPECT_EQ(intake_at(1, begin), intake::none);
  EXPECT_EQ(intake_at(2, begin), intake::none);
}

TEST_F(provider_chain_test, after_an_outage_of_so_long_the_next_one_serves) {
  fail(0, begin, begin + 4min);
  EXPECT_EQ(serving_at(begin + 4min), 0u);
  EXPECT_EQ(serving_at(begin + 6min), 0u) << "nothing has failed since";
  fail(0, begin + 5min, begin + 5min);
  EXPECT_EQ(serving_at(begin + 5min), 1u);
  EXPECT_EQ(intake_at(0, begin + 5min), intake::probe);
  EXPECT_EQ(intake_at(1, begin + 5min), intake::all);
  EXPECT_EQ(intake_at(2, begin + 5min), intake::none);
}

TEST_F(provider_chain_test, a_call_that_is_taken_ends_an_outage) {
  fail(0, begin, begin + 4min);
  note_success(all_);
  fail(0, begin + 5min, begin + 9min);
  EXPECT_EQ(serving_at(begin + 9min), 0u);
  fail(0, begin + 10min, begin + 10min);
  EXPECT_EQ(serving_at(begin + 10min), 1u);
  note_success(all_);
  EXPECT_EQ(serving_at(begin + 10min), 0u) << "new messages go back to it";
}

TEST_F(provider_chain_test, failures_that_lie_far_apart_are_not_one_outage) {
  fail(0, begin, begin + 1h, 11min);
  EXPECT_EQ(serving_at(begin + 1h), 0u);
}

TEST_F(provider_chain_test, quiet_that_an_api_asked_for_counts_once_it_has_lasted_so_long) {
  note_failure(all_[0], times, begin, begin + 1h);
  EXPECT_EQ(serving_at(begin + 4min), 0u);
  EXPECT_EQ(serving_at(begin + 5min), 1u);
  fail(0, begin + 61min, begin + 61min);
  EXPECT_EQ(serving_at(begin + 61min), 1u) << "it goes on behind the quiet";
}

TEST_F(provider_chain_test, one_that_is_passed_over_gets_a_probe_each_so_often) {
  fail(0, begin, begin + 5min);
  all_[0].probed_at = begin + 6min;
  fail(0, begin + 6min, begin + 20min);
  EXPECT_EQ(intake_at(0, begin + 10min), intake::none);
  EXPECT_EQ(intake_at(0, begin + 11min), intake::probe);
}

TEST_F(provider_chain_test, where_the_next_one_fails_too_the_one_behind_it_serves) {
  fail(0, begin, begin + 10min);
  fail(1, begin + 5min, begin + 10min);
  EXPECT_EQ(serving_at(begin + 10min), 2u);
  EXPECT_EQ(intake_at(1, begin + 10min), intake::probe);
}

TEST_F(provider_chain_test, where_all_have_failed_each_is_tried_as_if_it_were_alone) {
  for (std::size_t place = 0; place < all_.size(); ++place)
    fail(place, begin, begin + 5min);
  EXPECT_EQ(serving_at(begin + 5min), std::nullopt);
  for (std::size_t place = 0; place < all_.size(); ++place)
    EXPECT_EQ(intake_at(place, begin + 5min), intake::all);
}

TEST_F(provider_chain_test, old_failures_of_those_that_were_not_needed_since_are_forgotten) {
  fail(0, begin, begin + 10min);
  fail(1, begin + 5min, begin + 10min);
  note_success(all_);
  fail(0, begin + 2h, begin + 2h + 5min);
  EXPECT_EQ(serving_at(begin + 2h + 5min), 1u);
}

TEST(provider_chain, a_claim_is_for_its_own_provider_and_an_unknown_ones_for_the_first) {
  provider_chain chain("alimtalk", {"nhn", "solapi"}, times);
  EXPECT_TRUE(chain.is_for(0, "nhn"));
  EXPECT_FALSE(chain.is_for(1, "nhn"));
  EXPECT_TRUE(chain.is_for(1, "solapi"));
  for (const char* unknown : {"", "aligo"}) {
    EXPECT_TRUE(chain.is_for(0, unknown));
    EXPECT_FALSE(chain.is_for(1, unknown));
  }
  EXPECT_EQ(chain.others(0), std::vector<std::string>{"solapi"});
  EXPECT_EQ(chain.others(1), std::vector<std::string>{"nhn"});
}

TEST(provider_chain, goes_by_what_it_is_told) {
  provider_chain chain("alimtalk", {"nhn", "solapi"}, times);
  for (auto at = begin; at <= begin + 5min; at += 1min)
    chain.failed(0, at, at);
  EXPECT_EQ(chain.of(0, begin + 5min), intake::probe);
  EXPECT_EQ(chain.of(1, begin + 5min), intake::all);
  chain.probed(0, begin + 5min);
  EXPECT_EQ(chain.of(0, begin + 5min), intake::none);
  chain.worked(1, begin + 6min);
  EXPECT_EQ(chain.of(1, begin + 6min), intake::all) << "its success says nothing of the first one";
  chain.worked(0, begin + 7min);
  EXPECT_EQ(chain.of(0, begin + 7min), intake::all);
  EXPECT_EQ(chain.of(1, begin + 7min), intake::none);
}

} // namespace
} // namespace paymentd::actors
