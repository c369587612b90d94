// The fixture that the notification actor is tested in: the real embedded store, a provider
// that remembers keys as NHN's API does and counts what it accepted, and faults at the word of the
// test. Single-threaded; time passes only when the test says so.
#pragma once

#include "actors/delivery/notification_supervisor.hpp"
#include "actors/store_worker.hpp"
#include "tests/actors/test_system.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace paymentd::actors::test {

/// How the model API treats a call or a search.
struct treatment {
  bool accept = true;                          // whether it takes the call in
  std::optional<providers::failure> says = {}; // what is said instead of the truth
  std::function<std::optional<providers::failure>(const providers::recipient&)> recipient = nullptr;
  std::function<void(std::vector<providers::recipient_result>&)> garble = nullptr;
};

inline providers::failure failing(providers::failure_class kind, std::string reason = "as told") {
  return {.kind = kind, .reason = std::move(reason)};
}

class model_provider final : public providers::provider {
 public:
  explicit model_provider(test_system& on) : on_(on) {}

  std::string_view name() const override { return called; }
  void send(providers::call what, std::function<void(providers::call_result)> done) override;
  void search(providers::call what, std::function<void(providers::search_result)> done) override;
  bool can_search() const override { return searchable; }
  std::chrono::milliseconds key_window() const override { return window; }
  bool repeats_are_copies() const override { return copies; }
  std::size_t recipients_max() const override { return 1000; }
  void stop() override {}

  /// Lets one answer, of those that are held back, arrive.
  void release(std::size_t which = 0);
  /// Lets those arrive that have been held back for `time`, the latest ones first or last.
  void release_after(std::chrono::milliseconds time, bool latest_first = false);
  std::size_t waiting() const { return answers_.size(); }
  int times_accepted(entry_id entry) const;

  bool searchable = true;
  bool copies = false;
  std::string called = "model";
  std::chrono::milliseconds window = std::chrono::minutes{10};
  bool hold_answers = false;
  std::function<treatment(const providers::call&)> on_send = nullptr;
  std::function<treatment(const providers::call&)> on_search = nullptr;

  std::vector<providers::call> sent; // every call, in its order
  std::vector<instant> sent_at;
  std::vector<providers::call> searched;
  std::map<entry_id, int> accepted; // how often

 private:
  void answer(std::function<void()> arrive);
  providers::call_result take_in(const providers::call& what, const treatment& how);

  test_system& on_;
  std::map<std::string, instant> keys_;
  std::map<std::string, std::map<std::string, std::string>> by_key_;
  struct held_answer {
    std::function<void()> arrive;
    instant since;
  };
  std::deque<held_answer> answers_;
  int last_id_ = 0;
};

/// The real store, with faults. `before` may fail a step that then did not happen; `after` may
/// lose the answer of one that did.
class faulty_store final : public db::store_connection, public db::delivery_store {
 public:
  explicit faulty_store(db::store& real) : real_(real) {}

  db::result<void> ping() override { return real_.ping(); }
  db::result<subscriber> subscribe(std::string_view name, bool payments, bool refunds,
                                   instant now) override;
  db::result<subscriber> find_registered(std::string_view name) override {
    return real_.find_registered(name);
  }
  db::result<subscriber> set_kinds(std::string_view name, bool payments, bool refunds) override {
    return real_.set_kinds(name, payments, refunds);
  }
  db::result<std::vector<delivery_lease>> lease_deliveries(std::span<const std::string> subscribers,
                                                           std::span<const stream_id> written,
                                                           int most, instant now) override {
    return real_.lease_deliveries(subscribers, written, most, now);
  }
  db::result<std::vector<claim>> open_claims(subscriber_id subscriber, stream_lease stream,
                                             instant now) override;
  db::result<delivery_answer> deliver(const delivery_step& step, instant now) override;
  db::result<std::vector<answer>> retry(std::span<const delivery_retry> which,
                                        instant now) override {
    return real_.retry(which, now);
  }
  db::result<db::failed_progress>
  retry_failed(const failed_retry& which, const db::failed_progress& so_far, instant now) override {
    return real_.retry_failed(which, so_far, now);
  }
  db::result<prune_answer> prune(const prune_step& step, instant now) override {
    return real_.prune(step, now);
  }
  db::result<std::optional<results_turn>> begin_results(const results_due& asked,
                                                        instant now) override {
    return real_.begin_results(asked, now);
  }
  db::result<results_answer> store_results(const results_step& step, instant now) override {
    return real_.store_results(step, now);
  }

  std::function<std::optional<db::error>()> before = nullptr;
  std::function<std::optional<db::error>()> after = nullptr;

  std::set<entry_id> lost; // messages whose rows somebody has deleted

  std::map<entry_id, delivery_result> results; // the newest that was stored
  std::map<entry_id, int> times_delivered;     // how often stored as DELIVERED
  std::vector<delivery_step> steps;            // those that happened

 private:
  void lose(std::vector<claim>& claims) const;

  db::store& real_;
};

class delivery_fixture {
 public:
  delivery_fixture();
  ~delivery_fixture();

  /// Starts the supervised actor on the held stream. A payment that comes later is its to deliver.
  void start();
  void end();
  /// Pays that many new orders and gives their ledger entries; says so to the supervisor, or not.
  std::vector<entry_id> pay(int orders, bool hint = true, const trace_context& trace = {});
  /// Ends the notification actor that lives now, as a bug would. Gives whether there was one.
  bool kill();

  void run() { on.run(); }
  void pass(std::chrono::milliseconds time,
            std::chrono::milliseconds step = std::chrono::milliseconds{20}) {
    on.pass(time, step);
  }
  /// Lets time pass until each of them is stored as DELIVERED.
  void pass_until_delivered(const std::vector<entry_id>& entries, std::chrono::milliseconds most);
  supervisor_status status();
  template <class T>
  void tell(T what) {
    caf::anon_send(supervisor, std::move(what));
  }

  /// Whether each of them is stored as DELIVERED, was accepted once, and nothing is left open.
  testing::AssertionResult all_delivered_once(const std::vector<entry_id>& entries);
  delivery_result result_of(entry_id entry) { return store->results[entry]; }
  /// As a client is shown them.
  std::vector<delivery_try> tries_of(entry_id entry);
  std::size_t open_claims();
  std::int64_t breaches();

  test_system on;
  support::temporary_directory directory{support::memory_directory()};
  std::unique_ptr<db::database> database;
  std::unique_ptr<db::store> lane;     // as the settlement lane would have it
  std::shared_ptr<faulty_store> store; // the same, as the notification actor has it
  std::shared_ptr<model_provider> provider;
  notification_supervisor_options options;
  std::shared_ptr<delivery_counters> counters;
  stream_lease stream;
  user_id payer;
  caf::actor worker;
  caf::actor spy; // stands before the worker and sees who asks
  caf::actor supervisor;
  caf::actor_addr child;
};

} // namespace paymentd::actors::test
