// A page of a list, made of the rows that a store looked at: once for both stores. Pure; any
// thread.
#pragma once

#include "domain/check.hpp"
#include "domain/query.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace paymentd::db {

/// The most rows that are looked at for a page, where not all of them fit what is asked for.
inline constexpr int rows_looked_at = 500;

/// Whether rows that the list's index gives may have to be passed by.
inline bool filters(const list_users& asked) {
  return !asked.reference.empty() && !asked.phone.empty();
}
inline bool filters(const list_orders& asked) {
  const bool by_time = !asked.user && asked.reference.empty();
  return asked.status || !asked.reference.empty() ||
         (!by_time && (asked.created.from != instant::min() || asked.created.to != instant::max()));
}
inline bool filters(const list_entries& asked) {
  const bool by_time = !asked.user && !asked.order;
  return asked.kind ||
         (!by_time && (asked.created.from != instant::min() || asked.created.to != instant::max()));
}

inline bool fits(const user& one, const list_users& asked) {
  return (asked.reference.empty() || one.reference.view() == asked.reference) &&
         (asked.phone.empty() || one.phone == asked.phone);
}
inline bool fits(const order& one, const list_orders& asked) {
  return (!asked.user || one.owner == *asked.user) &&
         (!asked.status || one.status == *asked.status) &&
         (asked.reference.empty() || one.reference.view() == asked.reference) &&
         asked.created.holds(one.created_at);
}
inline bool fits(const ledger_entry& one, const list_entries& asked) {
  return (!asked.kind || one.kind == *asked.kind) && asked.created.holds(one.created_at);
}

/// The `below` of the page that goes on behind this one.
inline list_below below_of(const user& one, const list_users&) {
  return {.number = one.id.value};
}
inline list_below below_of(const order& one, const list_orders& asked) {
  if (asked.user)
    return {.number = one.id.value};
  return {.number = one.id.value, .created_at = one.created_at};
}
inline list_below below_of(const ledger_entry& one, const list_entries& asked) {
  if (asked.user || asked.order)
    return {.number = one.sequence};
  return {.number = one.id.value, .created_at = one.created_at};
}

/// How many rows a store is to give to make_page, at the most.
template <class Asked>
int rows_for(const Asked& asked) {
  return filters(asked) ? std::max(rows_looked_at, asked.limit + 1) : asked.limit + 1;
}

/// The bounds of a list by time: at or after `from`, and before (`at`, `number`), in the order of
/// time and number.
struct time_bounds {
  instant from;
  instant at;
  std::int64_t number;
};
template <class Asked>
time_bounds bounds_of(const Asked& asked) {
  constexpr std::int64_t year_9999 = 253'402'300'799'999; // the stores know no later time
  const instant first = std::max(asked.created.from, instant{});
  const instant last = std::min(asked.created.to, instant{std::chrono::milliseconds{year_9999}}) -
                       std::chrono::milliseconds{1};
  if (asked.below.created_at <= last)
    return {first, asked.below.created_at, asked.below.number};
  return {first, last, list_below{}.number};
}

/// The page of `rows`, which are the next ones of the list, rows_for(asked) of them unless there
/// are no more.
template <class Thing, class Asked>
page_of<Thing> make_page(std::vector<Thing> rows, const Asked& asked) {
  check(std::ssize(rows) <= rows_for(asked), "a store gives no more rows than are asked for");
  page_of<Thing> page;
  for (Thing& each : rows) {
    if (!fits(each, asked))
      continue;
    if (std::ssize(page.items) == asked.limit) {
      page.next = below_of(page.items.back(), asked);
      return page;
    }
    page.items.push_back(std::move(each));
  }
  if (std::ssize(rows) == rows_for(asked)) {
    // The moved-from last row has kept its numbers and times.
    page.next = below_of(rows.back(), asked);
  }
  return page;
}

} // namespace paymentd::db
