// Webhooks, what deleted ones leave behind, and replays.
#include "db/postgres/delivery_sql.hpp"
#include "db/postgres/kept_keys.hpp"
#include "db/postgres/session_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/postgres/webhook_sql.hpp"
#include "db/store_rules.hpp"
#include "domain/decide_webhook.hpp"
#include "domain/success_bytes.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

std::vector<replay_entry> replay_entries_in(const rows& from) {
  return all_of(from, [](const row_view& row) {
    return replay_entry{.id = {row.integer(0)},
                        .kind = static_cast<entry_kind>(row.small_integer(1)),
                        .created_at = row.time(2)};
  });
}

} // namespace

result<known_webhooks> postgres_store::webhooks() {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  session_.add(sql::all_webhooks);
  session_.add(sql::webhook_work_left);
  const auto answers = session_.run("read webhooks");
  if (!answers)
    return std::unexpected(answers.error());
  const row_view rest = answers->back()[0];
  return known_webhooks{.all = all_of(answers->front(), read_webhook<row_view>),
                        .instance = std::string(rest.text(1)),
                        .work_left = rest.boolean(0)};
}

// Opens the transaction of a change: from here on nobody else changes webhooks, or keeps a key of
// such a change. So a key that two processes bring at once is found by the second one.
auto postgres_store::begin_webhook_change(const std::optional<idempotency_key>& key)
    -> result<webhooks_to_change> {
  auto begun = begin_webhook_change_once(key);
  if (!begun && session_.stale())
    return begin_webhook_change_once(key);
  return begun;
}

auto postgres_store::begin_webhook_change_once(const std::optional<idempotency_key>& key)
    -> result<webhooks_to_change> {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  session_.add(sql::begin);
  session_.add(sql::lock_webhooks);
  session_.add(sql::all_webhooks);
  session_.add(sql::lock_kept,
               digests_of(std::vector(key ? 1 : 0, key.value_or(idempotency_key{}))));
  const auto answers = session_.run("begin to change a webhook");
  if (!answers)
    return std::unexpected(answers.error());
  auto kept = kept_in<kept_webhook>((*answers)[3], webhook_success_from_bytes);
  if (!kept) {
    session_.roll_back();
    return std::unexpected(kept.error());
  }
  return webhooks_to_change{.all = all_of((*answers)[2], read_webhook<row_view>),
                            .kept = *std::move(kept)};
}

result<answer> postgres_store::change_webhook(const webhook_request& what, instant now) {
  const auto begun = begin_webhook_change(key_of(what));
  if (!begun)
    return std::unexpected(begun.error());
  const auto& [all, kept] = *begun;
  webhook_decision decided = decide_webhook(what, all, now, kept.empty() ? nullptr : &kept[0]);
  const bool changes =
      decided.put || !decided.ends.empty() || !decided.replays.empty() || !decided.new_kept.empty();
  // By its commit, an answer that is given again is as durable as it was said to be.
  if (!changes && kept.empty()) {
    session_.roll_back();
    return std::move(decided.is);
  }
  if (!decided.ends.empty()) {
    session_.add(sql::delete_webhook, parameters{}.add(std::string_view(decided.ends)));
    add_end_subscriber(webhook_subscriber(decided.ends));
  }
  if (decided.begins) {
    // One that a table of the settings' file has left behind would be told of all since then.
    add_end_subscriber(webhook_subscriber(decided.put->name));
    if (auto done = register_webhook(*decided.put, now); !done)
      return std::unexpected(done.error());
  }
  if (decided.sets_kinds) {
    const auto set = change_kinds(webhook_subscriber(decided.put->name), decided.put->payments,
                                  decided.put->refunds);
    if (!set)
      session_.roll_back();
    if (!set && set.error().kind == error_kind::broken)
      return webhook_refused{webhook_refusal::events_changed_too_often, set.error().text};
    if (!set)
      return std::unexpected(set.error());
  }
  if (decided.put)
    add_put(*decided.put);
  if (!decided.replays.empty()) {
    const std::string name = webhook_subscriber(decided.replays);
    session_.add(sql::add_replays, parameters{}.add(std::string_view(name), decided.replays_from));
  }
  add_kept(session_, decided.new_kept, now);
  if (const auto done = session_.run_to_commit("change a webhook"); !done)
    return std::unexpected(done.error());
  return std::move(decided.is);
}

result<bool> postgres_store::take_over_webhook(const webhook& what, instant now) {
  const auto begun = begin_webhook_change(std::nullopt);
  if (!begun)
    return std::unexpected(begun.error());
  const std::string mark = taken_over_mark(what);
  session_.add(sql::mark_taken_over, parameters{}.add(std::string_view(mark)));
  const auto marked = session_.run("take a webhook over");
  if (!marked)
    return std::unexpected(marked.error());
  const bool is_new = !marked->front().empty();
  const bool exists = std::ranges::find(begun->all, what.name, &webhook::name) != begun->all.end();
  if (!is_new) {
    session_.roll_back();
    return false;
  }
  if (!exists) {
    if (auto done = register_webhook(what, now); !done)
      return std::unexpected(done.error());
    webhook made = what;
    made.created_at = made.updated_at = now;
    add_put(made);
  }
  if (const auto done = session_.run_to_commit("take a webhook over"); !done)
    return std::unexpected(repeatable(done.error()));
  return !exists;
}

/// Registers its subscriber where it is not there, behind what is committed.
result<void> postgres_store::register_webhook(const webhook& what, instant now) {
  const std::string name = webhook_subscriber(what.name);
  session_.add(sql::add_subscriber,
               parameters{}.add(std::string_view(name), what.payments, what.refunds, now));
  const auto added = session_.run("register a webhook");
  if (!added)
    return std::unexpected(added.error());
  if (!added->back().empty())
    session_.add(sql::add_cursors_at_end, parameters{}.add(added->back()[0].integer(0)));
  return {};
}

void postgres_store::add_put(const webhook& what) {
  const std::string old = to_text(what.old_secrets);
  session_.add(sql::put_webhook,
               parameters{}
                   .add(std::string_view(what.name), std::string_view(what.url),
                        std::string_view(what.secret), std::string_view(old))
                   .add(what.enabled, std::int64_t{what.max_in_flight},
                        std::int64_t{what.max_per_second}, what.allow_private_network)
                   .add(std::string_view(what.ca_file), std::string_view(what.content_type),
                        std::int64_t{what.timeout.count()})
                   .add(what.failing_since.value_or(instant{}), what.paused_at.value_or(instant{}),
                        what.created_at, what.updated_at));
}

void postgres_store::add_end_subscriber(std::string_view name) {
  session_.add(sql::lock_subscribers); // before the cursors, as an import does
  for (const statement& each :
       {sql::delete_cursors_of, sql::delete_claims_of, sql::delete_replays_of,
        sql::delete_former_kinds_of, sql::end_subscriber})
    session_.add(each, parameters{}.add(name));
}

// ---- work that is left, a step at a time --------------------------------------------------------

result<webhook_upkeep> postgres_store::tend_webhooks(instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  webhook_upkeep did;
  if (const auto cleared = clear_ended())
    did.more = *cleared;
  else
    return std::unexpected(cleared.error());
  session_.add(sql::replays_with_room,
               parameters{}.add(std::int64_t{replay_waiting_max}, replays_at_once_max));
  const auto answers = session_.run("look for replays");
  if (!answers)
    return std::unexpected(answers.error());
  for (const row_view row : answers->front()) {
    const replay one{.subscriber = {row.integer(0)}, .stream = {row.integer(1)}, .from = {}};
    const auto done = advance(one, now);
    if (!done)
      return std::unexpected(done.error());
    if (*done)
      did.replayed.push_back(one.stream);
  }
  return did;
}

/// Gives whether there was something to clear.
result<bool> postgres_store::clear_ended() {
  session_.add(sql::begin);
  session_.add(sql::lock_ended);
  auto answers = session_.run("clear a deleted webhook");
  if (!answers)
    return std::unexpected(answers.error());
  if (answers->back().empty()) {
    session_.roll_back();
    return false;
  }
  const subscriber_id id{answers->back()[0].integer(0)};
  session_.add(sql::clear_cursors, parameters{}.add(id));
  session_.add(sql::clear_claims, parameters{}.add(id));
  session_.add(sql::clear_deliveries, parameters{}.add(id, std::int64_t{cleared_at_once}));
  answers = session_.run("clear a deleted webhook");
  if (!answers)
    return std::unexpected(answers.error());
  if (answers->back().changed() < cleared_at_once)
    session_.add(sql::forget_ended, parameters{}.add(id));
  if (const auto done = session_.run_to_commit("clear a deleted webhook"); !done)
    return std::unexpected(repeatable(done.error()));
  return true;
}

/// One step of one replay; gives false where it is over already, or has no room any more.
result<bool> postgres_store::advance(replay of, instant now) {
  session_.add(sql::begin);
  session_.add(sql::lock_replayed, parameters{}.add(of.subscriber, of.stream));
  session_.add(sql::subscriber_wants, parameters{}.add(of.subscriber, of.stream));
  session_.add(sql::lock_replay,
               parameters{}.add(of.subscriber, of.stream, std::int64_t{replay_waiting_max}));
  auto answers = session_.run("replay");
  if (!answers)
    return std::unexpected(answers.error());
  const rows& state = (*answers)[3];
  if ((*answers)[1].empty() || (*answers)[2].empty() || state.empty()) {
    session_.roll_back();
    return false;
  }
  wanted_kinds wanted;
  for (const row_view each : (*answers)[2])
    read_wanted(each, wanted);
  of.from = state[0].time(0);
  of.next = state[0].integer(1);
  of.last = state[0].integer(2);
  const entry_id end = make_entry_id(of.stream, of.last);
  if (of.next == 0) {
    const auto begin =
        begin_of_replay(of, [&](std::int64_t number) -> result<std::optional<replay_entry>> {
          session_.add(sql::entries_from,
                       parameters{}.add(make_entry_id(of.stream, number), end, std::int64_t{1}));
          const auto found = session_.run("replay");
          if (!found)
            return std::unexpected(found.error());
          const auto entries = replay_entries_in(found->front());
          return entries.empty() ? std::nullopt : std::optional(entries.front());
        });
    if (!begin)
      return std::unexpected(begin.error());
    of.next = *begin;
  }
  const entry_id first = make_entry_id(of.stream, of.next);
  session_.add(sql::entries_from, parameters{}.add(first, end, std::int64_t{replay_looked_at_max}));
  session_.add(sql::replay_gaps, parameters{}.add(of.subscriber, of.stream, first, end));
  answers = session_.run("replay");
  if (!answers)
    return std::unexpected(answers.error());
  const auto gaps = all_of((*answers)[1], [](const row_view& row) {
    return replay_gap{.first = row.integer(0), .last = row.integer(1)};
  });
  const replay_piece piece = plan_replay(of, replay_entries_in((*answers)[0]), gaps, wanted);
  if (!piece.again.empty())
    session_.add(sql::replay_entries,
                 parameters{}
                     .add(of.subscriber)
                     .add_array(element::int8, piece.again, &replay_entry::id)
                     .add_array(element::timestamptz, piece.again, &replay_entry::created_at)
                     .add(now));
  if (piece.over)
    session_.add(sql::end_replay, parameters{}.add(of.subscriber, of.stream));
  else
    session_.add(sql::move_replay, parameters{}.add(of.subscriber, of.stream, piece.next));
  if (const auto done = session_.run_to_commit("replay"); !done)
    return std::unexpected(repeatable(done.error()));
  return true;
}

} // namespace paymentd::db::postgres
