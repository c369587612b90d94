// Gathers requests while a worker is busy with the batch before: what the lanes for settlement,
// reads and retries have in common. Plain bookkeeping; lives in the state of its actor.
#pragma once

#include "actors/requests.hpp"
#include "domain/check.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace paymentd::actors {

/// `Request` is a ticket `from` and the work `what`. A `Shed` is called with the ticket of a
/// request whose time is up before it was begun.
template <class Request>
class batcher {
 public:
  using work = decltype(Request::what);
  using batch = std::shared_ptr<const std::vector<work>>;

  bool has_room(std::size_t pending_max) const { return pending_.size() < pending_max; }
  void add(Request what) { pending_.push_back(std::move(what)); }
  bool empty() const { return pending_.empty(); } // nothing waits
  const std::vector<ticket>& at_worker() const { return tickets_; }

  /// Takes the next batch: at most `max` requests, or one where it goes alone; those whose time is
  /// up give way. Nothing where none is left. Precondition: no batch is at the worker.
  template <class Shed>
  batch gather(std::size_t max, steady_instant now, Shed shed) {
    check(tickets_.empty(), "one batch at a time is at the worker");
    auto made = std::make_shared<std::vector<work>>();
    while (!pending_.empty() && made->size() < (alone_ > 0 ? 1 : max)) {
      Request& next = pending_.front();
      if (next.from.begin_by < now) {
        shed(next.from);
        drop_front();
        continue;
      }
      made->push_back(std::move(next.what));
      tickets_.push_back(std::move(next.from));
      pending_.pop_front();
    }
    if (made->empty())
      return nullptr;
    alone_ -= std::min<std::size_t>(alone_, 1);
    batch_ = std::move(made);
    return batch_;
  }

  /// Ends the batch at the worker; gives its tickets, in its order.
  std::vector<ticket> finish() {
    batch_.reset();
    return std::exchange(tickets_, {});
  }
  /// The same where each of its requests was answered.
  std::vector<ticket> finish(std::size_t answers) {
    check(answers == tickets_.size(), "a batch has one answer a request");
    return finish();
  }

  /// Puts the batch back in front: nothing of it had happened.
  void put_back() {
    for (std::size_t i = tickets_.size(); i-- > 0;)
      pending_.push_front({std::move(tickets_[i]), (*batch_)[i]});
    finish();
  }
  /// The same, and each of its requests goes alone: one must not fail its neighbours.
  void put_back_alone() {
    alone_ = tickets_.size();
    put_back();
  }

  /// Sheds those in front whose time is up: nearly all of them, since nearly all come in order.
  template <class Shed>
  void expire_front(steady_instant now, Shed shed) {
    while (!pending_.empty() && pending_.front().from.begin_by < now) {
      shed(pending_.front().from);
      drop_front();
    }
  }

  /// Sheds all whose time is up: of those that waited elsewhere before, one may stand behind others
  /// that have more time.
  template <class Shed>
  void expire(steady_instant now, Shed shed) {
    const std::size_t alone_before = alone_; // those in front
    std::size_t at = 0;
    std::erase_if(pending_, [&](const Request& each) {
      const bool over = each.from.begin_by < now;
      if (over) {
        shed(each.from);
        alone_ -= at < alone_before ? 1 : 0;
      }
      ++at;
      return over;
    });
  }

  /// Sheds all that wait.
  template <class Shed>
  void shed_all(Shed shed) {
    for (const Request& each : std::exchange(pending_, {}))
      shed(each.from);
    alone_ = 0;
  }

 private:
  void drop_front() {
    pending_.pop_front();
    alone_ -= std::min<std::size_t>(alone_, 1);
  }

  std::deque<Request> pending_;
  std::vector<ticket> tickets_; // of the batch at the worker, in its order
  batch batch_;
  std::size_t alone_ = 0; // that many of those in front go alone
};

} // namespace paymentd::actors
