// Some events that follow one another, rendered once for all clients: as server-sent events, each
// with the token of the position behind it. Immutable but for the texts that are made when somebody
// first asks for them; used on the hub's thread alone.
#pragma once

#include "domain/query.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::http {

/// The kinds of events that a client asked for.
struct event_kinds {
  bool payments = true;
  bool refunds = true;
  bool has(entry_kind kind) const { return kind == entry_kind::refund ? refunds : payments; }
};

using shared_text = std::shared_ptr<const std::string>;

class event_chunk {
 public:
  explicit event_chunk(const event_page& page);

  const event_position& begin() const { return begin_; }
  const event_position& end() const { return end_; }
  /// The token of the end.
  const std::string& end_token() const { return end_token_; }
  /// Memory that the events take, without those texts that are made for kinds.
  std::size_t bytes() const { return all_->size() + events_.size() * sizeof(event_text); }

  /// The text for a client that has come exactly to the begin. May be empty.
  shared_text text_for(event_kinds kinds) const;
  /// The text for a client that has come at least to the begin, but is ahead somewhere: without
  /// those that it has passed, and with tokens of its own; ended behind `most` bytes, which `whole`
  /// tells. Moves `at` to where it is then.
  std::string text_from(event_position& at, event_kinds kinds, std::size_t most, bool& whole) const;

 private:
  struct event_text {
    entry_id entry;
    entry_kind kind;
    std::uint32_t id;   // where its text begins,
    std::uint32_t data; // its data in that,
    std::uint32_t end;  // and where it ends
  };

  event_position begin_;
  event_position end_;
  std::string end_token_;
  shared_text all_;
  std::vector<event_text> events_;
  mutable std::array<shared_text, 2> of_kind_; // payments; refunds
};

/// The block that tells a client where it is, without an event, as the specification of server-sent
/// events allows: where the connection ends before the next event, it resumes there.
std::string position_text(std::string_view token);

} // namespace paymentd::http
