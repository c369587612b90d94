// Goal: what is remembered of a stream is given only where it is whole, young and as the rows are.
// Method: batches of made-up events, with times of the test's own.
#include "db/recent_events.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;

constexpr instant start{std::chrono::milliseconds{1'700'000'000'000}};
constexpr stream_id stream{7};
constexpr std::int64_t many = 1'000'000;

class recent_events_test : public testing::Test {
 protected:
  /// A batch of these entries, each of which pays an order of one user.
  static decision paid(std::initializer_list<std::int64_t> numbers, const std::string& metadata) {
    decision made;
    user payer;
    payer.id = {1};
    made.changed_users.push_back(payer);
    for (const std::int64_t number : numbers)
      add_payment(made, number, metadata);
    return made;
  }
  static void add_payment(decision& to, std::int64_t number, const std::string& metadata = "") {
    order of;
    of.id = {number};
    of.owner = {1};
    of.metadata = metadata;
    to.changed_orders.push_back(std::move(of));
    ledger_entry entry;
    entry.id = make_entry_id(stream, number);
    entry.order = order_id{number};
    entry.kind = entry_kind::payment;
    to.entries.push_back(std::move(entry));
  }
  /// A batch of these numbers, each of which is a payment, `after` the start.
  void add(std::int64_t first, std::int64_t last, std::chrono::milliseconds after = 0ms) {
    decision made = paid({}, "");
    for (std::int64_t number = first; number <= last; ++number)
      add_payment(made, number);
    recent_.learn({stream, first, last, start + after, recent_.cleared()}, std::move(made));
  }
  /// The numbers behind `position` that are remembered `after` the start.
  std::vector<std::int64_t> behind(std::int64_t position, std::chrono::milliseconds after = 0ms,
                                   std::int64_t entries_max = many) {
    auto found = recent_.behind(stream, position, entries_max, start + after);
    std::vector<std::int64_t> numbers;
    if (found.empty())
      return numbers;
    for (std::int64_t number = position + 1; number <= found.last(); ++number)
      if (const auto one = found.next(make_entry_id(stream, number)))
        numbers.push_back(number_of(one->entry));
    return numbers;
  }
  recent_events recent_;
};

using numbers = std::vector<std::int64_t>;

TEST_F(recent_events_test, batches_that_follow_each_other_are_one_stretch) {
  add(10, 12);
  add(13, 13);
  EXPECT_EQ(behind(9), (numbers{10, 11, 12, 13}));
  EXPECT_EQ(behind(11), (numbers{12, 13}));
  EXPECT_EQ(behind(13), numbers{});
}

TEST_F(recent_events_test, entries_before_the_oldest_batch_are_not_known) {
  add(10, 12);
  EXPECT_EQ(behind(8), numbers{});
}

TEST_F(recent_events_test, a_gap_makes_all_before_it_forgotten) {
  add(10, 12);
  add(14, 15);
  EXPECT_EQ(behind(9), numbers{});
  EXPECT_EQ(behind(12), numbers{});
  EXPECT_EQ(behind(13), (numbers{14, 15}));
}

TEST_F(recent_events_test, an_entry_without_an_event_has_none) {
  recent_.learn({stream, 10, 13, start}, paid({11, 13}, ""));
  EXPECT_EQ(behind(9), (numbers{11, 13}));
  auto found = recent_.behind(stream, 9, many, start);
  EXPECT_FALSE(found.next(make_entry_id(stream, 12)));
  EXPECT_TRUE(found.next(make_entry_id(stream, 13)));
}

TEST_F(recent_events_test, an_old_batch_is_not_given_and_those_behind_it_are) {
  add(10, 12);
  add(13, 14, 900ms);
  EXPECT_EQ(behind(9, recent_events::kept_for), (numbers{10, 11, 12, 13, 14}));
  EXPECT_EQ(behind(9, recent_events::kept_for + 1ms), numbers{});
  EXPECT_EQ(behind(12, recent_events::kept_for + 1ms), (numbers{13, 14}));
  add(15, 15, 1'500ms); // the first batch goes, and the stretch stays whole
  EXPECT_EQ(behind(12, 1'500ms), (numbers{13, 14, 15}));
}

TEST_F(recent_events_test, nothing_is_given_once_the_clock_was_set_back) {
  add(10, 12, 1h);
  EXPECT_EQ(behind(9), numbers{});
}

TEST_F(recent_events_test, each_stream_has_its_own) {
  add(10, 12);
  EXPECT_TRUE(recent_.behind({8}, 9, many, start).empty());
}

TEST_F(recent_events_test, a_stream_that_nobody_writes_any_more_is_forgotten) {
  add(10, 12);
  recent_.learn({{8}, 1, 1, start + 2s}, {});
  EXPECT_EQ(behind(9), numbers{});
}

TEST_F(recent_events_test, a_reader_with_little_room_gets_whole_batches_and_no_more) {
  add(10, 12);
  add(13, 15);
  add(16, 18);
  EXPECT_EQ(behind(9, 0ms, 4), (numbers{10, 11, 12, 13, 14, 15}));
  EXPECT_EQ(behind(9, 0ms, 0), numbers{});
}

TEST_F(recent_events_test, the_bound_in_bytes_lets_the_oldest_go) {
  const std::string metadata(4'000, 'x');
  constexpr std::int64_t batches = 3'000;
  for (std::int64_t number = 1; number <= batches; ++number)
    recent_.learn({stream, number, number, start}, paid({number}, metadata));
  EXPECT_TRUE(recent_.behind(stream, 0, many, start).empty());
  const std::int64_t fits = static_cast<std::int64_t>(recent_events::bytes_max / 5'000);
  EXPECT_EQ(std::ssize(behind(batches - fits)), fits);
  // One batch beyond the bound leaves nothing, and the next ones are remembered.
  recent_.learn({stream, batches + 1, batches + 1, start},
                paid({batches + 1}, std::string(recent_events::bytes_max, 'x')));
  EXPECT_EQ(behind(batches), numbers{});
  add(batches + 2, batches + 2);
  EXPECT_EQ(behind(batches + 1), numbers{batches + 2});
}

TEST_F(recent_events_test, a_change_makes_all_forgotten_and_a_batch_that_began_before_it) {
  add(10, 12);
  const std::int64_t before = recent_.cleared();
  recent_.clear();
  EXPECT_EQ(behind(9), numbers{});
  recent_.learn({stream, 13, 13, start, before}, paid({13}, ""));
  EXPECT_EQ(behind(12), numbers{});
  add(14, 14);
  EXPECT_EQ(behind(13), numbers{14});
}

TEST_F(recent_events_test, a_stretch_outlives_what_is_forgotten) {
  add(10, 12);
  auto found = recent_.behind(stream, 9, many, start);
  recent_.clear();
  EXPECT_TRUE(found.next(make_entry_id(stream, 11)));
}

} // namespace
} // namespace paymentd::db
