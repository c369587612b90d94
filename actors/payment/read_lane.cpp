#include "actors/payment/read_lane.hpp"

#include "actors/answer_lane.hpp"
#include "actors/caf_log.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace paymentd::actors {

namespace {
using lane_actor = caf::stateful_actor<read_lane_state>;
void send_batch(lane_actor* self);
void on_read(lane_actor* self, batch_answers answers);
} // namespace

caf::behavior read_lane(lane_actor* self, read_lane_options options) {
  self->state.options = std::move(options);
  return gather_and_answer<look_up>(self, send_batch, [self](look_up_many& many) {
    leave_caf_log();
    for (look_up& each : many.queries)
      gather(self, each);
    send_batch(self);
  });
}

namespace {

void send_batch(lane_actor* self) {
  auto& state = self->state;
  const steady_instant now = self->clock().now();
  if (state.requests.at_worker().empty() && now < state.not_before)
    return state.requests.shed_all(refusing(self, no_outcome::database_unavailable));
  const bool asked = ask_next(
      self, store_call_kind::read, db::error_kind::broken,
      [](db::read_store& store, const std::vector<query>& batch, instant) {
        return store.read(batch);
      },
      on_read);
  if (asked)
    state.options.health->asked(now);
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

/// Answers the batch at the worker. Neighbours of one asker go in one message.
void answer_together(lane_actor* self, std::vector<answer> answers) {
  const std::vector<ticket> asked = self->state.requests.finish(answers.size());
  for (std::size_t first = 0; first < asked.size();) {
    const caf::actor& asker = asked[first].reply_to;
    std::size_t end = first + 1;
    while (end < asked.size() && asked[end].reply_to == asker)
      ++end;
    looked_up_many together;
    together.answers.reserve(end - first);
    for (std::size_t i = first; i < end; ++i)
      together.answers.push_back({asked[i].number, std::move(answers[i])});
    if (together.answers.size() == 1)
      self->send(asker, std::move(together.answers.front()));
    else
      self->send(asker, std::move(together));
    first = end;
  }
}

void on_read(lane_actor* self, batch_answers answers) {
  auto& state = self->state;
  state.options.health->answered();
  if (answers) {
    database_is_back(state);
    answer_together(self, *std::move(answers));
  } else if (answers.error().kind == db::error_kind::unavailable) {
    database_is_away(self, answers.error());
    answer_batch(self, no_outcome::database_unavailable);
  } else {
    spdlog::error("{}: {}", state.options.name, answers.error().text);
    answer_batch(self, no_outcome::internal_error);
  }
  send_batch(self);
}

} // namespace

} // namespace paymentd::actors
