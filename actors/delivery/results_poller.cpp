#include "actors/delivery/results_poller.hpp"

#include <caf/send.hpp>

#include <spdlog/spdlog.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace paymentd::actors {

namespace {
using poller_actor = caf::stateful_actor<results_poller_state>;
using poll_atom = caf::atom_constant<caf::atom("poll")>;
void rest(poller_actor* self);
void ask_for_turn(poller_actor* self);
void on_told(poller_actor* self, results_told& told);
} // namespace

caf::behavior results_poller(poller_actor* self, results_poller_options options) {
  self->state.options = std::move(options);
  rest(self);
  return {
      [self](poll_atom) { ask_for_turn(self); },
      [self](results_told& told) { on_told(self, told); },
      [](const store_answer& answer) { answer.take(); },
  };
}

namespace {

using then = results_step::then;

void rest(poller_actor* self) {
  self->delayed_send(self, self->state.options.poll, poll_atom::value);
}

/// A database that is away is logged by those whom it hurts.
void log_failure(poller_actor* self, const db::error& why) {
  const bool passes = why.kind == db::error_kind::unavailable || why.kind == db::error_kind::fenced;
  spdlog::log(passes ? spdlog::level::debug : spdlog::level::warn, "{}: results: {}",
              self->state.options.subscriber, why.text);
}

using turn_answer = db::result<std::optional<results_turn>>; // nothing: none is due
void on_begun(poller_actor* self, const turn_answer& turn);
void on_stored(poller_actor* self, const db::result<results_answer>& answer);

void ask_for_turn(poller_actor* self) {
  const results_poller_options& options = self->state.options;
  // Of several processes that look, each with a clock of its own, one finds a turn.
  const auto ahead = options.provider->ahead().value_or(std::chrono::milliseconds{0});
  const results_due due{.subscriber = options.subscriber,
                        .to = options.now() + ahead - options.lag_polls * options.poll,
                        .span_min = options.poll / 2,
                        .span_max = options.span_max,
                        .lease = options.lease,
                        .ahead = ahead};
  ask(
      self, options.store, store_call_kind::begin_results, db::error_kind::broken,
      [due](db::delivery_store& store, instant now) { return store.begin_results(due, now); },
      [self](const turn_answer& turn) { on_begun(self, turn); });
}

void store_page(poller_actor* self, results_step step) {
  ask(
      self, self->state.options.store, store_call_kind::store_results, db::error_kind::broken,
      [step = std::move(step)](db::delivery_store& store, instant now) {
        return store.store_results(step, now);
      },
      [self](const db::result<results_answer>& answer) { on_stored(self, answer); });
}

providers::provider& asked_one(results_poller_state& state) {
  return state.asked == 0 ? *state.options.provider : *state.options.others[state.asked - 1];
}

void ask_provider(poller_actor* self) {
  auto& state = self->state;
  ++state.pages;
  // Turns are by the first one's clock.
  const auto no_time = std::chrono::milliseconds{0};
  const auto ahead = asked_one(state).ahead().value_or(no_time) -
                     state.options.provider->ahead().value_or(no_time);
  // A weak handle: an answer that outlives the actor is of no use to anyone.
  asked_one(state).results(
      {.from = state.turn.from + ahead,
       .to = state.turn.to + ahead,
       .cursor = std::exchange(state.cursor, {})},
      [to = self->address(), question = ++state.questions](providers::results_answer answer) {
        if (const auto actor = caf::actor_cast<caf::actor>(to))
          caf::anon_send(actor, results_told{question, std::move(answer)});
      });
}

/// "alimtalk-0f1e2d3c-7"; nothing where it is not this database's: the account may have other
/// users. Older releases sent "alimtalk-7", which is ours where the provider's id of the call is.
std::optional<entry_id> entry_of(const providers::final_result& of, const std::string& subscriber,
                                 const std::string& instance) {
  const std::string_view id = of.delivery_id;
  const std::string old_prefix = subscriber + '-';
  const std::string prefix = old_prefix + instance + '-';
  const bool old = !id.starts_with(prefix);
  if (old && (of.provider_call_id.empty() || !id.starts_with(old_prefix)))
    return std::nullopt;
  const std::string_view digits = id.substr(old ? old_prefix.size() : prefix.size());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  if (error != std::errc{} || end != digits.end() || number <= 0)
    return std::nullopt;
  return entry_id{number};
}

void on_begun(poller_actor* self, const turn_answer& turn) {
  auto& state = self->state;
  if (!turn)
    log_failure(self, turn.error());
  if (!turn || !*turn)
    return rest(self);
  state.turn = **turn;
  state.asked = 0;
  state.pages = 0;
  state.failed = false;
  state.cursor.clear();
  ask_provider(self);
}

void on_told(poller_actor* self, results_told& told) {
  auto& state = self->state;
  const results_poller_options& options = state.options;
  if (told.question != state.questions)
    return;
  results_step step{.turn = state.turn, .results = {}, .lease = options.lease};
  if (!told.answer) {
    const std::string name{options.others.empty() ? "" : asked_one(state).name()};
    spdlog::warn("{}: what became of its messages is not known yet: {}{}{}", options.subscriber,
                 name, name.empty() ? "" : ": ", told.answer.error().reason);
    state.failed = true;
    state.goes_on = false;
    step.what = then::given_up;
    store_page(self, std::move(step));
    return;
  }
  for (providers::final_result& each : told.answer->results) {
    if (!options.others.empty() && !each.reached)
      each.reason.insert(0, std::string(asked_one(state).name()) + ": ");
    auto entry = entry_of(each, options.subscriber, state.turn.instance);
    if (!entry && each.delivery_id.empty() && each.provider_message_id.starts_with(found_by_id))
      entry = entry_id{}; // the store finds it
    if (entry)
      step.results.push_back({.entry = *entry,
                              .delivered_at = each.reached ? std::optional(each.at) : std::nullopt,
                              .last_error = std::move(each.reason),
                              .provider_call_id = std::move(each.provider_call_id),
                              .channel = each.reached ? each.channel : std::nullopt,
                              .provider_message_id = std::move(each.provider_message_id)});
  }
  state.cursor = std::move(told.answer->next);
  if (!state.cursor.empty() && state.pages >= options.pages_max) {
    spdlog::warn("{}: too many results at once, the rest is passed by", options.subscriber);
    state.cursor.clear();
  }
  if (state.cursor.empty() && state.asked < options.others.size()) {
    ++state.asked;
    state.pages = 0;
    state.goes_on = true;
  } else {
    state.goes_on = !state.cursor.empty();
  }
  step.what = state.goes_on ? then::goes_on : then::done;
  store_page(self, std::move(step));
}

void on_stored(poller_actor* self, const db::result<results_answer>& answer) {
  auto& state = self->state;
  const results_poller_options& options = state.options;
  if (!answer) {
    // The turn is over without a word; whoever is next begins where it did.
    log_failure(self, answer.error());
    return rest(self);
  }
  if (const int failed = answer->failed; failed > 0) {
    spdlog::warn("{}: {} accepted messages did not arrive: FAILED", options.subscriber, failed);
    add(options.counters->failed, static_cast<std::size_t>(failed));
  }
  if (state.goes_on)
    return ask_provider(self);
  // Behind a span that is as long as it may be, more is due.
  if (!state.failed && state.turn.to - state.turn.from >= options.span_max)
    return ask_for_turn(self);
  rest(self);
}

} // namespace

} // namespace paymentd::actors
