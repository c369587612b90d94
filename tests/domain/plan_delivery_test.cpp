// Goal: a step of delivery loses no message, doubles none, and says whether more waits.
// Method: each rule by an example; then random steps against a model of one stream, in which each
// wanted entry must be in exactly one state after every step. A fixed seed a run.
#include "domain/plan_delivery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <ranges>
#include <set>

namespace paymentd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr stream_id stream{3};
constexpr instant now{std::chrono::seconds{1'000'000}};
constexpr instant earlier = now - std::chrono::seconds{1};
constexpr instant later = now + std::chrono::seconds{1};

entry_id entry(std::int64_t number) {
  return make_entry_id(stream, number);
}

message message_of(std::int64_t number) {
  message made;
  made.event.entry = entry(number);
  return made;
}

delivery_step step_of(int open_max, int messages_max = 10) {
  delivery_step step;
  step.stream.stream = stream;
  step.open_max = open_max;
  step.messages_max = messages_max;
  step.provider = "nhn";
  return step;
}

claim_record range_of(std::int64_t id, std::int64_t first, std::int64_t last) {
  claim_record made{.id = {id}, .first = entry(first), .last = entry(last), .provider = "old"};
  for (std::int64_t number = first; number <= last; ++number)
    made.entries.push_back({entry(number), earlier});
  return made;
}

delivery_result result_of(entry_id entry, delivery_status status, instant next) {
  delivery_result made;
  made.entry = entry;
  made.status = status;
  made.next_attempt = next;
  return made;
}

ended_claim end_of(std::int64_t id, std::initializer_list<std::int64_t> numbers,
                   delivery_status status = delivery_status::delivered, instant next = {}) {
  ended_claim made{.id = {id}, .results = {}};
  for (const std::int64_t number : numbers)
    made.results.push_back(result_of(entry(number), status, next));
  return made;
}

delivery_view view_at(std::int64_t position) {
  return {.position = position, .seen_to = position, .at_end = true};
}

TEST(plan_delivery, claims_what_lies_ahead_and_moves_the_cursor_behind_it) {
  delivery_view view = view_at(5);
  view.ahead = {message_of(7), message_of(8), message_of(11)};
  view.seen_to = 14; // unwanted entries
  const auto plan = plan_delivery(step_of(2, 2), std::move(view), now);
  ASSERT_TRUE(plan);
  ASSERT_THAT(plan->opened, SizeIs(2));
  EXPECT_EQ(plan->opened[0].first, entry(6)) << "a range begins where the one before it ended";
  EXPECT_EQ(plan->opened[0].last, entry(8));
  EXPECT_EQ(plan->opened[1].first, entry(9));
  EXPECT_EQ(plan->opened[1].last, entry(11));
  EXPECT_THAT(plan->opened[1].messages, SizeIs(1));
  EXPECT_EQ(plan->opened[1].provider, "nhn");
  EXPECT_TRUE(plan->moves);
  EXPECT_EQ(plan->position, 14);
  EXPECT_FALSE(plan->more);
}

TEST(plan_delivery, leaves_what_has_no_room_ahead_of_the_cursor) {
  delivery_view view = view_at(0);
  view.ahead = {message_of(1), message_of(2), message_of(3)};
  view.seen_to = 3;
  const auto plan = plan_delivery(step_of(1, 2), std::move(view), now);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->position, 2);
  EXPECT_TRUE(plan->more);
}

TEST(plan_delivery, opens_nothing_without_a_slot_and_says_whether_there_is_more) {
  delivery_view view = view_at(0);
  view.ahead = {message_of(1)};
  view.seen_to = 1;
  auto plan = plan_delivery(step_of(0), std::move(view), now);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->writes_nothing());
  EXPECT_TRUE(plan->more);
  plan = plan_delivery(step_of(0), view_at(0), now);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->more);
}

TEST(plan_delivery, claims_due_retries_before_what_lies_ahead) {
  delivery_view view = view_at(8);
  view.due = {{entry(5), earlier}, {entry(2), earlier}, {entry(4), now}};
  view.ahead = {message_of(9)};
  view.seen_to = 9;
  const auto plan = plan_delivery(step_of(2, 2), std::move(view), now);
  ASSERT_TRUE(plan);
  ASSERT_THAT(plan->opened, SizeIs(2));
  EXPECT_THAT(plan->opened[0].retries, ElementsAre(entry(2), entry(5)));
  EXPECT_THAT(plan->opened[1].retries, ElementsAre(entry(4)));
  EXPECT_THAT(plan->taken, ElementsAre(entry(2), entry(4), entry(5)));
  EXPECT_FALSE(plan->moves);
  EXPECT_TRUE(plan->more);
}

TEST(plan_delivery, retries_in_doubt_are_claimed_for_the_provider_that_sent_their_copies) {
  delivery_view view = view_at(8);
  view.due = {{entry(1), earlier, "aligo"}, {entry(2), earlier}, {entry(3), earlier, "aligo"},
              {entry(4), earlier},          {entry(5), now},     {entry(6), now}};
  const auto plan = plan_delivery(step_of(2, 2), std::move(view), now);
  ASSERT_TRUE(plan);
  ASSERT_THAT(plan->opened, SizeIs(2));
  EXPECT_EQ(plan->opened[0].provider, "aligo");
  EXPECT_THAT(plan->opened[0].retries, ElementsAre(entry(1), entry(3)));
  EXPECT_EQ(plan->opened[1].provider, "nhn");
  EXPECT_THAT(plan->opened[1].retries, ElementsAre(entry(2), entry(4)));
  EXPECT_TRUE(plan->more);
  EXPECT_EQ(plan->next_due, now) << "of the first one without room";
}

TEST(plan_delivery, what_ends_in_doubt_is_left_to_its_own_provider) {
  delivery_view view = view_at(3);
  view.claims = {range_of(7, 1, 3)};
  delivery_step step = step_of(3);
  step.others = {"old"};
  step.ended = {end_of(7, {1, 2, 3}, delivery_status::pending, earlier)};
  step.ended[0].results[1].copies = 2;
  const auto plan = plan_delivery(step, std::move(view), now);
  ASSERT_TRUE(plan);
  ASSERT_THAT(plan->in_doubt, SizeIs(1));
  EXPECT_EQ(plan->in_doubt[0].entry, entry(2));
  EXPECT_EQ(plan->in_doubt[0].provider, "old");
  EXPECT_THAT(plan->taken, ElementsAre(entry(1), entry(3)));
}

TEST(plan_delivery, a_step_that_takes_nothing_new_claims_its_own_doubts_alone) {
  delivery_view view = view_at(3);
  view.claims = {range_of(7, 1, 3)};
  view.claims[0].provider = "nhn";
  view.ahead = {message_of(4)};
  view.seen_to = 4;
  delivery_step step = step_of(3);
  step.takes_new = false;
  step.ended = {end_of(7, {1, 2, 3}, delivery_status::pending, earlier)};
  step.ended[0].results[1].copies = 2;
  const auto plan = plan_delivery(step, std::move(view), now);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->taken, ElementsAre(entry(2)));
  ASSERT_THAT(plan->opened, SizeIs(1));
  EXPECT_FALSE(plan->moves);
  EXPECT_EQ(plan->position, 3);
  EXPECT_EQ(doubt_filter_of(step).size(), 1u);
}

TEST(plan_delivery, tells_when_the_earliest_of_the_waiting_retries_is_due) {
  delivery_view view = view_at(8);
  view.claims = {range_of(1, 1, 2)};
  view.next_retry = later + std::chrono::seconds{5};
  delivery_step step = step_of(1);
  step.ended = {end_of(1, {1, 2}, delivery_status::pending, later)};
  auto plan = plan_delivery(step, view, now);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->next_due, later);
  EXPECT_FALSE(plan->more);

  step.ended = {end_of(1, {1, 2}, delivery_status::pending, now)};
  plan = plan_delivery(step, view, now);
  ASSERT_TRUE(plan);
  ASSERT_THAT(plan->opened, SizeIs(1)) << "a step claims what it puts back";
  EXPECT_THAT(plan->opened[0].retries, ElementsAre(entry(1), entry(2)));
  EXPECT_EQ(plan->next_due, view.next_retry);

  view.due = {{entry(3), earlier}};
  step.open_max = 0;
  plan = plan_delivery(step, view, now);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->next_due, earlier);
}

TEST(plan_delivery, ends_a_claim_with_exactly_the_results_of_its_messages) {
  delivery_view view = view_at(9);
  view.claims = {range_of(1, 1, 3)};
  const auto why = [&](ended_claim ended) {
    delivery_step step = step_of(0);
    step.ended = {std::move(ended)};
    const auto plan = plan_delivery(step, view, now);
    return plan ? std::string() : plan.error();
  };
  const std::string misfit = "the results of claim 1 are not exactly those of its messages";
  EXPECT_EQ(why(end_of(1, {3, 1, 2})), "");
  EXPECT_EQ(why(end_of(1, {1, 2})), misfit);
  EXPECT_EQ(why(end_of(1, {1, 2, 2})), misfit);
  EXPECT_EQ(why(end_of(1, {1, 2, 3, 3})), misfit);
  EXPECT_EQ(why(end_of(1, {1, 2, 3, 4})), misfit);
  EXPECT_EQ(why(end_of(2, {1, 2, 3})), "claim 2 is not open here");
}

TEST(plan_delivery, stores_nothing_of_an_entry_that_was_deleted_by_hand) {
  delivery_view view = view_at(9);
  view.claims = {range_of(1, 1, 3)};
  view.claims[0].entries.erase(view.claims[0].entries.begin() + 1);
  delivery_step step = step_of(0);
  step.ended = {end_of(1, {1, 2, 3})};
  const auto plan = plan_delivery(step, std::move(view), now);
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_THAT(plan->results, SizeIs(2));
  EXPECT_THAT(plan->deleted, ElementsAre(claim_id{1}));
}

TEST(plan_delivery, halves_a_claim_and_keeps_its_provider) {
  delivery_view view = view_at(9);
  view.claims = {range_of(1, 1, 3), claim_record{.id = {2}, .retries = true}};
  for (const std::int64_t number : {5, 7, 9})
    view.claims[1].entries.push_back({entry(number), earlier});
  delivery_step step = step_of(0);
  step.split = {{1}, {2}};
  const auto plan = plan_delivery(step, std::move(view), now);
  ASSERT_TRUE(plan);
  ASSERT_THAT(plan->opened, SizeIs(4));
  EXPECT_EQ(plan->opened[0].first, entry(1));
  EXPECT_EQ(plan->opened[0].last, entry(1));
  EXPECT_EQ(plan->opened[1].first, entry(2));
  EXPECT_EQ(plan->opened[1].last, entry(3));
  EXPECT_EQ(plan->opened[1].provider, "old");
  EXPECT_THAT(plan->opened[2].retries, ElementsAre(entry(5)));
  EXPECT_THAT(plan->opened[3].retries, ElementsAre(entry(7), entry(9)));
  EXPECT_THAT(plan->deleted, ElementsAre(claim_id{1}, claim_id{2}));
}

TEST(plan_delivery, names_each_claim_once) {
  delivery_view view = view_at(9);
  view.claims = {range_of(1, 1, 3)};
  delivery_step step = step_of(0);
  step.regenerate = {{1}};
  step.split = {{1}};
  const auto plan = plan_delivery(step, std::move(view), now);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error(), "claim 1 is not open here");
}

TEST(plan_delivery, does_not_halve_a_message_alone) {
  delivery_view view = view_at(9);
  view.claims = {range_of(1, 3, 3)};
  delivery_step step = step_of(0);
  step.split = {{1}};
  const auto plan = plan_delivery(step, std::move(view), now);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error(), "claim 1 has one message and cannot be split");
}

std::vector<delivery_try> tries_at(std::initializer_list<int> seconds) {
  std::vector<delivery_try> made;
  for (const int each : seconds)
    made.push_back({.at = instant{std::chrono::seconds{each}},
                    .took = std::chrono::milliseconds{each},
                    .outcome = try_outcome::outage,
                    .detail = "503"});
  return made;
}

TEST(plan_delivery, adds_a_claims_tries_to_each_of_its_messages_and_a_messages_own_to_it_alone) {
  delivery_step step = step_of(0);
  step.ended = {end_of(1, {1, 2})};
  step.ended[0].tries = tries_at({3, 9});
  delivery_result& second = step.ended[0].results[1];
  second.last_error = "bad number";
  second.tried = delivery_result::own_try{.at = instant{std::chrono::seconds{5}},
                                          .took = std::chrono::milliseconds{7},
                                          .outcome = try_outcome::permanent};
  delivery_view view = view_at(9);
  view.claims = {range_of(1, 1, 2)};
  const auto plan = plan_delivery(step, std::move(view), now);
  ASSERT_TRUE(plan);
  ASSERT_THAT(plan->tries, SizeIs(5));
  EXPECT_EQ(plan->tries[0].entry, entry(1));
  EXPECT_EQ(plan->tries[1].entry, entry(1));
  EXPECT_EQ(plan->tries[1].at, step.ended[0].tries[1].at);
  EXPECT_EQ(plan->tries[1].took, step.ended[0].tries[1].took);
  EXPECT_EQ(plan->tries[1].detail, "503");
  EXPECT_EQ(plan->tries[2].outcome, try_outcome::outage);
  EXPECT_EQ(plan->tries[3].entry, entry(2)) << "its own stands at its time";
  EXPECT_EQ(plan->tries[3].outcome, try_outcome::permanent);
  EXPECT_EQ(plan->tries[3].took, second.tried->took);
  EXPECT_EQ(plan->tries[3].detail, "bad number");
  EXPECT_EQ(plan->tries[4].outcome, try_outcome::outage);
}

TEST(plan_delivery, adds_no_try_where_all_went_well_and_at_most_ten_of_a_message) {
  delivery_step step = step_of(0);
  step.ended = {end_of(1, {1}), end_of(2, {2})};
  step.ended[1].tries = tries_at({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  step.ended[1].results[0].tried =
      delivery_result::own_try{.at = instant{std::chrono::seconds{11}}};
  delivery_view view = view_at(9);
  view.claims = {range_of(1, 1, 1), range_of(2, 2, 2)};
  const auto plan = plan_delivery(step, std::move(view), now);
  ASSERT_TRUE(plan);
  ASSERT_THAT(plan->tries, SizeIs(tries_max));
  for (const planned_try& each : plan->tries)
    EXPECT_EQ(each.entry, entry(2));
  EXPECT_EQ(plan->tries.front().at, instant{std::chrono::seconds{2}}) << "the oldest is dropped";
  EXPECT_EQ(plan->tries.back().outcome, try_outcome::unknown);
}

/// One stream and one subscriber as a database would have them, with no database.
class model {
 public:
  explicit model(unsigned seed) : random_(seed), stretch_(seed % 2 == 0 ? 100'000 : seed) {}

  int pick(int from, int to) { return std::uniform_int_distribution{from, to}(random_); }

  void commit_entries() {
    for (int left = pick(0, 30); left > 0; --left)
      wanted_.push_back(pick(0, 2) > 0);
    if (pick(0, 19) == 0) // a long stretch of charges
      wanted_.resize(wanted_.size() + 400, false);
  }

  /// Takes a random step at `at`; gives whether that fitted.
  void take_step(instant at) {
    delivery_step step = step_of(pick(0, 3), pick(1, 5));
    for (const auto& [id, what] : claims_) {
      const int act = pick(0, 5);
      if (act == 0 && what.entries.size() > 1)
        step.split.push_back(id);
      else if (act == 1)
        step.regenerate.push_back(id);
      else if (act < 4)
        step.ended.push_back(random_end(what, at));
    }
    const int opened_max = step.open_max;
    auto plan = plan_delivery(step, look(step, at), at);
    ASSERT_TRUE(plan) << plan.error();
    const std::size_t halves = 2 * step.split.size();
    ASSERT_LE(plan->opened.size(), halves + static_cast<std::size_t>(opened_max));
    for (std::size_t i = halves; i < plan->opened.size(); ++i)
      EXPECT_LE(plan->opened[i].messages.size() + plan->opened[i].retries.size(),
                static_cast<std::size_t>(step.messages_max));
    EXPECT_GE(plan->position, position_) << "a cursor never goes back";
    write(*plan);
    check(*plan, at);
  }

  bool is_drained() const {
    return claims_.empty() && waiting_.empty() && position_ == std::ssize(wanted_);
  }
  std::size_t done() const { return done_.size(); }
  std::size_t wanted() const { return static_cast<std::size_t>(std::ranges::count(wanted_, true)); }

 private:
  ended_claim random_end(const claim_record& what, instant at) {
    ended_claim made{.id = what.id, .results = {}};
    for (const auto& one : what.entries | std::views::reverse) {
      const bool waits = pick(0, 2) == 0;
      made.results.push_back(
          result_of(one.id, waits ? delivery_status::pending : delivery_status::delivered,
                    at + std::chrono::seconds{pick(0, 3)}));
    }
    return made;
  }

  delivery_view look(const delivery_step& step, instant at) const {
    const delivery_reach reach = reach_of(step);
    delivery_view view{.position = position_, .seen_to = position_};
    for (const auto& [id, what] : claims_)
      view.claims.push_back(what);
    std::vector<delivery_view::due_retry> all;
    for (const auto& [id, when] : waiting_)
      all.push_back({id, when});
    std::ranges::stable_sort(all, {}, &delivery_view::due_retry::at);
    for (const auto& one : all)
      if (one.at > at) {
        view.next_retry = one.at;
        break;
      } else if (std::ssize(view.due) < reach.messages) {
        view.due.push_back(one);
      }
    // A stretch of kinds that has ended bounds the look.
    const std::int64_t stretch_end = (position_ / stretch_ + 1) * stretch_;
    const bool ended = stretch_end <= std::ssize(wanted_);
    const std::int64_t end = ended ? stretch_end : std::ssize(wanted_);
    std::int64_t number = position_;
    while (number < end && number - position_ < reach.entries &&
           std::ssize(view.ahead) < reach.messages) {
      view.seen_to = ++number;
      if (wanted_[static_cast<std::size_t>(number) - 1])
        view.ahead.push_back(message_of(number));
    }
    view.at_end = number == end && !ended;
    return view;
  }

  void write(const delivery_plan& plan) {
    for (const claim_id id : plan.deleted)
      claims_.erase(id);
    for (const planned_result& one : plan.results)
      if (one.result->status == delivery_status::pending)
        waiting_[one.result->entry] = one.result->next_attempt;
      else
        EXPECT_TRUE(done_.insert(one.result->entry).second) << "settled twice";
    for (const entry_id id : plan.taken)
      EXPECT_EQ(waiting_.erase(id), 1u);
    for (const planned_claim& one : plan.opened) {
      claim_record made{.id = {++last_claim_},
                        .retries = !one.retries.empty(),
                        .first = one.first,
                        .last = one.last};
      EXPECT_EQ((number_of(made.first) - 1) / stretch_, (number_of(made.last) - 1) / stretch_)
          << "a claim lies in one stretch";
      for (const entry_id id : one.retries)
        made.entries.push_back({id, {}});
      if (!made.retries)
        for (std::int64_t number = number_of(one.first); number <= number_of(one.last); ++number)
          if (wanted_[static_cast<std::size_t>(number) - 1])
            made.entries.push_back({entry(number), {}});
      EXPECT_THAT(made.entries, ::testing::Not(IsEmpty()));
      claims_[made.id] = std::move(made);
    }
    position_ = plan.position;
  }

  /// Each wanted entry is ahead of the cursor, or in one claim, or waiting, or done.
  void check(const delivery_plan& plan, instant at) const {
    std::map<entry_id, int> states;
    for (const auto& [id, what] : claims_)
      for (const auto& one : what.entries)
        ++states[one.id];
    for (const auto& [id, when] : waiting_)
      ++states[id];
    for (const entry_id id : done_)
      ++states[id];
    bool waits = false;
    for (std::int64_t number = 1; number <= std::ssize(wanted_); ++number) {
      const bool wants = wanted_[static_cast<std::size_t>(number) - 1];
      const bool ahead = number > position_;
      waits |= wants && ahead;
      ASSERT_EQ(states[entry(number)] + (ahead && wants ? 1 : 0), wants ? 1 : 0) << number;
    }
    std::optional<instant> due;
    for (const auto& [id, when] : waiting_) {
      due = std::min(due.value_or(when), when);
      waits |= when <= at;
    }
    EXPECT_TRUE(plan.more || !waits) << "something waits, and nobody is told";
    EXPECT_EQ(plan.next_due, due);
  }

  std::mt19937 random_;
  std::int64_t stretch_;     // so many entries has each stretch of kinds
  std::vector<bool> wanted_; // entry 1, 2, …
  std::int64_t position_ = 0;
  std::map<claim_id, claim_record> claims_;
  std::map<entry_id, instant> waiting_;
  std::set<entry_id> done_;
  std::int64_t last_claim_ = 0;
};

TEST(plan_delivery, keeps_each_wanted_entry_in_exactly_one_state_whatever_steps_are_taken) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    model of(seed);
    instant at = now;
    for (int i = 0; i < 40; ++i) {
      of.commit_entries();
      at += std::chrono::seconds{of.pick(0, 2)};
      of.take_step(at);
      if (testing::Test::HasFatalFailure())
        return;
    }
    for (int i = 0; i < 5000 && !of.is_drained(); ++i) {
      at += std::chrono::seconds{1};
      of.take_step(at);
    }
    EXPECT_TRUE(of.is_drained());
    EXPECT_EQ(of.done(), of.wanted());
  }
}

} // namespace
} // namespace paymentd
