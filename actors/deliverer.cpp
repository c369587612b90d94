#include "actors/deliverer.hpp"

#include "actors/backoff_supervisor.hpp"

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

void add(std::atomic<std::uint64_t>& counter, std::size_t much = 1) {
  counter.fetch_add(much, std::memory_order_relaxed);
}
} // namespace

deliverer::deliverer(caf::event_based_actor* self, notification_options options)
    : self_(self), options_(std::move(options)), poll_at_(self->clock().now() + options_.poll) {
  options_.policy.can_find = options_.provider->can_find();
  options_.policy.key_window = options_.provider->key_window();
  options_.messages_max = static_cast<int>(std::min(static_cast<std::size_t>(options_.messages_max),
                                                    options_.provider->recipients_max()));
  if (options_.messages_per_second_max > 0) // no call is more than a second's worth
    options_.messages_max = std::min(options_.messages_max, options_.messages_per_second_max);
}

deliverer::~deliverer() {
  options_.counters->in_flight.fetch_sub(static_cast<std::int64_t>(calls_.size()),
                                         std::memory_order_relaxed);
  options_.counters->parked.store(0, std::memory_order_relaxed);
}

void deliverer::start() {
  pump();
}

// ---- what comes ---------------------------------------------------------------------------------

void deliverer::on(const stream_held& news) {
  book_.hold(news.stream, news.held_until);
  pump();
}

void deliverer::on(const stream_lost& news) {
  const held_stream* stream = book_.find(news.stream.stream);
  if (stream && stream->lease.epoch <= news.stream.epoch)
    book_.drop(news.stream.stream); // its new owner repeats what was open
  pump();
}

void deliverer::on(const payment_success& hint) {
  if (held_stream* stream = book_.find(hint.stream.stream)) {
    stream->more = true;
    pump();
  }
}

void deliverer::on(subscribed& answer) {
  if (answer.subscriber) {
    subscribed_ = subscription::done;
    subscriber_ = answer.subscriber->id;
    subscribe_failures_ = 0;
  } else if (answer.subscriber.error().kind == db::error_kind::unavailable) {
    subscribed_ = subscription::wanted;
    subscribe_not_before_ =
        options_.now() +
        backoff_delay(options_.store_backoff, ++subscribe_failures_, options_.random());
  } else {
    close("cannot subscribe: " + answer.subscriber.error().text);
  }
  pump();
}

void deliverer::on(claims_opened& answer) {
  held_stream* stream = book_.find(answer.stream.stream);
  if (!stream || stream->lease != answer.stream ||
      stream->claims_known != held_stream::loading::asked)
    return;
  if (answer.claims) {
    record(book_.take_over(*stream, std::move(*answer.claims), options_.policy, options_.now()));
  } else {
    stream->claims_known = held_stream::loading::wanted;
    store_failed(*stream, answer.claims.error());
  }
  pump();
}

void deliverer::on(delivered& answer) {
  held_stream* stream = book_.find(answer.stream.stream);
  if (!stream || !stream->step || stream->step->stream != answer.stream)
    return;
  if (answer.answer) {
    record(book_.step_done(*stream, std::move(*answer.answer), options_.policy, options_.now()));
  } else if (answer.answer.error().kind == db::error_kind::in_doubt) {
    stream->step.reset(); // its claims stay marked, until the database tells what became of them
    stream->claims_known = held_stream::loading::wanted;
    stream->more = true;
    spdlog::warn("{}: a step may have been stored or not, looking: {}", options_.subscriber,
                 answer.answer.error().text);
  } else {
    const bool still_ours = stream->lease == answer.stream;
    book_.step_undone(*stream);
    if (still_ours || answer.answer.error().kind != db::error_kind::fenced)
      store_failed(*stream, answer.answer.error());
  }
  pump();
}

void deliverer::on(call_answered& answer) {
  if (answer.result)
    add(options_.counters->accepted,
        static_cast<std::size_t>(std::ranges::count_if(
            *answer.result, [](const auto& each) { return each.has_value(); })));
  answered(answer.call, std::move(answer.result),
           [](auto&&... with) { return after_call(std::forward<decltype(with)>(with)...); });
}

void deliverer::on(find_answered& answer) {
  answered(answer.call, std::move(answer.result),
           [](auto&&... with) { return after_find(std::forward<decltype(with)>(with)...); });
}

void deliverer::answered(std::uint64_t call, auto result, auto judge) {
  if (calls_.erase(call) == 0)
    return;
  options_.counters->in_flight.fetch_sub(1, std::memory_order_relaxed);
  const claim_book::callable about = book_.find_call(call);
  if (about.claim) { // of a stream that was not lost meanwhile
    open_claim& claim = *about.claim;
    claim.call = 0;
    const int doubts_before = claim.doubts;
    const consequence then = judge(claim, std::move(result), options_.policy, around(about.claim));
    if (claim.doubts > doubts_before)
      add(options_.counters->unknown);
    if (then.worked) {
      allowed_ = std::min(allowed_ + 1, options_.in_flight_max);
      if (++successes_ == 1)
        if (const auto supervisor = caf::actor_cast<caf::actor>(options_.supervisor))
          self_->send(supervisor, child_succeeded{});
    }
    if (then.hold_until)
      hold_until_ = std::max(hold_until_, *then.hold_until);
    if (!then.outage.empty())
      close(then.outage);
  }
  pump();
}

void deliverer::on(const alarm& ring) {
  if (ring.number != alarm_number_)
    return;
  alarm_at_.reset();
  pump();
}

void deliverer::finish(caf::response_promise promise) {
  finishing_.push_back(std::move(promise));
  if (!closing_) {
    closing_ = true;
    closing_until_ = self_->clock().now() + options_.closing_max;
  }
  pump();
}

void deliverer::store_is_gone() {
  self_->quit(caf::make_error(caf::sec::runtime_error, "its store worker ended"));
}

// ---- what follows -------------------------------------------------------------------------------

/// After each event: does all that is possible now, and has itself woken for what is not yet.
void deliverer::pump() {
  check_clock();
  ask_store();
  call_provider();
  ask_store(); // a claim that waited too long for a call wants a new key now
  options_.counters->parked.store(book_.parked(options_.now()), std::memory_order_relaxed);
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

void deliverer::check_clock() {
  const steady_instant clock = self_->clock().now();
  const instant now = options_.now();
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
  if (subscribed_ == subscription::wanted && !closing_ && options_.now() >= subscribe_not_before_) {
    subscribed_ = subscription::asked;
    self_->send(options_.store,
                do_subscribe{options_.subscriber, options_.wants_payments, options_.wants_refunds});
  }
  if (subscribed_ != subscription::done)
    return;
  auto& streams = book_.streams();
  const auto wanting = std::ranges::count_if(
      streams, [](const auto& each) { return each.second.more && !each.second.step; });
  // Whoever was given room last comes last.
  auto next = streams.upper_bound(served_);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (next == streams.end())
      next = streams.begin();
    held_stream& stream = next++->second;
    if (stream.store_not_before > options_.now())
      continue;
    if (stream.claims_known == held_stream::loading::wanted && !closing_)
      load(stream);
    else if (stream.claims_known == held_stream::loading::done && !stream.step)
      step(stream, static_cast<int>(std::max<std::ptrdiff_t>(wanting, 1)));
  }
}

void deliverer::load(held_stream& stream) {
  stream.claims_known = held_stream::loading::asked;
  self_->send(options_.store, do_open_claims{subscriber_, stream.lease});
}

/// One transaction: what ended, what needs a new key, what is halved, and what can be sent next.
void deliverer::step(held_stream& stream, int wanting) {
  const instant now = options_.now();
  db::delivery_step step = claim_book::make_step(stream, subscriber_, now);
  const bool anything = !step.ended.empty() || !step.regenerate.empty() || !step.split.empty();
  const bool over = stream.held_until && *stream.held_until <= self_->clock().now();
  if (!over && (stream.more || anything))
    step.open_max = (room() + wanting - 1) / wanting;
  if (!anything && step.open_max == 0)
    return;
  step.messages_max = probing() ? options_.probe_messages : options_.messages_max;
  if (step.open_max > 0) {
    stream.more = false;
    served_ = stream.lease.stream;
  }
  stream.step = step;
  self_->send(options_.store, do_deliver{std::move(step)});
}

/// How many claims may be opened now.
int deliverer::room() {
  const instant now = options_.now();
  if (closing_ || hold_until_ > now || book_.parked(now) >= options_.parked_max)
    return 0;
  const int used = book_.used(now);
  // Claims in doubt that have long outlived their predecessors may be what the API cannot take:
  // a new one is the better probe. They come to no more than a working API has open.
  if (probing() && calls_.empty() && used > 0 && used < options_.in_flight_max &&
      book_.all_linger(now - options_.probe_patience, now))
    return 1;
  return std::max(0, allowed_ - used);
}

void deliverer::call_provider() {
  while (!closing_ && static_cast<int>(calls_.size()) < allowed_) {
    const instant now = options_.now();
    const steady_instant clock = self_->clock().now();
    if (hold_until_ > now || pace_gate_ > clock)
      return;
    const bool opening = std::ranges::any_of(book_.streams(), [](const auto& each) {
      return each.second.step && each.second.step->open_max > 0;
    });
    if (probing() && opening)
      return; // what is being opened may be the better probe
    const auto next = book_.next_call(now, clock, options_.policy);
    if (!next.claim)
      return;
    next.claim->called_at = now;
    next.claim->call = ++last_call_;
    calls_.insert(last_call_);
    options_.counters->in_flight.fetch_add(1, std::memory_order_relaxed);
    if (next.claim->move == next_move::send)
      send(*next.claim);
    else
      find(*next.claim);
  }
}

void deliverer::send(open_claim& claim) {
  const std::size_t messages = claim.claim.messages.size();
  add(options_.counters->calls);
  add(options_.counters->sent, messages);
  if (options_.messages_per_second_max > 0)
    pace_gate_ = std::max(pace_gate_, self_->clock().now()) +
                 std::chrono::nanoseconds(1s) * static_cast<std::int64_t>(messages) /
                     options_.messages_per_second_max;
  // A weak handle: the answer of a call that outlives its actor is of no use to anyone.
  options_.provider->send(call_of(claim.claim, options_.subscriber),
                          [to = self_->address(), call = claim.call](alimtalk::call_result result) {
                            if (const auto actor = caf::actor_cast<caf::actor>(to))
                              caf::anon_send(actor, call_answered{call, std::move(result)});
                          });
}

void deliverer::find(open_claim& claim) {
  add(options_.counters->searches);
  options_.provider->find(call_of(claim.claim, options_.subscriber),
                          [to = self_->address(), call = claim.call](alimtalk::find_result result) {
                            if (const auto actor = caf::actor_cast<caf::actor>(to))
                              caf::anon_send(actor, find_answered{call, std::move(result)});
                          });
}

circumstances deliverer::around(const open_claim* but) {
  bool untried = false;
  for (const auto& [id, stream] : book_.streams())
    untried = untried || std::ranges::any_of(stream.claims, [&](const auto& each) {
                const open_claim& other = each.second;
                return &other != but && other.move != next_move::end &&
                       other.refusals < options_.policy.refusals_max;
              });
  return {options_.now(), options_.random(), successes_ > 0, untried};
}

/// The store could not do something for this stream, and nothing of it happened.
void deliverer::store_failed(held_stream& stream, const db::error& why) {
  switch (why.kind) {
  case db::error_kind::fenced:
    book_.drop(stream.lease.stream);
    return;
  case db::error_kind::broken:
    close("the store: " + why.text);
    return;
  default:
    if (++stream.store_failures == 1)
      spdlog::warn("{}: the database is away, deliveries wait: {}", options_.subscriber, why.text);
    stream.store_not_before =
        options_.now() +
        backoff_delay(options_.store_backoff, stream.store_failures, options_.random());
  }
}

void deliverer::record(const std::vector<open_claim>& ended) {
  auto& counters = *options_.counters;
  for (const open_claim& claim : ended)
    for (const db::delivery_result& each : claim.results) {
      if (each.status == db::delivery_status::delivered) {
        add(counters.delivered);
      } else if (each.status == db::delivery_status::pending) {
        add(counters.retried);
      } else {
        add(counters.failed);
        spdlog::warn("{}-{} FAILED after {} tries: {}", options_.subscriber, each.entry.value,
                     each.attempts, each.last_error);
      }
    }
}

/// The API, or the store, does not work: begins nothing more, lets what is under way come back,
/// stores it, and dies.
void deliverer::close(std::string why) {
  if (outage_.empty())
    outage_ = why.empty() ? "no reason was given" : std::move(why);
  if (!closing_) {
    closing_ = true;
    closing_until_ = self_->clock().now() + options_.closing_max;
  }
}

/// Whether nothing is under way and nothing is left to be stored.
bool deliverer::closed() const {
  if (!calls_.empty())
    return false;
  const instant now = options_.now();
  for (const auto& [id, stream] : const_cast<claim_book&>(book_).streams()) {
    if (stream.step)
      return false;
    for (const auto& [claim_id, claim] : stream.claims)
      if (claim.move != next_move::send && claim.move != next_move::find &&
          claim.not_before <= now && stream.claims_known == held_stream::loading::done)
        return false;
  }
  return true;
}

void deliverer::set_alarm() {
  const steady_instant clock = self_->clock().now();
  const instant now = options_.now();
  steady_instant at = poll_at_;
  const auto at_wall = [&](instant when) {
    if (when > now)
      at = std::min(at, clock + (when - now) + alarm_grain);
  };
  if (const auto next = book_.next_change(now))
    at_wall(*next);
  at_wall(hold_until_);
  at_wall(subscribe_not_before_);
  if (pace_gate_ > clock)
    at = std::min(at, pace_gate_);
  if (closing_ && closing_until_ > clock)
    at = std::min(at, closing_until_);
  at = std::max(at, clock + 1ms);
  if (alarm_at_ && *alarm_at_ <= at)
    return;
  alarm_at_ = at;
  self_->delayed_send(self_, at - clock, alarm{++alarm_number_});
}

} // namespace paymentd::actors
