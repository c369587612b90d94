// The part of the store that takes in what finally became of messages.
#include "db/postgres/session_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/postgres/upkeep_sql.hpp"
#include "db/results_turns.hpp"

#include <algorithm>

namespace paymentd::db::postgres {

result<std::optional<results_turn>> postgres_store::begin_results(const results_due& asked,
                                                                  instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const std::string_view name = asked.subscriber;
  session_.add(sql::begin);
  session_.add(sql::add_results_mark, parameters{}.add(name, asked.to));
  session_.add(sql::lock_results_mark, parameters{}.add(name));
  const auto answers = session_.run("look for results that are due");
  if (!answers)
    return std::unexpected(answers.error());
  const rows& found = answers->back();
  std::optional<results_turn> turn;
  if (!found.empty()) {
    results_mark mark{.read_until = found[0].time(1), .lease_until = found[0].time(2)};
    if (!found[0].is_null(4))
      mark.oldest_claim = found[0].time(4);
    if (const auto due = due_span(asked, mark, now)) {
      turn = results_turn{.subscriber = {found[0].integer(0)},
                          .number = found[0].integer(3) + 1,
                          .from = due->from,
                          .to = due->to,
                          .instance = std::string(found[0].text(5))};
      session_.add(sql::take_results_turn,
                   parameters{}.add(turn->subscriber, turn->from, now + asked.lease));
    }
  }
  if (const auto done = session_.run_to_commit("begin to read results"); !done)
    return std::unexpected(repeatable(done.error()));
  return turn;
}

result<results_answer> postgres_store::store_results(const results_step& step, instant now) {
  if (auto fits = check_results_step(step); !fits)
    return std::unexpected(fits.error());
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const results_mark next = mark_after(step, now);
  session_.add(sql::begin);
  session_.add(sql::keep_results_turn, parameters{}.add(step.turn.subscriber, step.turn.number,
                                                        next.read_until, next.lease_until));
  const auto kept = session_.run("store results");
  if (!kept)
    return std::unexpected(kept.error());
  if (kept->back().empty()) {
    session_.roll_back();
    return std::unexpected(turn_is_lost());
  }
  const std::int64_t outcome{static_cast<std::int64_t>(try_outcome::undelivered)};
  const auto channel = [](const final_delivery& one) {
    return std::int64_t{channel_number(one.channel)};
  };
  // Behind the rows' keys, these are the same in both statements.
  const auto with_results = [&](parameters& keys) -> parameters& {
    return keys.add_array(element::timestamptz, step.results, &final_delivery::delivered_at)
        .add_texts(step.results, error_of)
        .add(now)
        .add_array(element::int2, step.results, channel)
        .add(outcome, std::int64_t{tries_max});
  };
  session_.add(sql::note_results,
               with_results(parameters{}
                                .add(step.turn.subscriber)
                                .add_array(element::int8, step.results, &final_delivery::entry))
                   .add_texts(step.results, &final_delivery::provider_call_id));
  const bool by_id = std::ranges::any_of(
      step.results, [](const final_delivery& each) { return each.entry == entry_id{}; });
  if (by_id)
    session_.add(sql::note_results_by_id,
                 with_results(parameters{}
                                  .add(step.turn.subscriber)
                                  .add_texts(step.results, &final_delivery::provider_message_id)));
  const auto noted = session_.run_to_commit("store results");
  if (!noted)
    return std::unexpected(repeatable(noted.error()));
  results_answer answer;
  for (std::size_t i = 0; i < (by_id ? 2u : 1u); ++i) {
    answer.arrived += static_cast<int>((*noted)[i][0].integer(0));
    answer.failed += static_cast<int>((*noted)[i][0].integer(1));
  }
  return answer;
}

} // namespace paymentd::db::postgres
