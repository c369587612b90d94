#include "actors/payment/settlement_lane.hpp"

#include "actors/payment_success.hpp"
#include "domain/check.hpp"
#include "domain/log_fields.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace paymentd::actors {

namespace {
using lane_actor = caf::stateful_actor<settlement_lane_state>;
using phase = settlement_lane_state::phase;

// Timers of the lane itself.
using try_again_atom = caf::atom_constant<caf::atom("tryagain")>;
using renew_atom = caf::atom_constant<caf::atom("renew")>;
// From the lane to itself: behind what its mailbox holds already.
using next_batch_atom = caf::atom_constant<caf::atom("nextbatch")>;
using expire_atom = caf::atom_constant<caf::atom("expire")>;
// A lane that is idle renews its lease within two of these ticks.
constexpr int ticks_a_lease = 4;

void take_stream(lane_actor* self);
void take_in(lane_actor* self, submit& what);
void send_batch(lane_actor* self);
void expire(lane_actor* self);
void expire_later(lane_actor* self);
void on_check(lane_actor* self);
void on_try_again(lane_actor* self);
void on_renew(lane_actor* self);
} // namespace

caf::behavior settlement_lane(lane_actor* self, settlement_lane_options options) {
  self->state.options = std::move(options);
  take_stream(self);
  if (self->state.options.lease.count() > 0)
    self->delayed_send(self, self->state.options.lease / ticks_a_lease, renew_atom::value);

  return {
      [self](submit& what) {
        take_in(self, what);
        send_batch(self);
        expire_later(self);
      },
      [self](submit_many& many) {
        for (submit& each : many.commands)
          take_in(self, each);
        send_batch(self);
        expire_later(self);
      },
      [](const store_answer& answer) { answer.take(); },
      [self](check_store) { on_check(self); },
      [self](next_batch_atom) {
        self->state.now = phase::ready;
        send_batch(self);
      },
      [self](try_again_atom) { on_try_again(self); },
      [self](expire_atom) {
        self->state.expires = false;
        expire(self);
        expire_later(self);
      },
      [self](renew_atom) { on_renew(self); },
      [self](const subscriber_begun& news) {
        self->state.options.supervisors.push_back(news.supervisor);
      },
      [self](const subscriber_ended& news) {
        std::erase(self->state.options.supervisors, news.supervisor);
      },
  };
}

namespace {

// How often those who wait are looked through for ones whose time is up, so that they hear of it
// while the worker waits for a database that does not answer.
constexpr std::chrono::milliseconds expire_interval{50};
// A worker that has not answered for so long waits for a database that is away.
constexpr std::chrono::seconds answers_within{1};
// Between two writes that only see whether the database takes one.
constexpr std::chrono::seconds check_interval{1};

void log(spdlog::level::level_enum level, const settlement_lane_state& state,
         std::string_view what) {
  spdlog::log(level, "{}",
              with_fields(fmt::format("{}: {}", state.options.name, what),
                          {{"lane", state.options.name}, {"stream", state.stream.stream.value}}));
}

void reply(lane_actor* self, const ticket& to, outcome_reply with) {
  self->state.options.counters->open.fetch_sub(1, std::memory_order_relaxed);
  self->send(to.reply_to, settled{to.number, std::move(with)});
}

/// Answers a command that was not begun, for want of room or time.
void shed(lane_actor* self, const ticket& to) {
  const auto& state = self->state;
  const bool asked = state.now == phase::taking_stream || state.now == phase::settling ||
                     state.now == phase::resolving;
  const bool away =
      state.database_away || (asked && self->clock().now() - state.asked_at > answers_within);
  reply(self, to,
        std::unexpected(away ? no_outcome::database_unavailable : no_outcome::overloaded));
}

void expire(lane_actor* self) {
  self->state.commands.expire(self->clock().now(), [self](const ticket& of) { shed(self, of); });
}

/// Sees to it that those who wait are looked through in time.
void expire_later(lane_actor* self) {
  if (!self->state.commands.empty() && !std::exchange(self->state.expires, true))
    self->delayed_send(self, expire_interval, expire_atom::value);
}

void tell_written(lane_actor* self) {
  if (self->state.options.keeper)
    self->send(self->state.options.keeper, stream_written{self->state.stream});
}

void tell_left(lane_actor* self) {
  if (self->state.options.keeper)
    self->send(self->state.options.keeper, stream_left{self->state.stream});
}

/// The fate of a batch, and under which lease. No outcomes: nothing had happened.
struct settled_batch {
  std::optional<std::vector<outcome>> outcomes;
  stream_lease stream;
};
using batch_answer = db::result<settled_batch>;

batch_answer with_lease(const db::settlement_store& of, auto outcomes) {
  if (!outcomes)
    return std::unexpected(std::move(outcomes.error()));
  return settled_batch{*std::move(outcomes), of.lease()};
}

template <class Call, class Then>
void ask_worker(lane_actor* self, store_call_kind kind, db::error_kind thrown, Call call,
                Then then) {
  auto& state = self->state;
  state.asked_at = self->clock().now();
  state.options.health->asked(state.asked_at);
  ask(self, state.options.worker, kind, thrown, std::move(call), [self, then](auto answer) {
    self->state.options.health->answered();
    then(self, std::move(answer));
  });
}

void on_stream_taken(lane_actor* self, const db::result<stream_lease>& stream);
void on_settled(lane_actor* self, batch_answer answer);
void on_resolved(lane_actor* self, batch_answer answer);

void take_stream(lane_actor* self) {
  self->state.now = phase::taking_stream;
  ask_worker(
      self, store_call_kind::take_stream, db::error_kind::unavailable,
      [](db::settlement_store& store, instant now) { return store.take_stream(now); },
      on_stream_taken);
}

void settle(lane_actor* self, std::shared_ptr<const std::vector<command>> batch) {
  self->state.now = phase::settling;
  ask_worker(
      self, store_call_kind::settle, db::error_kind::in_doubt,
      [batch = std::move(batch)](db::settlement_store& store, instant now) {
        return with_lease(store, store.settle(*batch, now));
      },
      on_settled);
}

void resolve(lane_actor* self) {
  self->state.now = phase::resolving;
  ask_worker(
      self, store_call_kind::resolve, db::error_kind::unavailable,
      [](db::settlement_store& store, instant now) {
        return with_lease(store, store.resolve(now));
      },
      on_resolved);
}

/// The store may have begun another epoch, as it does after a lost connection. Embedded, whoever
/// delivers must know it, or is fenced off for good.
void follow(lane_actor* self, const stream_lease& present) {
  auto& state = self->state;
  if (present == state.stream)
    return;
  if (present.stream != state.stream.stream)
    tell_left(self);
  else
    check(present.epoch > state.stream.epoch, "epochs of a stream rise");
  state.stream = present;
  state.options.database_changes->fetch_add(1, std::memory_order_acq_rel);
  tell_written(self);
}

/// Sends the next batch, where the worker is free and something waits.
void send_batch(lane_actor* self) {
  auto& state = self->state;
  if (state.now != phase::ready)
    return;
  const steady_instant now = self->clock().now();
  auto batch = state.commands.gather(state.options.batch_max, now,
                                     [self](const ticket& of) { shed(self, of); });
  if (!batch)
    return;
  for (const ticket& each : state.commands.at_worker())
    state.options.counters->waits.observe(now - each.asked_at);
  settle(self, std::move(batch));
}

/// Lets a command wait for the next batch, where there is room.
void take_in(lane_actor* self, submit& what) {
  auto& state = self->state;
  state.options.counters->open.fetch_add(1, std::memory_order_relaxed);
  const auto has_room = [&] { return state.commands.has_room(state.options.pending_max); };
  if (!has_room()) // those whose time is up give way
    state.commands.expire_front(self->clock().now(), [self](const ticket& of) { shed(self, of); });
  if (has_room())
    state.commands.add(std::move(what));
  else
    shed(self, what.from);
}

/// Settles nothing, to see whether the database answers. Commands that wait are not begun
/// meanwhile: they would be in the worker's hands while that connects, and its time would be up
/// without an answer.
void probe(lane_actor* self) {
  settle(self, std::make_shared<const std::vector<command>>());
}

void back_off(lane_actor* self, phase then, const db::error& why) {
  auto& state = self->state;
  if (!state.database_away)
    log(spdlog::level::warn, state, fmt::format("the database is unavailable: {}", why.text));
  state.database_away = true;
  state.options.health->learned(condition::unavailable);
  state.now = phase::backing_off;
  state.after_backoff = then;
  self->delayed_send(self,
                     backoff_delay(state.options.backoff, ++state.failures, state.options.random()),
                     try_again_atom::value);
}

void database_is_back(settlement_lane_state& state) {
  if (state.database_away)
    log(spdlog::level::info, state, "the database is back");
  state.database_away = false;
  state.failures = 0;
  state.options.health->learned(condition::ok);
}

/// `why` says whether the batch may have happened.
void give_up(lane_actor* self, no_outcome why) {
  for (const ticket& each : self->state.commands.finish())
    reply(self, each, std::unexpected(why));
}

/// Answers the batch, tells the supervisors, and goes on with what has come meanwhile.
void finish(lane_actor* self, std::vector<outcome> outcomes) {
  auto& state = self->state;
  const std::vector<ticket> asked = state.commands.finish(outcomes.size());
  // That a probe passed does not tell that what failed before will.
  if (!outcomes.empty() || state.commands.empty())
    database_is_back(state);
  if (!outcomes.empty()) {
    add(state.options.counters->batches);
    add(state.options.counters->commands, outcomes.size());
    state.options.counters->batch_sizes.observe(static_cast<std::int64_t>(outcomes.size()));
    state.options.counters->settles.observe(self->clock().now() - state.asked_at);
  }
  entry_id last{0};
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (const auto* paid = std::get_if<order>(&outcomes[i]))
      last = std::max({last, paid->payment_entry.value_or(entry_id{}),
                       paid->refund_entry.value_or(entry_id{})});
    const auto* no = std::get_if<refused>(&outcomes[i]);
    if (no != nullptr && no->why == refusal::row_locked)
      reply(self, asked[i], std::unexpected(no_outcome::row_locked));
    else
      reply(self, asked[i], std::move(outcomes[i]));
  }
  state.now = phase::gathering;
  state.settled_since_renewal |= !outcomes.empty();
  if (last.value > 0)
    for (const caf::actor& supervisor : state.options.supervisors)
      self->send(supervisor, payment_success{state.stream, last});
  // Not at once: the commands that the mailbox holds by now leave in the same batch.
  self->send(self, next_batch_atom::value);
}

void on_stream_taken(lane_actor* self, const db::result<stream_lease>& stream) {
  auto& state = self->state;
  check(state.now == phase::taking_stream, "a stream was asked for");
  if (!stream) {
    // Even a broken database may be mended (migrated, rights given) while the lane waits.
    back_off(self, phase::taking_stream, stream.error());
    return;
  }
  database_is_back(state);
  state.stream = *stream;
  state.options.database_changes->fetch_add(1, std::memory_order_acq_rel);
  state.now = phase::ready;
  tell_written(self);
  send_batch(self);
}

void on_settle_error(lane_actor* self, const db::error& error) {
  auto& state = self->state;
  switch (error.kind) {
  case db::error_kind::in_doubt:
    log(spdlog::level::warn, state,
        fmt::format("a commit of {} commands is in doubt: {}", state.commands.at_worker().size(),
                    error.text));
    add(state.options.counters->in_doubt);
    resolve(self);
    return;
  case db::error_kind::unavailable:
    if (!state.commands.at_worker().empty())
      add(state.options.counters->batches_retried);
    state.commands.put_back();
    back_off(self, phase::ready, error);
    expire(self);
    expire_later(self);
    return;
  case db::error_kind::fenced:
    log(spdlog::level::warn, state,
        fmt::format("stream {} was taken over: {}", state.stream.stream.value, error.text));
    tell_left(self);
    state.commands.put_back();
    take_stream(self);
    return;
  case db::error_kind::broken:
    spdlog::error("{}: a batch of {} failed: {}", state.options.name,
                  state.commands.at_worker().size(), error.text);
    if (state.commands.at_worker().empty()) // nobody's command can be to blame
      state.options.health->learned(condition::unavailable);
    state.now = phase::ready;
    if (state.commands.at_worker().size() > 1) {
      // One command must not fail its neighbours: each is tried alone.
      state.commands.put_back_alone();
    } else {
      give_up(self, no_outcome::internal_error);
    }
    send_batch(self);
    return;
  }
}

void on_settled(lane_actor* self, batch_answer answer) {
  check(self->state.now == phase::settling, "a batch is at the store");
  if (!answer) {
    on_settle_error(self, answer.error());
    return;
  }
  follow(self, answer->stream);
  finish(self, std::move(*answer->outcomes));
}

void on_resolved(lane_actor* self, batch_answer answer) {
  auto& state = self->state;
  check(state.now == phase::resolving, "a batch is in doubt");
  if (!answer) {
    if (answer.error().kind == db::error_kind::unavailable) {
      back_off(self, phase::resolving, answer.error());
      return;
    }
    log(spdlog::level::err, state,
        fmt::format("a commit stays in doubt, {} commands are answered 504: {}",
                    state.commands.at_worker().size(), answer.error().text));
    give_up(self, no_outcome::outcome_unknown);
    // The next stream may be another one, and this one may have another owner by now.
    tell_left(self);
    take_stream(self);
    return;
  }
  follow(self, answer->stream);
  log(spdlog::level::warn, state,
      fmt::format("the commit in doubt had {}", answer->outcomes
                                                    ? "passed: its commands are answered"
                                                    : "not passed: its commands are tried again"));
  if (answer->outcomes) {
    finish(self, std::move(*answer->outcomes));
    return;
  }
  add(state.options.counters->batches_retried);
  database_is_back(state);
  state.commands.put_back();
  state.now = phase::ready;
  send_batch(self);
}

void on_try_again(lane_actor* self) {
  auto& state = self->state;
  expire(self);
  state.now = state.after_backoff;
  if (state.now == phase::taking_stream)
    take_stream(self);
  else if (state.now == phase::resolving)
    resolve(self);
  else
    probe(self);
}

/// Sees whether the database takes a write, but not more often than it may be asked for.
void on_check(lane_actor* self) {
  if (self->state.now == phase::ready &&
      self->clock().now() - self->state.asked_at >= check_interval)
    probe(self);
}

void on_renew(lane_actor* self) {
  auto& state = self->state;
  self->delayed_send(self, state.options.lease / ticks_a_lease, renew_atom::value);
  if (state.now == phase::ready && !state.settled_since_renewal)
    probe(self);
  state.settled_since_renewal = false;
}

} // namespace

} // namespace paymentd::actors
