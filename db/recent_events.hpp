// The events of the newest batches that this process has committed, as their messages need them. So
// a message that is claimed at once, as nearly all are, is not read back from the ledger, its order
// and its user. The ledger stays the record: a step still reads there which entries there are.
#pragma once

#include "domain/decide.hpp"
#include "domain/event.hpp"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace paymentd::db {

/// The payments and refunds among the entries of a batch, by rising entry. `decided` has the orders
/// and users of these. Without the user's reference and metadata. Cost: n log n for n entries.
std::vector<payment_event> events_of(const decision& decided);

/// Shared by the stores of one database; any thread. Bounded: it remembers bytes_max of each
/// stream, and gives nothing that was committed longer ago than kept_for. Within that time an event
/// may miss that its user's phone or its order's metadata were changed by another process, or that
/// a row was deleted by hand. It misses no change by this process (`clear`).
class recent_events {
  struct batch {
    std::int64_t last = 0; // of its numbers; they begin behind those of the batch before
    instant at;
    std::size_t bytes = 0;
    std::shared_ptr<const std::vector<payment_event>> events;
  };

 public:
  static constexpr std::chrono::milliseconds kept_for{1'000};
  static constexpr std::size_t bytes_max = std::size_t{4} << 20;

  /// All payments and refunds of one part of a stream. Keeps them; one thread.
  class stretch {
   public:
    bool empty() const { return batches_.empty(); }
    /// The number that it ends with. Precondition: it is not empty.
    std::int64_t last() const { return last_; }
    /// The event of an entry, or null where it has none. Entries are asked for by rising id.
    const payment_event* next(entry_id id);

   private:
    friend class recent_events;
    std::vector<std::shared_ptr<const std::vector<payment_event>>> batches_;
    std::int64_t last_ = 0;
    std::size_t at_ = 0; // the batch, and the event in it, that come next
    std::size_t in_batch_ = 0;
  };

  /// A committed batch.
  struct committed {
    stream_id stream;
    std::int64_t first = 0; // the numbers of the stream that it used up
    std::int64_t last = 0;
    instant at;               // its time
    std::int64_t cleared = 0; // as `cleared` gave it before anything was read for the batch
  };
  /// Remembers its events, unless it changed phones or metadata: then all is forgotten.
  void learn(const committed& of, const decision& decided);
  /// Remembers these, which are all of its events, unless `clear` was called since it began. A
  /// batch that does not follow the one before it makes that and all earlier ones forgotten.
  void add(const committed& of, std::vector<payment_event> events);

  /// The part of the stream that begins right behind the number `position`, and ends where it has
  /// `events_max` events or more; empty where that is not remembered, or not any more.
  stretch behind(stream_id stream, std::int64_t position, std::int64_t events_max,
                 instant now) const;

  /// Forgets all, since a phone or metadata were changed by a batch that has committed.
  void clear();
  /// How often that was.
  std::int64_t cleared() const;

 private:
  struct remembered {
    std::int64_t first = 0; // the number that the oldest batch begins with
    std::size_t bytes = 0;
    std::deque<batch> batches; // by rising numbers
    void forget_oldest();
  };

  mutable std::mutex mutex_; // held for a few steps, never over I/O
  std::map<stream_id, remembered> streams_;
  std::int64_t cleared_ = 0;
};

} // namespace paymentd::db
