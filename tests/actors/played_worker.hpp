// A store worker that the test plays by hand: it keeps what it is asked, and answers when the test
// says so, with what the test says. Single-threaded.
#pragma once

#include "actors/store_worker.hpp"
#include "tests/actors/test_system.hpp"

#include <any>
#include <deque>
#include <stdexcept>

namespace paymentd::actors::test {

/// Calls of a store, each with its subject.
namespace asked {
struct take_stream {};
struct settle {
  std::vector<command> batch;
};
struct resolve {};
struct read {
  std::vector<query> queries;
};
struct lease_deliveries {
  std::vector<std::string> subscribers;
  std::vector<stream_id> written;
};
struct forget_keys {
  instant before;
};
struct measure_backlog {
  std::string subscriber;
  std::int64_t looked_at_max = 0;
};
struct retry {
  std::vector<delivery_retry> which;
};
struct retry_failed {
  failed_retry which;
  db::failed_progress so_far;
};
struct begin_results {
  results_due due;
};
struct store_results {
  results_step step;
};
struct webhooks {};
struct change_webhook {
  webhook_request what;
};
struct tend_webhooks {};
} // namespace asked

/// Notes what it is asked, and answers with `next`, where that fits the question.
class played_store final : public db::store {
 public:
  db::result<void> ping() override { return {}; }
  db::result<stream_lease> take_stream(instant) override {
    return note<stream_lease>(asked::take_stream{});
  }
  db::result<std::vector<outcome>> settle(std::span<const command> batch, instant) override {
    return note<std::vector<outcome>>(asked::settle{{batch.begin(), batch.end()}});
  }
  db::result<std::optional<std::vector<outcome>>> resolve(instant) override {
    return note<std::optional<std::vector<outcome>>>(asked::resolve{});
  }
  stream_lease lease() const override { return present; }
  db::result<std::int64_t> forget_keys(instant before) override {
    return note<std::int64_t>(asked::forget_keys{before});
  }
  db::result<delivery_backlog> measure_backlog(std::string_view subscriber,
                                               std::int64_t looked_at_max) override {
    return note<delivery_backlog>(asked::measure_backlog{std::string{subscriber}, looked_at_max});
  }
  db::result<std::vector<answer>> read(std::span<const query> queries) override {
    return note<std::vector<answer>>(asked::read{{queries.begin(), queries.end()}});
  }
  db::result<std::vector<delivery_lease>> lease_deliveries(std::span<const std::string> subscribers,
                                                           std::span<const stream_id> written, int,
                                                           instant) override {
    return note<std::vector<delivery_lease>>(asked::lease_deliveries{
        {subscribers.begin(), subscribers.end()}, {written.begin(), written.end()}});
  }
  db::result<std::vector<answer>> retry(std::span<const delivery_retry> which, instant) override {
    return note<std::vector<answer>>(asked::retry{{which.begin(), which.end()}});
  }
  db::result<db::failed_progress>
  retry_failed(const failed_retry& which, const db::failed_progress& so_far, instant) override {
    return note<db::failed_progress>(asked::retry_failed{which, so_far});
  }
  db::result<std::optional<results_turn>> begin_results(const results_due& due, instant) override {
    return note<std::optional<results_turn>>(asked::begin_results{due});
  }
  db::result<results_answer> store_results(const results_step& step, instant) override {
    return note<results_answer>(asked::store_results{step});
  }
  db::result<db::known_webhooks> webhooks() override {
    return note<db::known_webhooks>(asked::webhooks{});
  }
  db::result<answer> change_webhook(const webhook_request& what, instant) override {
    return note<answer>(asked::change_webhook{what});
  }
  db::result<db::webhook_upkeep> tend_webhooks(instant) override {
    return note<db::webhook_upkeep>(asked::tend_webhooks{});
  }
  db::result<bool> take_over_webhook(const webhook&, instant) override {
    throw std::logic_error("not played");
  }
  // Of the notification actor, whose tests use the real store.
  db::result<subscriber> subscribe(std::string_view, bool, bool, instant) override {
    throw std::logic_error("not played");
  }
  db::result<subscriber> find_registered(std::string_view) override {
    throw std::logic_error("not played");
  }
  db::result<subscriber> set_kinds(std::string_view, bool, bool) override {
    throw std::logic_error("not played");
  }
  db::result<std::vector<claim>> open_claims(subscriber_id, stream_lease, instant) override {
    throw std::logic_error("not played");
  }
  db::result<delivery_answer> deliver(const delivery_step&, instant) override {
    throw std::logic_error("not played");
  }
  db::result<prune_answer> prune(const prune_step&, instant) override {
    throw std::logic_error("not played");
  }

  stream_lease present; // what lease() gives
  std::any next;        // a db::result; empty: the question is only noted
  std::tuple<std::vector<asked::take_stream>, std::vector<asked::settle>,
             std::vector<asked::resolve>, std::vector<asked::read>,
             std::vector<asked::lease_deliveries>, std::vector<asked::retry>,
             std::vector<asked::retry_failed>, std::vector<asked::forget_keys>,
             std::vector<asked::measure_backlog>, std::vector<asked::begin_results>,
             std::vector<asked::store_results>, std::vector<asked::webhooks>,
             std::vector<asked::change_webhook>, std::vector<asked::tend_webhooks>>
      noted;

 private:
  template <class Answer, class Question>
  db::result<Answer> note(Question what) {
    if (!next.has_value()) {
      std::get<std::vector<Question>>(noted).push_back(std::move(what));
      return std::unexpected(db::error{db::error_kind::broken, "only noted"});
    }
    return std::any_cast<db::result<Answer>>(std::exchange(next, {}));
  }
};

class played_worker {
 public:
  explicit played_worker(test_system& on) : on_(on), calls_(on) { state_.connection = store_; }

  template <class Port>
  worker_of<Port> as() const {
    return {calls_.handle()};
  }

  /// Calls of this kind, since they were taken last.
  template <class Question>
  std::vector<Question>& got() {
    for (store_call& each : calls_.take<store_call>()) {
      each.make(state_); // to see what is asked; the answer goes nowhere
      open_.push_back(std::move(each));
    }
    return std::get<std::vector<Question>>(store_->noted);
  }
  template <class Question>
  std::vector<Question> take() {
    return std::exchange(got<Question>(), {});
  }

  /// Answers `asker`'s oldest question that has no answer yet.
  template <class Answer>
  void answer(const caf::actor& asker, db::result<Answer> with, stream_lease present = {}) {
    got<asked::settle>();
    if (open_.empty())
      throw std::logic_error("nothing was asked");
    store_->next = std::move(with);
    store_->present = present;
    caf::anon_send(asker, open_.front().make(state_));
    open_.pop_front();
    on_.run();
  }

 private:
  test_system& on_;
  inbox<store_call> calls_;
  std::shared_ptr<played_store> store_ = std::make_shared<played_store>();
  store_worker_state state_;
  std::deque<store_call> open_;
};

} // namespace paymentd::actors::test
