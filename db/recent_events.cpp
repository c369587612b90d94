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

std::size_t bytes_of(const payment_event& one) {
  return sizeof one + one.reason.size() + one.reference.size() + one.metadata.size();
}

} // namespace

std::vector<payment_event> events_of(const decision& decided) {
  std::vector<payment_event> made;
  made.reserve(decided.entries.size());
  for (const ledger_entry& entry : decided.entries) {
    if (entry.kind != entry_kind::payment && entry.kind != entry_kind::refund)
      continue;
    const order& of =
        find_in(decided.changed_orders, decided.new_orders, entry.order.value_or(order_id{}));
    const user& by = find_in(decided.changed_users, decided.new_users, of.owner);
    const bool refunds = entry.kind == entry_kind::refund;
    made.push_back({.entry = entry.id,
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
                    .trace = entry.trace});
  }
  return made;
}

const payment_event* recent_events::stretch::next(entry_id id) {
  for (; at_ < batches_.size(); ++at_, in_batch_ = 0) {
    const std::vector<payment_event>& events = *batches_[at_];
    while (in_batch_ < events.size() && events[in_batch_].entry < id)
      ++in_batch_;
    if (in_batch_ < events.size())
      return events[in_batch_].entry == id ? &events[in_batch_] : nullptr;
  }
  return nullptr;
}

void recent_events::remembered::forget_oldest() {
  first = batches.front().last + 1;
  bytes -= batches.front().bytes;
  batches.pop_front();
}

void recent_events::learn(const committed& of, const decision& decided) {
  if (!decided.updated_users.empty() || !decided.updated_orders.empty())
    return clear();
  add(of, events_of(decided));
}

void recent_events::add(const committed& of, std::vector<payment_event> events) {
  batch made{.last = of.last, .at = of.at, .bytes = sizeof(batch), .events = {}};
  for (const payment_event& each : events)
    made.bytes += bytes_of(each);
  made.events = std::make_shared<const std::vector<payment_event>>(std::move(events));
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
                                             std::int64_t events_max, instant now) const {
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
  for (auto each = begin; each != all.end() && events_max > 0; ++each) {
    found.batches_.push_back(each->events);
    found.last_ = each->last;
    events_max -= std::ssize(*each->events);
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
