// Goal: what waits leaves in its order, once, and hears when its time is up.
// Method: plain calls; time is a number.
#include "actors/batcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr steady_instant start{std::chrono::seconds{100}};

class batcher_test : public testing::Test {
 protected:
  void wait(std::initializer_list<std::int64_t> numbers,
            std::chrono::milliseconds time = std::chrono::seconds{1}) {
    for (const std::int64_t number : numbers)
      line.add({.from = {.number = static_cast<std::uint64_t>(number),
                         .reply_to = {},
                         .begin_by = start + time},
                .what = {.which = {.subscriber = "alimtalk", .entry = {number}}}});
  }
  void wait_in_bulk(std::initializer_list<std::int64_t> numbers,
                    std::chrono::milliseconds time = std::chrono::seconds{1}) {
    for (const std::int64_t number : numbers)
      line.add({.from = {.number = static_cast<std::uint64_t>(number),
                         .reply_to = {},
                         .begin_by = start + time,
                         .bulk = true},
                .what = {.which = {.subscriber = "alimtalk", .entry = {number}}}});
  }
  std::vector<std::int64_t> gather(std::size_t max, steady_instant now = start) {
    std::vector<std::int64_t> entries;
    if (const auto batch = line.gather(max, now, shed()))
      for (const delivery_retry& each : *batch)
        entries.push_back(each.which.entry.value);
    return entries;
  }
  std::function<void(const ticket&)> shed() {
    return [this](const ticket& of) { over.push_back(of.number); };
  }

  batcher<retry_delivery> line;
  std::vector<std::uint64_t> over;
};

TEST_F(batcher_test, what_waits_leaves_in_its_order_up_to_the_bound) {
  wait({1, 2, 3});
  EXPECT_THAT(gather(2), ElementsAre(1, 2));
  const auto asked = line.finish(2);
  ASSERT_THAT(asked, SizeIs(2));
  EXPECT_EQ(asked[1].number, 2u);
  EXPECT_THAT(gather(2), ElementsAre(3));
  line.finish(1);
  EXPECT_THAT(gather(2), IsEmpty());
}

TEST_F(batcher_test, what_was_put_back_goes_first_again) {
  wait({1, 2});
  gather(2);
  wait({3});
  line.put_back();
  EXPECT_THAT(gather(3), ElementsAre(1, 2, 3));
}

TEST_F(batcher_test, what_is_put_back_alone_leaves_one_by_one_before_others) {
  wait({1, 2});
  gather(2);
  wait({3, 4});
  line.put_back_alone();
  EXPECT_THAT(gather(9), ElementsAre(1));
  line.finish(1);
  EXPECT_THAT(gather(9), ElementsAre(2));
  line.finish(1);
  EXPECT_THAT(gather(9), ElementsAre(3, 4));
}

TEST_F(batcher_test, what_has_no_time_left_is_shed_wherever_it_stands) {
  using std::chrono::milliseconds;
  wait({1}, milliseconds{5});
  wait({2}, milliseconds{50});
  wait({3}, milliseconds{5});
  const steady_instant now = start + milliseconds{10};
  line.expire_front(now, shed());
  EXPECT_THAT(over, ElementsAre(1));
  line.expire(now, shed());
  EXPECT_THAT(over, ElementsAre(1, 3));
  EXPECT_THAT(gather(9, start + milliseconds{60}), IsEmpty());
  EXPECT_THAT(over, ElementsAre(1, 3, 2));
}

TEST_F(batcher_test, those_that_expire_are_not_counted_among_those_that_go_alone) {
  using std::chrono::milliseconds;
  wait({1, 2}, milliseconds{5});
  gather(2);
  wait({3, 4});
  line.put_back_alone();
  line.expire(start + milliseconds{10}, shed());
  EXPECT_THAT(over, ElementsAre(1, 2));
  EXPECT_THAT(gather(9, start + milliseconds{10}), ElementsAre(3, 4));
}

using batcher_death_test = batcher_test;

TEST_F(batcher_death_test, each_request_has_one_answer) {
  wait({1, 2});
  gather(2);
  EXPECT_DEATH(line.finish(1), "a batch has one answer a request");
}

TEST_F(batcher_test, those_of_a_bulk_fill_what_others_leave) {
  wait_in_bulk({11, 12, 13});
  wait({1, 2});
  EXPECT_THAT(gather(4), ElementsAre(1, 2, 11, 12));
  line.finish(4);
  EXPECT_THAT(gather(4), ElementsAre(13));
}

TEST_F(batcher_test, a_quarter_is_kept_for_those_of_a_bulk) {
  wait({1, 2, 3, 4, 5, 6, 7, 8});
  wait_in_bulk({11, 12, 13});
  EXPECT_THAT(gather(8), ElementsAre(1, 2, 3, 4, 5, 6, 11, 12));
  line.put_back();
  EXPECT_THAT(gather(8), ElementsAre(1, 2, 3, 4, 5, 6, 11, 12));
  line.finish(8);
  EXPECT_THAT(gather(8), ElementsAre(7, 8, 13));
}

TEST_F(batcher_test, those_of_a_bulk_hear_when_their_time_is_up_and_go_alone_like_others) {
  wait_in_bulk({11, 12}, std::chrono::milliseconds{5});
  wait_in_bulk({13, 14});
  line.expire(start + std::chrono::milliseconds{10}, shed());
  EXPECT_THAT(over, ElementsAre(11u, 12u));
  gather(8);
  line.put_back_alone();
  EXPECT_THAT(gather(8), ElementsAre(13));
  line.finish(1);
  EXPECT_THAT(gather(8), ElementsAre(14));
  line.finish(1);
  EXPECT_TRUE(line.empty());
}

} // namespace
} // namespace paymentd::actors
