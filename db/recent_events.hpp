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
#include <optional>
#include <vector>

namespace paymentd::db {

/// The event of a payment or a refund of a decision, without the user's reference and metadata.
payment_event event_of(const ledger_entry& entry, const decision& decided);

/// Shared by the stores of one database; any thread. Bounded: it remembers bytes_max of each
/// stream, and gives nothing that was committed longer ago than kept_for. Within that time an event
/// may miss that its user's phone or its order's metadata were changed by another process, or that
/// a row was deleted by hand. It misses no change by this process (`clear`).
class recent_events {
  struct batch {
    std::int64_t last = 0; // of its numbers; they begin behind those of the batch before
    instant at;
    std::size_t bytes = 0;
    std::shared_ptr<const decision> decided; // the events are made of it when they are asked for:
                                             // settlement is not to wait for them
  };

 public:
  static constexpr std::chrono::milliseconds kept_for{1'000};
  static constexpr std::size_t bytes_max = std::size_t{8} << 20;

  /// All payments and refunds of one part of a stream. Keeps them; one thread.
  class stretch {
   public:
    bool empty() const { return batches_.empty(); }
    /// The number that it ends with. Precondition: it is not empty.
    std::int64_t last() const { return last_; }
    /// The event of an entry; nothing where it has none. Entries are asked for by rising id.
    std::optional<payment_event> next(entry_id id);

   private:
    friend class recent_events;
    std::vector<std::shared_ptr<const decision>> batches_;
    std::int64_t last_ = 0;
    std::size_t at_ = 0; // the batch, and the entry in it, that come next
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
  /// Remembers what was decided, unless it changed phones or metadata: then all is forgotten. So is
  /// a batch during which that happened, and all before one that does not follow the one before it.
  void learn(const committed& of, decision decided);

  /// The part of the stream that begins right behind the number `position`, and ends where it has
  /// `entries_max` entries or more; empty where that is not remembered, or not any more.
  stretch behind(stream_id stream, std::int64_t position, std::int64_t entries_max,
                 instant now) const;

  /// How often all was forgotten by `clear`.
  std::int64_t cleared() const;
  /// Forgets all, and the batches that are under way.
  void clear();

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
