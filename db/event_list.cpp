#include "db/event_list.hpp"

#include "domain/check.hpp"

#include <algorithm>
#include <tuple>

namespace paymentd::db {
namespace {

// The most that one page may look at, over all its streams: entries that are no events, charges
// say, count.
constexpr std::int64_t entries_looked_at_max = 20'000;
// From one stream, whatever the page's limit is.
constexpr std::int64_t events_of_stream_min = 4;
constexpr std::int64_t entries_of_stream_min = 512;
// Entries that are looked at for an event that is wanted.
constexpr std::int64_t entries_an_event = 8;

std::int64_t seen_in(const event_position& of, stream_id stream) {
  const auto at = std::ranges::lower_bound(of, stream, {}, &stream_position::stream);
  return at != of.end() && at->stream == stream ? at->seen : 0;
}

/// A stream's part in the page.
struct strand {
  stream_id stream;
  std::int64_t seen = 0;  // how far the page has come
  std::int64_t up_to = 0; // where it ends at the latest
  event_stretch found = {};
  std::size_t taken = 0;
  bool dry() const { return taken == found.events.size(); }
  /// All that was read of it is taken, though there is more. One that had nothing holds nobody up.
  bool cut_short() const { return dry() && !found.events.empty() && found.seen_to < up_to; }
};

std::vector<strand> strands_of(const list_events& asked, const event_position& ends) {
  const auto* from = std::get_if<event_position>(&asked.from);
  const bool from_now = from == nullptr && std::get<event_start>(asked.from) == event_start::now;
  std::vector<strand> all;
  for (const stream_position& end : ends) {
    strand& one = all.emplace_back(strand{.stream = end.stream});
    if (from_now)
      one.seen = end.seen;
    else if (from != nullptr)
      one.seen = std::min(seen_in(*from, end.stream), end.seen);
    one.up_to = asked.to ? std::min(seen_in(*asked.to, end.stream), end.seen) : end.seen;
    one.found.seen_to = one.seen;
  }
  return all;
}

event_position position_of(const std::vector<strand>& strands) {
  event_position made;
  for (const strand& each : strands)
    if (each.seen > 0)
      made.push_back({each.stream, each.seen});
  return made;
}

result<void> fill(event_source& from, const list_events& asked, std::vector<strand>& strands) {
  std::vector<strand*> ahead;
  for (strand& each : strands)
    if (each.seen < each.up_to)
      ahead.push_back(&each);
  if (ahead.empty() || asked.limit == 0)
    return {};
  // A page ends where a stream runs dry, so each gives somewhat more than its share.
  const std::int64_t share = asked.limit / std::ssize(ahead);
  const std::int64_t events =
      std::min<std::int64_t>(asked.limit, share + share / 4 + events_of_stream_min);
  std::vector<event_look> looks;
  for (const strand* each : ahead)
    looks.push_back(
        {.stream = each->stream,
         .above = each->seen,
         .up_to = each->up_to,
         .wanted = {.payments = asked.payments, .refunds = asked.refunds},
         .events = events,
         .looked_at =
             std::min(std::max(events * entries_an_event, entries_of_stream_min),
                      std::max<std::int64_t>(entries_looked_at_max / std::ssize(ahead), events))});
  auto found = from.look(looks);
  if (!found)
    return std::unexpected(found.error());
  check(found->size() == ahead.size(), "each stretch of the events is read");
  for (std::size_t i = 0; i < ahead.size(); ++i)
    ahead[i]->found = std::move((*found)[i]);
  return {};
}

/// The strand with the oldest event; none where all are dry, or where one is that has more, which
/// may be older.
strand* oldest(std::vector<strand>& strands) {
  const auto rank = [](const strand* of) {
    const payment_event& head = of->found.events[of->taken];
    return std::tuple(head.at, head.entry);
  };
  strand* best = nullptr;
  for (strand& each : strands) {
    if (each.cut_short())
      return nullptr;
    if (!each.dry() && (best == nullptr || rank(&each) < rank(best)))
      best = &each;
  }
  return best;
}

} // namespace

result<answer> gather_events(event_source& from, const list_events& asked) {
  const auto ends = from.ends();
  if (!ends)
    return std::unexpected(ends.error());
  auto instance = from.instance();
  if (!instance)
    return std::unexpected(instance.error());
  std::vector<strand> strands = strands_of(asked, *ends);
  event_page page{.items = {}, .begin = position_of(strands), .next = {}, .instance = *instance};
  if (auto filled = fill(from, asked, strands); !filled)
    return std::unexpected(filled.error());
  while (std::ssize(page.items) < asked.limit) {
    strand* next = oldest(strands);
    if (next == nullptr)
      break;
    page.items.push_back(std::move(next->found.events[next->taken++]));
    next->seen = number_of(page.items.back().entry);
  }
  for (strand& each : strands) {
    if (each.dry())
      each.seen = std::max(each.seen, each.found.seen_to);
    page.more = page.more || each.seen < each.up_to;
  }
  page.next = position_of(strands);
  return page;
}

} // namespace paymentd::db
