// Goal: the webhooks that the database holds are delivered to by this process, from the look that
// finds them to the one that does not; a new secret signs at once; requests are answered; and one
// that fails for too long is paused, which the others are told. Method: a store played by hand,
// endpoints that keep what they are told, and time that the test moves.
#include "actors/delivery/webhook_keeper.hpp"

#include "actors/payment_success.hpp"
#include "tests/actors/played_worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace paymentd::actors {
namespace {

using namespace std::chrono_literals;
using test::inbox;
using test::played_worker;
using test::test_system;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
namespace asked = test::asked;

class kept_endpoint final : public providers::endpoint {
 public:
  std::string_view name() const override { return "webhook"; }
  void send(providers::call, std::function<void(providers::call_result)>) override {}
  void search(providers::call, std::function<void(providers::search_result)>) override {}
  bool can_search() const override { return false; }
  std::chrono::milliseconds key_window() const override { return {}; }
  std::size_t recipients_max() const override { return 1; }
  void stop() override { stopped = true; }
  void sign_with(const std::vector<std::string>& given) override { secrets = given; }
  void tell(webhook_notice what, std::function<void(providers::recipient_result)> done) override {
    told.push_back(std::move(what));
    answers.push_back(std::move(done));
  }

  bool gone() const override { return is_gone; }

  bool stopped = false;
  bool is_gone = false;
  std::vector<std::string> secrets;
  std::vector<webhook_notice> told;
  std::vector<std::function<void(providers::recipient_result)>> answers;
};

webhook named(const std::string& name) {
  webhook made;
  made.name = name;
  made.url = "https://shop.example/hook";
  made.secret = "whsec_" + name;
  return made;
}

class webhook_keeper_test : public ::testing::Test {
 protected:
  webhook_keeper_test() {
    options.store = store.as<db::webhook_store>();
    options.deliveries = {deliveries.handle()};
    options.make = [this](const webhook& what) -> std::expected<webhook_part, std::string> {
      if (no_files)
        throw std::runtime_error("no file is left");
      if (what.url == "bad")
        return std::unexpected("url: it is none");
      webhook_part part;
      made[what.name].push_back(std::make_shared<kept_endpoint>());
      part.endpoint = made[what.name].back();
      part.supervised.delivery.provider = part.endpoint;
      part.supervised.delivery.counters = std::make_shared<delivery_counters>();
      return part;
    };
    options.stop = [this](const std::shared_ptr<providers::endpoint>& what) {
      if (stops_slowly)
        stopping.push_back(what);
      else
        what->stop();
    };
    options.make_secret = [this] { return "whsec_new" + std::to_string(++secrets); };
    options.told = {listener.handle()};
    options.now = [this] { return on.time(); };
    options.board = board;
    keeper = on.system.spawn(webhook_keeper, options);
    on.run();
  }
  ~webhook_keeper_test() override {
    on.end(keeper);
    listener.take<subscriber_begun>();
    listener.take<subscriber_ended>();
  }

  /// Answers the look that is open, or lets the next one come.
  void find(std::vector<webhook> all) {
    if (store.got<asked::webhooks>().empty())
      on.pass(options.interval);
    ASSERT_THAT(store.take<asked::webhooks>(), SizeIs(1));
    store.answer(keeper, db::result<db::known_webhooks>({.all = std::move(all)}));
  }
  void ask(webhook_request what) {
    caf::anon_send(
        keeper,
        webhook_asked{
            {.number = 7, .reply_to = client.handle(), .begin_by = on.now() + 5s, .bulk = false},
            std::move(what)});
    on.run();
  }
  std::vector<std::string> names_begun() {
    std::vector<std::string> names;
    for (const auto& each : listener.take<subscriber_begun>())
      names.push_back(each.name);
    return names;
  }
  std::vector<std::string> names_ended() {
    std::vector<std::string> names;
    for (const auto& each : listener.take<subscriber_ended>())
      names.push_back(each.name);
    return names;
  }
  kept_endpoint& endpoint(const std::string& name) { return *made.at(name).back(); }

  test_system on;
  played_worker store{on};
  inbox<store_call> deliveries{on};
  inbox<subscriber_begun, subscriber_ended> listener{on};
  inbox<looked_up> client{on};
  std::map<std::string, std::vector<std::shared_ptr<kept_endpoint>>> made;
  std::shared_ptr<webhook_board> board = std::make_shared<webhook_board>();
  bool stops_slowly = false;
  bool no_files = false; // nor threads
  std::vector<std::shared_ptr<providers::endpoint>> stopping;
  int secrets = 0;
  webhook_keeper_options options;
  caf::actor keeper;
};

TEST_F(webhook_keeper_test, those_that_are_enabled_begin_and_end_as_the_database_says) {
  webhook paused = named("paused");
  paused.enabled = false;
  find({named("books"), paused, named("shop")});
  EXPECT_THAT(names_begun(), ElementsAre("webhook-books", "webhook-shop"));
  EXPECT_EQ(board->disabled, 1);
  EXPECT_THAT(board->all(), SizeIs(2));
  find({named("books"), paused, named("shop")});
  EXPECT_THAT(names_begun(), IsEmpty()); // as they were
  paused.enabled = true;
  find({named("books"), paused});
  EXPECT_THAT(names_begun(), ElementsAre("webhook-paused"));
  EXPECT_THAT(names_ended(), ElementsAre("webhook-shop"));
  on.pass(options.grace + 10ms);
  EXPECT_TRUE(endpoint("shop").stopped);
  EXPECT_FALSE(endpoint("books").stopped);
}

TEST_F(webhook_keeper_test, a_change_begins_it_anew_once_it_has_ended) {
  find({named("shop")});
  names_begun();
  webhook moved = named("shop");
  moved.url = "https://other.example";
  find({moved});
  EXPECT_THAT(names_ended(), ElementsAre("webhook-shop"));
  on.pass(options.grace + 10ms);
  EXPECT_TRUE(made["shop"].front()->stopped);
  EXPECT_THAT(names_begun(), ElementsAre("webhook-shop"));
  EXPECT_EQ(made["shop"].size(), 2u);
}

TEST_F(webhook_keeper_test, of_one_that_is_paused_no_figure_says_that_it_fails) {
  webhook paused = named("shop");
  find({paused});
  const auto numbers = board->all().at("webhook-shop");
  const auto set = [&] {
    numbers.delivery->oldest_open_ms = 1;
    numbers.supervision->state = static_cast<int>(supervision::degraded);
  };
  set();
  find({paused});
  EXPECT_EQ(numbers.supervision->state, static_cast<int>(supervision::degraded)) << "it runs";
  paused.enabled = false;
  find({paused});
  on.pass(options.grace + 10ms);
  set(); // by an actor that ends later than its supervisor
  find({paused});
  EXPECT_EQ(numbers.delivery->oldest_open_ms, 0);
  EXPECT_NE(numbers.supervision->state, static_cast<int>(supervision::degraded));
}

TEST_F(webhook_keeper_test, an_endpoint_that_takes_long_to_stop_holds_nothing_up) {
  stops_slowly = true;
  find({named("shop")});
  names_begun();
  webhook moved = named("shop");
  moved.url = "https://other.example";
  find({moved});
  on.pass(options.grace + 10ms);
  EXPECT_THAT(stopping, ElementsAre(made["shop"].front()));
  EXPECT_FALSE(made["shop"].front()->stopped);
  EXPECT_THAT(names_begun(), ElementsAre("webhook-shop"));
}

TEST_F(webhook_keeper_test, a_new_secret_signs_without_an_end_and_an_old_one_until_its_time) {
  webhook rotated = named("shop");
  find({rotated});
  rotated.old_secrets = {{.text = rotated.secret, .until = on.time() + 1h}};
  rotated.secret = "whsec_second";
  find({rotated});
  EXPECT_THAT(endpoint("shop").secrets, ElementsAre("whsec_second", "whsec_shop"));
  on.set_by = 1h;
  find({rotated});
  EXPECT_THAT(endpoint("shop").secrets, ElementsAre("whsec_second"));
  EXPECT_THAT(names_ended(), IsEmpty());
  EXPECT_EQ(made["shop"].size(), 1u);
}

TEST_F(webhook_keeper_test, a_request_is_done_by_the_store_and_looked_at_at_once) {
  find({});
  ask(create_webhook{named("shop")});
  const auto changes = store.take<asked::change_webhook>();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(std::get<create_webhook>(changes[0].what).what.secret, "whsec_new1");
  store.answer(keeper, db::result<answer>(webhook_shown{}));
  ASSERT_THAT(client.got<looked_up>(), SizeIs(1));
  EXPECT_EQ(client.got<looked_up>()[0].number, 7u);
  EXPECT_THAT(store.got<asked::webhooks>(), SizeIs(1)); // no interval passed
  EXPECT_TRUE(endpoint("shop").stopped);                // it was tried out, no more
}

TEST_F(webhook_keeper_test, one_that_cannot_work_is_refused_before_it_is_kept) {
  find({});
  webhook bad = named("shop");
  bad.url = "bad";
  ask(create_webhook{bad});
  EXPECT_THAT(store.got<asked::change_webhook>(), IsEmpty());
  const auto replies = client.take<looked_up>();
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(std::get<webhook_refused>(*replies[0].reply).why, webhook_refusal::cannot_work);
}

TEST_F(webhook_keeper_test, one_that_cannot_work_any_more_is_given_again_under_its_key) {
  find({});
  webhook bad = named("shop");
  bad.url = "bad";
  ask(create_webhook{.what = bad, .key = idempotency_key{}});
  const auto changes = store.take<asked::change_webhook>();
  ASSERT_THAT(changes, SizeIs(1)) << "the store alone knows what is kept";
  EXPECT_EQ(std::get<create_webhook>(changes[0].what).fault, "url: it is none");
  const auto kept = std::make_shared<const webhook>(named("shop"));
  store.answer(keeper, db::result<answer>(webhook_shown{kept, true, true}));
  const auto replies = client.take<looked_up>();
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(std::get<webhook_shown>(*replies[0].reply).what->secret, "whsec_shop");
}

TEST_F(webhook_keeper_test, a_system_without_files_delays_one_and_ends_nothing) {
  no_files = true;
  find({named("shop")});
  EXPECT_THAT(names_begun(), IsEmpty());
  ask(create_webhook{named("books")});
  const auto replies = client.take<looked_up>();
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(std::get<webhook_refused>(*replies[0].reply).detail, "no file is left");
  no_files = false;
  find({named("shop")});
  EXPECT_THAT(names_begun(), ElementsAre("webhook-shop"));
}

TEST_F(webhook_keeper_test, errors_of_the_store_tell_whether_it_may_have_happened) {
  find({});
  const auto reply_to = [&](webhook_request what, db::error_kind kind) {
    ask(std::move(what));
    store.answer(keeper, db::result<answer>(std::unexpected(db::error{kind, "no"})));
    return client.take<looked_up>().at(0).reply.error();
  };
  const update_webhook change{.name = "shop", .enabled = true};
  EXPECT_EQ(reply_to(change, db::error_kind::unavailable), no_outcome::database_unavailable);
  EXPECT_EQ(reply_to(change, db::error_kind::in_doubt), no_outcome::outcome_unknown);
  EXPECT_EQ(reply_to(list_webhooks{}, db::error_kind::in_doubt), no_outcome::database_unavailable);
  EXPECT_EQ(reply_to(change, db::error_kind::broken), no_outcome::internal_error);
}

TEST_F(webhook_keeper_test, a_test_is_answered_by_what_the_receiver_says_or_in_time) {
  find({named("shop")});
  const auto begin = [&] {
    ask(test_webhook{"shop"});
    store.answer(keeper,
                 db::result<answer>(webhook_shown{std::make_shared<const webhook>(named("shop"))}));
  };
  begin();
  ASSERT_THAT(endpoint("shop").told, SizeIs(1));
  EXPECT_EQ(endpoint("shop").told[0].of, webhook_notice::kind::test);
  EXPECT_THAT(client.got<looked_up>(), IsEmpty());
  endpoint("shop").answers[0](providers::accepted{});
  on.run();
  EXPECT_TRUE(std::get<webhook_tested>(*client.take<looked_up>().at(0).reply).taken);
  begin();
  on.pass(options.tested_within + 10ms);
  const auto late = std::get<webhook_tested>(*client.take<looked_up>().at(0).reply);
  EXPECT_FALSE(late.taken);
  EXPECT_FALSE(late.detail.empty());
  EXPECT_NE(endpoint("shop").told[0].id, endpoint("shop").told[1].id);
}

TEST_F(webhook_keeper_test, one_that_is_paused_is_tested_by_an_endpoint_of_its_own) {
  webhook paused = named("shop");
  paused.enabled = false;
  find({paused});
  EXPECT_THAT(names_begun(), IsEmpty());
  ask(test_webhook{"shop"});
  store.answer(keeper, db::result<answer>(webhook_shown{std::make_shared<const webhook>(paused)}));
  ASSERT_THAT(endpoint("shop").told, SizeIs(1));
  endpoint("shop").answers[0](std::unexpected(
      providers::failure{.kind = providers::failure_class::transient, .reason = "HTTP 500"}));
  on.run();
  EXPECT_EQ(std::get<webhook_tested>(*client.take<looked_up>().at(0).reply).detail, "HTTP 500");
  EXPECT_TRUE(endpoint("shop").stopped);
}

TEST_F(webhook_keeper_test, one_that_fails_for_too_long_is_paused_and_the_others_are_told) {
  webhook failing = named("shop");
  find({named("books"), failing});
  const auto numbers_of = [&](const std::string& name) {
    return board->all().at("webhook-" + name).delivery;
  };
  add(numbers_of("shop")->calls); // it was called, and nothing was taken
  find({named("books"), failing});
  auto judged = store.take<asked::change_webhook>();
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_FALSE(std::get<judge_webhook>(judged[0].what).works);
  store.answer(keeper, db::result<answer>(webhook_done{}));
  failing.failing_since = on.time();
  find({named("books"), failing});
  EXPECT_THAT(store.take<asked::change_webhook>(), IsEmpty()); // it is known
  on.set_by = options.pause_after;
  find({named("books"), failing});
  EXPECT_THAT(store.take<asked::change_webhook>(), IsEmpty()); // it was not tried again
  add(numbers_of("shop")->calls);
  find({named("books"), failing});
  ASSERT_THAT(store.take<asked::change_webhook>(), SizeIs(1));
  failing.enabled = false;
  failing.paused_at = on.time();
  store.answer(keeper, db::result<answer>(webhook_shown{std::make_shared<const webhook>(failing)}));
  EXPECT_EQ(board->paused, 1u);
  ASSERT_THAT(endpoint("books").told, SizeIs(1));
  EXPECT_EQ(endpoint("books").told[0].webhook, "shop");
  EXPECT_THAT(endpoint("shop").told, IsEmpty());
  // A notice that was not taken comes again under its id.
  endpoint("books").answers[0](std::unexpected(providers::failure{.reason = "HTTP 500"}));
  on.pass(options.notice_pauses[0] + 10ms);
  ASSERT_THAT(endpoint("books").told, SizeIs(2));
  EXPECT_EQ(endpoint("books").told[0].id, endpoint("books").told[1].id);
}

TEST_F(webhook_keeper_test, one_whose_receiver_is_gone_is_paused_at_once_and_the_others_are_told) {
  webhook gone = named("shop");
  find({named("books"), gone});
  endpoint("shop").is_gone = true;
  const auto numbers = board->all().at("webhook-shop").delivery;
  add(numbers->calls);
  add(numbers->calls);
  add(numbers->accepted); // it took another one before
  find({named("books"), gone});
  const auto judged = store.take<asked::change_webhook>();
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_FALSE(std::get<judge_webhook>(judged[0].what).works);
  EXPECT_EQ(std::get<judge_webhook>(judged[0].what).gone, gone.url);
  gone.enabled = false;
  gone.paused_at = gone.failing_since = on.time();
  store.answer(keeper, db::result<answer>(webhook_shown{std::make_shared<const webhook>(gone)}));
  EXPECT_EQ(board->paused, 1u);
  ASSERT_THAT(endpoint("books").told, SizeIs(1));
  EXPECT_EQ(endpoint("books").told[0].of, webhook_notice::kind::paused);
  find({named("books"), gone});
  EXPECT_THAT(store.take<asked::change_webhook>(), IsEmpty());
  on.pass(options.grace + 10ms);
  EXPECT_TRUE(endpoint("shop").stopped);
  gone.enabled = true; // by a client: another endpoint, which knows nothing of that
  find({named("books"), gone});
  EXPECT_EQ(made["shop"].size(), 2u);
  find({named("books"), gone});
  EXPECT_THAT(store.take<asked::change_webhook>(), IsEmpty());
}

TEST_F(webhook_keeper_test, a_pause_that_the_store_could_not_make_is_asked_for_again) {
  find({named("shop")});
  endpoint("shop").is_gone = true;
  for (int tries = 0; tries < 2; ++tries) {
    find({named("shop")});
    ASSERT_THAT(store.take<asked::change_webhook>(), SizeIs(1));
    store.answer(keeper, db::result<answer>(
                             std::unexpected(db::error{db::error_kind::unavailable, "away"})));
  }
}

TEST_F(webhook_keeper_test, a_success_ends_the_time_in_which_it_failed) {
  webhook failing = named("shop");
  failing.failing_since = on.time() - 1h;
  find({failing});
  const auto numbers = board->all().at("webhook-shop").delivery;
  add(numbers->calls);
  add(numbers->accepted);
  find({failing});
  const auto judged = store.take<asked::change_webhook>();
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_TRUE(std::get<judge_webhook>(judged[0].what).works);
}

TEST_F(webhook_keeper_test, what_is_left_to_do_is_done_step_by_step) {
  find({});
  on.pass(options.interval);
  ASSERT_THAT(store.take<asked::webhooks>(), SizeIs(1));
  store.answer(keeper, db::result<db::known_webhooks>({.all = {}, .work_left = true}));
  EXPECT_THAT(store.take<asked::tend_webhooks>(), SizeIs(1));
  store.answer(keeper, db::result<db::webhook_upkeep>({.more = true}));
  on.pass(options.interval);
  EXPECT_THAT(store.take<asked::webhooks>(), SizeIs(1));
}

TEST_F(webhook_keeper_test, while_the_database_is_away_what_runs_goes_on) {
  find({named("shop")});
  on.pass(options.interval);
  ASSERT_THAT(store.take<asked::webhooks>(), SizeIs(1));
  store.answer(keeper, db::result<db::known_webhooks>(
                           std::unexpected(db::error{db::error_kind::unavailable, "away"})));
  EXPECT_THAT(names_ended(), IsEmpty());
  find({});
  EXPECT_THAT(names_ended(), ElementsAre("webhook-shop"));
}

} // namespace
} // namespace paymentd::actors
