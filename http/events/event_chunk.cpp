#include "http/events/event_chunk.hpp"

#include "cloudevents/event_json.hpp"
#include "http/events/event_token.hpp"

namespace paymentd::http {

namespace {

constexpr std::string_view id_field = "id: ";
constexpr std::string_view data_field = "\ndata: ";
constexpr std::string_view event_end = "\n\n";

} // namespace

event_chunk::event_chunk(const event_page& page)
    : begin_(page.begin), end_(page.next), end_token_(to_token(page.next)) {
  std::string text;
  event_position at = page.begin;
  for (const payment_event& each : page.items) {
    advance(at, each.entry);
    event_text one{.entry = each.entry, .kind = each.kind, .id = 0, .data = 0, .end = 0};
    one.id = static_cast<std::uint32_t>(text.size());
    text.append(id_field).append(to_token(at));
    one.data = static_cast<std::uint32_t>(text.size());
    text.append(data_field).append(cloudevents::event_json(each, page.instance)).append(event_end);
    one.end = static_cast<std::uint32_t>(text.size());
    events_.push_back(one);
  }
  all_ = std::make_shared<const std::string>(std::move(text));
}

shared_text event_chunk::text_for(event_kinds kinds) const {
  if (kinds.payments && kinds.refunds)
    return all_;
  shared_text& made = of_kind_[kinds.refunds ? 1 : 0];
  if (!made) {
    std::string text;
    for (const event_text& each : events_)
      if (kinds.has(each.kind))
        text.append(*all_, each.id, each.end - each.id);
    made = std::make_shared<const std::string>(std::move(text));
  }
  return made;
}

std::string event_chunk::text_from(event_position& at, event_kinds kinds, std::size_t most,
                                   bool& whole) const {
  std::string text;
  whole = false;
  for (const event_text& each : events_) {
    if (has_passed(at, each.entry))
      continue;
    if (text.size() >= most)
      return text;
    advance(at, each.entry);
    if (kinds.has(each.kind))
      text.append(id_field).append(to_token(at)).append(*all_, each.data, each.end - each.data);
  }
  at = later_of(at, end_);
  whole = true;
  return text;
}

std::string position_text(std::string_view token) {
  return std::string(id_field).append(token).append(event_end);
}

} // namespace paymentd::http
