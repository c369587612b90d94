// Goal: the last ten tries of a message that did not succeed are kept with it, those of a claim
// that is open with the claim, and nothing is written for a message that succeeds at once. Method:
// both stores; steps with tries are stored and shown, over restarts, retries, results and pruning,
// and after a hand has changed them.
#include "tests/db/conformance.hpp"

#include <algorithm>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using enum delivery_status;

class tries : public conformance {
 protected:
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }

  static delivery_try failing(int second, try_outcome outcome = try_outcome::outage) {
    return {.at = start + std::chrono::seconds{second},
            .took = std::chrono::milliseconds{second},
            .outcome = outcome,
            .detail = "연결 \"거부\" \\ " + std::to_string(second)};
  }
  claim open(int messages = 1) {
    paid_orders(messages);
    return next_claim();
  }
  claim next_claim() { return deliver(step(who_, 1)).claims.at(0); }
  void end(const claim& what, delivery_status status, std::vector<delivery_try> of_claim,
           instant next = {}) {
    auto last = step(who_);
    last.ended = {end_as(what, status, next)};
    last.ended[0].tries = std::move(of_claim);
    deliver(last);
  }
  void note(const claim& what, std::vector<delivery_try> of_claim) {
    auto noting = step(who_);
    noting.noted = {{.id = what.id, .tries = std::move(of_claim)}};
    deliver(noting);
  }
  delivery see(entry_id entry) { return read<delivery>(get_delivery{"alimtalk", entry}); }
  std::vector<delivery_try> tries_of(entry_id entry) { return see(entry).tries; }
  bool on_sqlite() const { return GetParam().name == "sqlite"; }

  subscriber_id who_;

 public:
  void SetUp() override {
    conformance::SetUp();
    who_ = subscribe();
  }
};

TEST_P(tries, a_message_that_succeeds_at_once_has_none) {
  const auto opened = open();
  EXPECT_THAT(tries_of(entries_of(opened)[0]), IsEmpty()) << "in a claim";
  end(opened, delivered, {});
  EXPECT_THAT(tries_of(entries_of(opened)[0]), IsEmpty());
}

TEST_P(tries, those_of_a_claim_are_kept_with_each_of_its_messages_and_survive_a_restart) {
  const auto opened = open(3);
  end(opened, delivered, {failing(1, try_outcome::unknown), failing(2)});
  reopen();
  for (const entry_id each : entries_of(opened)) {
    EXPECT_EQ(see(each).status, delivered);
    EXPECT_THAT(tries_of(each), ElementsAre(failing(1, try_outcome::unknown), failing(2)));
  }
  for (const delivery& each : read<delivery_page>(list_deliveries{}).items)
    EXPECT_THAT(each.tries, IsEmpty()) << "a page shows none";
}

TEST_P(tries, a_messages_own_try_is_kept_with_it_alone_in_the_words_of_its_last_error) {
  const auto opened = open(2);
  auto last = step(who_);
  last.ended = {end_as(opened, failed)};
  last.ended[0].results[1].tried =
      delivery_result::own_try{.at = start + 7s, .took = 30ms, .outcome = try_outcome::permanent};
  deliver(last);
  EXPECT_THAT(tries_of(entries_of(opened)[0]), IsEmpty());
  EXPECT_THAT(
      tries_of(entries_of(opened)[1]),
      ElementsAre(delivery_try{
          .at = start + 7s, .took = 30ms, .outcome = try_outcome::permanent, .detail = "refused"}));
}

TEST_P(tries, of_very_many_the_last_ten_are_kept) {
  auto what = open(2);
  const auto entries = entries_of(what);
  for (int round = 0; round < 4; ++round) {
    end(what, pending, {failing(3 * round), failing(3 * round + 1), failing(3 * round + 2)}, now_);
    what = next_claim();
  }
  for (const entry_id each : entries) {
    const auto kept = tries_of(each);
    ASSERT_THAT(kept, SizeIs(tries_max));
    EXPECT_EQ(kept.front(), failing(2));
    EXPECT_EQ(kept.back(), failing(11));
  }
  std::vector<delivery_try> ten;
  for (int i = 20; i < 30; ++i)
    ten.push_back(failing(i));
  end(what, failed, ten);
  EXPECT_EQ(tries_of(entries[0]), ten) << "they take the place of all that were there";
}

TEST_P(tries, those_of_an_open_claim_are_shown_with_its_messages_and_known_to_its_next_owner) {
  const auto first = open(2);
  end(first, pending, {failing(1)}, now_);
  const auto again = next_claim(); // of retries
  const auto fresh = open();       // a range
  note(again, {failing(2), failing(3)});
  note(fresh, {failing(4)});
  EXPECT_THAT(tries_of(entries_of(first)[1]), ElementsAre(failing(1), failing(2), failing(3)));
  EXPECT_THAT(tries_of(entries_of(fresh)[0]), ElementsAre(failing(4)));
  note(again, {failing(3), failing(5)});
  reopen();
  const auto found = open_claims(who_);
  ASSERT_THAT(found, SizeIs(2));
  for (const claim& each : found) {
    if (each.id == again.id)
      EXPECT_THAT(each.tries, ElementsAre(failing(3), failing(5)))
          << "in the place of those before";
    else
      EXPECT_THAT(each.tries, ElementsAre(failing(4)));
  }
  end(again, delivered, {failing(3), failing(5)});
  EXPECT_THAT(tries_of(entries_of(first)[1]), ElementsAre(failing(1), failing(3), failing(5)));
}

TEST_P(tries, a_claim_that_gets_a_new_key_keeps_those_that_are_noted_with_it) {
  const auto opened = open();
  auto next = step(who_);
  next.regenerate = {opened.id};
  next.noted = {{.id = opened.id, .tries = {failing(1)}}};
  EXPECT_THAT(deliver(next).claims, SizeIs(1));
  reopen();
  EXPECT_THAT(open_claims(who_).at(0).tries, ElementsAre(failing(1)));
  claim gone = opened;
  gone.id.value += 77;
  note(gone, {failing(2)});
  EXPECT_THAT(open_claims(who_).at(0).tries, ElementsAre(failing(1)));
}

TEST_P(tries, an_accepted_message_that_did_not_arrive_has_one_in_the_words_of_the_result) {
  const auto opened = open(2);
  end(opened, delivered, {failing(1)});
  const results_due due{
      .subscriber = "alimtalk", .to = now_ - 2min, .span_min = 30s, .span_max = 5min, .lease = 65s};
  must(deliverer().begin_results(due, now_));
  now_ += 10min;
  results_due later = due;
  later.to = now_ - 2min;
  const auto turn = must(deliverer().begin_results(later, now_)).value();
  const std::vector<final_delivery> page{{.entry = entries_of(opened)[0],
                                          .delivered_at = std::nullopt,
                                          .last_error = "3018 없는 번호",
                                          .provider_call_id = {}},
                                         {.entry = entries_of(opened)[1],
                                          .delivered_at = now_ - 3min,
                                          .last_error = {},
                                          .provider_call_id = {}}};
  must(deliverer().store_results({.turn = turn, .results = page, .lease = 65s}, now_));
  EXPECT_THAT(tries_of(entries_of(opened)[0]),
              ElementsAre(failing(1), delivery_try{.at = now_,
                                                   .outcome = try_outcome::undelivered,
                                                   .detail = "3018 없는 번호"}));
  EXPECT_THAT(tries_of(entries_of(opened)[1]), ElementsAre(failing(1)));
}

TEST_P(tries, a_retry_by_hand_shows_and_keeps_them) {
  const auto opened = open();
  end(opened, failed, {failing(1)});
  delivery_retry which{{"alimtalk", entries_of(opened)[0]}};
  which.key.emplace().digest.fill(1);
  const auto asked = [&] { return must(deliverer().retry(std::span(&which, 1), now_)).at(0); };
  const auto first = std::get<delivery>(asked());
  EXPECT_EQ(first.status, pending);
  EXPECT_THAT(first.tries, ElementsAre(failing(1)));
  end(next_claim(), delivered, {failing(2)});
  EXPECT_EQ(std::get<replayed_retry>(asked()).what, first) << "as it was";
  EXPECT_THAT(tries_of(entries_of(opened)[0]), ElementsAre(failing(1), failing(2)));
}

TEST_P(tries, they_go_with_the_delivery_when_it_is_pruned) {
  const auto opened = open();
  end(opened, delivered, {failing(1)});
  now_ += 48h;
  EXPECT_EQ(must(deliverer().prune(
                     {.subscriber = who_, .stream = delivers(who_), .before = now_ - 24h}, now_))
                .deleted,
            1);
  EXPECT_EQ(read<not_found>(get_delivery{"alimtalk", entries_of(opened)[0]}), not_found{});
}

TEST_P(tries, what_a_hand_has_made_of_them_is_found_and_holds_nothing_up) {
  const auto opened = open();
  const auto waits = open();
  end(opened, pending, {failing(1)}, now_);
  fresh_->raw(on_sqlite() ? "update deliveries set tries = '{'; update claims set tries = 'x'"
                          : "update deliveries set tries = '7'; update claims set tries = '8'");
  EXPECT_THAT(breaches(), testing::UnorderedElementsAre(testing::HasSubstr("are no list"),
                                                        testing::HasSubstr("no list of at most")));
  EXPECT_THAT(tries_of(entries_of(opened)[0]), IsEmpty());
  EXPECT_THAT(tries_of(entries_of(waits)[0]), IsEmpty());
  reopen();
  EXPECT_THAT(open_claims(who_).at(0).tries, IsEmpty());
  note(waits, {failing(2)});
  end(next_claim(), delivered, {failing(3)});
  EXPECT_THAT(tries_of(entries_of(waits)[0]), ElementsAre(failing(2)));
  EXPECT_THAT(tries_of(entries_of(opened)[0]), ElementsAre(failing(3)));
}

TEST_P(tries, more_than_ten_are_a_breach_and_the_last_ten_are_shown) {
  const auto opened = open();
  std::vector<delivery_try> ten;
  for (int i = 0; i < 10; ++i)
    ten.push_back(failing(i));
  end(opened, delivered, ten);
  fresh_->raw(on_sqlite() ? "update deliveries set tries = json_insert(tries, '$[#]', json('{}'))"
                          : "update deliveries set tries = tries || '[{}]'::jsonb");
  EXPECT_THAT(breaches(), ElementsAre(testing::HasSubstr("11 tries are kept")));
  const auto shown = tries_of(entries_of(opened)[0]);
  ASSERT_THAT(shown, SizeIs(tries_max));
  EXPECT_EQ(shown.front(), failing(1));
  EXPECT_EQ(shown.back().outcome, try_outcome::unknown);
  fresh_->raw("update deliveries set tries = null");
}

INSTANTIATE_TEST_SUITE_P(stores, tries, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
