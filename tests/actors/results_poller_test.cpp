// Goal: results are asked for at each poll, page by page, stored as they come, and whatever fails
// is tried again at the next poll and not before. Method: the test plays the store worker and the
// provider by hand, on a clock that it moves.
#include "actors/delivery/results_poller.hpp"

#include "tests/actors/played_worker.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;
using then = results_step::then;

/// Keeps what it is asked, for the test to answer.
class asked_provider final : public providers::provider {
 public:
  std::string_view name() const override { return "asked"; }
  void send(providers::call, std::function<void(providers::call_result)>) override {}
  void search(providers::call, std::function<void(providers::search_result)>) override {}
  bool can_search() const override { return false; }
  void results(providers::results_query what,
               std::function<void(providers::results_answer)> done) override {
    asked.push_back(std::move(what));
    answer = std::move(done);
  }
  bool can_tell_results() const override { return true; }
  std::optional<std::chrono::milliseconds> ahead() const override { return its_clock; }
  std::chrono::milliseconds key_window() const override { return {}; }
  std::size_t recipients_max() const override { return 1000; }
  void stop() override {}

  std::optional<std::chrono::milliseconds> its_clock;
  std::vector<providers::results_query> asked;
  std::function<void(providers::results_answer)> answer;
};

class results_poller_test : public ::testing::Test {
 protected:
  void SetUp() override { start({}); }
  void start(std::vector<std::shared_ptr<providers::provider>> others) {
    results_poller_options options;
    options.others = std::move(others);
    options.store = store.as<db::delivery_store>();
    options.provider = provider;
    options.poll = 1min;
    options.now = [this] { return on.time(); };
    options.counters = counters;
    options.pages_max = 3;
    poller = on.system.spawn(results_poller, std::move(options));
    on.run();
  }
  void TearDown() override { on.end(poller); }

  void begun(db::result<std::optional<results_turn>> turn) { store.answer(poller, turn); }
  void told(std::vector<providers::final_result> what, std::string next = {}) {
    provider->answer(providers::results_page{.results = std::move(what), .next = std::move(next)});
    on.run();
  }
  void stored(db::result<results_answer> answer = {}) { store.answer(poller, answer); }
  std::size_t times_asked_for_a_turn() { return store.take<asked::begin_results>().size(); }
  results_turn a_turn(std::chrono::milliseconds length = 1min) {
    return {.subscriber = {7},
            .number = 3,
            .from = on.time() - 3min,
            .to = on.time() - 3min + length,
            .instance = "0f1e2d3c"};
  }
  results_step next_step() {
    auto steps = store.take<asked::store_results>();
    EXPECT_EQ(steps.size(), 1u);
    return std::move(steps.at(0).step);
  }

  test_system on;
  played_worker store{on};
  std::shared_ptr<asked_provider> provider = std::make_shared<asked_provider>();
  std::shared_ptr<delivery_counters> counters = std::make_shared<delivery_counters>();
  caf::actor poller;
};

TEST_F(results_poller_test, a_turn_is_asked_for_at_each_poll_up_to_two_polls_ago) {
  EXPECT_EQ(times_asked_for_a_turn(), 0u);
  on.advance(1min);
  const auto questions = store.take<asked::begin_results>();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].due.subscriber, "alimtalk");
  EXPECT_EQ(questions[0].due.to, on.time() - 2min);
  on.advance(10min);
  EXPECT_EQ(times_asked_for_a_turn(), 0u) << "one question at a time";
  begun(std::nullopt);
  EXPECT_TRUE(provider->asked.empty());
  on.advance(1min);
  EXPECT_EQ(times_asked_for_a_turn(), 1u);
}

TEST_F(results_poller_test, turns_go_by_the_providers_clock) {
  provider->its_clock = -5min; // ours is ahead
  on.advance(1min);
  const auto questions = store.take<asked::begin_results>();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].due.to, on.time() - 5min - 2min);
  EXPECT_EQ(questions[0].due.ahead, -5min);
}

TEST_F(results_poller_test, several_providers_are_asked_in_one_turn_each_by_its_own_clock) {
  on.end(poller);
  const auto next = std::make_shared<asked_provider>();
  start({next});
  next->its_clock = 10s;
  on.advance(1min);
  store.take<asked::begin_results>();
  const auto turn = a_turn();
  begun(turn);
  told({{.delivery_id = "alimtalk-0f1e2d3c-5", .reached = true, .at = on.time(), .reason = {}}});
  EXPECT_EQ(next_step().what, then::goes_on);
  EXPECT_TRUE(next->asked.empty()) << "the page is stored first";
  stored();
  ASSERT_EQ(next->asked.size(), 1u);
  EXPECT_EQ(next->asked[0].from, turn.from + 10s);
  EXPECT_EQ(next->asked[0].to, turn.to + 10s);
  EXPECT_EQ(next->asked[0].cursor, "");
  next->answer(providers::results_page{
      .results = {{.delivery_id = "alimtalk-0f1e2d3c-6", .at = {}, .reason = "no KakaoTalk"}},
      .next = {}});
  on.run();
  const auto last = next_step();
  EXPECT_EQ(last.what, then::done);
  ASSERT_EQ(last.results.size(), 1u);
  EXPECT_EQ(last.results[0].last_error, "asked: no KakaoTalk");
  stored();
  EXPECT_EQ(provider->asked.size(), 1u);
}

TEST_F(results_poller_test, where_one_of_several_providers_has_no_answer_the_turn_is_given_up) {
  on.end(poller);
  const auto next = std::make_shared<asked_provider>();
  start({next});
  on.advance(1min);
  begun(a_turn());
  told({});
  stored();
  store.take<asked::store_results>();
  next->answer(std::unexpected(providers::failure{.reason = "503"}));
  on.run();
  EXPECT_EQ(next_step().what, then::given_up);
  stored();
  EXPECT_EQ(provider->asked.size(), 1u) << "until the next poll";
}

TEST_F(results_poller_test, a_result_without_an_id_of_ours_is_stored_by_the_providers_own) {
  on.advance(1min);
  const auto turn = a_turn();
  begun(turn);
  told({{.delivery_id = "",
         .reached = true,
         .at = turn.from,
         .reason = {},
         .provider_message_id = "#m1"},
        {.delivery_id = "",
         .reached = true,
         .at = turn.to,
         .reason = {},
         .provider_message_id = "m2"},
        {.delivery_id = "x",
         .reached = true,
         .at = turn.to,
         .reason = {},
         .provider_message_id = "#m3"},
        {.delivery_id = "", .reached = true, .at = turn.to, .reason = {}}});
  const auto step = next_step();
  ASSERT_EQ(step.results.size(), 1u);
  EXPECT_EQ(step.results[0].entry, entry_id{});
  EXPECT_EQ(step.results[0].provider_message_id, "#m1");
  EXPECT_EQ(step.results[0].delivered_at, turn.from);
  stored();
}

TEST_F(results_poller_test, the_pages_of_a_turn_are_read_and_stored_one_after_the_other) {
  on.advance(1min);
  const auto turn = a_turn();
  begun(turn);
  ASSERT_EQ(provider->asked.size(), 1u);
  EXPECT_EQ(provider->asked[0].from, turn.from);
  EXPECT_EQ(provider->asked[0].to, turn.to);
  EXPECT_EQ(provider->asked[0].cursor, "");
  told({{.delivery_id = "alimtalk-0f1e2d3c-77", .reached = true, .at = turn.from, .reason = {}},
        {.delivery_id = "alimtalk-99999999-76", .reached = true, .at = turn.to, .reason = {}},
        {.delivery_id = "alimtalk-75", .reached = true, .at = turn.to, .reason = {}},
        {.delivery_id = "alimtalk-78", // of an older release
         .reached = false,
         .at = turn.to,
         .reason = "3018 nobody",
         .provider_call_id = "c"},
        {.delivery_id = "shop-0f1e2d3c-79", .reached = true, .at = turn.to, .reason = {}},
        {.delivery_id = "alimtalk-0f1e2d3c-7x", .reached = true, .at = turn.to, .reason = {}},
        {.delivery_id = "alimtalk", .reached = true, .at = turn.to, .reason = {}}},
       "p2");
  auto step = next_step();
  EXPECT_EQ(step.turn, turn);
  EXPECT_EQ(step.what, then::goes_on);
  ASSERT_EQ(step.results.size(), 2u) << "the account's other messages are none of ours";
  EXPECT_EQ(step.results[0].entry, entry_id{77});
  EXPECT_EQ(step.results[0].delivered_at, turn.from);
  EXPECT_EQ(step.results[1].delivered_at, std::nullopt);
  EXPECT_EQ(step.results[1].last_error, "3018 nobody");
  EXPECT_EQ(step.results[1].provider_call_id, "c");
  EXPECT_EQ(provider->asked.size(), 1u) << "not before the page is stored";
  stored(results_answer{.arrived = 1, .failed = 1});
  EXPECT_EQ(counters->failed, 1u);
  ASSERT_EQ(provider->asked.size(), 2u);
  EXPECT_EQ(provider->asked[1].cursor, "p2");
  told({});
  EXPECT_EQ(next_step().what, then::done);
  times_asked_for_a_turn();
  stored();
  EXPECT_EQ(times_asked_for_a_turn(), 0u);
  on.advance(1min);
  EXPECT_EQ(times_asked_for_a_turn(), 1u);
}

TEST_F(results_poller_test, an_api_that_fails_is_asked_again_at_the_next_poll) {
  on.advance(1min);
  times_asked_for_a_turn();
  begun(a_turn(5min)); // as long as it may be
  provider->answer(std::unexpected(
      providers::failure{.kind = providers::failure_class::outage, .reason = "503"}));
  on.run();
  EXPECT_EQ(next_step().what, then::given_up);
  stored();
  EXPECT_EQ(times_asked_for_a_turn(), 0u);
  on.advance(59s);
  EXPECT_EQ(times_asked_for_a_turn(), 0u);
  on.advance(1s);
  EXPECT_EQ(times_asked_for_a_turn(), 1u);
}

TEST_F(results_poller_test, a_database_that_fails_is_asked_again_at_the_next_poll) {
  const db::error away{db::error_kind::unavailable, "away"};
  on.advance(1min);
  times_asked_for_a_turn();
  begun(std::unexpected(away));
  on.advance(1min);
  EXPECT_EQ(times_asked_for_a_turn(), 1u);
  begun(a_turn());
  told({}, "p2");
  EXPECT_EQ(next_step().what, then::goes_on);
  stored(std::unexpected(away));
  EXPECT_EQ(provider->asked.size(), 1u);
  on.advance(1min);
  EXPECT_EQ(times_asked_for_a_turn(), 1u);
}

TEST_F(results_poller_test, behind_a_span_that_is_as_long_as_it_may_be_the_next_is_read_at_once) {
  on.advance(1min);
  times_asked_for_a_turn();
  begun(a_turn(5min));
  told({});
  EXPECT_EQ(next_step().what, then::done);
  stored();
  EXPECT_EQ(times_asked_for_a_turn(), 1u);
}

TEST_F(results_poller_test, pages_that_never_end_are_left) {
  on.advance(1min);
  begun(a_turn());
  for (const then what : {then::goes_on, then::goes_on, then::done}) {
    told({}, "more");
    EXPECT_EQ(next_step().what, what);
    stored();
  }
  EXPECT_EQ(provider->asked.size(), 3u);
}

} // namespace
} // namespace paymentd::actors
