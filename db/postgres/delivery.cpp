// Delivery: a step is one transaction of two round trips. The first fences, locks the cursor and
// looks at what the step is about; the second writes what `plan_delivery` made of it and commits.
// Claims that another process opened, or an earlier life of this one, are read before.
#include "db/postgres/sql.hpp"
#include "db/postgres/step_writer.hpp"
#include "db/postgres/store.hpp"

namespace paymentd::db::postgres {
namespace {

std::vector<claim_id> named_by(const delivery_step& step) {
  std::vector<claim_id> ids(step.regenerate);
  ids.insert(ids.end(), step.split.begin(), step.split.end());
  for (const ended_claim& ended : step.ended)
    ids.push_back(ended.id);
  return ids;
}

void read_waiting(std::span<const rows> answers, delivery_reach reach, delivery_view& into) {
  const rows& due = answers[0];
  const rows& next_retry = answers[1];
  const rows& ahead = answers[2];
  for (int row = 0; row < due.size(); ++row)
    into.due.push_back({{due.integer(row, 0)}, due.time(row, 1)});
  if (!next_retry.empty())
    into.next_retry = next_retry.time(0, 0);
  into.seen_to = into.position;
  for (int row = 0; row < ahead.size(); ++row) {
    into.seen_to = number_of({ahead.integer(row, 0)});
    if (ahead.boolean(row, wanted_column))
      into.ahead.push_back(read_message(ahead, row));
  }
  into.at_end = ahead.empty() || ahead.integer(0, looked_at_column) < reach.entries;
}

} // namespace

result<delivery_answer> postgres_store::deliver(const delivery_step& step, instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  std::optional<delivery_place> at;
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

// The step's first round trip; begins the transaction where `at` is not there yet.
result<delivery_view> postgres_store::look(const delivery_step& step, instant now,
                                           std::optional<delivery_place>& at) {
  const auto key = std::pair(step.subscriber, step.stream.stream);
  const std::vector<claim_id> named = named_by(step);
  std::vector<claim_id> unknown;
  for (const claim_id id : named)
    if (!known_claims_.contains(id))
      unknown.push_back(id);
  if (!at && (!unknown.empty() || !known_places_.contains(key))) {
    auto begun = begin_step(step.subscriber, step.stream);
    if (!begun)
      return std::unexpected(begun.error());
    at = *std::move(begun);
  }
  if (!unknown.empty())
    if (auto read = load_claims(*at, unknown, false); !read)
      return std::unexpected(read.error());

  const bool begins = !at;
  const delivery_place assumed = begins ? known_places_.at(key) : *at;
  if (begins)
    add_begin_step(step.subscriber, step.stream, assumed.cursor);
  if (!named.empty())
    session_.add(sql::open_claims,
                 parameters{}.add_ids(named).add(step.subscriber, step.stream.stream));
  const delivery_reach reach = reach_of(step);
  const auto waiting = [&] { return parameters{}.add(step.subscriber, step.stream.stream); };
  session_.add(sql::due_retries, waiting().add(now, reach.messages));
  session_.add(sql::next_retry, waiting().add(now));
  session_.add(sql::events_ahead,
               kinds_after(parameters{}.add(make_entry_id(step.stream.stream, assumed.position),
                                            make_entry_id({step.stream.stream.value + 1}, 0)),
                           assumed.kinds())
                   .add(reach.messages, reach.entries, options_.reads_user));
  const auto answers = session_.run("deliver");
  if (!answers)
    return std::unexpected(answers.error());
  if (begins) {
    const rows& cursor = (*answers)[1];
    const bool moved = cursor.empty() || cursor.integer(0, 0) != assumed.position;
    if (moved) // pruning, or another process, did that: looks again by its key
      session_.roll_back();
    auto begun = moved ? begin_step(step.subscriber, step.stream)
                       : read_place(step.subscriber, step.stream, cursor);
    if (!begun)
      return std::unexpected(begun.error());
    at = *std::move(begun);
    if (moved)
      return look(step, now, at);
  }
  delivery_view view{.position = at->position};
  if (!named.empty()) {
    const rows& open = (*answers)[begins ? 2 : 0];
    for (int row = 0; row < open.size(); ++row)
      if (auto known = known_claims_.extract(claim_id{open.integer(row, 0)}); !known.empty())
        view.claims.push_back(std::move(known.mapped()));
  }
  read_waiting(std::span(*answers).last(3), reach, view);
  return view;
}

// The step's second round trip.
result<delivery_answer> postgres_store::write(const delivery_place& at, const delivery_step& step,
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
  known_places_[{at.subscriber, at.stream.stream}] = writer.place_after(*answers);
  for (auto& [what, one] : writer.read_claims(*answers)) {
    keep(std::move(what), one.messages);
    answer.claims.push_back(std::move(one));
  }
  return answer;
}

} // namespace paymentd::db::postgres
