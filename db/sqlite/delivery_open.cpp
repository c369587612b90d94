// The half of delivery.hpp that opens claims: retries that are due, then what lies ahead of the
// cursor.
#include "db/sqlite/delivery.hpp"

#include <algorithm>

namespace paymentd::db::sqlite {
namespace {

// One claim looks at so many entries at the most: a long stretch of charges, which nobody wants, is
// passed in several steps rather than in one long transaction.
constexpr int entries_looked_at_max = 20'000;
// How far ahead is looked to say whether there is more.
constexpr int entries_peeked_at_max = 256;

// "[1,2,3]", so that SQL can look inside (json_each).
std::string to_list(std::span<const entry_id> ids) {
  std::string list = "[";
  for (const auto id : ids)
    list.append(list.size() > 1 ? "," : "").append(std::to_string(id.value));
  return list + "]";
}

} // namespace

claim_id delivery::add_range(const place& at, entry_id first, entry_id last,
                             std::string_view provider, instant now) {
  add_claim_.run(at.subscriber, at.stream, first, last, std::nullopt, now, provider);
  return {sqlite3_last_insert_rowid(handle_)};
}

claim_id delivery::add_retries(const place& at, std::span<const entry_id> entries,
                               std::string_view provider, instant now) {
  const std::string list = to_list(entries);
  add_claim_.run(at.subscriber, at.stream, std::nullopt, std::nullopt, std::string_view(list), now,
                 provider);
  return {sqlite3_last_insert_rowid(handle_)};
}

int delivery::open_retries(const place& at, const delivery_step& step, instant now,
                           std::vector<claim>& opened) {
  int count = 0;
  for (; count < step.open_max; ++count) {
    std::vector<entry_id> due;
    {
      auto rows = due_retries_.query(at.subscriber, now, at.stream, step.messages_max);
      while (rows.next())
        due.push_back({rows.integer(0)});
    }
    if (due.empty())
      break;
    std::ranges::sort(due);
    claim_row row;
    row.since = now;
    row.retries = std::move(due);
    for (const auto id : row.retries)
      take_retry_.run(at.subscriber, id);
    row.provider = step.provider;
    row.id = add_retries(at, row.retries, row.provider, now);
    opened.push_back(load_claim(at, row));
  }
  return count;
}

delivery::stretch delivery::load_ahead(const place& at, std::int64_t position,
                                       std::int64_t stream_next, int messages_max) {
  stretch ahead{.messages = {}, .last = position, .at_end = false};
  auto rows =
      events_of_range_.query(make_entry_id(at.stream, position),
                             make_entry_id(at.stream, stream_next - 1), entries_looked_at_max);
  int looked_at = 0;
  while (std::ssize(ahead.messages) < messages_max) {
    if (!rows.next()) {
      ahead.at_end = looked_at < entries_looked_at_max;
      break;
    }
    ++looked_at;
    ahead.last = number_of({rows.integer(0)});
    if (!at.wants(static_cast<entry_kind>(rows.integer(1))))
      continue;
    ahead.messages.push_back(read_message(rows));
  }
  return ahead;
}

// Gives whether all of the stream was seen.
bool delivery::open_ahead(const place& at, const delivery_step& step, int room,
                          std::int64_t stream_next, instant now, std::vector<claim>& opened) {
  const std::int64_t before = cursor(at);
  std::int64_t position = before;
  bool at_end = false;
  for (; room > 0 && !at_end; --room) {
    auto ahead = load_ahead(at, position, stream_next, step.messages_max);
    at_end = ahead.at_end;
    if (!ahead.messages.empty()) {
      const claim_id id = add_range(at, make_entry_id(at.stream, position + 1),
                                    make_entry_id(at.stream, ahead.last), step.provider, now);
      opened.push_back(
          make_claim(id, first_generation, now, std::move(ahead.messages), step.provider));
    }
    position = ahead.last;
  }
  if (position != before)
    move_cursor_.run(at.subscriber, at.stream, position);
  return at_end;
}

bool delivery::more_waits(const place& at, std::int64_t stream_next, instant now) {
  if (due_retries_.query(at.subscriber, now, at.stream, 1).next())
    return true;
  auto rows = kinds_ahead_.query(make_entry_id(at.stream, cursor(at)),
                                 make_entry_id(at.stream, stream_next - 1), entries_peeked_at_max);
  int peeked_at = 0;
  for (; rows.next(); ++peeked_at)
    if (at.wants(static_cast<entry_kind>(rows.integer(0))))
      return true;
  return peeked_at == entries_peeked_at_max; // too many to tell: perhaps
}

} // namespace paymentd::db::sqlite
