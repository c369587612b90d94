#include "actors/payment/order_actor.hpp"

#include "actors/entrance.hpp"
#include "domain/check.hpp"

#include <utility>

namespace paymentd::actors {

namespace {
using order_actor_type = caf::stateful_actor<order_actor_state>;
void start_next(order_actor_type* self);
void on_settled(order_actor_type* self, settled& done);
void on_looked_up(order_actor_type* self, looked_up& done);
void forget(order_actor_state& state);
} // namespace

caf::behavior order_actor(order_actor_type* self, std::shared_ptr<answered_count> answered,
                          std::shared_ptr<const order_actor_context> context) {
  self->state.answered = std::move(answered);
  self->state.context = std::move(context);
  return {
      [self](assignment& what) {
        auto& state = self->state;
        state.id = what.order;
        forget(state);
        state.waiting.push_back(std::move(what.first));
        start_next(self);
      },
      [self](submit& what) {
        auto& state = self->state;
        if (state.waiting.size() > state.context->waiters_max) {
          state.answered->fetch_add(1, std::memory_order_release);
          self->send(what.from.reply_to,
                     settled{what.from.number, std::unexpected(no_outcome::overloaded)});
          return;
        }
        state.waiting.push_back(std::move(what));
        start_next(self);
      },
      [self](settled& done) { on_settled(self, done); },
      [self](looked_up& done) { on_looked_up(self, done); },
  };
}

namespace {

/// Memory's answer to a command: the refusal itself; must_read where the order's present status
/// decides; must_settle where memory does not know.
struct must_read {};
struct must_settle {};
using remembered = std::variant<must_settle, must_read, refused>;

struct remember {
  const order_actor_state& state;

  /// A payment, once the order is final: PAID may have become REFUNDED elsewhere, the others stay.
  remembered operator()(const pay& what) const {
    if (!state.final_status || !state.owner)
      return must_settle{};
    if (*state.owner != what.user)
      return refused{refusal::order_not_found, std::nullopt};
    return unless_paid(refusal::order_not_payable);
  }
  remembered operator()(const cancel&) const {
    return state.final_status ? unless_paid(refusal::order_not_cancellable)
                              : remembered{must_settle{}};
  }
  remembered operator()(const refund&) const {
    if (!state.final_status || *state.final_status == order_status::paid)
      return must_settle{};
    return refused{refusal::order_not_refundable, state.final_status};
  }
  template <class Other>
  remembered operator()(const Other&) const {
    return must_settle{}; // an update_order: memory has no metadata; no other comes here
  }

  remembered unless_paid(refusal why) const {
    if (*state.final_status == order_status::paid)
      return must_read{};
    return refused{why, state.final_status};
  }
};

/// Payments go by the user, as charges do; the others by their order, which names no user.
const caf::actor& lane_for(const order_actor_state& state, const command& what) {
  const auto* payment = std::get_if<pay>(&what.what);
  return payment ? shard_of(state.context->lanes, payment->user)
                 : shard_of(state.context->lanes, state.id);
}

submit& in_front(order_actor_state& state) {
  check(!state.waiting.empty(), "an answer is for a command that waits");
  return state.waiting.front();
}

/// Answers the command in front, which waits no more.
void finish(order_actor_type* self, outcome_reply with) {
  auto& state = self->state;
  const ticket to = std::move(in_front(state).from);
  state.waiting.pop_front();
  state.busy = false;
  state.answered->fetch_add(1, std::memory_order_release);
  self->send(to.reply_to, settled{to.number, std::move(with)});
}

void ask_lane(order_actor_type* self) {
  auto& state = self->state;
  const submit& next = in_front(state);
  const ticket mine{++state.request, caf::actor_cast<caf::actor>(self), next.from.begin_by,
                    next.from.bulk};
  self->send(lane_for(state, next.what), submit{mine, next.what});
}

void forget(order_actor_state& state) {
  state.owner.reset();
  state.final_status.reset();
}

void start_next(order_actor_type* self) {
  auto& state = self->state;
  while (!state.busy && !state.waiting.empty()) {
    submit& next = state.waiting.front();
    if (next.from.begin_by < self->clock().now()) {
      finish(self, std::unexpected(no_outcome::overloaded));
      continue;
    }
    state.asked_under = state.context->generation->load(std::memory_order_acquire);
    if (state.asked_under != state.learned_under)
      forget(state);
    // Under a key the answer may be an earlier one, which only the database has.
    const remembered known =
        next.what.key ? must_settle{} : std::visit(remember{state}, next.what.what);
    if (const auto* answer = std::get_if<refused>(&known)) {
      finish(self, *answer);
      continue;
    }
    state.busy = true;
    if (std::holds_alternative<must_read>(known)) {
      const ticket mine{++state.request, caf::actor_cast<caf::actor>(self), next.from.begin_by,
                        next.from.bulk};
      self->send(shard_of(state.context->readers, state.id), look_up{mine, get_order{state.id}});
    } else {
      ask_lane(self);
    }
  }
}

/// Keeps what the outcome tells for good.
void learn(order_actor_state& state, const outcome& from) {
  if (state.asked_under != state.context->generation->load(std::memory_order_acquire))
    return; // it may be of a database that is no more
  state.learned_under = state.asked_under;
  if (const auto* found = std::get_if<order>(&from)) {
    state.owner = found->owner;
    if (found->status != order_status::pending)
      state.final_status = found->status;
  } else if (const auto* no = std::get_if<refused>(&from)) {
    if (no->status && *no->status != order_status::pending) {
      state.final_status = no->status;
      // A payment is refused with the status only where the order is that user's.
      if (const auto* payment = std::get_if<pay>(&in_front(state).what.what))
        state.owner = payment->user;
    }
  }
}

void on_settled(order_actor_type* self, settled& done) {
  auto& state = self->state;
  if (!state.busy || done.number != state.request)
    return;
  if (done.reply)
    learn(state, *done.reply);
  finish(self, std::move(done.reply));
  start_next(self);
}

/// The present status of an order that is known not to be payable any more.
void on_looked_up(order_actor_type* self, looked_up& done) {
  auto& state = self->state;
  if (!state.busy || done.number != state.request)
    return;
  if (!done.reply) {
    finish(self, std::unexpected(done.reply.error()));
  } else if (const auto* found = std::get_if<order>(&*done.reply)) {
    if (found->status == order_status::pending) {
      // The facts that were learned are lost, with a failed server or by a restored backup. The
      // lane decides.
      forget(state);
      ask_lane(self);
      return;
    }
    state.final_status = found->status;
    const bool payment = std::holds_alternative<pay>(in_front(state).what.what);
    finish(self, refused{payment ? refusal::order_not_payable : refusal::order_not_cancellable,
                         state.final_status});
  } else {
    finish(self, refused{refusal::order_not_found, std::nullopt});
  }
  start_next(self);
}

} // namespace

} // namespace paymentd::actors
