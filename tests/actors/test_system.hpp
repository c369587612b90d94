// An actor system whose schedule and clock belong to the test: one message at a time, in an order
// that the test may choose, and time that passes only when it says so.
#pragma once

#include "domain/types.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <random>

namespace paymentd::actors::test {

struct test_config : caf::actor_system_config {
  test_config() { set("scheduler.policy", caf::atom("testing")); }
};

class test_system {
 public:
  static constexpr instant begin{std::chrono::hours{500'000}};

  caf::actor_system& system() { return system_; }
  caf::scheduler::test_coordinator& scheduler() { return scheduler_; }
  void run() { scheduler_.run(); }
  bool run_once() { return scheduler_.try_run_once(); }

  /// Runs one job of those that could run now, whichever chance picks.
  bool run_one_of(std::mt19937_64& random) {
    if (scheduler_.jobs.empty())
      return false;
    const auto which = random() % scheduler_.jobs.size();
    std::swap(scheduler_.jobs.front(), scheduler_.jobs[which]);
    scheduler_.run_once();
    return true;
  }

  /// Lets time pass, in steps, and all that falls due happen.
  void pass(std::chrono::milliseconds time,
            std::chrono::milliseconds step = std::chrono::milliseconds{10}) {
    run();
    while (time.count() > 0) {
      const auto each = std::min(time, step);
      scheduler_.advance_time(each);
      time -= each;
      run();
    }
  }

  /// The wall clock, which goes with the actors' clock.
  instant now() const {
    return begin + std::chrono::floor<std::chrono::milliseconds>(scheduler_.clock().now() - start_);
  }

 private:
  test_config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& scheduler_ =
      dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  steady_instant start_ = scheduler_.clock().now();
};

} // namespace paymentd::actors::test
