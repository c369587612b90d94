// Goal: webhooks change by one rule: names are had once, there is a bound, a secret that was
// replaced signs on for a day, one that fails for too long or is gone is paused once, and a change
// under an idempotency key is done once. Method: requests on small lists, by hand.
#include "domain/decide_webhook.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

using namespace std::chrono_literals;

constexpr instant noon{1'700'000'000'000ms};

webhook one(const std::string& name = "shop") {
  webhook made;
  made.name = name;
  made.url = "https://shop.example/hook";
  made.secret = "whsec_first";
  made.created_at = made.updated_at = noon - 1h;
  return made;
}
webhook_decision decide(const webhook_request& what, const std::vector<webhook>& all,
                        instant now = noon) {
  return decide_webhook(what, all, now);
}
webhook_refusal refusal_of(const webhook_decision& decided) {
  return std::get<webhook_refused>(decided.is).why;
}

TEST(decide_webhook, a_new_one_is_written_registered_and_shown_with_its_secret) {
  const auto made = decide(create_webhook{one()}, {one("books")});
  EXPECT_TRUE(made.begins);
  ASSERT_TRUE(made.put);
  EXPECT_EQ(made.put->created_at, noon);
  EXPECT_EQ(made.put->updated_at, noon);
  EXPECT_TRUE(std::get<webhook_shown>(made.is).with_secret);
}

TEST(decide_webhook, a_name_is_had_once_and_there_is_a_bound) {
  const auto again = decide(create_webhook{one()}, {one()});
  EXPECT_EQ(refusal_of(again), webhook_refusal::exists);
  EXPECT_FALSE(again.put || again.begins);
  std::vector<webhook> all;
  while (all.size() < webhooks_max)
    all.push_back(one("w" + std::to_string(all.size())));
  EXPECT_EQ(refusal_of(decide(create_webhook{one()}, all)), webhook_refusal::too_many);
  EXPECT_EQ(refusal_of(decide(create_webhook{one("w0")}, all)), webhook_refusal::exists);
  all.pop_back();
  EXPECT_TRUE(decide(create_webhook{one()}, all).put);
}

TEST(decide_webhook, of_one_that_is_not_there_nothing_is_written) {
  for (const webhook_request& what : std::initializer_list<webhook_request>{
           get_webhook{"none"}, update_webhook{.name = "none", .enabled = false},
           delete_webhook{"none"}, rotate_webhook_secret{"none", "whsec_new"},
           replay_webhook{"none", noon}, test_webhook{"none"}, judge_webhook{.name = "none"}}) {
    const auto decided = decide(what, {one()});
    EXPECT_TRUE(std::holds_alternative<not_found>(decided.is));
    EXPECT_FALSE(decided.put || !decided.ends.empty() || !decided.replays.empty());
  }
}

TEST(decide_webhook, a_change_keeps_what_is_not_given_and_one_of_nothing_is_not_written) {
  const auto changed = decide(
      update_webhook{.name = "shop", .url = "https://new.example", .max_per_second = 5}, {one()});
  ASSERT_TRUE(changed.put);
  webhook expected = one();
  expected.url = "https://new.example";
  expected.max_per_second = 5;
  expected.updated_at = noon;
  EXPECT_EQ(*changed.put, expected);
  EXPECT_FALSE(std::get<webhook_shown>(changed.is).with_secret);
  EXPECT_FALSE(decide(update_webhook{.name = "shop", .url = one().url}, {one()}).put);
}

TEST(decide_webhook, a_receiver_inside_that_the_file_allowed_lends_that_to_no_other) {
  webhook inside = one();
  inside.url = "http://10.0.0.1:8080/hook?a=b";
  inside.allow_private_network = true;
  const auto stays_allowed = [&](const char* url) {
    return decide(update_webhook{.name = "shop", .url = url}, {inside})
        .put.value()
        .allow_private_network;
  };
  for (const auto* url :
       {"http://10.0.0.1:8080", "http://10.0.0.1:8080/other", "http://10.0.0.1:8080?c"})
    EXPECT_TRUE(stays_allowed(url)) << url;
  for (const auto* url : {"http://10.0.0.1/hook", "http://10.0.0.1:80", "http://10.0.0.2:8080/hook",
                          "https://10.0.0.1:8080/hook", "http://10.0.0.1:8080.example/hook"})
    EXPECT_FALSE(stays_allowed(url)) << url;
}

TEST(decide_webhook, other_events_are_set_for_its_subscriber_and_the_same_ones_are_not) {
  update_webhook what{.name = "shop", .payments = true, .refunds = false};
  const auto changed = decide(what, {one()});
  EXPECT_TRUE(changed.sets_kinds);
  EXPECT_TRUE(changed.put && changed.put->payments && !changed.put->refunds);
  what.refunds = true;
  what.enabled = false;
  EXPECT_FALSE(decide(what, {one()}).sets_kinds);
}

TEST(decide_webhook, secrets_that_were_replaced_sign_for_a_day) {
  auto rotated = decide(rotate_webhook_secret{"shop", "whsec_second"}, {one()}).put.value();
  EXPECT_EQ(secrets_at(rotated, noon), (std::vector<std::string>{"whsec_second", "whsec_first"}));
  EXPECT_EQ(secrets_at(rotated, noon + 24h - 1ms).size(), 2u);
  EXPECT_EQ(secrets_at(rotated, noon + 24h), std::vector<std::string>{"whsec_second"});
  rotated = decide(rotate_webhook_secret{"shop", "whsec_third"}, {rotated}, noon + 1h).put.value();
  EXPECT_EQ(secrets_at(rotated, noon + 2h).size(), 3u); // a repeat takes nothing from the first
  rotated = decide(rotate_webhook_secret{"shop", "whsec_4th"}, {rotated}, noon + 25h).put.value();
  EXPECT_EQ(rotated.old_secrets.size(), 1u); // the others are over
  for (int n = 0; n < 10; ++n)
    rotated =
        decide(rotate_webhook_secret{"shop", "whsec_" + std::to_string(n)}, {rotated}).put.value();
  EXPECT_EQ(rotated.old_secrets.size(), old_secrets_max);
  EXPECT_EQ(rotated.old_secrets.front().text, "whsec_8");
}

TEST(decide_webhook, old_secrets_stand_in_a_text_and_come_back) {
  const std::vector<old_secret> secrets{{"whsec_a+/=", noon}, {"whsec_b", noon + 1ms}};
  EXPECT_EQ(old_secrets_from(to_text(secrets)), secrets);
  EXPECT_TRUE(old_secrets_from("").empty());
  EXPECT_EQ(old_secrets_from("x 12 :a 7:whsec_b ").size(), 1u);
}

TEST(decide_webhook, one_that_fails_for_too_long_is_paused_once) {
  const judge_webhook failed{.name = "shop", .works = false, .pause_after = 120h};
  auto now = decide(failed, {one()}).put.value();
  EXPECT_EQ(now.failing_since, noon);
  EXPECT_EQ(now.updated_at, one().updated_at); // no client has changed it
  EXPECT_FALSE(decide(failed, {now}, noon + 120h - 1ms).put);
  const auto paused = decide(failed, {now}, noon + 120h);
  ASSERT_TRUE(paused.put);
  EXPECT_FALSE(paused.put->enabled);
  EXPECT_EQ(paused.put->paused_at, noon + 120h);
  EXPECT_TRUE(std::holds_alternative<webhook_shown>(paused.is));
  const auto again = decide(failed, {*paused.put}, noon + 121h); // another process
  EXPECT_FALSE(again.put);
  EXPECT_TRUE(std::holds_alternative<webhook_done>(again.is));
}

TEST(decide_webhook, one_whose_receiver_is_gone_is_paused_at_once_unless_it_has_another_by_now) {
  const judge_webhook gone{.name = "shop", .pause_after = 120h, .gone = one().url};
  const auto paused = decide(gone, {one()});
  ASSERT_TRUE(paused.put);
  EXPECT_FALSE(paused.put->enabled);
  EXPECT_EQ(paused.put->paused_at, noon);
  EXPECT_EQ(paused.put->failing_since, noon);
  EXPECT_TRUE(std::holds_alternative<webhook_shown>(paused.is));
  EXPECT_FALSE(decide(gone, {*paused.put}, noon + 1s).put); // another process
  webhook moved = one();
  moved.url = "https://new.example";
  const auto stays = decide(gone, {moved});
  EXPECT_FALSE(stays.put);
  EXPECT_TRUE(std::holds_alternative<webhook_done>(stays.is));
}

TEST(decide_webhook, a_success_or_being_resumed_gives_it_its_whole_time_again) {
  webhook failing = one();
  failing.failing_since = noon - 119h;
  EXPECT_FALSE(
      decide(judge_webhook{.name = "shop", .works = true}, {failing}).put.value().failing_since);
  failing.enabled = false;
  failing.paused_at = noon;
  const auto resumed =
      decide(update_webhook{.name = "shop", .enabled = true}, {failing}).put.value();
  EXPECT_TRUE(resumed.enabled && !resumed.failing_since && !resumed.paused_at);
}

idempotency_key key_of_body(std::int64_t body) {
  return {.digest = {1}, .body = body};
}
/// The four requests that a key is kept of.
std::vector<webhook_request> keyed_ones() {
  const auto key = key_of_body(1);
  return {create_webhook{.what = one("new"), .key = key},
          update_webhook{.name = "shop", .max_per_second = 5, .key = key},
          update_webhook{.name = "shop", .url = one().url, .key = key}, // changes nothing
          rotate_webhook_secret{.name = "shop", .secret = "whsec_second", .key = key},
          replay_webhook{.name = "shop", .from = noon, .key = key}};
}

TEST(decide_webhook_keys, the_first_answer_is_kept_and_given_again_whatever_there_is_by_then) {
  for (const webhook_request& what : keyed_ones()) {
    const auto first = decide(what, {one()});
    ASSERT_EQ(first.new_kept.size(), 1u) << what.index();
    EXPECT_EQ(first.new_kept[0].key, key_of_body(1));
    EXPECT_TRUE(std::visit([&](const auto& kept) { return answer(kept) == first.is; },
                           first.new_kept[0].what));
    for (const auto& all : {std::vector{one(), one("new")}, std::vector<webhook>{}}) {
      const auto again = decide_webhook(what, all, noon + 1h, &first.new_kept[0]);
      EXPECT_FALSE(again.put || again.begins || again.sets_kinds || !again.ends.empty() ||
                   !again.replays.empty() || !again.new_kept.empty());
      if (const auto* shown = std::get_if<webhook_shown>(&first.is))
        EXPECT_EQ(again.is, answer(webhook_shown{shown->what, shown->with_secret, true}));
      else
        EXPECT_EQ(again.is, answer(webhook_done{.replayed = true}));
    }
  }
}

TEST(decide_webhook_keys, another_body_is_refused_and_changes_nothing) {
  const kept_webhook before{key_of_body(2), webhook_done{}};
  for (const webhook_request& what : keyed_ones()) {
    const auto decided = decide_webhook(what, std::vector{one()}, noon, &before);
    EXPECT_EQ(decided.is, answer(key_reused{}));
    EXPECT_FALSE(decided.put || !decided.replays.empty() || !decided.new_kept.empty());
  }
}

TEST(decide_webhook_keys, a_refusal_and_a_request_without_a_key_keep_nothing) {
  for (const webhook_request& what : keyed_ones())
    EXPECT_TRUE(std::holds_alternative<create_webhook>(what) || decide(what, {}).new_kept.empty());
  EXPECT_TRUE(
      decide(create_webhook{.what = one(), .key = key_of_body(1)}, {one()}).new_kept.empty());
  EXPECT_TRUE(decide(create_webhook{one()}, {}).new_kept.empty());
  for (const webhook_request& what : std::initializer_list<webhook_request>{
           get_webhook{"shop"}, test_webhook{"shop"}, delete_webhook{"shop"}, list_webhooks{},
           judge_webhook{.name = "shop"}})
    EXPECT_TRUE(decide(what, {one()}).new_kept.empty()) << what.index();
}

TEST(decide_webhook_keys, one_that_cannot_work_is_refused_unless_it_was_done_before) {
  const create_webhook made{.what = one(), .key = key_of_body(1), .fault = "no such port"};
  const update_webhook moved{.name = "shop", .key = key_of_body(1), .fault = "no such port"};
  for (const auto& decided : {decide(made, {}), decide(moved, {one()})}) {
    EXPECT_EQ(std::get<webhook_refused>(decided.is),
              (webhook_refused{webhook_refusal::cannot_work, "no such port"}));
    EXPECT_FALSE(decided.put || decided.begins || !decided.new_kept.empty());
  }
  const kept_webhook before{key_of_body(1),
                            webhook_shown{std::make_shared<const webhook>(one()), true}};
  EXPECT_TRUE(std::get<webhook_shown>(decide_webhook(made, {}, noon, &before).is).replayed);
}

TEST(webhook_names_and_urls, are_told_from_what_is_none) {
  EXPECT_TRUE(valid_webhook_name("a-b_9"));
  EXPECT_FALSE(valid_webhook_name(""));
  EXPECT_FALSE(valid_webhook_name(std::string(41, 'a')));
  EXPECT_FALSE(valid_webhook_name("A"));
  EXPECT_TRUE(valid_webhook_url("https://h:8/p?q=1"));
  for (const auto* url :
       {"", "h", "https://", "https:///p", "http://u@h", "http://h#f", "http://ä"})
    EXPECT_FALSE(valid_webhook_url(url)) << url;
}

} // namespace
} // namespace paymentd
