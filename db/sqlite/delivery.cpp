#include "db/sqlite/delivery.hpp"

#include "db/claim_key.hpp"
#include "db/results_turns.hpp"
#include "db/row_readers.hpp"
#include "db/sqlite/sql.hpp"
#include "db/sqlite/upkeep_sql.hpp"
#include "db/store_rules.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace paymentd::db::sqlite {
namespace {

std::unexpected<error> broken(std::string text) {
  return std::unexpected(error{error_kind::broken, std::move(text)});
}

std::string read_instance(connection& on) {
  statement asks(on, sql::get_instance);
  auto rows = asks.query();
  return rows.next() ? std::string(rows.text(0)) : std::string();
}

// "[1,2,3]", so that SQL can look inside (json_each).
std::string to_list(std::span<const entry_id> ids) {
  std::string list = "[";
  for (const auto id : ids)
    list.append(list.size() > 1 ? "," : "").append(std::to_string(id.value));
  return list + "]";
}

// ",nhn,solapi,", so that SQL can look inside; empty where there is none.
std::string names_in(std::span<const std::string> names) {
  std::string list;
  for (const std::string& each : names)
    list.append(list.empty() ? "," : "").append(each).append(",");
  return list;
}

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
  std::ranges::sort(ids); // whatever a hand has written there
  return ids;
}

} // namespace

deliveries::deliveries(connection& on, const recent_events& newest, bool reads_user)
    : newest_(newest), reads_user_(reads_user), handle_(on.handle()), given_(on.given()),
      instance_(read_instance(on)), find_subscriber_(on, sql::find_subscriber),
      hold_(on, sql::hold_subscriber), read_again_(on, sql::read_results_again),
      wants_(on, sql::subscriber_wants), add_subscriber_(on, sql::add_subscriber),
      add_cursors_(on, sql::add_cursors_at_end), add_cursor_(on, sql::add_cursor_at_start),
      count_former_kinds_(on, sql::count_former_kinds),
      add_former_kinds_(on, sql::add_former_kinds), set_kinds_(on, sql::set_subscriber_kinds),
      get_cursor_(on, sql::get_cursor), move_cursor_(on, sql::move_cursor),
      get_claims_(on, sql::get_claims), get_claim_(on, sql::get_claim),
      add_claim_(on, sql::add_claim), next_generation_(on, sql::next_generation),
      end_claim_(on, sql::end_claim), forget_tries_(on, sql::forget_tries),
      note_try_(on, sql::note_try), tries_of_claim_(on, sql::tries_of_claim),
      events_of_range_(on, sql::events_of_range), entries_ahead_(on, sql::entries_ahead),
      event_of_entry_(on, sql::event_of_entry), get_refund_(on, sql::get_refund),
      get_user_words_(on, sql::get_user_words), entries_of_range_(on, sql::entries_of_range),
      entry_created_(on, sql::entry_created), due_retries_(on, sql::due_retries),
      next_retry_(on, sql::next_retry), take_retry_(on, sql::take_retry),
      put_deliveries_(on, sql::put_deliveries), mark_delivery_(on, sql::mark_delivery),
      set_copies_by_(on, sql::set_copies_by), add_try_(on, sql::add_try),
      is_failed_(on, sql::is_failed), retry_(on, sql::retry_delivery),
      next_subscriber_(on, sql::next_subscriber), failed_behind_(on, sql::failed_behind),
      retry_failed_(on, sql::retry_one_failed), prune_end_(on, sql::prune_end),
      prune_look_(on, sql::prune_look), prune_one_(on, sql::prune_one),
      raise_kept_from_(on, sql::raise_kept_from), keys_(on) {}

// ---- subscribers and claims as they stand -------------------------------------------------------

subscriber deliveries::subscribe(std::string_view name, bool wants_payments, bool wants_refunds,
                                 instant now) {
  if (auto found = find_subscriber(name))
    return *std::move(found);
  add_subscriber_.run(name, wants_payments, wants_refunds, now);
  const subscriber_id id{sqlite3_last_insert_rowid(handle_)};
  add_cursors_.run(id);
  return {id, std::string(name), wants_payments, wants_refunds, instance_};
}

std::optional<subscriber> deliveries::find_subscriber(std::string_view name) {
  auto row = find_subscriber_.query(name);
  if (!row.next())
    return std::nullopt;
  return subscriber{{row.integer(0)}, std::string(name), row.boolean(1),
                    row.boolean(2),   instance_,         row.optional_time(3)};
}

result<subscriber> deliveries::set_kinds(std::string_view name, bool wants_payments,
                                         bool wants_refunds) {
  auto found = find_subscriber(name);
  if (!found)
    return std::unexpected(no_such_subscriber(name));
  if (found->wants_payments == wants_payments && found->wants_refunds == wants_refunds)
    return *std::move(found);
  if (auto row = count_former_kinds_.query(found->id);
      row.next() && std::cmp_greater_equal(row.integer(0), kinds_changes_max))
    return std::unexpected(changed_too_often(name));
  add_former_kinds_.run(found->id);
  set_kinds_.run(found->id, wants_payments, wants_refunds);
  found->wants_payments = wants_payments;
  found->wants_refunds = wants_refunds;
  return *std::move(found);
}

result<deliveries::subscription> deliveries::find_subscription(subscriber_id subscriber,
                                                               stream_id stream) {
  subscription found{subscriber, stream, {}};
  auto row = wants_.query(subscriber, stream);
  if (!row.next())
    return broken("subscriber " + std::to_string(subscriber.value) + " is not registered");
  do
    read_wanted(row, found.wanted);
  while (row.next());
  return found;
}

std::int64_t deliveries::cursor(const subscription& at) {
  {
    auto row = get_cursor_.query(at.subscriber, at.stream);
    if (row.next())
      return row.integer(0);
  }
  // The stream is younger than the subscriber: all of it is for it.
  add_cursor_.run(at.subscriber, at.stream);
  return 0;
}

result<std::vector<claim>> deliveries::open_claims(subscriber_id subscriber, stream_id stream) {
  const auto at = find_subscription(subscriber, stream);
  if (!at)
    return std::unexpected(at.error());
  cursor(*at);
  const auto rows_found = all_of(get_claims_.query(subscriber, stream), read_claim);
  std::vector<claim> claims;
  claims.reserve(rows_found.size());
  for (const auto& row : rows_found) {
    claim& made = claims.emplace_back(load_claim(*at, row));
    made.tries = all_of(tries_of_claim_.query(made.id),
                        [](const statement::rows& one) { return read_try(one, 0); });
  }
  return claims;
}

deliveries::claim_row deliveries::read_claim(const statement::rows& row) {
  return {.id = {row.integer(0)},
          .generation = static_cast<int>(row.integer(1)),
          .first = {row.integer(2)},
          .last = {row.integer(3)},
          .retries = from_list(row.text(4)),
          .since = row.time(5),
          .provider = std::string(row.text(6))};
}

std::optional<deliveries::claim_row> deliveries::find_claim(const subscription& at, claim_id id) {
  auto row = get_claim_.query(id, at.subscriber, at.stream);
  return row.next() ? std::optional(read_claim(row)) : std::nullopt;
}

message read_message(const statement::rows& row, statement& get_refund) {
  message made = read_event(row);
  if (made.lost.empty() && made.event.kind == entry_kind::refund)
    if (auto rest = get_refund.query(made.event.entry); rest.next())
      read_refund(rest, 0, made.event);
  return made;
}

message deliveries::load_message(const statement::rows& row) {
  message made = read_message(row, get_refund_);
  if (reads_user_ && made.lost.empty())
    if (auto words = get_user_words_.query(made.event.user); words.next())
      read_user_words(words, 0, made.event);
  return made;
}

message deliveries::load_retry(const subscription& at, entry_id id) {
  auto row = event_of_entry_.query(id, at.subscriber);
  if (!row.next()) {
    message made;
    made.event.entry = id;
    made.lost = "its ledger entry is gone";
    return made;
  }
  message made = load_message(row);
  made.attempts = static_cast<int>(row.integer(13));
  made.copies = static_cast<int>(row.integer(14));
  return made;
}

claim deliveries::load_claim(const subscription& at, const claim_row& row) {
  std::vector<message> messages;
  for (const auto id : row.retries)
    messages.push_back(load_retry(at, id));
  if (row.retries.empty()) {
    auto rows = events_of_range_.query(entry_id{row.first.value - 1}, row.last, -1);
    while (rows.next()) {
      if (!at.wanted.hold(static_cast<entry_kind>(rows.integer(1)), number_of({rows.integer(0)})))
        continue;
      messages.push_back(load_message(rows));
    }
  }
  return make_claim(instance_, row.id, row.generation, row.since, std::move(messages),
                    row.provider);
}

// ---- one step -----------------------------------------------------------------------------------

result<delivery_answer> deliveries::deliver(const delivery_step& step, std::int64_t stream_next,
                                            instant now) {
  const auto at = find_subscription(step.subscriber, step.stream.stream);
  if (!at)
    return std::unexpected(at.error());
  auto plan = plan_delivery(step, look(*at, step, stream_next, now), now);
  if (!plan)
    return broken(std::move(plan).error());

  write_deliveries(*at, *plan, now);
  for (const claim_id id : plan->deleted)
    end_claim_.run(id);
  for (const noted_claim& each : step.noted)
    note(*at, each);
  for (const entry_id id : plan->taken)
    take_retry_.run(at->subscriber, id);
  if (plan->moves)
    move_cursor_.run(at->subscriber, at->stream, plan->position);
  if (step.quiet_until)
    hold_.run(step.subscriber, *step.quiet_until);
  if (const auto from = read_again_from(step))
    read_again_.run(step.subscriber, *from, now);

  delivery_answer answer{.claims = {}, .more = plan->more, .next_due = plan->next_due};
  for (const claim_record& one : plan->regenerated) {
    next_generation_.run(one.id, now);
    if (const auto row = find_claim(*at, one.id))
      answer.claims.push_back(load_claim(*at, *row));
  }
  for (planned_claim& one : plan->opened)
    answer.claims.push_back(add_claim(*at, std::move(one), now));
  return answer;
}

delivery_view deliveries::look(const subscription& at, const delivery_step& step,
                               std::int64_t stream_next, instant now) {
  delivery_view view{.position = cursor(at)};
  for (const ended_claim& each : step.ended)
    look_at_claim(at, each.id, view);
  for (const claim_id each : step.regenerate)
    look_at_claim(at, each, view);
  for (const claim_id each : step.split)
    look_at_claim(at, each, view);
  const delivery_reach reach = reach_of(step);
  {
    const std::string named = names_in(doubt_filter_of(step));
    auto rows = due_retries_.query(at.subscriber, now, at.stream, reach.messages,
                                   std::string_view(named), !step.takes_new);
    while (rows.next())
      view.due.push_back({{rows.integer(0)}, rows.time(1), std::string(rows.text(2))});
  }
  if (auto row = next_retry_.query(at.subscriber, at.stream, now); row.next())
    view.next_retry = row.time(0);
  look_ahead(at, stream_next, reach,
             newest_.behind(at.stream, view.position, step.takes_new ? reach.messages : 0, now),
             view);
  return view;
}

void deliveries::look_at_claim(const subscription& at, claim_id id, delivery_view& into) {
  auto row = find_claim(at, id);
  if (!row || std::ranges::find(into.claims, id, &claim_record::id) != into.claims.end())
    return;
  claim_record& made = into.claims.emplace_back(claim_record{.id = id,
                                                             .retries = !row->retries.empty(),
                                                             .first = row->first,
                                                             .last = row->last,
                                                             .provider = row->provider});
  for (const entry_id each : row->retries) {
    auto found = entry_created_.query(each);
    made.entries.push_back({each, found.next() ? found.time(0) : instant{}});
  }
  if (made.retries)
    return;
  auto rows = entries_of_range_.query(row->first, row->last);
  while (rows.next())
    if (at.wanted.hold(static_cast<entry_kind>(rows.integer(1)), number_of({rows.integer(0)})))
      made.entries.push_back({{rows.integer(0)}, rows.time(2)});
}

void deliveries::look_ahead(const subscription& at, std::int64_t stream_next, delivery_reach reach,
                            recent_events::stretch remembered, delivery_view& into) {
  into.seen_to = into.position;
  // One stretch at a time, so that each claim lies in one.
  const wanted_kinds::stretch within = at.wanted.at(into.position + 1);
  const std::int64_t end = within.last.value_or(stream_next - 1);
  const std::int64_t last = remembered.empty() ? end : std::min(end, remembered.last());
  auto rows = (remembered.empty() ? events_of_range_ : entries_ahead_)
                  .query(make_entry_id(at.stream, into.position), make_entry_id(at.stream, last),
                         reach.entries);
  for (std::int64_t seen = 0; std::ssize(into.ahead) < reach.messages; ++seen) {
    if (!rows.next()) {
      const bool whole = seen < reach.entries && last == end;
      into.at_end = whole && !within.last;
      if (whole && within.last)
        into.seen_to = end;
      return;
    }
    const entry_id entry{rows.integer(0)};
    into.seen_to = number_of(entry);
    if (!within.kinds.hold(static_cast<entry_kind>(rows.integer(1))))
      continue;
    if (remembered.empty())
      into.ahead.push_back(load_message(rows));
    else if (auto event = remembered.next(entry))
      into.ahead.emplace_back().event = *std::move(event);
    else // a hand has made it
      into.ahead.push_back(load_retry(at, entry));
  }
}

void deliveries::write_deliveries(const subscription& at, const delivery_plan& plan, instant now) {
  for (const planned_result& one : plan.results) {
    const delivery_result& what = *one.result;
    given_.add(at.subscriber, what.entry, static_cast<int>(what.status), what.attempts,
               or_null(what.last_error), or_null(what.provider_message_id), what.next_attempt,
               one.created_at, now);
  }
  put_deliveries_.run_on(given_);
  for (const planned_result& one : plan.results)
    if (const delivery_result& what = *one.result; what.copies > 0 || what.channel)
      mark_delivery_.run(at.subscriber, what.entry, what.copies, channel_number(what.channel));
  for (const planned_doubt& one : plan.in_doubt)
    set_copies_by_.run(at.subscriber, one.entry, std::string_view(one.provider));
  for (const planned_try& one : plan.tries)
    add_try_.run(at.subscriber, one.entry, one.at, one.took.count(), static_cast<int>(one.outcome),
                 one.detail, tries_max);
}

void deliveries::note(const subscription& at, const noted_claim& what) {
  forget_tries_.run(what.id, at.stream);
  for (const delivery_try& one : what.tries)
    note_try_.run(what.id, at.stream, one.at, one.took.count(), static_cast<int>(one.outcome),
                  std::string_view(one.detail), tries_max);
}

claim deliveries::add_claim(const subscription& at, planned_claim what, instant now) {
  claim_row row{.id = {},
                .generation = first_generation,
                .first = what.first,
                .last = what.last,
                .retries = std::move(what.retries),
                .since = now,
                .provider = std::move(what.provider)};
  if (row.retries.empty()) {
    add_claim_.run(at.subscriber, at.stream, row.first, row.last, std::nullopt, now, row.provider);
  } else {
    const std::string list = to_list(row.retries);
    add_claim_.run(at.subscriber, at.stream, std::nullopt, std::nullopt, std::string_view(list),
                   now, row.provider);
  }
  row.id = {sqlite3_last_insert_rowid(handle_)};
  if (what.messages.empty())
    return load_claim(at, row);
  return make_claim(instance_, row.id, row.generation, now, std::move(what.messages),
                    std::move(row.provider));
}

} // namespace paymentd::db::sqlite
