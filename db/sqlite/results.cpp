#include "db/sqlite/results.hpp"

#include "db/sqlite/upkeep_sql.hpp"
namespace paymentd::db::sqlite {

results::results(connection& on)
    : find_mark_(on, sql::find_results_mark), take_turn_(on, sql::take_results_turn),
      keep_turn_(on, sql::keep_results_turn), note_arrival_(on, sql::note_arrival),
      note_failure_(on, sql::note_failure) {}

std::optional<results_turn> results::begin(const results_due& asked, instant now) {
  results_turn turn;
  results_mark mark{.read_until = asked.to, .lease_until = asked.to};
  bool is_new = true;
  {
    auto row = find_mark_.query(std::string_view(asked.subscriber));
    if (!row.next())
      return std::nullopt;
    turn.subscriber = {row.integer(0)};
    is_new = row.is_null(1);
    if (!is_new)
      mark = {.read_until = row.time(1), .lease_until = row.time(2)};
    if (!row.is_null(3))
      mark.oldest_claim = row.time(3);
    turn.instance = row.text(4);
  }
  const auto due = due_span(asked, mark, now);
  if (!due && !is_new)
    return std::nullopt;
  const auto from = due ? due->from : mark.read_until;
  auto row = take_turn_.query(turn.subscriber, from, due ? now + asked.lease : now);
  if (!row.next() || !due)
    return std::nullopt;
  turn.number = row.integer(0);
  turn.from = due->from;
  turn.to = due->to;
  return turn;
}

result<results_answer> results::store(const results_step& step, instant now) {
  if (auto fits = check_results_step(step); !fits)
    return std::unexpected(fits.error());
  const results_mark next = mark_after(step, now);
  const subscriber_id of = step.turn.subscriber;
  if (keep_turn_.run(of, step.turn.number, next.read_until, next.lease_until) == 0)
    return std::unexpected(turn_is_lost());
  results_answer answer;
  for (const final_delivery& each : step.results) {
    const std::string_view call_id = each.provider_call_id;
    if (each.delivered_at)
      answer.arrived += note_arrival_.run(of, each.entry, call_id, *each.delivered_at, now,
                                          channel_number(each.channel));
    else
      answer.failed += note_failure_.run(of, each.entry, call_id, error_of(each), now);
  }
  return answer;
}

} // namespace paymentd::db::sqlite
