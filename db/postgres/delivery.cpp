// Delivery: a step is one transaction of two round trips. The first fences, locks the cursor and
// looks at what the step is about; the second writes what `plan_delivery` made of it and commits.
// Claims that another process opened, or an earlier life of this one, are read before.
#include "db/postgres/delivery_sql.hpp"
#include "db/postgres/step_writer.hpp"
#include "db/postgres/store.hpp"
#include "db/row_readers.hpp"
#include "db/store_rules.hpp"

namespace paymentd::db::postgres {
namespace {

std::vector<claim_id> named_by(const delivery_step& step) {
  std::vector<claim_id> ids(step.regenerate);
  ids.insert(ids.end(), step.split.begin(), step.split.end());
  for (const ended_claim& ended : step.ended)
    ids.push_back(ended.id);
  return ids;
}

/// The messages of rows of entries_ahead, or of events_ahead where nothing is remembered. Nothing
/// where an entry is not remembered, since a hand has made it.
std::optional<std::vector<message>> messages_ahead(const rows& ahead,
                                                   recent_events::stretch remembered) {
  if (remembered.empty())
    return messages_in(ahead, false);
  std::vector<message> all;
  all.reserve(static_cast<std::size_t>(ahead.size()));
  for (const row_view row : ahead) {
    auto event = remembered.next({row.integer(0)});
    if (!event)
      return std::nullopt;
    all.emplace_back().event = *std::move(event);
  }
  return all;
}

/// `seen_max`: the number up to which `ahead` was looked for.
void read_waiting(std::span<const rows> answers, delivery_reach reach, std::int64_t seen_max,
                  const wanted_kinds::stretch& within, delivery_view& into) {
  const rows& due = answers[0];
  const rows& next_retry = answers[1];
  const row_view end = answers[2][0]; // of end_of_look
  for (const row_view row : due)
    into.due.push_back({{row.integer(0)}, row.time(1), std::string(row.text(2))});
  if (!next_retry.empty())
    into.next_retry = next_retry[0].time(0);
  into.seen_to = into.ahead.empty() ? into.position : number_of(into.ahead.back().event.entry);
  const std::int64_t end_seen = end.is_null(0) ? into.position : number_of({end.integer(0)});
  const bool more = end.boolean(1) || end_seen > seen_max;
  into.at_end = !more && !within.last;
  if (std::ssize(into.ahead) == reach.messages) // there may be wanted ones behind them
    return;
  into.seen_to = std::max(into.seen_to, std::min(end_seen, seen_max));
  if (!more && within.last)
    into.seen_to = *within.last;
}

} // namespace

result<delivery_answer> postgres_store::deliver(const delivery_step& step, instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  std::optional<locked_cursor> at;
  auto view = look(step, now, at);
  if (!view)
    return std::unexpected(view.error());
  auto plan = plan_delivery(step, *std::move(view), now);
  if (!plan) {
    session_.roll_back();
    return std::unexpected(error{error_kind::broken, std::move(plan).error()});
  }
  return write(*at, step, *std::move(plan), now);
}

// Adds what read_waiting() reads: due messages, the time of the next one, and what is ahead of
// `position`.
void postgres_store::add_waiting(const delivery_step& step, instant now, std::int64_t position,
                                 const wanted_kinds::stretch& within,
                                 const recent_events::stretch& remembered) {
  const delivery_reach reach = reach_of(step);
  const auto waiting = [&] { return parameters{}.add(step.subscriber, step.stream.stream); };
  session_.add(sql::due_retries, waiting()
                                     .add(now, reach.messages)
                                     .add_texts(doubt_filter_of(step), std::identity{})
                                     .add(!step.takes_new));
  session_.add(sql::next_retry, waiting().add(now));
  const auto ahead = [&](std::optional<std::int64_t> last) {
    return parameters{}.add(make_entry_id(step.stream.stream, position),
                            last ? make_entry_id(step.stream.stream, *last + 1)
                                 : make_entry_id({step.stream.stream.value + 1}, 0));
  };
  const std::int64_t numbers = numbers_looked_at(reach.entries);
  session_.add(sql::end_of_look, ahead(within.last).add(numbers));
  if (remembered.empty()) {
    session_.add(sql::events_ahead, kinds_after(ahead(within.last), within.kinds)
                                        .add(reach.messages, numbers, options_.reads_user));
    return;
  }
  const std::int64_t last = std::min(remembered.last(), within.last.value_or(all_numbers_end));
  session_.add(sql::entries_ahead,
               kinds_after(ahead(last), within.kinds).add(reach.messages, numbers));
}

// The step's first round trip; begins the transaction where `at` is not there yet.
result<delivery_view> postgres_store::look(const delivery_step& step, instant now,
                                           std::optional<locked_cursor>& at) {
  const auto key = std::pair(step.subscriber, step.stream.stream);
  const std::vector<claim_id> named = named_by(step);
  std::vector<claim_id> unknown;
  for (const claim_id id : named)
    if (!known_claims_.contains(id))
      unknown.push_back(id);
  if (!at && (!unknown.empty() || !known_cursors_.contains(key))) {
    auto begun = begin_step(step.subscriber, step.stream);
    if (!begun)
      return std::unexpected(begun.error());
    at = *std::move(begun);
  }
  if (!unknown.empty())
    if (auto read = load_claims(*at, unknown, false); !read)
      return std::unexpected(read.error());

  const bool begins = !at;
  const locked_cursor assumed = begins ? known_cursors_.at(key) : *at;
  if (begins)
    add_begin_step(step.subscriber, step.stream, assumed.address);
  if (!named.empty())
    session_.add(sql::open_claims,
                 parameters{}.add_ids(named).add(step.subscriber, step.stream.stream));
  const delivery_reach reach = reach_of(step);
  // One stretch at a time, so that each claim lies in one.
  const wanted_kinds::stretch within = assumed.wanted.at(assumed.position + 1);
  const recent_events::stretch remembered = options_.newest->behind(
      step.stream.stream, assumed.position, step.takes_new ? reach.messages : 0, now);
  add_waiting(step, now, assumed.position, within, remembered);
  const auto answers = session_.run("deliver");
  if (!answers)
    return std::unexpected(answers.error());
  if (begins) {
    const rows& cursor = (*answers)[1];
    const bool moved = cursor.empty() || cursor[0].integer(0) != assumed.position ||
                       cursor[0].integer(1) != assumed.kinds_changes;
    if (moved) { // pruning, or another process, did that: looks again by its key
      session_.roll_back();
      if (!session_.connected())
        return std::unexpected(
            error{error_kind::unavailable, "database: deliver: the connection was lost"});
    }
    auto begun = moved ? begin_step(step.subscriber, step.stream)
                       : read_locked(step.subscriber, step.stream, cursor, assumed.wanted);
    if (!begun)
      return std::unexpected(begun.error());
    at = *std::move(begun);
    if (moved)
      return look(step, now, at);
  }
  delivery_view view{.position = at->position};
  const auto waiting = std::span(*answers).last(4);
  auto ahead = messages_ahead(waiting[3], remembered);
  if (!ahead) {
    options_.newest->clear();
    return look(step, now, at);
  }
  view.ahead = *std::move(ahead);
  if (!named.empty()) {
    const rows& open = (*answers)[begins ? 2 : 0];
    for (const row_view row : open)
      if (auto known = known_claims_.extract(claim_id{row.integer(0)}); !known.empty())
        view.claims.push_back(std::move(known.mapped()));
  }
  read_waiting(waiting, reach, remembered.empty() ? all_numbers_end : remembered.last(), within,
               view);
  return view;
}

// The step's second round trip.
result<delivery_answer> postgres_store::write(const locked_cursor& at, const delivery_step& step,
                                              delivery_plan plan, instant now) {
  delivery_answer answer{.claims = {}, .more = plan.more, .next_due = plan.next_due};
  step_writer writer(session_, at, step, std::move(plan), instance(), options_.reads_user, now);
  if (!writer.writes()) {
    session_.roll_back(); // no commit, no wait for the disk
    return answer;
  }
  writer.add_statements();
  const auto answers = session_.run_to_commit("deliver");
  if (!answers)
    return std::unexpected(answers.error());
  known_cursors_[{at.subscriber, at.stream.stream}] = writer.cursor_after(*answers);
  for (auto& [what, one] : writer.read_claims(*answers)) {
    keep(std::move(what), one.messages);
    answer.claims.push_back(std::move(one));
  }
  return answer;
}

} // namespace paymentd::db::postgres
