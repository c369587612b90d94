// Where requests meet actors: sends commands and queries and resumes the coroutine that waits when
// the outcome comes or the time is up. Each I/O thread has one, and uses it on that thread only;
// what actors send arrives on their threads and is handed over through `wake` and `drain`.
#pragma once

#include "actors/entrance.hpp"
#include "domain/check.hpp"
#include "http/http_counters.hpp"

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace paymentd::http {

class gateway {
 public:
  struct options {
    /// How long an outcome may take. Work that is not begun after 4/5 of it is not begun at all.
    std::chrono::milliseconds request_timeout{5000};
    /// How many requests may wait at once; more are answered `overloaded`. At least 1.
    std::size_t in_flight_max = 20000;
    /// Counts the answers `overloaded` and `database_unavailable`, whoever said so; may be null.
    /// Outlives the gateway.
    shed_counters* shed = nullptr;
  };

  /// `wake` is called on any thread, once for many messages, must not block, and must see to it
  /// that `drain` is called on the gateway's thread. It is not called after the destructor.
  /// `turn_begun` is called on the gateway's thread with the first command or query of a turn, and
  /// must see to it that `flush` is called when what is ready now has been done.
  gateway(caf::actor_system& system, options limits, std::function<void()> wake,
          std::function<void()> turn_begun);
  ~gateway();
  gateway(const gateway&) = delete;
  gateway& operator=(const gateway&) = delete;

  /// Whom to ask. Until then everything is answered `database_unavailable`. Once at the most.
  void connect(actors::entrance to);

  // The asker keeps the command or query until its answer has come.

  /// co_await submit(command) gives the outcome. No outcome within the request time-out is
  /// `outcome_unknown`: it may have happened. An outcome that comes later is dropped.
  class submission;
  submission submit(const command& what);
  submission submit(command&&) = delete;
  /// co_await submit_all(commands) gives one reply each, in their order, once all have one. Each is
  /// a command of its own, and gives way to those that are submitted alone.
  class bulk_submission;
  bulk_submission submit_all(std::vector<command> all);
  /// co_await look_up(query) likewise; without an answer in time it is `database_unavailable`,
  /// since a query changes nothing.
  class inquiry;
  inquiry look_up(const query& what);
  inquiry look_up(query&&) = delete;
  inquiry look_up(const list_events& what);
  inquiry look_up(list_events&&) = delete;
  /// co_await retry(delivery): as look_up, but without an answer in time it is
  /// `outcome_unknown`.
  inquiry retry(const delivery_retry& which);
  inquiry retry(const failed_retry& which);
  inquiry retry(delivery_retry&&) = delete;
  inquiry retry(failed_retry&&) = delete;
  /// co_await ask(request) likewise.
  inquiry ask(const webhook_request& what);
  inquiry ask(webhook_request&&) = delete;

  /// Has the settlement lanes see whether the database takes a write.
  void check_stores();
  /// Sends the commands and queries of this turn, in one message to each actor that takes some: so
  /// the actors' thread is woken once a turn, not once a request.
  void flush();
  /// Resumes whoever has an answer waiting.
  void drain();
  /// Resumes whoever has waited too long.
  void expire(steady_instant now);
  /// From now on answers everything new with `why`; what is in flight goes on.
  void close(actors::no_outcome why);
  /// Resumes all who wait, as if their time were up.
  void abandon();
  std::size_t in_flight() const { return in_flight_; }

 private:
  struct inbox;
  struct waiter {
    std::coroutine_handle<> resume;
    bulk_submission* part_of = nullptr; // then that is resumed, once all of it have answers
    actors::no_outcome when_late = actors::no_outcome::outcome_unknown;
    std::optional<actors::outcome_reply> outcome;
    std::optional<actors::answer_reply> answer;
    void fail(actors::no_outcome why);
  };
  /// One request in flight. Slots are reused, so numbers carry how often.
  struct slot {
    waiter* who = nullptr;
    std::uint32_t uses = 0;
    std::uint32_t earlier = none; // among those in flight, by age; a free slot's next free one
    std::uint32_t later = none;
    steady_instant due;
  };
  static constexpr std::uint32_t none = 0xFFFF'FFFF;

  bool admit(waiter& who);
  bool admit(waiter& who, const caf::actor& to);
  actors::ticket enter(waiter& who);
  waiter* leave(std::uint64_t number);
  static void wake(waiter& who);
  void send_this_turn(waiter& who, command what);
  void send_this_turn(waiter& who, const caf::actor& to, query what);
  void take(actors::looked_up& reply);
  void remove(std::uint32_t at);
  void resume_oldest();
  void count(actors::no_outcome why);

  /// Messages to one actor at the end of this turn.
  struct parcel {
    caf::actor to;
    std::vector<actors::submit> commands = {};
    std::vector<actors::look_up> queries = {};
  };
  parcel& parcel_of_this_turn(const caf::actor& to);

  caf::actor_system& system_;
  actors::entrance to_;
  options limits_;
  std::shared_ptr<inbox> inbox_;
  std::function<void()> turn_begun_;
  std::vector<parcel> parcels_; // one for each actor that was ever sent something
  bool in_turn_ = false;
  caf::actor self_;                   // the companion: whom actors answer
  std::vector<caf::actor_addr> gone_; // entrances that ended; nothing reaches them
  std::optional<actors::no_outcome> closed_ = actors::no_outcome::database_unavailable;
  std::vector<slot> slots_;
  std::uint32_t free_ = none;
  std::uint32_t oldest_ = none;
  std::uint32_t newest_ = none;
  std::size_t in_flight_ = 0;

 public:
  class submission : waiter {
   public:
    bool await_ready() { return !via_.admit(*this) || !via_.admit(*this, via_.to_.taking(*what_)); }
    void await_suspend(std::coroutine_handle<> self);
    actors::outcome_reply await_resume() {
      check(outcome.has_value(), "a command's reply is an outcome");
      if (!*outcome)
        via_.count(outcome->error());
      return std::move(*outcome);
    }

   private:
    friend gateway;
    submission(gateway& via, const command& what) : via_(via), what_(&what) {}
    gateway& via_;
    const command* what_;
  };

  class bulk_submission {
   public:
    bool await_ready() const noexcept { return false; }
    /// False where there is nothing to wait for.
    bool await_suspend(std::coroutine_handle<> self);
    std::vector<actors::outcome_reply> await_resume();

   private:
    friend gateway;
    bulk_submission(gateway& via, std::vector<command> all) : via_(via), all_(std::move(all)) {}
    gateway& via_;
    std::vector<command> all_;
    std::vector<waiter> parts_; // one a command
    std::size_t left_ = 0;      // without an answer
    std::coroutine_handle<> resume_;
  };

  class inquiry : waiter {
   public:
    bool await_ready() { return !via_.admit(*this) || !via_.admit(*this, to()); }
    void await_suspend(std::coroutine_handle<> self);
    actors::answer_reply await_resume() {
      check(answer.has_value(), "a query's reply is an answer");
      if (!*answer)
        via_.count(answer->error());
      return std::move(*answer);
    }

   private:
    friend gateway;
    using asked = std::variant<const query*, const list_events*, const delivery_retry*,
                               const failed_retry*, const webhook_request*>;
    inquiry(gateway& via, asked what) : via_(via), what_(what) {
      if (only_reads())
        when_late = actors::no_outcome::database_unavailable;
    }
    const caf::actor& to() const;
    bool only_reads() const;
    gateway& via_;
    asked what_;
  };
};

} // namespace paymentd::http
