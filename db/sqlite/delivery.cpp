#include "db/sqlite/delivery.hpp"

#include "db/claim_key.hpp"
#include "db/results_turns.hpp"
#include "db/sqlite/sql.hpp"

#include <algorithm>
#include <charconv>

namespace paymentd::db::sqlite {
namespace {

std::unexpected<error> broken(std::string text) {
  return std::unexpected(error{error_kind::broken, std::move(text)});
}

std::unexpected<error> not_open(claim_id id) {
  return broken("claim " + std::to_string(id.value) + " is not open here");
}

std::string read_instance(connection& on) {
  statement asks(on, sql::get_instance);
  auto rows = asks.query();
  return rows.next() ? std::string(rows.text(0)) : std::string();
}

// A list as to_list makes it (delivery_open.cpp).
std::vector<entry_id> from_list(std::string_view list) {
  std::vector<entry_id> ids;
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at != end) {
    entry_id id;
    const auto [after, failed] = std::from_chars(at, end, id.value);
    if (failed == std::errc{})
      ids.push_back(id);
    at = failed == std::errc{} ? after : at + 1;
  }
  return ids;
}

} // namespace

delivery::delivery(connection& on)
    : handle_(on.handle()), instance_(read_instance(on)),
      find_subscriber_(on, sql::find_subscriber), hold_(on, sql::hold_subscriber),
      read_again_(on, sql::read_results_again), wants_(on, sql::subscriber_wants),
      add_subscriber_(on, sql::add_subscriber), add_cursors_(on, sql::add_cursors_at_end),
      add_cursor_(on, sql::add_cursor_at_start), get_cursor_(on, sql::get_cursor),
      move_cursor_(on, sql::move_cursor), get_claims_(on, sql::get_claims),
      get_claim_(on, sql::get_claim), add_claim_(on, sql::add_claim),
      next_generation_(on, sql::next_generation), end_claim_(on, sql::end_claim),
      events_of_range_(on, sql::events_of_range), event_of_entry_(on, sql::event_of_entry),
      entries_of_range_(on, sql::entries_of_range), entry_created_(on, sql::entry_created),
      kinds_ahead_(on, sql::kinds_ahead), due_retries_(on, sql::due_retries),
      next_retry_(on, sql::next_retry), take_retry_(on, sql::take_retry),
      put_delivery_(on, sql::put_delivery), mark_delivery_(on, sql::mark_delivery),
      retry_(on, sql::retry_delivery), prune_end_(on, sql::prune_end),
      prune_look_(on, sql::prune_look), prune_one_(on, sql::prune_one),
      raise_kept_from_(on, sql::raise_kept_from) {}

// ---- subscribers and claims as they stand -------------------------------------------------------

subscriber delivery::subscribe(std::string_view name, bool wants_payments, bool wants_refunds,
                               instant now) {
  {
    auto row = find_subscriber_.query(name);
    if (row.next())
      return {{row.integer(0)},    std::string(name),
              row.integer(1) != 0, row.integer(2) != 0,
              instance_,           row.is_null(3) ? std::nullopt : std::optional(row.time(3))};
  }
  add_subscriber_.run(name, wants_payments, wants_refunds, now);
  const subscriber_id id{sqlite3_last_insert_rowid(handle_)};
  add_cursors_.run(id);
  return {id, std::string(name), wants_payments, wants_refunds, instance_};
}

result<delivery::place> delivery::find_place(subscriber_id subscriber, stream_id stream) {
  auto row = wants_.query(subscriber);
  if (!row.next())
    return broken("subscriber " + std::to_string(subscriber.value) + " is not registered");
  return place{subscriber, stream, row.integer(0) != 0, row.integer(1) != 0};
}

std::int64_t delivery::cursor(const place& at) {
  {
    auto row = get_cursor_.query(at.subscriber, at.stream);
    if (row.next())
      return row.integer(0);
  }
  // The stream is younger than the subscriber: all of it is for it.
  add_cursor_.run(at.subscriber, at.stream);
  return 0;
}

result<std::vector<claim>> delivery::open_claims(subscriber_id subscriber, stream_id stream) {
  const auto at = find_place(subscriber, stream);
  if (!at)
    return std::unexpected(at.error());
  cursor(*at);
  std::vector<claim_row> rows_found;
  {
    auto rows = get_claims_.query(subscriber, stream);
    while (rows.next())
      rows_found.push_back({.id = {rows.integer(0)},
                            .generation = static_cast<int>(rows.integer(1)),
                            .first = {rows.integer(2)},
                            .last = {rows.integer(3)},
                            .retries = from_list(rows.text(4)),
                            .since = rows.time(5),
                            .provider = std::string(rows.text(6))});
  }
  std::vector<claim> claims;
  claims.reserve(rows_found.size());
  for (const auto& row : rows_found)
    claims.push_back(load_claim(*at, row));
  return claims;
}

result<delivery::claim_row> delivery::find_claim(const place& at, claim_id id) {
  auto row = get_claim_.query(id, at.subscriber, at.stream);
  if (!row.next())
    return not_open(id);
  return claim_row{.id = id,
                   .generation = static_cast<int>(row.integer(0)),
                   .first = {row.integer(1)},
                   .last = {row.integer(2)},
                   .retries = from_list(row.text(3)),
                   .since = row.time(4),
                   .provider = std::string(row.text(5))};
}

claim delivery::make_claim(claim_id id, int generation, instant since,
                           std::vector<message> messages, std::string provider) const {
  return {.id = id,
          .generation = generation,
          .key = claim_key(instance_, id, generation, since),
          .since = since,
          .messages = std::move(messages),
          .provider = std::move(provider)};
}

message delivery::read_message(const statement::rows& row) {
  message made;
  made.event.entry = {row.integer(0)};
  made.event.at = row.time(2);
  if (row.is_null(3) || row.is_null(9)) {
    made.lost = row.is_null(3) ? "its order is gone" : "its user is gone";
    return made;
  }
  made.event = payment_event{.entry = {row.integer(0)},
                             .kind = static_cast<entry_kind>(row.integer(1)),
                             .order = {row.integer(3)},
                             .user = {row.integer(4)},
                             .phone = std::string(row.text(9)),
                             .coupon = row.optional_id<coupon_id>(5),
                             .total = {row.integer(6)},
                             .discount = {row.integer(7)},
                             .ordered_at = row.time(8),
                             .at = row.time(2)};
  return made;
}

message delivery::load_retry(const place& at, entry_id id) {
  auto row = event_of_entry_.query(id, at.subscriber);
  message made;
  if (!row.next()) {
    made.event.entry = id;
    made.lost = "its ledger entry is gone";
    return made;
  }
  made = read_message(row);
  made.attempts = static_cast<int>(row.integer(10));
  made.copies = static_cast<int>(row.integer(11));
  return made;
}

claim delivery::load_claim(const place& at, const claim_row& row) {
  std::vector<message> messages;
  for (const auto id : row.retries)
    messages.push_back(load_retry(at, id));
  if (row.retries.empty()) {
    auto rows = events_of_range_.query(entry_id{row.first.value - 1}, row.last, -1);
    while (rows.next()) {
      if (!at.wants(static_cast<entry_kind>(rows.integer(1))))
        continue;
      messages.push_back(read_message(rows));
    }
  }
  return make_claim(row.id, row.generation, row.since, std::move(messages), row.provider);
}

std::vector<delivery::claimed_entry> delivery::entries_of(const place& at, const claim_row& row) {
  std::vector<claimed_entry> entries;
  for (const auto id : row.retries) {
    auto found = entry_created_.query(id);
    entries.push_back({id, found.next() ? found.time(0) : instant{}});
  }
  if (!row.retries.empty())
    return entries;
  auto rows = entries_of_range_.query(row.first, row.last);
  while (rows.next())
    if (at.wants(static_cast<entry_kind>(rows.integer(1))))
      entries.push_back({{rows.integer(0)}, rows.time(2)});
  return entries;
}

// ---- one step -----------------------------------------------------------------------------------

result<delivery_answer> delivery::deliver(const delivery_step& step, std::int64_t stream_next,
                                          instant now) {
  const auto at = find_place(step.subscriber, step.stream.stream);
  if (!at)
    return std::unexpected(at.error());
  for (const auto& ended : step.ended)
    if (auto done = end(*at, ended, now); !done)
      return std::unexpected(done.error());

  if (step.held_until)
    hold_.run(step.subscriber, *step.held_until);
  if (const auto from = read_again_from(step))
    read_again_.run(step.subscriber, *from, now);
  delivery_answer answer;
  for (const auto id : step.regenerate) {
    auto again = regenerate(*at, id, now);
    if (!again)
      return std::unexpected(again.error());
    answer.claims.push_back(*std::move(again));
  }
  for (const auto id : step.split)
    if (auto done = split(*at, id, now, answer.claims); !done)
      return std::unexpected(done.error());

  const int room = step.open_max - open_retries(*at, step, now, answer.claims);
  const bool all_seen = room > 0 && open_ahead(*at, step, room, stream_next, now, answer.claims);
  answer.more = !all_seen && more_waits(*at, stream_next, now);
  if (auto row = next_retry_.query(at->subscriber, at->stream); row.next())
    answer.next_due = row.time(0);
  return answer;
}

result<void> delivery::end(const place& at, const ended_claim& ended, instant now) {
  const auto row = find_claim(at, ended.id);
  if (!row)
    return std::unexpected(row.error());
  const auto entries = entries_of(at, *row);

  std::vector<const delivery_result*> results;
  results.reserve(ended.results.size());
  for (const auto& one : ended.results)
    results.push_back(&one);
  std::ranges::sort(results, {}, [](const delivery_result* one) { return one->entry; });
  const auto match = [&] {
    return std::ranges::equal(
        results, entries, {}, [](const delivery_result* one) { return one->entry; },
        &claimed_entry::id);
  };
  // Of an entry that was deleted by hand since there is nothing to be stored.
  if (!match())
    std::erase_if(results, [&](const delivery_result* one) {
      return row->first <= one->entry && one->entry <= row->last &&
             !entry_created_.query(one->entry).next();
    });
  if (!match())
    return broken("the results of claim " + std::to_string(ended.id.value) +
                  " are not exactly those of its messages");

  for (std::size_t i = 0; i < entries.size(); ++i) {
    const delivery_result& one = *results[i];
    const auto text = [](const std::string& value) {
      return value.empty() ? std::nullopt : std::optional<std::string_view>(value);
    };
    put_delivery_.run(at.subscriber, one.entry, static_cast<int>(one.status), one.attempts,
                      text(one.last_error), text(one.provider_message_id), one.next_attempt,
                      entries[i].created_at, now);
    if (one.copies > 0 || one.channel)
      mark_delivery_.run(at.subscriber, one.entry, one.copies, channel_number(one.channel));
  }
  end_claim_.run(ended.id);
  return {};
}

result<claim> delivery::regenerate(const place& at, claim_id id, instant now) {
  if (auto row = find_claim(at, id); !row)
    return std::unexpected(row.error());
  next_generation_.run(id, now);
  return load_claim(at, *find_claim(at, id));
}

result<void> delivery::split(const place& at, claim_id id, instant now,
                             std::vector<claim>& halves) {
  const auto row = find_claim(at, id);
  if (!row)
    return std::unexpected(row.error());
  claim whole = load_claim(at, *row);
  auto& messages = whole.messages;
  if (messages.size() < 2)
    return broken("claim " + std::to_string(id.value) + " has one message and cannot be split");
  end_claim_.run(id);

  const std::size_t middle = messages.size() / 2;
  std::vector<message> second(
      std::move_iterator(messages.begin() + static_cast<std::ptrdiff_t>(middle)),
      std::move_iterator(messages.end()));
  messages.resize(middle);
  claim_id ids[2];
  if (row->retries.empty()) {
    const entry_id last_of_first = messages.back().event.entry;
    ids[0] = add_range(at, row->first, last_of_first, row->provider, now);
    ids[1] = add_range(at, {last_of_first.value + 1}, row->last, row->provider, now);
  } else {
    const std::span<const entry_id> all(row->retries);
    ids[0] = add_retries(at, all.first(middle), row->provider, now);
    ids[1] = add_retries(at, all.subspan(middle), row->provider, now);
  }
  halves.push_back(make_claim(ids[0], first_generation, now, std::move(messages), row->provider));
  halves.push_back(make_claim(ids[1], first_generation, now, std::move(second), row->provider));
  return {};
}

} // namespace paymentd::db::sqlite
