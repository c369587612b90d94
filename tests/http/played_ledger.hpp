// A ledger of several streams that a test writes, and the answers that a store would give from it.
// Any thread.
#pragma once

#include "actors/requests.hpp"

#include <map>
#include <mutex>
#include <vector>

namespace paymentd::http::testing {

class played_ledger {
 public:
  /// Writes the next entry of a stream.
  entry_id add(stream_id stream, entry_kind kind = entry_kind::payment);
  /// `count` payments, each in another of `streams` streams than the one before.
  std::vector<entry_id> add_many(int count, int streams);

  /// The answer of a read lane. Only list_events can be asked.
  actors::answer_reply answer(const query& what);
  /// How many pages were asked for that end at a position: those for clients that are behind.
  int pages_behind();

 private:
  std::mutex guard_;
  std::map<stream_id, std::vector<payment_event>> streams_;
  std::int64_t written_ = 0;
  int pages_behind_ = 0;
};

} // namespace paymentd::http::testing
