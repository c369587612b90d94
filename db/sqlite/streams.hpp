// The streams of the ledger: numbers, epochs, leases. One process has the database (file_lock), so
// an epoch ends only when a worker of this process, or a later one, takes the stream. Every call
// runs inside the caller's write transaction.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/store.hpp"
#include "domain/id_floor.hpp"

#include <span>

namespace paymentd::db::sqlite {

/// The numbers of a batch, by which it can be found again when its commit is in doubt.
struct batch_numbers {
  stream_lease stream;
  std::int64_t first = 0; // they are first to end - 1
  std::int64_t end = 0;
};

/// When an epoch begins, which bounds its numbers from below (domain/id_floor.hpp), and until when
/// the stream stays its owner's.
struct tenure {
  instant now;
  instant lease_until;
};

class streams {
 public:
  explicit streams(connection& on);

  /// The newest stream under a new epoch, or a new stream where there is none, or where the newest
  /// one is used up or of an earlier window of the clock.
  result<stream_lease> take(std::string_view owner, tenure of);

  /// A new stream that holds so many numbers and no more: nobody writes to it but the caller's
  /// transaction, and its next owner begins above them.
  result<batch_numbers> add_full(std::int64_t count, std::string_view owner, instant now);

  /// Takes `count` numbers and renews the lease; `fenced` where the epoch has ended.
  result<batch_numbers> take_numbers(stream_lease lease, std::int64_t count, instant lease_until);

  /// Gives the next number; `fenced` where the epoch has ended.
  result<std::int64_t> check(stream_lease lease);

  /// Begins a new epoch where the batch's is still the stream's, and says whether it was committed.
  struct verdict {
    bool committed;
    stream_lease lease;
  };
  result<verdict> resolve(const batch_numbers& batch, std::string_view owner, tenure of);

  /// The earlier streams in which something is left to deliver: those of `held`, renewed, and
  /// others, each under a new epoch; `streams_max` at the most. `own` is the stream that this store
  /// writes.
  result<std::vector<stream_lease>> adopt(std::span<const stream_lease> held, int streams_max,
                                          stream_id own, std::string_view owner, tenure of);

 private:
  stream_lease begin_epoch(stream_id id, std::int64_t ended, std::int64_t next,
                           std::string_view owner, tenure of);

  result<stream_id> next_id(std::int64_t newest, stream_floor floor) const;

  statement take_numbers_;
  statement state_;
  statement newest_;
  statement add_;
  statement begin_epoch_;
  statement renew_;
  statement end_epoch_;
  statement ended_epoch_;
  statement with_rest_;
};

} // namespace paymentd::db::sqlite
