#include "actors/delivery/retry_lane.hpp"

#include "actors/answer_lane.hpp"
#include "actors/delivery/notification_actor.hpp"
#include "actors/payment_success.hpp"

#include <spdlog/spdlog.h>

#include <set>
#include <utility>

namespace paymentd::actors {

namespace {
using lane_actor = caf::stateful_actor<retry_lane_state>;
void send_batch(lane_actor* self);
void on_retried(lane_actor* self, batch_answers answers);
} // namespace

caf::behavior retry_lane(lane_actor* self, retry_lane_options options) {
  self->state.options = std::move(options);
  return gather_and_answer<retry_delivery>(
      self, send_batch,
      [self](const subscriber_begun& news) {
        self->state.options.supervisors.erase(news.name);
        self->state.options.supervisors.emplace(news.name, news.supervisor);
      },
      [self](const subscriber_ended& news) {
        auto& supervisors = self->state.options.supervisors;
        const auto known = supervisors.find(news.name);
        if (known != supervisors.end() && known->second == news.supervisor)
          supervisors.erase(known);
      });
}

namespace {

void send_batch(lane_actor* self) {
  ask_next(
      self, store_call_kind::retry, db::error_kind::in_doubt,
      [](db::delivery_store& store, const std::vector<delivery_retry>& batch, instant now) {
        return store.retry(batch, now);
      },
      on_retried);
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

void on_retried(lane_actor* self, batch_answers answers) {
  auto& state = self->state;
  if (!answers) {
    spdlog::warn("retries by hand: {}", answers.error().text);
    answer_batch(self, meaning_of(answers.error().kind));
    return send_batch(self);
  }
  std::map<std::string, std::set<stream_id>> due;
  for (const answer& each : *answers)
    if (const auto* one = std::get_if<delivery>(&each))
      due[one->subscriber].insert(stream_of(one->entry));
  answer_batch(self, *std::move(answers));
  for (const auto& [name, streams] : due) {
    const auto [first, last] = state.options.supervisors.equal_range(name);
    for (auto to = first; to != last; ++to)
      for (const stream_id each : streams)
        self->send(to->second, retries_due{each});
  }
  send_batch(self);
}

} // namespace

} // namespace paymentd::actors
