// Delivery: a step is one transaction of two round trips. The first fences, locks the cursor,
// writes what became of ended claims and looks at what is due and ahead; the second writes the new
// claims and commits. Claims that are regenerated, split or were opened by another process are read
// first.
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"
#include "db/results_turns.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

// A step looks at somewhat more entries than fill its claims, since charges, which nobody wants,
// lie between them; and at no more, so that it stays short.
constexpr std::int64_t looked_at_for(std::int64_t messages) {
  return messages + messages / 8 + 256;
}
// How far ahead is looked to say whether there is more, where nothing may be opened.
constexpr std::int64_t peeked_at = 64;
std::unexpected<error> broken(std::string text) {
  return std::unexpected(error{error_kind::broken, std::move(text)});
}

std::unexpected<error> not_open(claim_id id) {
  return broken("claim " + std::to_string(id.value) + " is not open here");
}

} // namespace

result<delivery_answer> postgres_store::deliver(const delivery_step& step, instant now) {
  if (auto ready = begin_writing(); !ready)
    return std::unexpected(ready.error());
  std::vector<claim_id> unread(step.regenerate);
  unread.insert(unread.end(), step.split.begin(), step.split.end());
  for (const ended_claim& ended : step.ended)
    if (!claimed_.contains(ended.id))
      unread.push_back(ended.id);

  std::vector<claim> claims;
  std::optional<place> at;
  if (!unread.empty() || !known_places_.contains({step.subscriber, step.stream.stream})) {
    auto begun = begin_step(step.subscriber, step.stream);
    if (!begun)
      return std::unexpected(begun.error());
    at = *std::move(begun);
    if (auto done = change_claims(*at, step, unread, now, claims); !done) {
      session_.roll_back();
      return std::unexpected(done.error());
    }
  }
  if (auto fits = check_results(step); !fits) {
    session_.roll_back();
    return std::unexpected(fits.error());
  }
  auto what = look(step, now, at);
  if (!what)
    return std::unexpected(what.error());
  auto answer = open(*at, step, *std::move(what), now, std::move(claims));
  if (answer)
    for (const ended_claim& ended : step.ended)
      claimed_.erase(ended.id);
  return answer;
}

// Whether the results are exactly those of the messages of their claims.
result<void> postgres_store::check_results(const delivery_step& step) {
  for (const ended_claim& ended : step.ended) {
    const auto known = claimed_.find(ended.id);
    if (known == claimed_.end())
      return not_open(ended.id);
    std::vector<entry_id> ids;
    ids.reserve(ended.results.size());
    for (const delivery_result& one : ended.results)
      ids.push_back(one.entry);
    std::ranges::sort(ids);
    if (!std::ranges::equal(ids, known->second.entries, {}, {}, &claimed_entry::id))
      return broken("the results of claim " + std::to_string(ended.id.value) +
                    " are not exactly those of its messages");
  }
  return {};
}

void postgres_store::add_ended(const delivery_step& step, row_place cursor, instant now) {
  struct line {
    const delivery_result* result;
    instant created_at;
  };
  std::vector<line> fresh;
  std::vector<line> retried;
  std::vector<line> marked; // what few have
  std::vector<claim_id> ids;
  for (const ended_claim& ended : step.ended) {
    ids.push_back(ended.id);
    const claimed& what = claimed_.at(ended.id);
    auto& to = what.retries ? retried : fresh;
    for (const delivery_result& one : ended.results) {
      const auto entry = std::ranges::lower_bound(what.entries, one.entry, {}, &claimed_entry::id);
      to.push_back({&one, entry->created_at});
      if (one.copies > 0 || one.channel)
        marked.push_back(to.back());
    }
  }
  session_.add(sql::end_claims,
               parameters{}.add_ids(ids).add(step.subscriber).add(step.stream.stream));
  if (const auto from = read_again_from(step)) // the mark before deliveries, as who stores results
    session_.add(sql::read_results_again, parameters{}.add(step.subscriber).add(*from).add(now));
  const auto values = [&](std::vector<line>& lines) {
    // By rising id, as everywhere; it also fills the index in its order.
    std::ranges::sort(lines, {}, [](const line& one) { return one.result->entry; });
    const auto text = [](const std::string& value) {
      return value.empty() ? std::nullopt : std::optional<std::string_view>(value);
    };
    return parameters{}
        .add(step.subscriber)
        .add_array(element::int8, lines, [](const line& one) { return one.result->entry; })
        .add_array(element::int2, lines,
                   [](const line& one) { return static_cast<std::int64_t>(one.result->status); })
        .add_array(element::int8, lines,
                   [](const line& one) { return std::int64_t{one.result->attempts}; })
        .add_texts(lines, [&](const line& one) { return text(one.result->last_error); })
        .add_texts(lines, [&](const line& one) { return text(one.result->provider_message_id); })
        .add_array(element::timestamptz, lines, [](const line& one) {
          return one.result->status == delivery_status::pending
                     ? std::optional(one.result->next_attempt)
                     : std::nullopt;
        });
  };
  if (!fresh.empty())
    session_.add(sql::add_deliveries, values(fresh)
                                          .add_array(element::timestamptz, fresh,
                                                     [](const line& one) { return one.created_at; })
                                          .add(now)
                                          .add(cursor)
                                          .add(std::string_view(options_.owner))
                                          .add(step.stream.epoch));
  if (!retried.empty())
    session_.add(sql::change_deliveries, values(retried).add(now));
  if (!marked.empty())
    session_.add(
        sql::mark_deliveries,
        parameters{}
            .add(step.subscriber)
            .add_array(element::int8, marked, [](const line& one) { return one.result->entry; })
            .add_array(element::int2, marked,
                       [](const line& one) { return std::int64_t{one.result->copies}; })
            .add_array(element::int2, marked, [](const line& one) {
              return std::int64_t{channel_number(one.result->channel)};
            }));
}

// The step's first round trip; begins the transaction where `at` is not there yet.
result<postgres_store::findings> postgres_store::look(const delivery_step& step, instant now,
                                                      std::optional<place>& at) {
  const bool begins = !at;
  const auto key = std::pair(step.subscriber, step.stream.stream);
  const place assumed = begins ? known_places_.at(key) : *at;
  if (begins)
    add_begin_step(step.subscriber, step.stream, assumed.cursor);
  if (!step.ended.empty())
    add_ended(step, assumed.cursor, now);
  const std::int64_t room = std::int64_t{std::max(step.open_max, 0)} * step.messages_max;
  const std::int64_t looked_at = room > 0 ? looked_at_for(room) : peeked_at;
  session_.add(sql::due_retries,
               parameters{}.add(step.subscriber).add(step.stream.stream).add(now).add(room + 1));
  session_.add(sql::next_retry, parameters{}.add(step.subscriber).add(step.stream.stream));
  session_.add(sql::events_ahead,
               kinds_after(parameters{}
                               .add(make_entry_id(step.stream.stream, assumed.position))
                               .add(make_entry_id({step.stream.stream.value + 1}, 0)),
                           assumed.kinds())
                   .add(std::max<std::int64_t>(room, 1)) // one where none may be opened: a peek
                   .add(looked_at));
  const auto answers = session_.run("deliver");
  if (!answers)
    return std::unexpected(answers.error());
  if (begins) {
    if (const rows& cursor = (*answers)[1];
        cursor.empty() || cursor.integer(0, 0) != assumed.position) {
      // Pruning, or another process, has moved it: look again by its key.
      session_.roll_back();
      auto begun = begin_step(step.subscriber, step.stream);
      if (!begun)
        return std::unexpected(begun.error());
      at = *std::move(begun);
      return look(step, now, at);
    }
    auto begun = read_place(step.subscriber, step.stream, (*answers)[1]);
    if (!begun)
      return std::unexpected(begun.error());
    at = *std::move(begun);
  }
  if (const std::size_t ends = begins ? 2 : 0;
      !step.ended.empty() && (*answers)[ends].changed() != std::ssize(step.ended)) {
    session_.roll_back();
    return broken("a claim that was to end is not open here");
  }
  return read_found(std::span(*answers).last(3), room, looked_at);
}

postgres_store::findings postgres_store::read_found(std::span<const rows> answers,
                                                    std::int64_t room, std::int64_t looked_at) {
  const rows& due = answers[0];
  const rows& next_retry = answers[1];
  const rows& ahead = answers[2];
  findings what;
  for (int row = 0; row < due.size() && row < room; ++row)
    what.due.push_back({due.integer(row, 0)});
  what.more_due = due.size() > room;
  if (!next_retry.empty())
    what.next_retry = next_retry.time(0, 0);
  for (int row = 0; row < ahead.size(); ++row) {
    what.seen_to = number_of({ahead.integer(row, 0)});
    if (!ahead.boolean(row, 10))
      continue;
    what.ahead.push_back(read_message(ahead, row));
  }
  const std::int64_t all_wanted = ahead.empty() ? 0 : ahead.integer(0, 11);
  const std::int64_t all_seen = ahead.empty() ? 0 : ahead.integer(0, 12);
  what.more_ahead = all_seen == looked_at || all_wanted > std::min(room, std::ssize(what.ahead));
  return what;
}

// The step's second round trip: claims first what is due, then what lies ahead.
result<delivery_answer> postgres_store::open(const place& at, const delivery_step& step,
                                             findings what, instant now,
                                             std::vector<claim> claims) {
  const auto size = static_cast<std::size_t>(std::max(step.messages_max, 1));
  const auto chunks_of = [&](std::size_t count) { return (count + size - 1) / size; };
  const std::size_t slots = static_cast<std::size_t>(std::max(step.open_max, 0));
  const std::size_t retry_claims = chunks_of(what.due.size());
  const std::size_t ahead_max = (slots - retry_claims) * size;
  const bool all_ahead = what.ahead.size() <= ahead_max && slots > 0;

  std::int64_t position = at.position;
  if (all_ahead)
    position = std::max(position, what.seen_to);
  else {
    what.more_ahead |= what.ahead.size() > ahead_max;
    what.ahead.resize(std::min(what.ahead.size(), ahead_max));
    if (!what.ahead.empty())
      position = number_of(what.ahead.back().event.entry);
  }

  std::vector<std::vector<entry_id>> retries;
  for (std::size_t from = 0; from < what.due.size(); from += size) {
    const std::size_t to = std::min(from + size, what.due.size());
    auto& chunk = retries.emplace_back(what.due.begin() + static_cast<std::ptrdiff_t>(from),
                                       what.due.begin() + static_cast<std::ptrdiff_t>(to));
    std::ranges::sort(chunk);
    add_retries(at, chunk, step.provider, now);
    session_.add(sql::events_of_list, parameters{}.add_ids(chunk).add(at.subscriber));
  }
  std::vector<range> ranges;
  entry_id first = make_entry_id(at.stream.stream, at.position + 1);
  for (std::size_t from = 0; from < what.ahead.size(); from += size) {
    const entry_id last = what.ahead[std::min(from + size, what.ahead.size()) - 1].event.entry;
    ranges.push_back({first, last});
    first = {last.value + 1};
  }
  if (!ranges.empty())
    add_ranges(at, ranges, step.provider, now);
  if (position != at.position)
    session_.add(sql::move_cursor, parameters{}.add(at.cursor).add(position));
  if (step.held_until)
    session_.add(sql::hold_subscriber, parameters{}.add(at.subscriber).add(*step.held_until));
  if (!what.due.empty()) {
    std::ranges::sort(what.due);
    session_.add(sql::take_retries, parameters{}.add(at.subscriber).add_ids(what.due));
    session_.add(sql::next_retry, parameters{}.add(at.subscriber).add(at.stream.stream));
  }

  delivery_answer answer{.claims = std::move(claims),
                         .more = what.more_due || what.more_ahead,
                         .next_due = what.next_retry};
  const bool nothing_to_write = step.ended.empty() && answer.claims.empty() && retries.empty() &&
                                ranges.empty() && position == at.position && !step.held_until;
  if (nothing_to_write) {
    session_.roll_back(); // no commit, no wait for the disk
    return answer;
  }
  const auto answers = session_.run_to_commit("deliver");
  if (!answers)
    return std::unexpected(answers.error());
  place& left = known_places_[{at.subscriber, at.stream.stream}] = at;
  left.position = position;
  if (position != at.position)
    left.cursor = (*answers)[2 * retries.size() + (ranges.empty() ? 0 : 1)].place(0, 0);
  std::size_t next = 0;
  for (std::size_t i = 0; i < retries.size(); ++i, next += 2) {
    const rows& events = (*answers)[next + 1];
    std::vector<message> messages;
    for (int row = 0; row < events.size(); ++row)
      messages.push_back(read_retry(events, row));
    answer.claims.push_back(make_claim({(*answers)[next].integer(0, 0)}, now, std::move(messages),
                                       {.retries = true, .provider = step.provider}));
  }
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto from = what.ahead.begin() + static_cast<std::ptrdiff_t>(i * size);
    const auto to = what.ahead.begin() +
                    static_cast<std::ptrdiff_t>(std::min((i + 1) * size, what.ahead.size()));
    answer.claims.push_back(make_claim({(*answers)[next].integer(static_cast<int>(i), 0)}, now,
                                       {std::move_iterator(from), std::move_iterator(to)},
                                       {.retries = false,
                                        .first = ranges[i].first,
                                        .last = ranges[i].last,
                                        .provider = step.provider}));
  }
  if (!what.due.empty()) {
    const rows& retry = (*answers)[answers->size() - 2]; // the last one before the commit
    answer.next_due = retry.empty() ? std::nullopt : std::optional(retry.time(0, 0));
  }
  return answer;
}

} // namespace paymentd::db::postgres
