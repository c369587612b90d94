// The newest chunks of events, in the order in which they were read, numbered from 0: all clients
// that keep up are served from here. Bounded; the oldest chunks go first. Used on the hub's thread.
#pragma once

#include "http/events/event_chunk.hpp"
#include "http/events/event_token.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

namespace paymentd::http {

using shared_chunk = std::shared_ptr<const event_chunk>;

class event_ring {
 public:
  /// Chunks that hold more than `bytes_max` together, or are more than chunks_max, are let go.
  explicit event_ring(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  static constexpr std::size_t chunks_max = 4096;

  /// How far all was read; nothing until that is known.
  const std::optional<event_position>& head() const { return head_; }

  /// Empties it and begins anew from there.
  void begin(event_position head) {
    clear();
    head_ = std::move(head);
  }
  void clear() {
    first_ += chunks_.size();
    chunks_.clear();
    bytes_ = 0;
    head_.reset();
  }
  /// Adds a chunk, which begins at the head.
  void add(shared_chunk chunk) {
    head_ = chunk->end();
    bytes_ += chunk->bytes();
    chunks_.push_back(std::move(chunk));
    while (chunks_.size() > 1 && (bytes_ > bytes_max_ || chunks_.size() > chunks_max)) {
      bytes_ -= chunks_.front()->bytes();
      chunks_.pop_front();
      ++first_;
    }
  }

  /// The number of the chunk that is added next.
  std::uint64_t next() const { return first_ + chunks_.size(); }
  /// Null where it is gone, or not there yet.
  shared_chunk at(std::uint64_t number) const {
    return number < first_ || number >= next() ? nullptr : chunks_[number - first_];
  }

  /// The number of the last chunk that a client who has come to `position` can begin with, having
  /// passed all before it; `next()` where it has passed all. Nothing where it lacks older ones.
  std::optional<std::uint64_t> chunk_for(const event_position& position) const {
    if (!head_)
      return std::nullopt;
    if (covers(position, *head_))
      return next();
    for (std::uint64_t number = next(); number > first_; --number)
      if (covers(position, chunks_[number - 1 - first_]->begin()))
        return number - 1;
    return std::nullopt;
  }

 private:
  const std::size_t bytes_max_;
  std::optional<event_position> head_;
  std::deque<shared_chunk> chunks_;
  std::uint64_t first_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace paymentd::http
