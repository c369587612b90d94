// Delivery: a step is one transaction of two round trips. The first fences, locks the cursor,
// writes what became of ended claims and looks at what is due and ahead; the second writes the new
// claims and commits. Claims that are regenerated, split or were opened by another process are read
// first.
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

// Beyond the entries that fill the claims so many are looked at, so that charges, which nobody
// wants, are passed in few steps and no step becomes a long transaction.
constexpr std::int64_t looked_at_beyond = 1000;
// How far ahead is looked to say whether there is more, where nothing may be opened.
constexpr std::int64_t peeked_at = 64;
// Claims that are remembered; more than any number in flight. Others are read when they end.
constexpr std::size_t claimed_max = 4096;
constexpr int first_generation = 1;

std::unexpected<error> broken(std::string text) {
  return std::unexpected(error{error_kind::broken, std::move(text)});
}

std::unexpected<error> not_open(claim_id id) {
  return broken("claim " + std::to_string(id.value) + " is not open here");
}

std::string key_of(std::string_view instance, claim_id id, int generation) {
  return std::string(instance) + "-" + std::to_string(id.value) + "." + std::to_string(generation);
}

// A row of events_of_range, events_of_list or events_ahead. An entry without its order or user is a
// breach.
result<payment_event> read_event(const rows& from, int row) {
  if (from.is_null(row, 3) || from.is_null(row, 9))
    return broken("ledger entry " + std::to_string(from.integer(row, 0)) +
                  " has lost its order or user: run paymentd audit");
  return payment_event{.entry = {from.integer(row, 0)},
                       .kind = static_cast<entry_kind>(from.small_integer(row, 1)),
                       .order = {from.integer(row, 3)},
                       .user = {from.integer(row, 4)},
                       .phone = std::string(from.text(row, 9)),
                       .coupon = from.optional_id<coupon_id>(row, 5),
                       .total = {from.integer(row, 6)},
                       .discount = {from.integer(row, 7)},
                       .ordered_at = from.time(row, 8),
                       .at = from.time(row, 2)};
}

parameters kinds_after(parameters before, const std::vector<entry_kind>& kinds) {
  before.add_array(element::int2, kinds,
                   [](entry_kind one) { return static_cast<std::int64_t>(one); });
  return before;
}

} // namespace

std::vector<entry_kind> postgres_store::place::kinds() const {
  std::vector<entry_kind> wanted;
  if (wants_payments)
    wanted.push_back(entry_kind::payment);
  if (wants_refunds)
    wanted.push_back(entry_kind::refund);
  return wanted;
}

// ---- subscribers and claims as they stand -------------------------------------------------------

result<subscriber> postgres_store::subscribe(std::string_view name, bool wants_payments,
                                             bool wants_refunds, instant now) {
  if (auto ready = begin_writing(); !ready)
    return std::unexpected(ready.error());
  session_.add(sql::begin);
  session_.add(sql::add_subscriber,
               parameters{}.add(name).add(wants_payments).add(wants_refunds).add(now));
  session_.add(sql::find_subscriber, parameters{}.add(name));
  const auto answers = session_.run("subscribe");
  if (!answers)
    return std::unexpected(answers.error());
  const rows& found = (*answers)[2];
  if (found.empty()) {
    session_.roll_back();
    return std::unexpected(
        error{error_kind::unavailable, "database: subscribe: another process is at it"});
  }
  const subscriber out{
      {found.integer(0, 0)}, std::string(name), found.boolean(0, 1), found.boolean(0, 2)};
  if ((*answers)[1].empty()) {
    session_.roll_back(); // it was there: nothing to write
    return out;
  }
  session_.add(sql::add_cursors_at_end, parameters{}.add(out.id));
  if (auto done = session_.run_to_commit("subscribe"); !done)
    return std::unexpected(repeatable(done.error()));
  return out;
}

std::string postgres_store::instance() {
  return instance_ + "t" + std::to_string(session_.on().timeline());
}

void postgres_store::add_begin_step(subscriber_id subscriber, stream_lease stream) {
  session_.add(sql::begin);
  session_.add(
      sql::check_epoch,
      parameters{}.add(stream.stream).add(std::string_view(options_.owner)).add(stream.epoch));
  session_.add(sql::lock_cursor, parameters{}.add(subscriber).add(stream.stream));
}

result<postgres_store::place> postgres_store::read_place(subscriber_id subscriber,
                                                         stream_lease stream,
                                                         const std::vector<rows>& answers) {
  const rows& epoch = answers[1];
  const rows& cursor = answers[2];
  if (epoch.empty()) {
    session_.roll_back();
    return std::unexpected(
        error{error_kind::fenced, "epoch " + std::to_string(stream.epoch) + " of stream " +
                                      std::to_string(stream.stream.value) + " has ended"});
  }
  if (cursor.empty()) {
    session_.roll_back();
    return broken("subscriber " + std::to_string(subscriber.value) + " has no cursor in stream " +
                  std::to_string(stream.stream.value) + ": is it registered?");
  }
  return place{.subscriber = subscriber,
               .stream = stream,
               .position = cursor.integer(0, 0),
               .next = epoch.integer(0, 0),
               .wants_payments = cursor.boolean(0, 1),
               .wants_refunds = cursor.boolean(0, 2)};
}

// For what is not hurried: makes the cursor where it is missing.
result<postgres_store::place> postgres_store::begin_step(subscriber_id subscriber,
                                                         stream_lease stream) {
  session_.add(sql::begin);
  session_.add(
      sql::check_epoch,
      parameters{}.add(stream.stream).add(std::string_view(options_.owner)).add(stream.epoch));
  session_.add(sql::add_cursor_at_start, parameters{}.add(subscriber).add(stream.stream));
  session_.add(sql::lock_cursor, parameters{}.add(subscriber).add(stream.stream));
  if (instance_.empty())
    session_.add(sql::instance);
  auto answers = session_.run("begin to deliver");
  if (!answers)
    return std::unexpected(answers.error());
  if (instance_.empty() && !answers->back().empty())
    instance_ = answers->back().text(0, 0);
  answers->erase(answers->begin() + 2);
  auto at = read_place(subscriber, stream, *answers);
  if (at)
    known_places_[{subscriber, stream.stream}] = at->kinds();
  return at;
}

result<std::vector<claim>> postgres_store::open_claims(subscriber_id subscriber,
                                                       stream_lease stream, instant) {
  if (auto ready = begin_writing(); !ready)
    return std::unexpected(ready.error());
  const auto at = begin_step(subscriber, stream);
  if (!at)
    return std::unexpected(at.error());
  auto claims = load_claims(*at, {}, true);
  if (!claims)
    return claims;
  if (auto done = session_.run_to_commit("read the open claims"); !done)
    return std::unexpected(repeatable(done.error()));
  return claims;
}

void postgres_store::keep(const claim& one, claimed what) {
  if (claimed_.size() >= claimed_max)
    claimed_.clear();
  what.entries.clear();
  what.entries.reserve(one.messages.size());
  for (const message& each : one.messages)
    what.entries.push_back({each.event.entry, each.event.at});
  claimed_[one.id] = std::move(what);
}

// The claims of `ids`, or all, oldest first, with their messages; from here on they are kept.
result<std::vector<claim>> postgres_store::load_claims(const place& at,
                                                       std::span<const claim_id> ids, bool all) {
  session_.add(sql::get_claims, parameters{}.add(at.subscriber).add(at.stream.stream));
  auto answers = session_.run("read claims");
  if (!answers)
    return std::unexpected(answers.error());
  const rows found = std::move(answers->front());
  std::vector<int> chosen;
  for (int row = 0; row < found.size(); ++row)
    if (all || std::ranges::find(ids, claim_id{found.integer(row, 0)}) != ids.end())
      chosen.push_back(row);
  for (const int row : chosen)
    if (found.is_null(row, 5))
      session_.add(sql::events_of_range,
                   kinds_after(parameters{}.add(found.integer(row, 3)).add(found.integer(row, 4)),
                               at.kinds()));
    else
      session_.add(sql::events_of_list, parameters{}
                                            .add_array(element::int8, found.integers(row, 5),
                                                       [](std::int64_t id) { return id; })
                                            .add(at.subscriber));
  answers = session_.run("read claims");
  if (!answers)
    return std::unexpected(answers.error());

  std::vector<claim> claims;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const int row = chosen[i];
    const bool retries = !found.is_null(row, 5);
    claim one{.id = {found.integer(row, 0)},
              .generation = static_cast<int>(found.integer(row, 1)),
              .key = {},
              .since = found.time(row, 6),
              .messages = {}};
    one.key = key_of(found.text(row, 2), one.id, one.generation);
    const rows& events = (*answers)[i];
    for (int event_row = 0; event_row < events.size(); ++event_row) {
      auto event = read_event(events, event_row);
      if (!event) {
        session_.roll_back();
        return std::unexpected(event.error());
      }
      const int attempts = retries ? static_cast<int>(events.integer(event_row, 10)) : 0;
      one.messages.push_back({*std::move(event), attempts});
    }
    claimed what{.retries = retries};
    if (!retries) {
      what.first = {found.integer(row, 3)};
      what.last = {found.integer(row, 4)};
    }
    keep(one, std::move(what));
    claims.push_back(std::move(one));
  }
  return claims;
}

// ---- one step -----------------------------------------------------------------------------------

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

// Regenerates and splits.
result<void> postgres_store::change_claims(const place& at, const delivery_step& step,
                                           std::span<const claim_id> unread, instant now,
                                           std::vector<claim>& claims) {
  if (unread.empty())
    return {};
  session_.add(
      sql::next_generation,
      parameters{}.add_ids(step.regenerate).add(step.subscriber).add(step.stream.stream).add(now));
  if (auto raised = session_.run("regenerate"); !raised)
    return std::unexpected(raised.error());
  auto loaded = load_claims(at, unread, false);
  if (!loaded)
    return std::unexpected(loaded.error());
  for (const claim_id id : step.regenerate) {
    const auto one = std::ranges::find(*loaded, id, &claim::id);
    if (one == loaded->end())
      return not_open(id);
    claims.push_back(*one);
  }
  for (const claim_id id : step.split) {
    const auto one = std::ranges::find(*loaded, id, &claim::id);
    if (one == loaded->end())
      return not_open(id);
    if (auto done = split(at, std::move(*one), now, claims); !done)
      return done;
  }
  return {};
}

result<void> postgres_store::split(const place& at, claim whole, instant now,
                                   std::vector<claim>& halves) {
  if (whole.messages.size() < 2)
    return broken("claim " + std::to_string(whole.id.value) +
                  " has one message and cannot be split");
  const claimed was = claimed_.at(whole.id);
  const auto middle = static_cast<std::ptrdiff_t>(whole.messages.size() / 2);
  std::vector<message> first(whole.messages.begin(), whole.messages.begin() + middle);
  std::vector<message> second(whole.messages.begin() + middle, whole.messages.end());
  const entry_id first_last = first.back().event.entry;

  session_.add(
      sql::end_claims,
      parameters{}.add_ids(std::vector{whole.id}).add(at.subscriber).add(at.stream.stream));
  if (was.retries) {
    for (const auto* half : {&first, &second}) {
      std::vector<entry_id> entries;
      for (const message& one : *half)
        entries.push_back(one.event.entry);
      add_retries(at, entries, now);
    }
  } else {
    const range halves_of[] = {{was.first, first_last}, {{first_last.value + 1}, was.last}};
    add_ranges(at, halves_of, now);
  }
  const auto answers = session_.run("split a claim");
  if (!answers)
    return std::unexpected(answers.error());
  const std::int64_t ids[2] = {(*answers)[1].integer(0, 0), was.retries
                                                                ? (*answers)[2].integer(0, 0)
                                                                : (*answers)[1].integer(1, 0)};
  claimed_.erase(whole.id);
  halves.push_back(make_claim({ids[0]}, now, std::move(first),
                              {.retries = was.retries, .first = was.first, .last = first_last}));
  halves.push_back(
      make_claim({ids[1]}, now, std::move(second),
                 {.retries = was.retries, .first = {first_last.value + 1}, .last = was.last}));
  return {};
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

void postgres_store::add_ended(const delivery_step& step, instant now) {
  struct line {
    const delivery_result* result;
    instant created_at;
  };
  std::vector<line> fresh;
  std::vector<line> retried;
  std::vector<claim_id> ids;
  for (const ended_claim& ended : step.ended) {
    ids.push_back(ended.id);
    const claimed& what = claimed_.at(ended.id);
    auto& to = what.retries ? retried : fresh;
    for (const delivery_result& one : ended.results) {
      const auto entry = std::ranges::lower_bound(what.entries, one.entry, {}, &claimed_entry::id);
      to.push_back({&one, entry->created_at});
    }
  }
  session_.add(sql::end_claims,
               parameters{}.add_ids(ids).add(step.subscriber).add(step.stream.stream));
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
                                          .add(now));
  if (!retried.empty())
    session_.add(sql::change_deliveries, values(retried).add(now));
}

// The step's first round trip; begins the transaction where `at` is not there yet.
result<postgres_store::findings> postgres_store::look(const delivery_step& step, instant now,
                                                      std::optional<place>& at) {
  const bool begins = !at;
  if (begins)
    add_begin_step(step.subscriber, step.stream);
  if (!step.ended.empty())
    add_ended(step, now);
  const std::int64_t room = std::int64_t{std::max(step.open_max, 0)} * step.messages_max;
  const std::int64_t looked_at = room > 0 ? room + looked_at_beyond : peeked_at;
  session_.add(sql::due_retries,
               parameters{}.add(step.subscriber).add(step.stream.stream).add(now).add(room + 1));
  session_.add(sql::next_retry, parameters{}.add(step.subscriber).add(step.stream.stream));
  session_.add(sql::events_ahead,
               kinds_after(parameters{}.add(step.subscriber).add(step.stream.stream),
                           known_places_.at({step.subscriber, step.stream.stream}))
                   .add(std::max<std::int64_t>(room, 1)) // one where none may be opened: a peek
                   .add(looked_at));
  const auto answers = session_.run("deliver");
  if (!answers)
    return std::unexpected(answers.error());
  if (begins) {
    auto begun = read_place(step.subscriber, step.stream, *answers);
    if (!begun)
      return std::unexpected(begun.error());
    at = *std::move(begun);
  }
  if (const std::size_t ends = begins ? 3 : 0;
      !step.ended.empty() && (*answers)[ends].changed() != std::ssize(step.ended)) {
    session_.roll_back();
    return broken("a claim that was to end is not open here");
  }
  auto what = read_found(std::span(*answers).last(3), room, looked_at);
  if (!what)
    session_.roll_back();
  return what;
}

result<postgres_store::findings> postgres_store::read_found(std::span<const rows> answers,
                                                            std::int64_t room,
                                                            std::int64_t looked_at) {
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
    auto event = read_event(ahead, row);
    if (!event)
      return std::unexpected(event.error());
    what.ahead.push_back({*std::move(event), 0});
  }
  const std::int64_t all_wanted = ahead.empty() ? 0 : ahead.integer(0, 11);
  const std::int64_t all_seen = ahead.empty() ? 0 : ahead.integer(0, 12);
  what.at_end = all_seen < looked_at && all_seen == ahead.size();
  what.more_ahead = all_seen == looked_at || all_wanted > std::min(room, std::ssize(what.ahead));
  return what;
}

// ---- opening ------------------------------------------------------------------------------------

claim postgres_store::make_claim(claim_id id, instant now, std::vector<message> messages,
                                 claimed what) {
  claim one{.id = id,
            .generation = first_generation,
            .key = key_of(instance(), id, first_generation),
            .since = now,
            .messages = std::move(messages)};
  keep(one, std::move(what));
  return one;
}

void postgres_store::add_ranges(const place& at, std::span<const range> ranges, instant now) {
  const std::string prefix = instance();
  session_.add(sql::add_ranges,
               parameters{}
                   .add(at.subscriber)
                   .add(at.stream.stream)
                   .add(std::string_view(prefix))
                   .add(now)
                   .add_array(element::int8, ranges, [](const range& one) { return one.first; })
                   .add_array(element::int8, ranges, [](const range& one) { return one.last; }));
}

void postgres_store::add_retries(const place& at, std::span<const entry_id> entries, instant now) {
  const std::string prefix = instance();
  session_.add(sql::add_retries, parameters{}
                                     .add(at.subscriber)
                                     .add(at.stream.stream)
                                     .add(std::string_view(prefix))
                                     .add(now)
                                     .add_ids(entries));
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
    position = std::max({position, what.seen_to, what.at_end ? at.next - 1 : 0});
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
    add_retries(at, chunk, now);
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
    add_ranges(at, ranges, now);
  if (position != at.position)
    session_.add(sql::move_cursor,
                 parameters{}.add(at.subscriber).add(at.stream.stream).add(position));
  if (!what.due.empty()) {
    std::ranges::sort(what.due);
    session_.add(sql::take_retries, parameters{}.add(at.subscriber).add_ids(what.due));
    session_.add(sql::next_retry, parameters{}.add(at.subscriber).add(at.stream.stream));
  }

  delivery_answer answer{.claims = std::move(claims),
                         .more = what.more_due || what.more_ahead,
                         .next_due = what.next_retry};
  const bool nothing_to_write = step.ended.empty() && answer.claims.empty() && retries.empty() &&
                                ranges.empty() && position == at.position;
  if (nothing_to_write) {
    session_.roll_back(); // no commit, no wait for the disk
    return answer;
  }
  const auto answers = session_.run_to_commit("deliver");
  if (!answers)
    return std::unexpected(answers.error());
  std::size_t next = 0;
  for (std::size_t i = 0; i < retries.size(); ++i, next += 2) {
    const rows& events = (*answers)[next + 1];
    std::vector<message> messages;
    for (int row = 0; row < events.size(); ++row) {
      auto event = read_event(events, row);
      if (!event)
        return std::unexpected(event.error());
      messages.push_back({*std::move(event), static_cast<int>(events.integer(row, 10))});
    }
    answer.claims.push_back(
        make_claim({(*answers)[next].integer(0, 0)}, now, std::move(messages), {.retries = true}));
  }
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto from = what.ahead.begin() + static_cast<std::ptrdiff_t>(i * size);
    const auto to = what.ahead.begin() +
                    static_cast<std::ptrdiff_t>(std::min((i + 1) * size, what.ahead.size()));
    answer.claims.push_back(
        make_claim({(*answers)[next].integer(static_cast<int>(i), 0)}, now,
                   {std::move_iterator(from), std::move_iterator(to)},
                   {.retries = false, .first = ranges[i].first, .last = ranges[i].last}));
  }
  if (!what.due.empty()) {
    const rows& retry = (*answers)[answers->size() - 2]; // the last one before the commit
    answer.next_due = retry.empty() ? std::nullopt : std::optional(retry.time(0, 0));
  }
  return answer;
}

} // namespace paymentd::db::postgres
