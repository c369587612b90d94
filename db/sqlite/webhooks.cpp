#include "db/sqlite/webhooks.hpp"

#include "db/sqlite/sql.hpp"
#include "db/sqlite/webhook_sql.hpp"
#include "domain/decide_webhook.hpp"
#include "domain/success_bytes.hpp"

#include <algorithm>
#include <utility>

namespace paymentd::db::sqlite {

webhooks::webhooks(connection& on, deliveries& delivers)
    : delivers_(delivers), keys_(on), all_(on, sql::all_webhooks),
      work_left_(on, sql::webhook_work_left), put_(on, sql::put_webhook),
      delete_(on, sql::delete_webhook), mark_taken_over_(on, sql::mark_taken_over),
      subscriber_of_(on, sql::subscriber_id_of), note_ended_(on, sql::note_ended),
      delete_subscriber_(on, sql::delete_subscriber), delete_cursors_(on, sql::delete_cursors),
      delete_claims_(on, sql::delete_claims), delete_replays_(on, sql::delete_replays),
      delete_former_kinds_(on, sql::delete_former_kinds), some_ended_(on, sql::some_ended),
      delete_deliveries_(on, sql::delete_deliveries), forget_ended_(on, sql::forget_ended),
      add_replays_(on, sql::add_replays), all_replays_(on, sql::all_replays),
      count_waiting_(on, sql::count_waiting), entries_from_(on, sql::entries_from),
      gaps_(on, sql::replay_gaps), replay_(on, sql::replay_entry),
      move_replay_(on, sql::move_replay), end_replay_(on, sql::end_replay),
      wants_(on, sql::subscriber_wants) {}

std::vector<webhook> webhooks::all() {
  std::vector<webhook> found;
  auto rows = all_.query();
  while (rows.next())
    found.push_back(read_webhook(rows));
  return found;
}

bool webhooks::work_left() {
  auto row = work_left_.query();
  return row.next() && row.boolean(0);
}

result<answer> webhooks::change(const webhook_request& what, instant now) {
  std::optional<kept_webhook> kept;
  if (const auto key = key_of(what))
    kept = keys_.find<kept_webhook>(*key, webhook_success_from_bytes);
  webhook_decision decided = decide_webhook(what, all(), now, kept ? &*kept : nullptr);
  if (!decided.ends.empty()) {
    delete_.run(std::string_view(decided.ends));
    end_subscriber(webhook_subscriber(decided.ends));
  }
  if (decided.begins) {
    // One that a table of the settings' file has left behind would be told of all since then.
    const std::string name = webhook_subscriber(decided.put->name);
    end_subscriber(name);
    delivers_.subscribe(name, decided.put->payments, decided.put->refunds, now);
  }
  if (decided.sets_kinds) {
    const auto set = delivers_.set_kinds(webhook_subscriber(decided.put->name),
                                         decided.put->payments, decided.put->refunds);
    if (!set)
      return webhook_refused{webhook_refusal::events_changed_too_often, set.error().text};
  }
  if (decided.put)
    put(*decided.put);
  if (!decided.replays.empty()) {
    const std::string name = webhook_subscriber(decided.replays);
    add_replays_.run(std::string_view(name), decided.replays_from);
  }
  for (const kept_webhook& each : decided.new_kept)
    keys_.add(each.key, to_bytes(each.what), now);
  return std::move(decided.is);
}

bool webhooks::take_over(webhook what, instant now) {
  const std::string mark = taken_over_mark(what);
  if (mark_taken_over_.run(std::string_view(mark)) == 0)
    return false;
  const auto there = all();
  if (std::ranges::find(there, what.name, &webhook::name) != there.end())
    return false;
  const std::string name = webhook_subscriber(what.name);
  delivers_.subscribe(name, what.payments, what.refunds, now);
  what.created_at = what.updated_at = now;
  put(what);
  return true;
}

void webhooks::put(const webhook& what) {
  const std::string old = to_text(what.old_secrets);
  put_.run(std::string_view(what.name), std::string_view(what.url), std::string_view(what.secret),
           std::string_view(old), what.enabled, std::int64_t{what.max_in_flight},
           std::int64_t{what.max_per_second}, what.allow_private_network,
           std::string_view(what.ca_file), std::string_view(what.content_type),
           std::int64_t{what.timeout.count()}, what.failing_since, what.paused_at, what.created_at,
           what.updated_at);
}

void webhooks::end_subscriber(std::string_view name) {
  subscriber_id id;
  {
    auto row = subscriber_of_.query(name);
    if (!row.next())
      return;
    id = {row.integer(0)};
  }
  note_ended_.run(id);
  delete_cursors_.run(id);
  delete_claims_.run(id);
  delete_replays_.run(id);
  delete_former_kinds_.run(id);
  delete_subscriber_.run(id);
}

// ---- work that is left, a step at a time --------------------------------------------------------

bool webhooks::clear_ended() {
  subscriber_id id;
  {
    auto row = some_ended_.query();
    if (!row.next())
      return false;
    id = {row.integer(0)};
  }
  // A process that did not know yet may have made some.
  delete_cursors_.run(id);
  delete_claims_.run(id);
  constexpr std::int64_t most = webhook_store::cleared_at_once;
  if (delete_deliveries_.run(id, most) < most)
    forget_ended_.run(id);
  return true;
}

std::vector<replay> webhooks::replays() {
  std::vector<replay> found;
  auto rows = all_replays_.query();
  while (rows.next())
    found.push_back({.subscriber = {rows.integer(0)},
                     .stream = {rows.integer(1)},
                     .from = rows.time(2),
                     .next = rows.integer(3),
                     .last = rows.integer(4)});
  return found;
}

result<webhook_upkeep> webhooks::tend(instant now) {
  webhook_upkeep did{.more = clear_ended()};
  for (const replay& each : replays()) {
    if (std::cmp_equal(did.replayed.size(), replays_at_once_max))
      break;
    std::int64_t waiting = 0;
    if (auto row = count_waiting_.query(each.subscriber, each.stream,
                                        std::int64_t{replay_waiting_max + 1});
        row.next())
      waiting = row.integer(0);
    if (waiting > replay_waiting_max)
      continue;
    if (auto done = advance(each, now); !done)
      return std::unexpected(done.error());
    did.replayed.push_back(each.stream);
  }
  return did;
}

result<void> webhooks::advance(replay of, instant now) {
  const auto look = [&](std::int64_t from, std::int64_t most) {
    std::vector<replay_entry> found;
    auto rows = entries_from_.query(make_entry_id(of.stream, from),
                                    make_entry_id(of.stream, of.last), most);
    while (rows.next())
      found.push_back({.id = {rows.integer(0)},
                       .kind = static_cast<entry_kind>(rows.integer(1)),
                       .created_at = rows.time(2)});
    return found;
  };
  if (of.next == 0) {
    const auto begin =
        begin_of_replay(of, [&](std::int64_t number) -> result<std::optional<replay_entry>> {
          const auto found = look(number, 1);
          return found.empty() ? std::nullopt : std::optional(found.front());
        });
    if (!begin)
      return std::unexpected(begin.error());
    of.next = *begin;
  }
  wanted_kinds wanted;
  {
    auto rows = wants_.query(of.subscriber, of.stream);
    while (rows.next())
      read_wanted(rows, wanted);
  }
  std::vector<replay_gap> gaps;
  {
    auto rows = gaps_.query(of.subscriber, of.stream, make_entry_id(of.stream, of.next),
                            make_entry_id(of.stream, of.last));
    while (rows.next())
      gaps.push_back({.first = rows.integer(0), .last = rows.integer(1)});
  }
  const replay_piece piece =
      plan_replay(of, look(of.next, std::int64_t{replay_looked_at_max}), gaps, wanted);
  for (const replay_entry& each : piece.again)
    replay_.run(of.subscriber, each.id, each.created_at, now);
  if (piece.over)
    end_replay_.run(of.subscriber, of.stream);
  else
    move_replay_.run(of.subscriber, of.stream, piece.next);
  return {};
}

} // namespace paymentd::db::sqlite
