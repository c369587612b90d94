// A deterministic actor system for tests: one message at a time, in an order that the test may
// choose, time that stands still until the test moves it, and inboxes that keep what they get.
// Single-threaded.
#pragma once

#include "actors/requests.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

namespace paymentd::actors::test {

class test_system {
 public:
  static constexpr instant begin{std::chrono::hours{500'000}};

  test_system() : system(configuration()), start_(now()) {}
  ~test_system() { run(); } // the system waits for its actors, and those for the test to run them

  /// Lets every actor handle all that it has, without moving the time.
  void run() {
    while (coordinator().try_run_once()) {
    }
  }

  /// Runs one actor of those that could run now, whichever chance picks.
  bool run_one_of(std::mt19937_64& random) {
    auto& jobs = coordinator().jobs;
    if (jobs.empty())
      return false;
    std::swap(jobs.front(), jobs[random() % jobs.size()]);
    coordinator().run_once();
    return true;
  }

  /// Lets time pass, in steps, and all that falls due happen.
  void pass(std::chrono::milliseconds time,
            std::chrono::milliseconds step = std::chrono::milliseconds{10}) {
    run();
    for (; time.count() > 0; time -= step)
      advance(std::min(time, step));
  }

  /// Moves the time, fires what became due, and lets everything be handled.
  void advance(std::chrono::milliseconds by) {
    coordinator().advance_time(by);
    run();
  }

  steady_instant now() { return coordinator().clock().now(); }
  /// The wall clock, which goes with the actors' clock, but for what somebody has set it by.
  instant time() {
    return begin + std::chrono::floor<std::chrono::milliseconds>(now() - start_) + set_by;
  }

  caf::scheduler::test_coordinator& coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }

  /// Ends an actor; needed where it has timers, or the system would wait for them.
  void end(const caf::actor& which) {
    caf::anon_send_exit(which, caf::exit_reason::user_shutdown);
    run();
  }

 private:
  static caf::actor_system_config& configuration() {
    static thread_local caf::actor_system_config config;
    config.set("scheduler.policy", caf::atom("testing"));
    return config;
  }

 public:
  caf::actor_system system;
  std::chrono::milliseconds set_by{0};

 private:
  steady_instant start_;
};

/// An actor that keeps every message of the types `Ts`, in one vector for each type.
template <class... Ts>
class inbox {
 public:
  explicit inbox(test_system& on)
      : kept_(std::make_shared<std::tuple<std::vector<Ts>...>>()),
        handle_(on.system.spawn([kept = kept_](caf::event_based_actor*) -> caf::behavior {
          return {
              [kept](Ts& what) { std::get<std::vector<Ts>>(*kept).push_back(std::move(what)); }...};
        })) {}

  /// A kept message may hold the actors that hold this one: forget it, or none of them ever ends.
  ~inbox() {
    *kept_ = {};
    caf::anon_send_exit(handle_, caf::exit_reason::user_shutdown);
  }
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;

  const caf::actor& handle() const { return handle_; }

  template <class T>
  std::vector<T>& got() {
    return std::get<std::vector<T>>(*kept_);
  }

  /// Gives what came and forgets it.
  template <class T>
  std::vector<T> take() {
    return std::exchange(got<T>(), {});
  }

 private:
  std::shared_ptr<std::tuple<std::vector<Ts>...>> kept_;
  caf::actor handle_;
};

inline order paid_order(std::int64_t id, std::int64_t owner, std::int64_t entry_number) {
  return {.id = {id},
          .owner = {owner},
          .coupon = std::nullopt,
          .total = {100},
          .discount = {0},
          .status = order_status::paid,
          .payment_entry = make_entry_id({1}, entry_number),
          .refund_entry = std::nullopt,
          .created_at = {},
          .updated_at = {}};
}

inline outcome refusal_of(refusal why, std::optional<order_status> status = std::nullopt) {
  return refused{why, status};
}

} // namespace paymentd::actors::test
