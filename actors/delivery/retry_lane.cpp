#include "actors/delivery/retry_lane.hpp"

#include "actors/delivery/notification_actor.hpp"

#include <spdlog/spdlog.h>

#include <set>
#include <utility>

namespace paymentd::actors {

namespace {

using lane_actor = caf::stateful_actor<retry_lane_state>;

void reply(lane_actor* self, const ticket& to, answer_reply with) {
  self->send(to.reply_to, looked_up{to.number, std::move(with)});
}

void on_retried(lane_actor* self, db::result<std::vector<answer>> answers);

void send_batch(lane_actor* self) {
  auto& state = self->state;
  if (!state.retries.at_worker().empty())
    return;
  auto batch =
      state.retries.gather(state.options.batch_max, self->clock().now(), [self](const ticket& of) {
        reply(self, of, std::unexpected(no_outcome::overloaded));
      });
  if (batch)
    ask(
        self, state.options.worker, db::error_kind::in_doubt,
        [batch = std::move(batch)](db::delivery_store& store, instant now) {
          return store.retry(*batch, now);
        },
        [self](db::result<std::vector<answer>> answers) { on_retried(self, std::move(answers)); });
}

no_outcome meaning_of(db::error_kind kind) {
  switch (kind) {
  case db::error_kind::unavailable:
    return no_outcome::database_unavailable;
  case db::error_kind::in_doubt:
    return no_outcome::outcome_unknown;
  default:
    return no_outcome::internal_error;
  }
}

void on_retried(lane_actor* self, db::result<std::vector<answer>> answers) {
  auto& state = self->state;
  if (!answers) {
    spdlog::warn("retries by hand: {}", answers.error().text);
    for (const ticket& each : state.retries.finish())
      reply(self, each, std::unexpected(meaning_of(answers.error().kind)));
    return send_batch(self);
  }
  const auto asked = state.retries.finish(answers->size());
  std::map<std::string, std::set<stream_id>> due;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (const auto* one = std::get_if<delivery>(&(*answers)[i]))
      due[one->subscriber].insert(stream_of(one->entry));
    reply(self, asked[i], std::move((*answers)[i]));
  }
  for (const auto& [name, streams] : due)
    if (const auto to = state.options.subscribers.find(name); to != state.options.subscribers.end())
      for (const stream_id each : streams)
        self->send(to->second, retries_due{each});
  send_batch(self);
}

} // namespace

caf::behavior retry_lane(lane_actor* self, retry_lane_options options) {
  self->state.options = std::move(options);
  return {
      [self](retry_delivery& what) {
        auto& state = self->state;
        if (!state.retries.has_room(state.options.pending_max))
          return reply(self, what.from, std::unexpected(no_outcome::overloaded));
        state.retries.add(std::move(what));
        send_batch(self);
      },
      [](const store_answer& answer) { answer.take(); },
  };
}

} // namespace paymentd::actors
