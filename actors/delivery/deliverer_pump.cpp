// The deliverer's questions to the store and to the provider after each event, and when it has
// itself woken. Their answers are in notification_actor.cpp.
#include "actors/delivery/deliverer.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace paymentd::actors {

using namespace std::chrono_literals;

namespace {
/// The alarm may ring this late rather than ring for each of many times close together.
constexpr auto alarm_grain = 5ms;

/// The call of a claim: "<subscriber>-<instance>-<entry id>" is each message's own id, so that
/// those of two databases are not mixed where they have one account, or one receiver.
providers::call make_call(const claim& claim, const std::string& subscriber,
                          const std::string& instance) {
  providers::call call{.key = claim.key, .recipients = {}, .instance = instance};
  const std::string prefix = subscriber + '-' + instance + '-';
  call.recipients.reserve(claim.messages.size());
  for (const message& each : claim.messages) {
    constexpr std::size_t number_bytes = 16;
    providers::recipient& one = call.recipients.emplace_back();
    one.delivery_id.reserve(prefix.size() + number_bytes);
    one.delivery_id.append(prefix).append(std::to_string(each.event.entry.value));
    one.event = each.event;
  }
  return call;
}
} // namespace

/// After each event: does all that is possible now, and has itself woken for what is not yet.
void deliverer::pump() {
  check_clock();
  const bool chained = options_.chain != nullptr;
  if (closing_ && (options_.policy.repeats_are_copies || chained))
    book_.put_back(time_now(), chained); // left open, it would count as a copy, or be in doubt here
  allow_another_probe();
  ask_store();
  call_provider();
  if (chained) {
    const bool all = takes_now() == intake::all;
    options_.counters->takes_new.store(all, std::memory_order_relaxed);
    if (!all)
      book_.put_back(time_now(), true); // but for a probe, which has left
  }
  ask_store(); // a claim that waited too long for a call wants a new key now
  prune();
  options_.counters->parked.store(book_.parked(time_now()), std::memory_order_relaxed);
  const auto oldest = book_.oldest();
  options_.counters->oldest_open_ms.store(oldest ? oldest->time_since_epoch().count() : 0,
                                          std::memory_order_relaxed);
  if (closing_ && (closed() || self_->clock().now() >= closing_until_)) {
    for (auto& each : std::exchange(finishing_, {}))
      each.deliver(deliveries_finished{});
    if (!outage_.empty()) {
      self_->quit(caf::make_error(caf::sec::runtime_error, outage_));
      return;
    }
  }
  set_alarm();
}

/// The wall clock, but that it never goes back while this actor lives: were it set back, keys would
/// seem young that the API has forgotten, and what waits would wait for that much longer. Where it
/// is put forward, nothing counts as older for that alone.
instant deliverer::time_now() {
  constexpr auto tolerance = 1s;
  const steady_instant clock = self_->clock().now();
  const instant wall = options_.now();
  if (clock_base_at_ != steady_instant{}) {
    const instant expected =
        clock_base_ + std::chrono::floor<std::chrono::milliseconds>(clock - clock_base_at_);
    if (wall < expected - tolerance) {
      if (!std::exchange(set_back_, true))
        spdlog::warn("{}: the clock was set back by {} s: what waits does not wait for that",
                     options_.subscriber, (expected - wall) / 1s);
      return expected;
    }
    if (wall > expected + tolerance)
      book_.put_forward(wall - expected);
  }
  set_back_ = false;
  clock_base_ = wall;
  clock_base_at_ = clock;
  return wall;
}

void deliverer::check_clock() {
  const steady_instant clock = self_->clock().now();
  const instant now = time_now();
  const bool poll = clock >= poll_at_;
  if (poll)
    poll_at_ = clock + options_.poll;
  for (auto& [id, stream] : book_.streams()) {
    const bool due = stream.next_due && *stream.next_due <= now;
    if (due)
      stream.next_due.reset();
    stream.more = stream.more || due || poll;
  }
}

void deliverer::ask_store() {
  if (subscribed_ == subscription::wanted && !closing_ &&
      self_->clock().now() >= subscribe_not_before_) {
    subscribed_ = subscription::asked;
    ask(
        self_, options_.store, store_call_kind::subscribe, db::error_kind::broken,
        [name = options_.subscriber, payments = options_.wants_payments,
         refunds = options_.wants_refunds,
         registers = options_.registers](db::delivery_store& store, instant now) {
          return registers ? store.subscribe(name, payments, refunds, now)
                           : store.find_registered(name);
        },
        [this](auto answer) { on_subscribed(std::move(answer)); });
  }
  if (subscribed_ != subscription::done)
    return;
  auto& streams = book_.streams();
  const auto wanting = std::ranges::count_if(
      streams, [](const auto& each) { return each.second.more && !each.second.step; });
  // The stream that was given room last comes last.
  auto next = streams.upper_bound(served_);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (next == streams.end())
      next = streams.begin();
    held_stream& stream = next++->second;
    if (stream.store_not_before > self_->clock().now())
      continue;
    if (stream.claims_known == held_stream::loading::wanted && !closing_)
      load(stream);
    else if (stream.claims_known == held_stream::loading::done && !stream.step)
      step(stream, static_cast<int>(std::max<std::ptrdiff_t>(wanting, 1)));
  }
}

void deliverer::load(held_stream& stream) {
  stream.claims_known = held_stream::loading::asked;
  ask(
      self_, options_.store, store_call_kind::open_claims, db::error_kind::broken,
      [who = subscriber_, of = stream.lease](db::delivery_store& store, instant now) {
        return store.open_claims(who, of, now);
      },
      [this, of = stream.lease](auto claims) { on_claims(of, std::move(claims)); });
}

/// One transaction: what ended, what needs a new key, what is halved, and what can be sent next.
void deliverer::step(held_stream& stream, int wanting) {
  const instant now = time_now();
  delivery_step step = claim_book::make_step(stream, subscriber_, now);
  const auto ahead = options_.provider->ahead().value_or(0ms);
  for (ended_claim& each : step.ended)
    if (each.read_again_from)
      *each.read_again_from += ahead;
  step.quiet_until = unstored_quiet_;
  const intake takes = takes_now();
  step.provider = options_.policy.provider;
  step.others = others_;
  step.takes_new = takes != intake::none;
  const bool anything =
      !step.ended.empty() || !step.regenerate.empty() || !step.split.empty() || step.quiet_until;
  const bool over = stream.lease_until && *stream.lease_until <= self_->clock().now();
  if (!over && (stream.more || anything))
    step.open_max = (room() + wanting - 1) / wanting;
  // Tries of claims that stay open go along with a look for work, one a second at the least. The
  // last ones are for the next actor, and for those who ask why a message does not arrive.
  const bool notes = !step.noted.empty() && (stream.more || closing_);
  if (!anything && !notes && step.open_max == 0)
    return;
  const bool may_gather = step.regenerate.empty() && step.split.empty() && !closing_;
  if (stream.gather_until > self_->clock().now() && may_gather)
    return; // what comes meanwhile goes in the same step
  step.messages_max =
      probing() || takes == intake::probe ? options_.probe_messages : options_.messages_max;
  if (step.open_max > 0) {
    stream.more = false;
    served_ = stream.lease.stream;
  }
  claim_book::step_asked(stream, step);
  unstored_quiet_.reset();
  // By this actor's time, which does not go back where the wall clock does.
  ask(
      self_, options_.store, store_call_kind::deliver, db::error_kind::in_doubt,
      [step = std::move(step), now](db::delivery_store& store, instant) {
        return store.deliver(step, now);
      },
      [this, of = stream.lease](auto answer) { on_delivered(of, std::move(answer)); });
}

/// How many claims may be opened now.
int deliverer::room() {
  const instant now = time_now();
  if (closing_ || quiet_until_ > self_->clock().now() || book_.parked(now) >= options_.parked_max)
    return 0;
  const int used = book_.used(now);
  // Claims in doubt that have long outlived their predecessors may be what the API cannot take:
  // a new one is the better probe. They come to no more than a working API has open.
  const auto all_linger = [&] {
    return calls_.empty() && used < options_.in_flight_max &&
           book_.all_linger(now - options_.probe_patience, now);
  };
  if (takes_now() == intake::probe)
    return used == 0 || all_linger() ? 1 : 0;
  if (probing() && used > 0 && all_linger())
    return 1;
  return std::max(0, allowed_ - used);
}

/// The first call may hang for a fault of its own, which must not keep the others waiting.
void deliverer::allow_another_probe() {
  if (!probing() || closing_ || options_.probe_spacing.count() == 0 ||
      static_cast<int>(calls_.size()) < allowed_ || self_->clock().now() < probe_alone_until_)
    return;
  allowed_ = std::min(allowed_ + 1, options_.in_flight_max);
  for (auto& [id, stream] : book_.streams())
    stream.more = true; // there is room for what was left
  set_probe_time();
}

void deliverer::set_probe_time() {
  constexpr int doublings_max = 16;
  probe_alone_until_ = self_->clock().now() +
                       options_.probe_spacing * (1 << std::min(probes_alone_++, doublings_max));
}

void deliverer::call_provider() {
  while (!closing_ && static_cast<int>(calls_.size()) < allowed_) {
    const instant now = time_now();
    const steady_instant clock = self_->clock().now();
    if (quiet_until_ > clock || pace_gate_ > clock)
      return;
    const bool opening = std::ranges::any_of(book_.streams(), [](const auto& each) {
      return each.second.step && each.second.step->open_max > 0;
    });
    if (probing() && opening)
      return; // what is being opened may be the better probe
    open_claim* const next = book_.next_call(now, clock, options_.policy);
    if (!next)
      return;
    leaves(*next, {.number = ++last_call_, .since = now, .successes_before = successes_});
    calls_.emplace(last_call_, clock);
    if (probing() && probes_alone_ == 0)
      set_probe_time();
    options_.counters->in_flight.fetch_add(1, std::memory_order_relaxed);
    if (std::holds_alternative<states::searching>(next->state))
      search(next->claim);
    else
      send(next->claim);
  }
}

void deliverer::send(const claim& claim) {
  const std::size_t messages = claim.messages.size();
  add(options_.counters->calls);
  add(options_.counters->sent, messages);
  if (options_.messages_per_second_max > 0)
    pace_gate_ = std::max(pace_gate_, self_->clock().now()) +
                 std::chrono::nanoseconds(1s) * static_cast<std::int64_t>(messages) /
                     options_.messages_per_second_max;
  // A weak handle: the answer of a call that outlives its actor is of no use to anyone.
  options_.provider->send(
      make_call(claim, options_.subscriber, instance_),
      [to = self_->address(), call = last_call_](providers::call_result result) {
        if (const auto actor = caf::actor_cast<caf::actor>(to))
          caf::anon_send(actor, call_answered{call, std::move(result)});
      });
}

void deliverer::search(const claim& claim) {
  add(options_.counters->searches);
  options_.provider->search(
      make_call(claim, options_.subscriber, instance_),
      [to = self_->address(), call = last_call_](providers::search_result result) {
        if (const auto actor = caf::actor_cast<caf::actor>(to))
          caf::anon_send(actor, search_answered{call, std::move(result)});
      });
}

/// Whether nothing is under way and nothing is left to be stored.
bool deliverer::closed() {
  if (!calls_.empty())
    return false;
  const instant now = time_now();
  for (const auto& [id, stream] : book_.streams()) {
    if (stream.step)
      return false;
    for (const auto& [claim_id, claim] : stream.claims)
      if (wants_store(claim.state) && *due(claim.state) <= now &&
          stream.claims_known == held_stream::loading::done)
        return false;
  }
  return true;
}

void deliverer::set_alarm() {
  const steady_instant clock = self_->clock().now();
  const instant now = time_now();
  steady_instant at = poll_at_;
  const auto at_wall = [&](instant when) {
    if (when > now)
      at = std::min(at, clock + (when - now) + alarm_grain);
  };
  if (const auto next = book_.next_change(now))
    at_wall(*next);
  if (const auto next = book_.next_change(clock))
    at = std::min(at, *next + alarm_grain);
  for (const steady_instant when : {quiet_until_, subscribe_not_before_})
    if (when > clock)
      at = std::min(at, when + alarm_grain);
  if (pace_gate_ > clock)
    at = std::min(at, pace_gate_);
  if (probing() && !calls_.empty() && allowed_ < options_.in_flight_max &&
      probe_alone_until_ > clock)
    at = std::min(at, probe_alone_until_);
  if (closing_ && closing_until_ > clock)
    at = std::min(at, closing_until_);
  if (const auto next = next_prune(); next > clock)
    at = std::min(at, next);
  at = std::max(at, clock + 1ms);
  if (alarm_at_ && *alarm_at_ <= at)
    return;
  alarm_at_ = at;
  self_->delayed_send(self_, at - clock, alarm{++alarm_number_});
}

} // namespace paymentd::actors
