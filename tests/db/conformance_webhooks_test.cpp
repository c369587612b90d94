// Goal: webhooks are kept, registered, changed, deleted and replayed alike by every store, once
// under an idempotency key, and what they leave behind adds up. Method: a lane pays, requests
// change webhooks beside it, messages are claimed and ended by hand, and the audit judges after
// each test.
#include "db/plan_replay.hpp"
#include "tests/db/conformance.hpp"

#include <algorithm>
#include <array>
#include <barrier>
#include <set>
#include <thread>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using enum delivery_status;

class webhooks_of_store : public conformance {
 protected:
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }

  static webhook named(const std::string& name) {
    webhook made;
    made.name = name;
    made.url = "https://shop.example/hook?a=b";
    made.secret = "whsec_first";
    return made;
  }
  answer ask(const webhook_request& what) { return must(lane_->change_webhook(what, now_)); }
  /// Makes it and gives its subscriber.
  subscriber_id make(const webhook& what) {
    EXPECT_TRUE(std::holds_alternative<webhook_shown>(ask(create_webhook{what})));
    const auto found = must(lane_->find_registered(webhook_subscriber(what.name)));
    names_[found.id] = found.name;
    return found.id;
  }
  /// Claims all that can be, ends it as DELIVERED, and gives the entries.
  std::vector<entry_id> deliver_all(subscriber_id who) {
    std::vector<entry_id> all;
    for (;;) {
      auto opened = deliver(step(who, 8, 100)).claims;
      if (opened.empty())
        return all;
      auto end = step(who);
      for (const claim& each : opened) {
        const auto entries = entries_of(each);
        all.insert(all.end(), entries.begin(), entries.end());
        end.ended.push_back(end_as(each, delivered));
      }
      deliver(end);
    }
  }
  /// Does all that is left; between two steps what was made due is delivered.
  std::vector<entry_id> tend_all(std::optional<subscriber_id> who = std::nullopt) {
    std::vector<entry_id> all;
    for (int steps = 0; must(lane_->webhooks()).work_left; ++steps) {
      if (steps > 100)
        throw std::runtime_error("it does not end");
      must(lane_->tend_webhooks(now_));
      if (who)
        for (const entry_id each : deliver_all(*who))
          all.push_back(each);
    }
    return all;
  }
  static std::vector<entry_id> entries_in(const std::vector<order>& paid) {
    std::vector<entry_id> all;
    for (const order& each : paid)
      all.push_back(each.payment_entry.value());
    return all;
  }
};

TEST_P(webhooks_of_store, every_field_of_one_is_kept) {
  webhook what = named("shop");
  what.payments = false;
  what.enabled = false;
  what.max_in_flight = 7;
  what.max_per_second = 9;
  what.old_secrets = {{"whsec_old", now_ + 1h}};
  what.allow_private_network = true;
  what.ca_file = "/etc/ca.pem";
  what.content_type = "application/json";
  what.timeout = 3s;
  what.failing_since = now_ - 1h;
  what.paused_at = now_ - 1min;
  make(what);
  what.created_at = what.updated_at = now_;
  const auto known = must(lane_->webhooks());
  EXPECT_THAT(known.all, ElementsAre(what));
  EXPECT_EQ(known.instance.size(), 8u);
  EXPECT_FALSE(known.work_left);
  EXPECT_EQ(*std::get<webhook_shown>(ask(get_webhook{"shop"})).what, what);
  reopen();
  EXPECT_THAT(must(lane_->webhooks()).all, ElementsAre(what));
  ask(update_webhook{.name = "shop", .url = "https://other.example"});
  EXPECT_FALSE(must(lane_->webhooks()).all.at(0).allow_private_network);
}

TEST_P(webhooks_of_store, one_is_told_of_what_comes_after_it_and_of_nothing_before) {
  paid_orders(3);
  const auto who = make(named("shop"));
  EXPECT_THAT(deliver(step(who, 8)).claims, IsEmpty());
  const auto paid = paid_orders(2);
  EXPECT_EQ(deliver_all(who), entries_in(paid));
}

TEST_P(webhooks_of_store, changes_are_kept_and_a_name_is_had_once) {
  make(named("shop"));
  make(named("books"));
  EXPECT_EQ(std::get<webhook_refused>(ask(create_webhook{named("shop")})).why,
            webhook_refusal::exists);
  now_ += 1s;
  ask(update_webhook{.name = "shop", .url = "https://other.example", .enabled = false});
  ask(rotate_webhook_secret{"shop", "whsec_second"});
  const auto all = std::get<webhook_list>(ask(list_webhooks{})).items;
  ASSERT_THAT(all, SizeIs(2)); // by name
  EXPECT_EQ(all[0].name, "books");
  EXPECT_EQ(all[0].url, named("books").url);
  EXPECT_EQ(all[1].url, "https://other.example");
  EXPECT_FALSE(all[1].enabled);
  EXPECT_EQ(all[1].secret, "whsec_second");
  EXPECT_EQ(secrets_at(all[1], now_), (std::vector<std::string>{"whsec_second", "whsec_first"}));
  EXPECT_EQ(all[1].updated_at, now_);
  EXPECT_EQ(all[1].created_at, now_ - 1s);
}

TEST_P(webhooks_of_store, other_events_hold_for_what_comes_after_the_change) {
  const auto who = make(named("shop"));
  now_ += 1s;
  const instant since = now_;
  const auto paid = paid_orders(2);
  ask(update_webhook{.name = "shop", .payments = false, .refunds = true});
  EXPECT_FALSE(std::get<webhook_shown>(ask(get_webhook{"shop"})).what->payments);
  const auto later = paid_orders(1);
  const auto refunded = settle_one<order>(refund{later[0].id});
  auto expected = entries_in(paid);
  expected.push_back(refunded.refund_entry.value());
  EXPECT_EQ(deliver_all(who), expected);
  ask(replay_webhook{"shop", since}); // each by the events of its own time
  EXPECT_EQ(tend_all(who), expected);
  ask(delete_webhook{"shop"});
  tend_all();
}

TEST_P(webhooks_of_store, of_a_deleted_one_nothing_is_left) {
  const auto who = make(named("shop"));
  paid_orders(5);
  auto opened = deliver(step(who, 1, 2)).claims;
  auto end = step(who);
  end.ended = {end_as(opened.at(0), delivered)};
  deliver(end);
  deliver(step(who, 1, 1)); // another claim stays open, and two are ahead
  EXPECT_TRUE(std::holds_alternative<webhook_done>(ask(delete_webhook{"shop"})));
  EXPECT_THAT(must(lane_->webhooks()).all, IsEmpty());
  EXPECT_EQ(kind_of(lane_->find_registered("webhook-shop")), error_kind::unavailable);
  EXPECT_TRUE(std::holds_alternative<not_found>(ask(delete_webhook{"shop"})));
  EXPECT_TRUE(must(lane_->webhooks()).work_left);
  EXPECT_THAT(breaches(), IsEmpty()) << "what is still to be cleared is no fault";
  tend_all();
  EXPECT_THAT(read<delivery_page>(list_deliveries{}).items, IsEmpty());
}

TEST_P(webhooks_of_store, one_that_is_made_anew_begins_anew) {
  make(named("shop"));
  paid_orders(3);
  ask(delete_webhook{"shop"});
  const auto who = make(named("shop")); // before the rest of the first is gone
  const auto paid = paid_orders(2);
  EXPECT_EQ(deliver_all(who), entries_in(paid));
  tend_all();
  EXPECT_THAT(read<delivery_page>(list_deliveries{.subscriber = "webhook-shop"}).items, SizeIs(2));
}

TEST_P(webhooks_of_store, a_step_of_a_deleted_one_does_nothing) {
  const auto who = make(named("shop"));
  paid_orders(1);
  const auto late = step(who, 8);
  ask(delete_webhook{"shop"});
  EXPECT_FALSE(deliverer().deliver(late, now_));
  EXPECT_FALSE(deliverer().open_claims(who, late.stream, now_));
  tend_all();
}

TEST_P(webhooks_of_store, one_of_the_settings_file_is_taken_over_once_with_its_subscriber) {
  const auto who = subscribe("webhook-shop", true, false); // by the release before
  const auto paid = paid_orders(2);
  now_ += 1s;
  webhook old = named("shop"); // both kinds: those of the registration hold
  EXPECT_TRUE(must(lane_->take_over_webhook(old, now_)));
  const auto known = must(lane_->webhooks()).all;
  ASSERT_THAT(known, SizeIs(1));
  EXPECT_TRUE(known[0].payments && !known[0].refunds);
  EXPECT_EQ(known[0].created_at, now_);
  EXPECT_EQ(deliver_all(who), entries_in(paid)); // nothing is lost on the way
  old.url = "https://another.example";
  EXPECT_FALSE(must(lane_->take_over_webhook(old, now_)));
  EXPECT_EQ(must(lane_->webhooks()).all[0].url, named("shop").url);
  ask(delete_webhook{"shop"});
  EXPECT_FALSE(must(lane_->take_over_webhook(old, now_)));
  EXPECT_THAT(must(lane_->webhooks()).all, IsEmpty());
  tend_all();
}

TEST_P(webhooks_of_store, a_table_of_the_file_takes_no_webhook_over_that_was_made_before) {
  make(named("shop"));
  webhook old = named("shop");
  old.url = "https://another.example";
  EXPECT_FALSE(must(lane_->take_over_webhook(old, now_)));
  EXPECT_EQ(must(lane_->webhooks()).all[0].url, named("shop").url);
}

TEST_P(webhooks_of_store, a_replay_delivers_again_from_a_time_on) {
  const auto who = make(named("shop"));
  now_ += 1s;
  const auto early = entries_in(paid_orders(3));
  now_ += 1h;
  const auto later = entries_in(paid_orders(4));
  deliver_all(who);
  EXPECT_TRUE(std::holds_alternative<webhook_done>(ask(replay_webhook{"shop", now_})));
  EXPECT_TRUE(std::get<webhook_shown>(ask(get_webhook{"shop"})).what->replaying);
  const auto fresh = entries_in(paid_orders(1)); // comes by itself, once
  auto again = tend_all(who);
  std::ranges::sort(again);
  auto expected = later;
  expected.insert(expected.end(), fresh.begin(), fresh.end());
  EXPECT_EQ(again, expected);
  EXPECT_FALSE(std::get<webhook_shown>(ask(get_webhook{"shop"})).what->replaying);
  EXPECT_THAT(breaches(), IsEmpty());

  ask(replay_webhook{"shop", now_ - 2h}); // no further back than it is old
  again = tend_all(who);
  EXPECT_EQ(again.size(), early.size() + later.size() + fresh.size());
  ask(replay_webhook{"shop", now_ + 1h});
  EXPECT_THAT(tend_all(who), IsEmpty());
}

TEST_P(webhooks_of_store, nothing_from_before_it_was_made_is_replayed) {
  paid_orders(3);
  now_ += 1s;
  const auto who = make(named("shop"));
  now_ += 1s;
  const auto paid = entries_in(paid_orders(2));
  deliver_all(who);
  ask(replay_webhook{"shop", instant{}});
  EXPECT_EQ(tend_all(who), paid);
}

TEST_P(webhooks_of_store, what_is_claimed_or_waits_is_not_touched_by_a_replay) {
  const auto who = make(named("shop"));
  now_ += 1s;
  const auto paid = entries_in(paid_orders(3));
  auto opened = deliver(step(who, 3, 1)).claims;
  ASSERT_THAT(opened, SizeIs(3));
  auto end = step(who);
  end.ended = {end_as(opened[0], failed), end_as(opened[1], pending, now_ + 1h)};
  deliver(end); // the third one stays in its claim
  ask(replay_webhook{"shop", now_});
  must(lane_->tend_webhooks(now_));
  EXPECT_FALSE(must(lane_->webhooks()).work_left);
  const auto due = deliver(step(who, 8, 100)).claims;
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_THAT(entries_of(due[0]), ElementsAre(paid[0]));
  EXPECT_THAT(breaches(), IsEmpty());
}

TEST_P(webhooks_of_store, a_pruned_event_is_replayed_as_well) {
  const auto who = make(named("shop"));
  now_ += 1s;
  const instant since = now_;
  const auto paid = entries_in(paid_orders(2));
  deliver_all(who);
  now_ += 48h;
  EXPECT_EQ(must(deliverer().prune(
                     {.subscriber = who, .stream = delivers(who), .before = now_ - 24h}, now_))
                .deleted,
            2);
  ask(replay_webhook{"shop", since});
  EXPECT_EQ(tend_all(who), paid);
}

TEST_P(webhooks_of_store, a_long_replay_goes_piece_by_piece_and_waits_for_those_due) {
  const auto who = make(named("shop"));
  now_ += 1s;
  std::set<entry_id> paid;
  for (int n = 0; n < 3; ++n)
    for (const entry_id each : entries_in(paid_orders(replayed_at_once_max / 2)))
      paid.insert(each);
  deliver_all(who);
  ask(replay_webhook{"shop", now_});
  must(lane_->tend_webhooks(now_));
  EXPECT_THAT(must(lane_->tend_webhooks(now_)).replayed, IsEmpty()) << "there is no room";
  const auto first = deliver_all(who);
  EXPECT_THAT(first, SizeIs(replayed_at_once_max));
  const auto rest = tend_all(who);
  std::set<entry_id> again(first.begin(), first.end());
  again.insert(rest.begin(), rest.end());
  EXPECT_EQ(again, paid);
  EXPECT_EQ(first.size() + rest.size(), paid.size());
}

TEST_P(webhooks_of_store, a_replay_ends_with_its_webhook) {
  const auto who = make(named("shop"));
  now_ += 1s;
  paid_orders(2);
  deliver_all(who);
  ask(replay_webhook{"shop", now_});
  ask(delete_webhook{"shop"});
  tend_all();
  EXPECT_THAT(read<delivery_page>(list_deliveries{}).items, IsEmpty());
}

// ---- idempotency keys ---------------------------------------------------------------------------

idempotency_key a_key(std::uint8_t of, std::int64_t body = 10) {
  return {.digest = {of}, .body = body};
}

TEST_P(webhooks_of_store, a_create_is_given_again_with_its_first_secret) {
  create_webhook what{.what = named("shop"), .key = a_key(1)};
  const auto first = std::get<webhook_shown>(ask(what));
  EXPECT_FALSE(first.replayed);
  now_ += 1h;
  ask(update_webhook{.name = "shop", .max_per_second = 3});
  what.what.secret = "whsec_of_the_repeat";
  what.fault = "no such port"; // by now
  reopen();
  const auto again = std::get<webhook_shown>(ask(what));
  EXPECT_TRUE(again.replayed && again.with_secret);
  EXPECT_EQ(*again.what, *first.what);
  EXPECT_THAT(must(lane_->webhooks()).all, SizeIs(1));
  EXPECT_EQ(must(lane_->webhooks()).all[0].secret, "whsec_first");
  ask(delete_webhook{"shop"});
  EXPECT_TRUE(std::get<webhook_shown>(ask(what)).replayed) << "it is not made a second time";
  EXPECT_THAT(must(lane_->webhooks()).all, IsEmpty());
  tend_all();
}

TEST_P(webhooks_of_store, a_rotation_and_a_change_are_done_once_under_their_keys) {
  make(named("shop"));
  rotate_webhook_secret rotate{.name = "shop", .secret = "whsec_second", .key = a_key(1)};
  ask(rotate);
  rotate.secret = "whsec_third";
  const auto again = std::get<webhook_shown>(ask(rotate));
  EXPECT_TRUE(again.replayed && again.with_secret);
  EXPECT_EQ(again.what->secret, "whsec_second");
  EXPECT_EQ(secrets_at(must(lane_->webhooks()).all[0], now_),
            (std::vector<std::string>{"whsec_second", "whsec_first"}));

  const update_webhook off{.name = "shop", .enabled = false, .key = a_key(2)};
  const update_webhook same{.name = "shop", .enabled = false, .key = a_key(3)};
  ask(off);
  EXPECT_FALSE(std::get<webhook_shown>(ask(same)).replayed) << "it changes nothing, and is kept";
  ask(update_webhook{.name = "shop", .enabled = true});
  for (const update_webhook& each : {off, same}) {
    const auto shown = std::get<webhook_shown>(ask(each));
    EXPECT_TRUE(shown.replayed && !shown.with_secret);
    EXPECT_FALSE(shown.what->enabled);
  }
  EXPECT_TRUE(must(lane_->webhooks()).all[0].enabled);
}

TEST_P(webhooks_of_store, a_replay_is_begun_once_under_its_key) {
  const auto who = make(named("shop"));
  now_ += 1s;
  const auto paid = entries_in(paid_orders(2));
  deliver_all(who);
  const replay_webhook what{.name = "shop", .from = now_, .key = a_key(1)};
  EXPECT_EQ(ask(what), answer(webhook_done{}));
  EXPECT_EQ(tend_all(who), paid);
  EXPECT_EQ(ask(what), answer(webhook_done{.replayed = true}));
  EXPECT_THAT(tend_all(who), IsEmpty());
}

TEST_P(webhooks_of_store, another_body_under_a_key_is_refused) {
  ask(create_webhook{.what = named("shop"), .key = a_key(1)});
  EXPECT_EQ(ask(create_webhook{.what = named("books"), .key = a_key(1, 11)}), answer(key_reused{}));
  EXPECT_THAT(must(lane_->webhooks()).all, SizeIs(1));
}

TEST_P(webhooks_of_store, a_refusal_is_decided_anew_under_its_key) {
  const create_webhook what{.what = named("shop"), .key = a_key(1)};
  const rotate_webhook_secret rotate{.name = "shop", .secret = "whsec_second", .key = a_key(2)};
  EXPECT_EQ(ask(rotate), answer(not_found{}));
  make(named("shop"));
  EXPECT_TRUE(std::holds_alternative<webhook_refused>(ask(what)));
  EXPECT_FALSE(std::get<webhook_shown>(ask(rotate)).replayed);
  ask(delete_webhook{"shop"});
  EXPECT_FALSE(std::get<webhook_shown>(ask(what)).replayed);
  tend_all();
}

TEST_P(webhooks_of_store, a_key_that_was_forgotten_is_new) {
  make(named("shop"));
  rotate_webhook_secret rotate{.name = "shop", .secret = "whsec_second", .key = a_key(1)};
  ask(rotate);
  now_ += 25h;
  EXPECT_EQ(must(lane_->forget_keys(now_ - 24h)), 1);
  rotate.secret = "whsec_third";
  const auto anew = std::get<webhook_shown>(ask(rotate));
  EXPECT_FALSE(anew.replayed);
  EXPECT_EQ(anew.what->secret, "whsec_third");
}

TEST_P(webhooks_of_store, several_that_bring_one_key_at_once_do_it_once) {
  if (database_->lanes_max() == 1)
    GTEST_SKIP() << "there is one connection that writes";
  constexpr int processes = 4;
  constexpr std::uint8_t rounds = 10;
  make(named("shop"));
  std::array<std::array<webhook_shown, processes>, rounds> given;
  std::barrier together(processes);
  std::vector<std::jthread> all;
  for (int n = 0; n < processes; ++n)
    all.emplace_back([&, n] {
      const auto other = open("process-" + std::to_string(n));
      const auto store = must(other->connect());
      for (std::uint8_t round = 0; round < rounds; ++round) {
        const rotate_webhook_secret rotate{
            .name = "shop", .secret = "whsec_" + std::to_string(n), .key = a_key(round)};
        together.arrive_and_wait(); // so that they meet
        given.at(round).at(static_cast<std::size_t>(n)) =
            std::get<webhook_shown>(must(store->change_webhook(rotate, now_)));
      }
    });
  all.clear();
  for (const auto& answers : given) {
    EXPECT_EQ(std::ranges::count(answers, false, &webhook_shown::replayed), 1);
    for (const webhook_shown& each : answers)
      EXPECT_EQ(each.what->secret, answers[0].what->secret);
  }
}

TEST_P(webhooks_of_store, several_at_once_make_a_name_once) {
  if (database_->lanes_max() == 1)
    GTEST_SKIP() << "there is one connection that writes";
  constexpr int processes = 4;
  std::atomic<int> made = 0;
  std::vector<std::thread> all;
  for (int n = 0; n < processes; ++n)
    all.emplace_back([&, n] {
      const auto other = open("process-" + std::to_string(n));
      const auto store = must(other->connect());
      for (int name = 0; name < 5; ++name) {
        const auto is =
            must(store->change_webhook(create_webhook{named("w" + std::to_string(name))}, now_));
        made += std::holds_alternative<webhook_shown>(is) ? 1 : 0;
      }
    });
  for (std::thread& each : all)
    each.join();
  EXPECT_EQ(made, 5);
  EXPECT_THAT(must(lane_->webhooks()).all, SizeIs(5));
}

INSTANTIATE_TEST_SUITE_P(stores, webhooks_of_store, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
