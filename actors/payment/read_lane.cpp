#include "actors/payment/read_lane.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace paymentd::actors {

namespace {

using lane_actor = caf::stateful_actor<read_lane_state>;

void reply(lane_actor* self, const ticket& to, answer_reply with) {
  self->send(to.reply_to, looked_up{to.number, std::move(with)});
}

void on_read(lane_actor* self, db::result<std::vector<answer>> answers);

void send_batch(lane_actor* self) {
  auto& state = self->state;
  if (!state.queries.at_worker().empty())
    return;
  const steady_instant now = self->clock().now();
  const auto shed = [self](no_outcome why) {
    return [self, why](const ticket& of) { reply(self, of, std::unexpected(why)); };
  };
  if (now < state.not_before)
    return state.queries.shed_all(shed(no_outcome::database_unavailable));
  auto batch = state.queries.gather(state.options.batch_max, now, shed(no_outcome::overloaded));
  if (!batch)
    return;
  state.options.health->asked(now);
  ask(
      self, state.options.worker, db::error_kind::broken,
      [batch = std::move(batch)](db::read_store& store, instant) { return store.read(*batch); },
      [self](db::result<std::vector<answer>> answers) { on_read(self, std::move(answers)); });
}

/// One line when the database goes and one when it is back, however many reads there are between.
void database_is_away(lane_actor* self, const db::error& why) {
  auto& state = self->state;
  state.options.health->learned(condition::unavailable);
  if (++state.failures == 1)
    spdlog::warn("{}: the database is unavailable: {}", state.options.name, why.text);
  else
    state.not_before =
        self->clock().now() +
        backoff_delay(state.options.backoff, state.failures - 1, state.options.random());
}

void database_is_back(read_lane_state& state) {
  if (std::exchange(state.failures, 0) > 0)
    spdlog::info("{}: the database is back", state.options.name);
  state.not_before = {};
  state.options.health->learned(condition::ok);
}

void on_read(lane_actor* self, db::result<std::vector<answer>> answers) {
  auto& state = self->state;
  state.options.health->answered();
  if (answers) {
    const auto asked = state.queries.finish(answers->size());
    database_is_back(state);
    for (std::size_t i = 0; i < asked.size(); ++i)
      reply(self, asked[i], std::move((*answers)[i]));
  } else {
    const bool away = answers.error().kind == db::error_kind::unavailable;
    if (away)
      database_is_away(self, answers.error());
    else
      spdlog::error("{}: {}", state.options.name, answers.error().text);
    for (const ticket& each : state.queries.finish())
      reply(self, each,
            std::unexpected(away ? no_outcome::database_unavailable : no_outcome::internal_error));
  }
  send_batch(self);
}

} // namespace

caf::behavior read_lane(lane_actor* self, read_lane_options options) {
  self->state.options = std::move(options);
  return {
      [self](look_up& what) {
        auto& state = self->state;
        if (!state.queries.has_room(state.options.pending_max))
          return reply(self, what.from, std::unexpected(no_outcome::overloaded));
        state.queries.add(std::move(what));
        send_batch(self);
      },
      [](const store_answer& answer) { answer.take(); },
  };
}

} // namespace paymentd::actors
