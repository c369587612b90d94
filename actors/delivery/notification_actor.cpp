#include "actors/delivery/notification_actor.hpp"

#include "actors/delivery/backoff_supervisor.hpp"
#include "actors/delivery/deliverer.hpp"
#include "domain/check.hpp"
#include "domain/log_fields.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace paymentd::actors {

notification_state::notification_state() = default;
notification_state::~notification_state() = default;

caf::behavior notification_actor(caf::stateful_actor<notification_state>* self,
                                 notification_options options) {
  // The text of an exception is what the supervisor logs; CAF alone would lose it.
  self->set_exception_handler([](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      return caf::make_error(caf::sec::runtime_error, e.what());
    } catch (...) {
      return caf::make_error(caf::sec::runtime_error, "an unknown exception");
    }
  });
  self->set_down_handler([self](caf::down_msg&) { self->state.it->store_is_gone(); });
  self->monitor(options.store.actor);
  self->state.it = std::make_unique<deliverer>(self, std::move(options));

  const auto pass_on = [self](auto& what) { self->state.it->on(what); };
  self->state.it->start();
  return {
      [=](stream_held& what) { pass_on(what); },
      [=](stream_lost& what) { pass_on(what); },
      [=](payment_success& what) { pass_on(what); },
      [=](retries_due& what) { pass_on(what); },
      [](const store_answer& answer) { answer.take(); },
      [=](call_answered& what) { pass_on(what); },
      [=](search_answered& what) { pass_on(what); },
      [=](alarm& what) { pass_on(what); },
      [=](const finish_deliveries&) -> caf::result<deliveries_finished> {
        auto promise = self->make_response_promise<deliveries_finished>();
        self->state.it->finish(promise);
        return promise;
      },
  };
}

namespace {
// A shorter wait is not worth a line of its own.
constexpr std::chrono::seconds quiet_told_min{10};

/// A line about one subscriber, whose name begins it; where it has several providers, with this
/// one.
void say(spdlog::level::level_enum level, const notification_options& of, std::string_view what) {
  const std::string_view provider = of.provider->name();
  if (of.chain)
    spdlog::log(level, "{}",
                with_fields(fmt::format("{} by {}: {}", of.subscriber, provider, what),
                            {{"subscriber", of.subscriber}, {"provider", provider}}));
  else
    spdlog::log(
        level, "{}",
        with_fields(fmt::format("{}: {}", of.subscriber, what), {{"subscriber", of.subscriber}}));
}

/// A line for a call that was not taken. An outage ends the actor, and has its line from the
/// supervisor, one for the whole of it.
void log_failure(const notification_options& subscriber, std::string_view what,
                 const providers::failure& why) {
  using providers::failure_class;
  using namespace spdlog::level;
  switch (why.kind) {
  case failure_class::outage:
    return;
  case failure_class::throttled:
    return say(warn, subscriber, fmt::format("throttled, everything waits: {}", why.reason));
  case failure_class::unknown:
    return say(warn, subscriber,
               fmt::format("whether a {} was accepted is unknown: {}", what, why.reason));
  case failure_class::seen:
    return say(info, subscriber,
               fmt::format("a {} was seen before, looking what was accepted", what));
  case failure_class::permanent:
  case failure_class::transient:
    say(warn, subscriber, fmt::format("a {} was refused as a whole: {}", what, why.reason));
  }
}

/// Tries at several providers stand side by side.
void name_provider(std::string& reason, const notification_options& of) {
  if (of.chain)
    reason.insert(0, std::string(of.provider->name()) + ": ");
}
} // namespace

deliverer::deliverer(caf::event_based_actor* self, notification_options options)
    : self_(self), options_(std::move(options)), poll_at_(self->clock().now() + options_.poll) {
  options_.policy.provider = options_.provider->name();
  options_.policy.can_search = options_.provider->can_search();
  options_.policy.key_window = options_.provider->key_window();
  options_.policy.needs_phone = options_.provider->needs_phone();
  options_.policy.repeats_are_copies = options_.provider->repeats_are_copies();
  options_.messages_max = static_cast<int>(std::min(static_cast<std::size_t>(options_.messages_max),
                                                    options_.provider->recipients_max()));
  if (options_.chain)
    others_ = options_.chain->others(options_.place);
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
  book_.hold(news.stream, news.lease_until);
  pump();
}

void deliverer::on(const stream_lost& news) {
  const held_stream* stream = book_.find(news.stream.stream);
  if (stream && stream->lease.epoch <= news.stream.epoch)
    book_.drop(news.stream.stream); // its new owner repeats what was open
  pump();
}

void deliverer::on(const payment_success& hint) {
  if (takes_now() == intake::none)
    return; // it is another provider's
  if (held_stream* stream = book_.find(hint.stream.stream)) {
    stream->more = true;
    // There is one for each batch. Where its turn has not come, a step's end or the alarm pumps.
    if (!stream->step && stream->gather_until <= self_->clock().now())
      pump();
  }
}

void deliverer::on(const retries_due& hint) {
  if (held_stream* stream = book_.find(hint.stream)) {
    stream->more = true;
    pump();
  }
}

void deliverer::on_subscribed(db::result<paymentd::subscriber> answer) {
  if (answer) {
    subscribed_ = subscription::done;
    subscriber_ = answer->id;
    // Those of a webhook are in the database alone.
    if (options_.registers && (answer->wants_payments != options_.wants_payments ||
                               answer->wants_refunds != options_.wants_refunds))
      say(spdlog::level::warn, options_,
          "its kinds of events are not those of this process's settings: another process that "
          "started later has changed them");
    instance_ = std::move(answer->instance);
    // The wait that is stored is of the first provider.
    if (const auto until = answer->quiet_until;
        until && *until > time_now() && options_.place == 0) {
      be_quiet(std::min(*until - time_now(), options_.policy.retry_after_max));
      unstored_quiet_.reset();
    }
    subscribe_failures_ = 0;
  } else if (answer.error().kind == db::error_kind::unavailable) {
    subscribed_ = subscription::wanted;
    subscribe_not_before_ =
        self_->clock().now() +
        backoff_delay(options_.store_backoff, ++subscribe_failures_, options_.random());
  } else {
    close("cannot subscribe: " + answer.error().text);
  }
  pump();
}

void deliverer::on_claims(const stream_lease& of, db::result<std::vector<claim>> claims) {
  held_stream* stream = book_.find(of.stream);
  if (!stream || stream->lease != of || stream->claims_known != held_stream::loading::asked)
    return;
  if (claims) {
    if (options_.chain)
      std::erase_if(*claims, [this](const claim& each) {
        return !options_.chain->is_for(options_.place, each.provider);
      });
    record(book_.take_over(*stream, *std::move(claims), options_.policy, time_now()));
  } else {
    stream->claims_known = held_stream::loading::wanted;
    store_failed(*stream, claims.error());
  }
  pump();
}

void deliverer::on_delivered(const stream_lease& of, db::result<delivery_answer> answer) {
  held_stream* stream = book_.find(of.stream);
  if (!stream || !stream->step || stream->step->stream != of)
    return;
  if (answer) {
    // Where more waits already, nothing has to gather.
    const auto rest = answer->more ? std::chrono::milliseconds{0} : options_.linger;
    if (stream->step->open_max > 0 && !answer->claims.empty() && takes_now() == intake::probe)
      options_.chain->probed(options_.place, self_->clock().now());
    record(book_.step_done(*stream, *std::move(answer), options_.policy, time_now()));
    const steady_instant clock = self_->clock().now();
    const steady_instant turn = options_.pace ? options_.pace->next_turn(clock) : clock;
    stream->gather_until = std::max(clock + rest, turn);
  } else if (answer.error().kind == db::error_kind::in_doubt) {
    claim_book::step_in_doubt(*stream);
    say(spdlog::level::warn, options_,
        fmt::format("a step may have been stored or not, looking: {}", answer.error().text));
  } else {
    const bool still_ours = stream->lease == of;
    if (!unstored_quiet_)
      unstored_quiet_ = stream->step->quiet_until;
    book_.step_undone(*stream);
    if (still_ours || answer.error().kind != db::error_kind::fenced)
      store_failed(*stream, answer.error());
  }
  pump();
}

void deliverer::on(call_answered& answer) {
  if (answer.result)
    add(options_.counters->accepted,
        static_cast<std::size_t>(std::ranges::count_if(
            *answer.result, [](const auto& each) { return each.has_value(); })));
  else
    log_failure(options_, "call", answer.result.error());
  tell_chain(answer.result);
  if (options_.chain && answer.result) {
    for (providers::recipient_result& each : *answer.result)
      if (!each)
        name_provider(each.error().reason, options_);
  } else if (!answer.result) {
    name_provider(answer.result.error().reason, options_);
  }
  after(answer.call, std::move(answer.result));
}

void deliverer::on(search_answered& answer) {
  if (!answer.result) {
    log_failure(options_, "search", answer.result.error());
    name_provider(answer.result.error().reason, options_);
  } else if (options_.chain) {
    for (providers::found_message& each : *answer.result)
      if (!each.failed.empty())
        name_provider(each.failed, options_);
  }
  after(answer.call, std::move(answer.result));
}

void deliverer::after(std::uint64_t call, auto result) {
  const auto begun = calls_.find(call);
  if (begun == calls_.end())
    return;
  options_.counters->call_times.observe(self_->clock().now() - begun->second);
  calls_.erase(begun);
  options_.counters->in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (open_claim* const claim = book_.find_call(call)) { // of a stream that was not lost meanwhile
    const int doubts_before = claim->doubts;
    const consequence then = answered(*claim, std::move(result), options_.policy, around(*claim));
    if (claim->doubts > doubts_before)
      add(options_.counters->unknown);
    if (then.worked) {
      allowed_ = std::min(allowed_ + 1, options_.in_flight_max);
      last_success_ = time_now();
      book_.others_worked(claim, last_success_);
      if (++successes_ == 1)
        if (const auto supervisor = caf::actor_cast<caf::actor>(options_.supervisor))
          self_->send(supervisor, child_succeeded{});
    }
    if (then.quiet_for)
      be_quiet(*then.quiet_for);
    if (!then.outage.empty())
      close(then.outage);
  }
  pump();
}

/// Everything waits. A long wait is told, and stored for whoever delivers next; behind it one call
/// goes out first, as at the start.
void deliverer::be_quiet(std::chrono::milliseconds wait) {
  const steady_instant until = self_->clock().now() + wait;
  if (until <= quiet_until_)
    return;
  quiet_until_ = until;
  show_quiet();
  if (options_.chain)
    options_.chain->failed(options_.place, self_->clock().now(), until);
  if (wait < quiet_told_min)
    return;
  say(spdlog::level::warn, options_,
      fmt::format("nothing is sent for {} s, as the API asks", wait.count() / 1000));
  if (options_.place == 0)
    unstored_quiet_ = time_now() + wait;
  allowed_ = 1;
}

void deliverer::show_quiet() {
  const auto wait =
      std::chrono::floor<std::chrono::milliseconds>(quiet_until_ - self_->clock().now());
  options_.counters->quiet_until_ms.store((time_now() + wait).time_since_epoch().count(),
                                          std::memory_order_relaxed);
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

// ---- what it means -----------------------------------------------------------------------------

circumstances deliverer::around(const open_claim& of) {
  bool untried = false;
  for (const auto& [id, stream] : book_.streams())
    untried = untried || std::ranges::any_of(stream.claims, [&](const auto& each) {
                const open_claim& other = each.second;
                return &other != &of && !std::holds_alternative<states::to_end>(other.state) &&
                       other.refusals < options_.policy.refusals_max;
              });
  // A success from before this call was made says nothing about the API now.
  const under_way* const call = call_of(of.state);
  check(call != nullptr, "an answer is for a claim whose call is under way");
  return {.now = time_now(),
          .random = options_.random(),
          .succeeded_about_now = successes_ > 0 && last_success_ >= call->since,
          .succeeded_since = successes_ > call->successes_before,
          .others_untried = untried};
}

/// The part of new messages that this provider gets; all where it is the only one.
intake deliverer::takes_now() {
  return options_.chain ? options_.chain->of(options_.place, self_->clock().now()) : intake::all;
}

/// Tells the chain how a call ended. Only calls count: a search may work where no call does. A call
/// that was refused for itself tells nothing of the API.
void deliverer::tell_chain(const providers::call_result& result) {
  using enum providers::failure_class;
  if (!options_.chain)
    return;
  const steady_instant clock = self_->clock().now();
  if (result || result.error().kind == seen)
    return options_.chain->worked(options_.place, clock);
  const providers::failure& why = result.error();
  if ((why.kind == outage && !why.refused_content) || why.kind == unknown)
    options_.chain->failed(options_.place, clock, clock);
}

/// The store could not do something for this stream, and nothing of it happened.
void deliverer::store_failed(held_stream& stream, const db::error& why) {
  switch (why.kind) {
  case db::error_kind::fenced:
    // Its next epoch here or its next owner elsewhere: whoever holds it says so, in a moment. Until
    // then it is asked now and then, nothing of it is sent, and calls under way may come back.
    stream.claims_known = held_stream::loading::wanted;
    break;
  case db::error_kind::broken:
    close("the store: " + why.text);
    return;
  default:
    if (stream.store_failures == 0)
      say(spdlog::level::warn, options_,
          fmt::format("the database is away, deliveries wait: {}", why.text));
  }
  stream.store_not_before =
      self_->clock().now() +
      backoff_delay(options_.store_backoff, ++stream.store_failures, options_.random());
}

void deliverer::log_failed(const open_claim& of, const delivery_result& what) const {
  const auto& messages = of.claim.messages;
  const auto message = std::ranges::find_if(
      messages, [&](const paymentd::message& each) { return each.event.entry == what.entry; });
  const payment_event* const event = message == messages.end() ? nullptr : &message->event;
  const std::int64_t order = event ? event->order.value : 0;
  const std::string trace = event ? trace_id_text(event->trace) : std::string();
  std::vector<log_field> fields{
      {"subscriber", options_.subscriber}, {"order", order}, {"entry", what.entry.value}};
  if (!trace.empty())
    fields.emplace_back("trace_id", trace);
  spdlog::warn("{}", with_fields(fmt::format("{}-{} FAILED after {} tries: {} (order {})",
                                             options_.subscriber, what.entry.value, what.attempts,
                                             what.last_error, order),
                                 fields));
}

void deliverer::record(const std::vector<open_claim>& ended) {
  auto& counters = *options_.counters;
  for (const open_claim& claim : ended)
    for (const delivery_result& each : std::get<states::to_end>(claim.state).results) {
      if (each.status == delivery_status::delivered) {
        add(counters.delivered);
      } else if (each.status == delivery_status::pending) {
        add(counters.retried);
      } else {
        add(counters.failed);
        log_failed(claim, each);
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

} // namespace paymentd::actors
