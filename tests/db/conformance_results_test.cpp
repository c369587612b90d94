// Goal: what finally became of messages is stored once, of the right sending, and the turns at
// reading it follow one another without a gap, one process at a time. Method: deliver, take turns
// on a clock that the test moves, store pages, and let the audit judge after each test.
#include "tests/db/conformance.hpp"

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using enum delivery_status;
using then = results_step::then;

class results : public conformance {
 protected:
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }

  std::vector<entry_id> delivered_ones(int count) {
    paid_orders(count);
    const auto claims = deliver(step(who_, 1)).claims;
    auto end = step(who_);
    end.ended = {end_as(claims.at(0), delivered)}; // as "message-<entry>"
    deliver(end);
    return entries_of(claims.at(0));
  }
  result<std::optional<results_turn>> ask(std::string name = "alimtalk") {
    return deliverer().begin_results({.subscriber = std::move(name),
                                      .to = now_ - 2min,
                                      .span_min = 30s,
                                      .span_max = 5min,
                                      .lease = 65s},
                                     now_);
  }
  std::optional<results_turn> begin() { return must(ask()); }
  results_turn first_turn() {
    EXPECT_EQ(begin(), std::nullopt);
    now_ += 1min;
    return begin().value();
  }
  results_answer store(const results_turn& turn, std::vector<final_delivery> what,
                       then after = then::done) {
    return must(deliverer().store_results(
        {.turn = turn, .results = std::move(what), .what = after, .lease = 65s}, now_));
  }
  delivery see(entry_id entry) { return read<delivery>(get_delivery{"alimtalk", entry}); }
  final_delivery arrived(entry_id entry) {
    return {.entry = entry, .delivered_at = now_ - 3min, .last_error = {}, .provider_call_id = {}};
  }
  static final_delivery lost(entry_id entry) {
    return {.entry = entry,
            .delivered_at = std::nullopt,
            .last_error = "3018 no such customer",
            .provider_call_id = {}};
  }

  subscriber_id who_;

 public:
  void SetUp() override {
    conformance::SetUp();
    who_ = subscribe();
  }
};

TEST_P(results, a_turn_and_a_subscriber_name_the_database) {
  const auto subscriber = must(deliverer().subscribe("alimtalk", true, false, now_));
  EXPECT_EQ(subscriber.instance.size(), 8u);
  EXPECT_EQ(must(deliverer().subscribe("other", true, true, now_)).instance, subscriber.instance);
  EXPECT_EQ(first_turn().instance, subscriber.instance);
  reopen();
  EXPECT_EQ(must(deliverer().subscribe("alimtalk", true, false, now_)).instance,
            subscriber.instance);
}

TEST_P(results, who_was_reached_is_noted_and_who_was_not_is_failed_and_can_be_retried) {
  const auto entries = delivered_ones(3);
  const auto turn = first_turn();
  const auto answer = store(turn, {arrived(entries[0]), lost(entries[1])});
  EXPECT_EQ(answer.arrived, 1);
  EXPECT_EQ(answer.failed, 1);
  EXPECT_EQ(see(entries[0]).status, delivered);
  EXPECT_EQ(see(entries[0]).delivered_at, now_ - 3min);
  EXPECT_EQ(see(entries[1]).status, failed);
  EXPECT_EQ(see(entries[1]).last_error, "3018 no such customer");
  EXPECT_EQ(see(entries[1]).delivered_at, std::nullopt);
  EXPECT_EQ(see(entries[2]).delivered_at, std::nullopt);
  const auto listed = read<delivery_page>(list_deliveries{.status = failed});
  ASSERT_EQ(listed.items.size(), 1u);
  EXPECT_EQ(listed.items[0].entry, entries[1]);

  const delivery_retry which{{"alimtalk", entries[1]}};
  must(deliverer().retry(std::span(&which, 1), now_));
  auto end = step(who_);
  end.ended = {end_as(deliver(step(who_, 1)).claims.at(0), delivered)};
  deliver(end);
  EXPECT_EQ(see(entries[1]).status, delivered);
}

TEST_P(results, a_result_that_comes_again_changes_nothing) {
  const auto entries = delivered_ones(2);
  now_ += 1s;
  const auto turn = first_turn();
  store(turn, {arrived(entries[0]), lost(entries[1])}, then::goes_on);
  const auto before = see(entries[0]);
  now_ += 10s;
  const auto again = store(turn, {arrived(entries[0]), lost(entries[0]), arrived(entries[1])});
  EXPECT_EQ(again.arrived + again.failed, 0);
  EXPECT_EQ(see(entries[0]), before);
  EXPECT_EQ(see(entries[1]).status, failed);
}

TEST_P(results, only_what_is_delivered_is_changed) {
  paid_orders(1);
  const auto claim = deliver(step(who_, 1)).claims.at(0);
  auto end = step(who_);
  end.ended = {end_as(claim, pending, now_ + 1h)};
  deliver(end);
  const auto turn = first_turn();
  const auto answer =
      store(turn, {lost(entries_of(claim)[0]), lost({5}), arrived(make_entry_id({9}, 9))});
  EXPECT_EQ(answer.arrived + answer.failed, 0);
  EXPECT_EQ(see(entries_of(claim)[0]).status, pending);
}

TEST_P(results, what_became_of_an_earlier_sending_is_not_taken_for_this_one) {
  const auto entries = delivered_ones(1);
  const auto turn = first_turn();
  auto earlier = lost(entries[0]);
  earlier.provider_call_id = "another";
  EXPECT_EQ(store(turn, {earlier}, then::goes_on).failed, 0);
  auto this_one = arrived(entries[0]);
  this_one.provider_call_id = "message-";
  EXPECT_EQ(store(turn, {this_one}).arrived, 1);
}

TEST_P(results, a_message_of_a_provider_without_ids_of_ours_is_found_by_the_providers_own) {
  paid_orders(4);
  auto end = step(who_);
  end.ended = {end_as(deliver(step(who_, 1)).claims.at(0), delivered)};
  const std::vector<std::string> ids{"#a", "#b", "c", "#d"}; // c is none to be found by
  std::vector<entry_id> entries;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    end.ended[0].results.at(i).provider_message_id = ids[i];
    entries.push_back(end.ended[0].results[i].entry);
  }
  deliver(end);
  const auto by_id = [](final_delivery of, std::string id) {
    of.provider_message_id = std::move(id);
    return of;
  };
  const auto turn = first_turn();
  auto as_sms = by_id(arrived({}), "#a");
  as_sms.channel = message_channel::sms;
  const auto answer = store(turn,
                            {as_sms, by_id(lost({}), "#b"), by_id(lost({}), "c"),
                             by_id(lost({}), ""), by_id(lost({}), "#nobody"), arrived(entries[3])},
                            then::goes_on);
  EXPECT_EQ(answer.arrived, 2);
  EXPECT_EQ(answer.failed, 1);
  EXPECT_EQ(see(entries[0]).delivered_at, now_ - 3min);
  EXPECT_EQ(see(entries[0]).channel, message_channel::sms);
  EXPECT_EQ(see(entries[1]).status, failed);
  EXPECT_EQ(see(entries[1]).last_error, "3018 no such customer");
  EXPECT_THAT(see(entries[0]).tries, IsEmpty());
  EXPECT_THAT(see(entries[1]).tries, ElementsAre(delivery_try{.at = now_,
                                                              .outcome = try_outcome::undelivered,
                                                              .detail = "3018 no such customer"}));
  EXPECT_EQ(see(entries[2]).status, delivered);
  EXPECT_EQ(see(entries[3]).delivered_at, now_ - 3min);
  const auto again = store(turn, {by_id(lost({}), "#a"), by_id(arrived({}), "#b")});
  EXPECT_EQ(again.arrived + again.failed, 0) << "it comes again and changes nothing";
}

TEST_P(results, turns_follow_one_another_without_a_gap_after_a_restart_too) {
  const auto first = first_turn();
  EXPECT_EQ(first.to - first.from, 1min);
  store(first, {});
  EXPECT_EQ(begin(), std::nullopt) << "nothing is due";
  now_ += 12min;
  reopen();
  auto turn = begin().value();
  EXPECT_EQ(turn.from, first.to);
  EXPECT_EQ(turn.to, turn.from + 5min) << "bounded";
  store(turn, {}, then::given_up);
  const auto again = begin().value();
  EXPECT_EQ(again.from, turn.from) << "what was not read is read again";
  EXPECT_NE(again.number, turn.number);
  store(again, {});
  now_ += 1000h;
  EXPECT_EQ(begin().value().from, now_ - 2min - 72h) << "nobody knows that any more";
}

TEST_P(results, a_mark_of_a_clock_that_was_ahead_is_pulled_back) {
  now_ += 1h; // it is wrong
  store(first_turn(), {});
  now_ -= 1h;
  const auto next = begin().value();
  EXPECT_EQ(next.from, now_ - 2min - 24h) << "how wrong it was, nobody knows";
  store(next, {});
  EXPECT_EQ(begin().value().from, next.to);
}

TEST_P(results, a_lease_of_a_clock_that_was_ahead_is_not_waited_for) {
  const auto turn = first_turn();
  now_ += 1h;
  store(turn, {}, then::goes_on); // it is wrong
  now_ -= 1h;
  EXPECT_TRUE(begin().has_value());
}

TEST_P(results, what_was_in_doubt_for_long_has_them_read_again) {
  paid_orders(1);
  const auto opened = deliver(step(who_, 1)).claims.at(0);
  const auto sent_at = now_;
  auto turn = first_turn();
  now_ += 30min;
  while (turn.to < now_ - 13min) { // ten of them are waited for the claim
    store(turn, {});
    turn = begin().value();
  }
  auto end = step(who_);
  end.ended = {end_as(opened, delivered)};
  end.ended[0].read_again_from = sent_at;
  deliver(end);
  EXPECT_EQ(kind_of(deliverer().store_results({.turn = turn, .results = {}, .lease = 65s}, now_)),
            error_kind::fenced)
      << "it would pass them by";
  const auto again = begin().value();
  EXPECT_EQ(again.from, sent_at);
  EXPECT_EQ(store(again, {lost(entries_of(opened)[0])}).failed, 1);
}

TEST_P(results, a_turn_is_one_process_s_until_its_lease_is_over) {
  const auto mine = first_turn();
  const auto theirs = must(database_->connect());
  const results_due asked{
      .subscriber = "alimtalk", .to = now_ - 2min, .span_min = 30s, .span_max = 5min, .lease = 65s};
  EXPECT_EQ(must(theirs->begin_results(asked, now_ + 60s)), std::nullopt);
  now_ += 60s;
  store(mine, {}, then::goes_on); // renews it
  EXPECT_EQ(must(theirs->begin_results(asked, now_ + 60s)), std::nullopt);
  const auto taken = must(theirs->begin_results(asked, now_ + 65s)).value();
  EXPECT_EQ(taken.from, mine.from);
  EXPECT_EQ(kind_of(deliverer().store_results({.turn = mine, .results = {}, .lease = 65s}, now_)),
            error_kind::fenced);
}

TEST_P(results, what_an_open_claim_may_have_sent_is_waited_for_but_not_for_ever) {
  const auto turn = first_turn();
  store(turn, {});
  now_ += 1min;
  paid_orders(1);
  const auto opened = now_;
  deliver(step(who_, 1));
  now_ += 5min;
  const auto before_it = begin().value();
  EXPECT_EQ(before_it.to, opened);
  store(before_it, {});
  now_ += 5min;
  EXPECT_EQ(begin(), std::nullopt);
  now_ += 3min;
  EXPECT_EQ(begin().value().to, now_ - 2min - 10min);
}

TEST_P(results, nothing_is_due_for_who_is_not_registered) {
  EXPECT_EQ(must(ask("nobody")), std::nullopt);
  now_ += 10min;
  EXPECT_EQ(must(ask("nobody")), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(stores, results, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
