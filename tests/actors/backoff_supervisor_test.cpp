// Goal: each state of the supervisor, and every way into it and out of it.
// Method: children that end at a word from the test, on CAF's deterministic scheduler; time and
// chance are the test's.
#include "actors/delivery/backoff_supervisor.hpp"

#include "tests/actors/test_system.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace paymentd::actors {
namespace {
struct fail {};
struct succeed {};
struct word {
  int value = 0;
};
struct ask {};
struct keep_this {
  int value = 0;
};
} // namespace
} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::fail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::succeed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::word)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::ask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::keep_this)

namespace paymentd::actors {
namespace {

using namespace std::chrono_literals;

class backoff_supervisor_test : public testing::Test {
 public:
  ~backoff_supervisor_test() override {
    end();
    EXPECT_FALSE(scheduler().has_job());
  }

  void start() {
    options_.make_child = [this](caf::event_based_actor* self) {
      ++starts_;
      if (throws_)
        throw std::runtime_error("cannot start");
      return self->spawn([this, parent = caf::actor{self}](caf::event_based_actor* child) {
        child->set_exit_handler([this, child](caf::exit_msg& exit) {
          ++exits_;
          child->quit(exit.reason);
        });
        return caf::behavior{
            [child](const fail&) { child->quit(caf::make_error(caf::sec::runtime_error, "boom")); },
            [child, parent](const succeed&) { child->send(parent, child_succeeded{}); },
            [this](const word& heard) { words_.push_back(heard.value); },
            [this](const keep_this& heard) { words_.push_back(heard.value); },
            [](const ask&) { return 42; },
        };
      });
    };
    supervisor_ = system().spawn(backoff_supervisor, options_);
    test_.run();
  }

  void end() {
    if (!supervisor_)
      return;
    caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
    test_.run();
    supervisor_ = nullptr;
  }

  template <class T>
  void tell(T what) {
    caf::anon_send(supervisor_, std::move(what));
    test_.run();
  }

  supervisor_status status() {
    supervisor_status got;
    bool answered = false;
    auto asker = system().spawn([&](caf::event_based_actor* self) {
      self->request(supervisor_, caf::infinite, get_supervisor_status{})
          .then([&](const supervisor_status& each) {
            got = each;
            answered = true;
          });
    });
    test_.run();
    EXPECT_TRUE(answered);
    return got;
  }

  caf::actor_system& system() { return test_.system; }
  caf::scheduler::test_coordinator& scheduler() { return test_.coordinator(); }

  int starts_ = 0;
  int exits_ = 0;
  bool throws_ = false;
  std::vector<int> words_;
  backoff_supervisor_options options_{
      .backoff = {.min = 100ms, .max = 1s, .factor = 2.0, .jitter = 0.0}};
  test::test_system test_;
  caf::actor supervisor_;
};

TEST_F(backoff_supervisor_test, a_child_is_started_at_once) {
  start();
  EXPECT_EQ(starts_, 1);
  EXPECT_EQ(status().state, supervision::running);
  EXPECT_TRUE(status().child_lives);
  EXPECT_EQ(status().restarts, 0u);
}

TEST_F(backoff_supervisor_test, a_child_that_dies_is_started_later_and_later_up_to_the_maximum) {
  start();
  for (const auto delay : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    const int before = starts_;
    tell(fail{});
    EXPECT_EQ(status().state, supervision::backing_off);
    EXPECT_EQ(status().delay, delay);
    test_.pass(delay - 1ms);
    EXPECT_EQ(starts_, before) << "too early";
    test_.pass(1ms);
    EXPECT_EQ(starts_, before + 1);
    EXPECT_EQ(status().state, supervision::running);
  }
  EXPECT_EQ(status().failures, 6);
  EXPECT_EQ(status().restarts, 6u);
}

TEST_F(backoff_supervisor_test, only_a_proven_success_brings_the_delay_back_to_the_minimum) {
  start();
  tell(fail{});
  test_.pass(100ms);
  test_.pass(1h, 1min); // living long proves nothing
  tell(fail{});
  EXPECT_EQ(status().delay, 200ms);
  test_.pass(200ms);
  tell(succeed{});
  EXPECT_EQ(status().failures, 0);
  EXPECT_EQ(status().last_error, "");
  tell(fail{});
  EXPECT_EQ(status().delay, 100ms);
}

TEST_F(backoff_supervisor_test, a_start_that_throws_counts_as_a_failure) {
  throws_ = true;
  start();
  EXPECT_EQ(starts_, 1);
  EXPECT_EQ(status().last_error, "cannot start");
  EXPECT_EQ(status().delay, 100ms);
  test_.pass(100ms);
  EXPECT_EQ(starts_, 2);
  EXPECT_EQ(status().delay, 200ms);
  throws_ = false;
  test_.pass(200ms);
  EXPECT_EQ(status().state, supervision::running);
}

TEST_F(backoff_supervisor_test, too_many_restarts_in_the_window_are_degraded_until_a_success) {
  options_.restarts_max = 3;
  options_.window = 10s;
  start();
  for (int i = 0; i < 3; ++i) {
    tell(fail{});
    EXPECT_EQ(status().state, supervision::backing_off);
    test_.pass(400ms);
  }
  tell(fail{});
  EXPECT_EQ(status().state, supervision::degraded);
  EXPECT_EQ(status().delay, 1s);
  EXPECT_FALSE(status().child_lives);
  test_.pass(1s);
  EXPECT_EQ(starts_, 5) << "degraded is not dead";
  EXPECT_EQ(status().state, supervision::degraded) << "a start proves nothing";
  EXPECT_TRUE(status().child_lives);
  tell(succeed{});
  EXPECT_EQ(status().state, supervision::running);
  tell(fail{});
  EXPECT_EQ(status().state, supervision::backing_off);
  EXPECT_EQ(status().delay, 100ms);
}

TEST_F(backoff_supervisor_test, restarts_spread_over_more_than_the_window_are_not_degraded) {
  options_.restarts_max = 2;
  options_.window = 1s;
  start();
  for (int i = 0; i < 8; ++i) {
    tell(fail{});
    EXPECT_EQ(status().state, supervision::backing_off) << i;
    test_.pass(1s);
  }
}

TEST_F(backoff_supervisor_test, jitter_comes_from_the_random_source_and_only_shortens) {
  options_.random = [] { return 0.5; };
  options_.backoff.jitter = 0.2;
  start();
  tell(fail{});
  EXPECT_EQ(status().delay, 90ms);
}

TEST_F(backoff_supervisor_test, an_exit_ends_the_child_at_once) {
  start();
  end();
  EXPECT_EQ(exits_, 1);
  EXPECT_EQ(system().registry().running(), 0u);
}

TEST_F(backoff_supervisor_test, an_exit_while_backing_off_does_not_wait_for_the_timer) {
  options_.backoff.max = 1h;
  start();
  tell(fail{});
  end();
  EXPECT_EQ(system().registry().running(), 0u);
  test_.pass(1s);
  EXPECT_EQ(starts_, 1) << "nothing rises after the end";
}

TEST_F(backoff_supervisor_test, messages_go_to_the_child_and_are_lost_while_there_is_none) {
  start();
  tell(word{1});
  tell(fail{});
  tell(word{2});
  test_.pass(100ms);
  tell(word{3});
  EXPECT_EQ(words_, (std::vector{1, 3}));
}

TEST_F(backoff_supervisor_test, a_request_is_answered_by_the_child_or_refused_while_there_is_none) {
  start();
  int answer = 0;
  caf::error refused;
  auto request = [&] {
    system().spawn([&](caf::event_based_actor* self) {
      self->request(supervisor_, caf::infinite, ask{})
          .then([&](int got) { answer = got; }, [&](caf::error& e) { refused = std::move(e); });
    });
    test_.run();
  };
  request();
  EXPECT_EQ(answer, 42);
  tell(fail{});
  answer = 0;
  request();
  EXPECT_EQ(answer, 0);
  EXPECT_TRUE(refused == caf::sec::request_receiver_down);
}

TEST_F(backoff_supervisor_test, what_is_kept_is_given_to_each_new_child_first) {
  options_.keep = [](const caf::message& came, std::vector<caf::message>& kept) {
    if (came.match_elements<keep_this>())
      kept.push_back(came);
  };
  start();
  tell(keep_this{7});
  tell(fail{});
  tell(keep_this{8}); // comes while no child lives
  tell(word{9});      // a hint: lost
  test_.pass(100ms);
  EXPECT_EQ(words_, (std::vector{7, 7, 8}));
}

TEST_F(backoff_supervisor_test, whoever_measures_sees_each_state_with_its_delay) {
  options_.restarts_max = 1;
  start();
  const auto& gauges = *options_.gauges;
  const auto state = [&] { return static_cast<supervision>(gauges.state.load()); };
  EXPECT_EQ(state(), supervision::running);
  tell(fail{});
  EXPECT_EQ(state(), supervision::backing_off);
  EXPECT_EQ(gauges.delay_ms, status().delay.count());
  EXPECT_EQ(gauges.failures, 1);
  test_.pass(1s);
  EXPECT_EQ(state(), supervision::running);
  EXPECT_EQ(gauges.delay_ms, 0);
  EXPECT_EQ(gauges.restarts, 1u);
  tell(fail{});
  EXPECT_EQ(state(), supervision::degraded);
  EXPECT_EQ(gauges.delay_ms, options_.backoff.max.count());
  test_.pass(options_.backoff.max);
  tell(succeed{});
  EXPECT_EQ(state(), supervision::running);
  EXPECT_EQ(gauges.failures, 0);
}

} // namespace
} // namespace paymentd::actors
