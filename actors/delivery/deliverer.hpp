// The work of the notification actor: decides after each event what to ask of the store and of the
// provider. notification_actor.cpp has what comes, deliverer_pump.cpp what is asked, and
// deliverer_prune.cpp how old deliveries are pruned. Lives on its actor's thread.
#pragma once

#include "actors/delivery/claim_book.hpp"
#include "actors/delivery/notification_actor.hpp"
#include "actors/payment_success.hpp"

#include <caf/response_promise.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace paymentd::actors {

/// From the provider's thread to the actor.
struct call_answered {
  std::uint64_t call = 0;
  providers::call_result result;
};
struct search_answered {
  std::uint64_t call = 0;
  providers::search_result result;
};
/// The actor's own alarm clock.
struct alarm {
  std::uint64_t number = 0;
};

class deliverer {
 public:
  deliverer(caf::event_based_actor* self, notification_options options);
  deliverer(const deliverer&) = delete;
  deliverer& operator=(const deliverer&) = delete;
  ~deliverer(); // takes its share out of the counters of what is now

  void start();
  void on(const stream_held& news);
  void on(const stream_lost& news);
  void on(const payment_success& hint);
  void on(const retries_due& hint);
  void on(call_answered& answer);
  void on(search_answered& answer);
  void on(const alarm& ring);
  void finish(caf::response_promise promise);

  void store_is_gone();

 private:
  enum class subscription : std::uint8_t { wanted, asked, done };

  void on_subscribed(db::result<paymentd::subscriber> answer);
  void on_claims(const stream_lease& of, db::result<std::vector<claim>> claims);
  void on_delivered(const stream_lease& of, db::result<delivery_answer> answer);
  void on_pruned(const stream_lease& of, const db::result<prune_answer>& answer);

  void pump();
  void ask_store();
  void load(held_stream& stream);
  void step(held_stream& stream, int wanting);
  int room();
  void allow_another_probe();
  void set_probe_time();
  void call_provider();
  void send(const claim& claim);
  void search(const claim& claim);
  void after(std::uint64_t call, auto result);
  void store_failed(held_stream& stream, const db::error& why);
  void log_failed(const open_claim& of, const delivery_result& what) const;
  void record(const std::vector<open_claim>& ended);
  void close(std::string why);
  bool closed();
  void prune();
  steady_instant next_prune() const;
  void set_alarm();
  void check_clock();
  instant time_now();
  void be_quiet(std::chrono::milliseconds wait);
  void show_quiet();
  circumstances around(const open_claim& of);
  intake takes_now();
  void tell_chain(const providers::call_result& result);
  bool probing() const { return successes_ == 0; }

  caf::event_based_actor* const self_;
  notification_options options_;
  subscription subscribed_ = subscription::wanted;
  subscriber_id subscriber_;
  std::string instance_;            // of the database
  std::vector<std::string> others_; // the other providers of its chain
  steady_instant subscribe_not_before_;
  int subscribe_failures_ = 0;

  claim_book book_;
  std::map<std::uint64_t, steady_instant> calls_; // under way since then, of lost streams too
  std::uint64_t last_call_ = 0;
  std::uint64_t successes_ = 0;      // calls and searches that worked, since the start
  instant last_success_;             // when the newest of them was answered
  int allowed_ = 1;                  // calls at a time: 1, 2, 4 … in_flight_max
  steady_instant probe_alone_until_; // while probing: then one more call is allowed
  int probes_alone_ = 0;             // calls that were allowed so
  steady_instant quiet_until_;       // throttled
  std::optional<instant> unstored_quiet_;
  // The time of the wall clock, and when it was read; from there on it may go on by the steady
  // clock alone.
  instant clock_base_;
  steady_instant clock_base_at_;
  bool set_back_ = false;    // the wall clock is behind that
  steady_instant pace_gate_; // messages_per_second_max
  steady_instant poll_at_;
  stream_id served_; // the stream that was given room last

  // Of each held stream: where pruning goes on, and when.
  struct pruning {
    std::int64_t after = 0;
    steady_instant not_before;
  };
  std::map<stream_id, pruning> prunings_;
  std::optional<stream_lease> pruned_now_; // what the store is asked to prune

  bool closing_ = false;
  std::string outage_; // why it dies once it is closed; empty where it was asked to finish
  steady_instant closing_until_;
  std::vector<caf::response_promise> finishing_;

  std::uint64_t alarm_number_ = 0;
  std::optional<steady_instant> alarm_at_;
};

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::call_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::search_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::alarm)
