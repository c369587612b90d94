// The rule by which all FAILED deliveries are retried, some at a time, once for both stores: a pure
// function from what a store read to what it is to write. Any thread.
#pragma once

#include "db/store.hpp"
#include "domain/plan_retries.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace paymentd::db {

/// A FAILED delivery of the subscriber that is looked at.
struct failed_row {
  entry_id entry;
  instant created_at; // of its entry
};
struct failed_subscriber {
  subscriber_id id;
  std::string name;
};

/// All that a store writes, in one transaction, and the answer of its call.
struct failed_plan {
  subscriber_id subscriber;
  std::vector<entry_id> retried;    // become PENDING and due
  std::vector<kept_count> new_kept; // one at the most
  failed_progress next;
};

/// `at` is the first subscriber from `so_far.subscriber` on that is asked for; none: all were
/// looked at. `failed` are its next rows behind `so_far.behind`, by rising entry,
/// failed_at_once_max at the most. `before` is what is kept for the key; null: nothing is.
inline failed_plan plan_failed(const failed_retry& which, const failed_progress& so_far,
                               const std::optional<failed_subscriber>& at,
                               std::span<const failed_row> failed, const kept_count* before) {
  failed_plan made;
  made.next.count = so_far.count;
  if (before != nullptr) {
    if (before->key.body == which.key->body)
      made.next.outcome = retried_count{before->what.count, true};
    else
      made.next.outcome = key_reused{};
    return made;
  }
  if (!at) {
    const retried_count done{so_far.count};
    made.next.outcome = done;
    if (which.key)
      made.new_kept.push_back({*which.key, done});
    return made;
  }
  made.subscriber = at->id;
  made.next.name = at->name;
  for (const failed_row& each : failed) {
    if (!which.created.holds(each.created_at))
      continue;
    made.retried.push_back(each.entry);
    const stream_id stream = stream_of(each.entry);
    if (made.next.due.empty() || made.next.due.back() != stream) // rows of a stream stand together
      made.next.due.push_back(stream);
  }
  made.next.count += std::ssize(made.retried);
  const bool at_end = std::ssize(failed) < failed_at_once_max;
  made.next.subscriber = {at->id.value + (at_end ? 1 : 0)};
  made.next.behind = at_end ? entry_id{} : failed.back().entry;
  return made;
}

} // namespace paymentd::db
