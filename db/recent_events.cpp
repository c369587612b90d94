#include "db/recent_events.hpp"

#include "domain/check.hpp"

#include <algorithm>

namespace paymentd::db {
namespace {

/// The one of that id; null where there is none.
template <class Thing, class Id>
const Thing* find_in(const std::vector<Thing>& sorted, Id id) {
  const auto at = std::ranges::lower_bound(sorted, id, {}, &Thing::id);
  return at != sorted.end() && at->id == id ? &*at : nullptr;
}

template <class Thing, class Id>
const Thing& find_in(const std::vector<Thing>& changed, const std::vector<Thing>& created, Id id) {
  const Thing* const found = find_in(changed, id);
  const Thing* const one = found != nullptr ? found : find_in(created, id);
  check(one != nullptr, "a decision has the orders and users of its payments and refunds");
  return *one;
}

/// About what a decision takes in memory.
std::size_t bytes_of(const decision& of) {
  std::size_t bytes = sizeof of + of.entries.size() * sizeof(ledger_entry);
  for (const ledger_entry& each : of.entries)
    bytes += each.reason.size() + each.created_by.size();
  for (const auto* users : {&of.changed_users, &of.new_users})
    for (const user& each : *users)
      bytes += sizeof each + each.reference.size() + each.metadata.size();
  for (const auto* orders : {&of.changed_orders, &of.new_orders})
    for (const order& each : *orders)
      bytes += sizeof each + each.reference.size() + each.metadata.size();
  return bytes;
}

} // namespace

payment_event event_of(const ledger_entry& entry, const decision& decided) {
  const order& of =
      find_in(decided.changed_orders, decided.new_orders, entry.order.value_or(order_id{}));
  const user& by = find_in(decided.changed_users, decided.new_users, of.owner);
  const bool refunds = entry.kind == entry_kind::refund;
  return {.entry = entry.id,
          .kind = entry.kind,
          .order = of.id,
          .user = by.id,
          .phone = by.phone,
          .coupon = of.coupon,
          .total = of.total,
          .discount = of.discount,
          .ordered_at = of.created_at,
          .at = entry.created_at,
          .refund = refunds ? entry.amount : won{},
          .refunded = refunds ? entry.refunded_after : won{},
          .reason = entry.reason,
          .reference = of.reference,
          .metadata = of.metadata,
          .trace = entry.trace};
}

std::optional<payment_event> recent_events::stretch::next(entry_id id) {
  for (; at_ < batches_.size(); ++at_, in_batch_ = 0) {
    const std::vector<ledger_entry>& entries = batches_[at_]->entries;
    while (in_batch_ < entries.size() && entries[in_batch_].id < id)
      ++in_batch_;
    if (in_batch_ == entries.size())
      continue;
    const ledger_entry& found = entries[in_batch_];
    const bool is_told = found.kind == entry_kind::payment || found.kind == entry_kind::refund;
    if (found.id != id || !is_told)
      return std::nullopt;
    return event_of(found, *batches_[at_]);
  }
  return std::nullopt;
}

void recent_events::remembered::forget_oldest() {
  first = batches.front().last + 1;
  bytes -= batches.front().bytes;
  batches.pop_front();
}

void recent_events::learn(const committed& of, decision decided) {
  if (!decided.updated_users.empty() || !decided.updated_orders.empty())
    return clear(); // some have a phone or metadata from before
  decided.new_kept = {};
  batch made{.last = of.last, .at = of.at, .bytes = bytes_of(decided), .decided = {}};
  made.decided = std::make_shared<const decision>(std::move(decided));
  const std::lock_guard held(mutex_);
  if (of.cleared != cleared_)
    return;
  remembered& to = streams_[of.stream];
  if (to.batches.empty() ? to.first != of.first : to.batches.back().last + 1 != of.first)
    to = {.first = of.first, .bytes = 0, .batches = {}};
  to.bytes += made.bytes;
  to.batches.push_back(std::move(made));
  while (!to.batches.empty() && (to.bytes > bytes_max || of.at - to.batches.front().at > kept_for))
    to.forget_oldest();
  std::erase_if(streams_, [&](const auto& each) { // that nobody writes any more
    const auto& batches = each.second.batches;
    return each.first != of.stream && (batches.empty() || of.at - batches.back().at > kept_for);
  });
}

recent_events::stretch recent_events::behind(stream_id stream, std::int64_t position,
                                             std::int64_t entries_max, instant now) const {
  stretch found;
  const std::lock_guard held(mutex_);
  const auto of = streams_.find(stream);
  if (of == streams_.end() || of->second.first > position + 1)
    return found;
  const auto& all = of->second.batches;
  const auto begin = std::ranges::upper_bound(all, position, {}, &batch::last);
  // Also where the clock was set back since, nothing is known of its age.
  if (begin == all.end() || now - begin->at > kept_for || begin->at - now > kept_for)
    return found;
  for (auto each = begin; each != all.end() && entries_max > 0; ++each) {
    found.batches_.push_back(each->decided);
    found.last_ = each->last;
    entries_max -= std::ssize(each->decided->entries);
  }
  return found;
}

void recent_events::clear() {
  const std::lock_guard held(mutex_);
  streams_.clear();
  ++cleared_;
}

std::int64_t recent_events::cleared() const {
  const std::lock_guard held(mutex_);
  return cleared_;
}

} // namespace paymentd::db
