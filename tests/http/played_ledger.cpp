#include "tests/http/played_ledger.hpp"

#include "http/events/event_token.hpp"

#include <algorithm>
#include <tuple>

namespace paymentd::http::testing {

entry_id played_ledger::add(stream_id stream, entry_kind kind) {
  const std::lock_guard lock{guard_};
  auto& into = streams_[stream];
  ++written_;
  payment_event made;
  made.entry = make_entry_id(stream, std::ssize(into) + 1);
  made.kind = kind;
  made.order = {written_};
  made.user = {1};
  made.total = {12000};
  made.ordered_at = made.at = instant{std::chrono::milliseconds{1'763'787'843'021 + written_}};
  if (kind == entry_kind::refund)
    made.refund = made.refunded = made.total;
  into.push_back(made);
  return made.entry;
}

std::vector<entry_id> played_ledger::add_many(int count, int streams) {
  std::vector<entry_id> all;
  for (int n = 0; n < count; ++n)
    all.push_back(add({1 + n % streams}));
  return all;
}

actors::answer_reply played_ledger::answer(const query& what) {
  const auto& asked = std::get<list_events>(what);
  const std::lock_guard lock{guard_};
  pages_behind_ += asked.to ? 1 : 0;
  event_position end;
  for (const auto& [stream, events] : streams_)
    end.push_back({stream, std::ssize(events)});
  event_page page{.items = {}, .begin = {}, .next = {}, .instance = "0f1e2d3c"};
  if (const auto* after = std::get_if<event_position>(&asked.from))
    page.begin = *after;
  else if (std::get<event_start>(asked.from) == event_start::now)
    page.begin = end;
  page.next = page.begin;
  std::vector<payment_event> ahead;
  for (const auto& [stream, events] : streams_)
    for (const payment_event& each : events)
      if (!has_passed(page.begin, each.entry) && (!asked.to || has_passed(*asked.to, each.entry)))
        ahead.push_back(each);
  std::ranges::sort(ahead, {}, [](const payment_event& of) { return std::tuple(of.at, of.entry); });
  for (const payment_event& each : ahead) {
    page.more = std::ssize(page.items) == asked.limit;
    if (page.more)
      break;
    advance(page.next, each.entry);
    if (each.kind == entry_kind::refund ? asked.refunds : asked.payments)
      page.items.push_back(each);
  }
  return paymentd::answer{page};
}

int played_ledger::pages_behind() {
  const std::lock_guard lock{guard_};
  return pages_behind_;
}

} // namespace paymentd::http::testing
