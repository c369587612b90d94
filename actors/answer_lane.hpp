// The lanes for reads and for retries by hand have this in common: requests gather while the worker
// has the batch before, and each is answered by one `looked_up`. `Lane` is the actor; its state has
// `requests`, a batcher, and `options` with `worker`, `batch_max` and `pending_max`. Its thread.
#pragma once

#include "actors/batcher.hpp"
#include "actors/requests.hpp"
#include "actors/store_worker.hpp"

#include <caf/behavior.hpp>

#include <utility>
#include <vector>

namespace paymentd::actors {

using batch_answers = db::result<std::vector<answer>>;

template <class Lane>
void reply(Lane* self, const ticket& to, answer_reply with) {
  self->send(to.reply_to, looked_up{to.number, std::move(with)});
}

/// For the batcher: answers those that it sheds by `why`.
template <class Lane>
auto refusing(Lane* self, no_outcome why) {
  return [self, why](const ticket& of) { reply(self, of, std::unexpected(why)); };
}

/// The request waits for the next batch, or is answered `overloaded` where there is no room.
template <class Request, class Lane>
void gather(Lane* self, Request& what) {
  auto& state = self->state;
  if (state.requests.has_room(state.options.pending_max))
    state.requests.add(std::move(what));
  else
    reply(self, what.from, std::unexpected(no_outcome::overloaded));
}

/// The lane's behaviour: requests are gathered, and `send_batch` is called behind each. `others`
/// take its other messages.
template <class Request, class Lane, class... Others>
caf::behavior gather_and_answer(Lane* self, void (*send_batch)(Lane*), Others... others) {
  return {
      [self, send_batch](Request& what) {
        gather(self, what);
        send_batch(self);
      },
      [](const store_answer& answer) { answer.take(); },
      std::move(others)...,
  };
}

/// Where the worker is free and something waits: has it make `call`, which gets the port, the next
/// batch and the time of day, and `then` run with the answers. Says whether it did.
template <class Lane, class Call>
bool ask_next(Lane* self, store_call_kind kind, db::error_kind thrown, Call call,
              void (*then)(Lane*, batch_answers)) {
  auto& state = self->state;
  if (!state.requests.at_worker().empty())
    return false;
  auto batch = state.requests.gather(state.options.batch_max, self->clock().now(),
                                     refusing(self, no_outcome::overloaded));
  if (!batch)
    return false;
  ask(
      self, state.options.worker, kind, thrown,
      [batch = std::move(batch), call](auto& store, instant now) {
        return call(store, *batch, now);
      },
      [self, then](batch_answers answers) { then(self, std::move(answers)); });
  return true;
}

/// Answers the batch at the worker, each request by its own answer.
template <class Lane>
void answer_batch(Lane* self, std::vector<answer> answers) {
  const std::vector<ticket> asked = self->state.requests.finish(answers.size());
  for (std::size_t i = 0; i < asked.size(); ++i)
    reply(self, asked[i], std::move(answers[i]));
}

/// Answers all of the batch at the worker by `why`.
template <class Lane>
void answer_batch(Lane* self, no_outcome why) {
  for (const ticket& each : self->state.requests.finish())
    reply(self, each, std::unexpected(why));
}

} // namespace paymentd::actors
