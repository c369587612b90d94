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
void retry_all(lane_actor* self, retry_all_failed& what);
} // namespace

caf::behavior retry_lane(lane_actor* self, retry_lane_options options) {
  self->state.options = std::move(options);
  return gather_and_answer<retry_delivery>(
      self, send_batch, [self](retry_all_failed& what) { retry_all(self, what); },
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

/// Tells those of this process that deliver to the subscriber.
void tell(lane_actor* self, const std::string& subscriber, const auto& streams) {
  const auto [first, last] = self->state.options.supervisors.equal_range(subscriber);
  for (auto to = first; to != last; ++to)
    for (const stream_id each : streams)
      self->send(to->second, retries_due{each});
}

void on_retried(lane_actor* self, batch_answers answers) {
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
  for (const auto& [name, streams] : due)
    tell(self, name, streams);
  send_batch(self);
}

void retry_some(lane_actor* self, const db::failed_progress& so_far);

void next_of_all(lane_actor* self) {
  auto& all = self->state.all;
  for (; !all.empty(); all.pop_front()) {
    if (self->clock().now() < all.front().from.begin_by)
      return retry_some(self, {});
    reply(self, all.front().from, std::unexpected(no_outcome::overloaded));
  }
}

void end_of_all(lane_actor* self, answer_reply with) {
  reply(self, self->state.all.front().from, std::move(with));
  self->state.all.pop_front();
  next_of_all(self);
}

/// The next transaction of the one that is under way.
void retry_some(lane_actor* self, const db::failed_progress& so_far) {
  auto& state = self->state;
  ask(
      self, state.options.worker, store_call_kind::retry, db::error_kind::in_doubt,
      [which = state.all.front().what, so_far](db::delivery_store& store, instant now) {
        return store.retry_failed(which, so_far, now);
      },
      [self, before = so_far.count](db::result<db::failed_progress> next) {
        if (!next) {
          spdlog::warn("retries by hand: {}", next.error().text);
          const no_outcome why = meaning_of(next.error().kind);
          return end_of_all(self, std::unexpected(before > 0 ? no_outcome::outcome_unknown : why));
        }
        tell(self, next->name, next->due);
        if (next->outcome)
          end_of_all(self, *std::move(next->outcome));
        else
          retry_some(self, *next);
      });
}

void retry_all(lane_actor* self, retry_all_failed& what) {
  auto& state = self->state;
  if (state.all.size() >= state.options.all_pending_max)
    return reply(self, what.from, std::unexpected(no_outcome::overloaded));
  state.all.push_back(std::move(what));
  if (state.all.size() == 1)
    next_of_all(self);
}

} // namespace

} // namespace paymentd::actors
