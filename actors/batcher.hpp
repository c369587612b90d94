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

  bool has_room(std::size_t pending_max) const {
    return pending_.size() + bulk_.size() < pending_max;
  }
  void add(Request what) { (what.from.bulk ? bulk_ : pending_).push_back(std::move(what)); }
  bool empty() const { return pending_.empty() && bulk_.empty(); } // nothing waits
  const std::vector<ticket>& at_worker() const { return tickets_; }

  /// Of a batch, the part (one in so many) that is kept for requests of a bulk while some wait.
  static constexpr std::size_t bulk_part = 4;

  /// Takes the next batch: at most `max` requests, or one where it goes alone; those whose time is
  /// up give way. Requests that came alone go first, and those of a bulk fill what is left, a
  /// quarter at least: so neither keeps the other waiting for ever. Nothing where none is left.
  /// Precondition: no batch is at the worker.
  template <class Shed>
  batch gather(std::size_t max, steady_instant now, Shed shed) {
    check(tickets_.empty(), "one batch at a time is at the worker");
    auto made = std::make_shared<std::vector<work>>();
    const auto take = [&](std::deque<Request>& line, std::size_t up_to) {
      while (!line.empty() && made->size() < (alone_ > 0 ? 1 : up_to)) {
        Request& next = line.front();
        if (next.from.begin_by < now) {
          shed(next.from);
          drop_front(line);
          continue;
        }
        made->push_back(std::move(next.what));
        tickets_.push_back(std::move(next.from));
        line.pop_front();
      }
    };
    const std::size_t kept_for_bulk = max > 1 ? std::max<std::size_t>(max / bulk_part, 1) : 0;
    take(pending_, max - std::min(bulk_.size(), kept_for_bulk));
    take(bulk_, max);
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
      (tickets_[i].bulk ? bulk_ : pending_).push_front({std::move(tickets_[i]), (*batch_)[i]});
    finish();
  }
  /// The same, and each of its requests goes alone: one must not fail its neighbours.
  void put_back_alone() {
    alone_ = tickets_.size();
    for (ticket& each : tickets_)
      each.bulk = false;
    put_back();
  }

  /// Sheds those in front whose time is up: nearly all of them, since nearly all come in order.
  template <class Shed>
  void expire_front(steady_instant now, Shed shed) {
    for (auto* line : {&pending_, &bulk_})
      while (!line->empty() && line->front().from.begin_by < now) {
        shed(line->front().from);
        drop_front(*line);
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
    std::erase_if(bulk_, [&](const Request& each) {
      const bool over = each.from.begin_by < now;
      if (over)
        shed(each.from);
      return over;
    });
  }

  /// Sheds all that wait.
  template <class Shed>
  void shed_all(Shed shed) {
    for (auto* line : {&pending_, &bulk_})
      for (const Request& each : std::exchange(*line, {}))
        shed(each.from);
    alone_ = 0;
  }

 private:
  void drop_front(std::deque<Request>& line) {
    line.pop_front();
    if (&line == &pending_)
      alone_ -= std::min<std::size_t>(alone_, 1);
  }

  std::deque<Request> pending_; // that came alone
  std::deque<Request> bulk_;    // of many in one request
  std::vector<ticket> tickets_; // of the batch at the worker, in its order
  batch batch_;
  std::size_t alone_ = 0; // that many of those in front of pending_ go alone
};

} // namespace paymentd::actors
