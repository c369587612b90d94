// The keeper of webhooks: takes its messages, and begins and ends the webhooks that run.
#include "actors/delivery/webhook_keeping.hpp"

#include "actors/delivery/notification_actor.hpp"
#include "actors/payment_success.hpp"
#include "domain/log_fields.hpp"

#include <caf/actor_system.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

namespace paymentd::actors {

namespace keeping {

void say(spdlog::level::level_enum level, const std::string& name, std::string_view what) {
  spdlog::log(level, "{}",
              with_fields(fmt::format("webhook {}: {}", name, what),
                          {{"subscriber", webhook_subscriber(name)}}));
}

bool runs_as(const webhook& by, const webhook& wanted) {
  return by.url == wanted.url && by.max_in_flight == wanted.max_in_flight &&
         by.max_per_second == wanted.max_per_second &&
         by.allow_private_network == wanted.allow_private_network && by.ca_file == wanted.ca_file &&
         by.content_type == wanted.content_type && by.timeout == wanted.timeout &&
         by.created_at == wanted.created_at; // else it was deleted and made anew
}

const webhook* find_wanted(const webhook_keeper_state& state, const std::string& name) {
  const auto found = std::ranges::find(state.wanted, name, &webhook::name);
  return found == state.wanted.end() ? nullptr : &*found;
}

std::expected<webhook_part, std::string> make(const webhook_keeper_state& state,
                                              const webhook& what) {
  try {
    return state.options.make(what);
  } catch (const std::exception& thrown) {
    return std::unexpected(std::string(thrown.what()));
  }
}

namespace {

using running = webhook_keeper_state::running;
using look_atom = caf::atom_constant<caf::atom("look")>;

// ---- which webhooks there are -------------------------------------------------------------------

void apply(keeper_actor* self);
void tend(keeper_actor* self);

void look_later(keeper_actor* self) {
  self->delayed_send(self, self->state.options.interval, look_atom::value, ++self->state.alarm);
}

void on_known(keeper_actor* self, db::result<db::known_webhooks> known) {
  auto& state = self->state;
  state.asked = false;
  if (!known) {
    // Those that run go on; the next look finds more.
    spdlog::debug("webhook keeper: {}", known.error().text);
    return look_later(self);
  }
  if (std::exchange(state.again, false))
    return look(self);
  state.wanted = std::move(known->all);
  state.instance = std::move(known->instance);
  apply(self);
  if (known->work_left)
    tend(self);
  look_later(self);
}

/// Has the store do a step of what deleted and replayed webhooks left.
void tend(keeper_actor* self) {
  if (std::exchange(self->state.tends, true))
    return;
  ask(
      self, self->state.options.store, store_call_kind::tend_webhooks, db::error_kind::unavailable,
      [](db::webhook_store& store, instant now) { return store.tend_webhooks(now); },
      [self](const db::result<db::webhook_upkeep>& did) {
        self->state.tends = false;
        if (!did)
          return spdlog::warn("webhooks: what is left to do waits: {}", did.error().text);
        // Such a stream may be held by another process, which sees it within a second.
        for (const stream_id stream : std::set(did->replayed.begin(), did->replayed.end()))
          for (const auto& [name, each] : self->state.all)
            self->send(each.supervisor, retries_due{stream});
      });
}

void tell_all(keeper_actor* self, const auto& news) {
  for (const caf::actor& each : self->state.options.told)
    self->send(each, news);
}

void begin(keeper_actor* self, const webhook& what) {
  auto& state = self->state;
  auto made = make(state, what);
  if (!made) {
    auto& fault = state.faults[what.name];
    if (fault != made.error())
      say(spdlog::level::err, what.name, "it is told of nothing: " + made.error());
    fault = std::move(made.error());
    return;
  }
  state.faults.erase(what.name);
  auto& numbers = state.counted[what.name];
  notification_supervisor_options supervised = std::move(made->supervised);
  supervised.delivery.subscriber = webhook_subscriber(what.name);
  supervised.delivery.registers = false;
  supervised.delivery.wants_payments = what.payments;
  supervised.delivery.wants_refunds = what.refunds;
  supervised.delivery.store = state.options.deliveries;
  supervised.delivery.pace = state.options.pace;
  supervised.delivery.counters = numbers.shown.delivery;
  supervised.gauges = numbers.shown.supervision;
  running& one = state.all[what.name];
  one.by = what;
  one.endpoint = std::move(made->endpoint);
  one.supervisor = self->system().spawn(notification_supervisor, std::move(supervised));
  self->monitor(one.supervisor);
  tell_all(self, subscriber_begun{webhook_subscriber(what.name), one.supervisor});
}

/// Lets the calls under way end for a moment; what is open then stays so in the database, and is
/// repeated by whoever delivers next.
void end(keeper_actor* self, running& one) {
  one.ends = true;
  tell_all(self, subscriber_ended{webhook_subscriber(one.by.name), one.supervisor});
  const auto over = [self, name = one.by.name] {
    const auto found = self->state.all.find(name);
    if (found == self->state.all.end() || !found->second.ends)
      return;
    self->send_exit(found->second.supervisor, caf::exit_reason::user_shutdown);
    self->state.options.stop(found->second.endpoint);
  };
  self->request(one.supervisor, self->state.options.grace, finish_deliveries{})
      .then([over](const deliveries_finished&) { over(); }, [over](const caf::error&) { over(); });
}

void on_down(keeper_actor* self, const caf::down_msg& down) {
  auto& all = self->state.all;
  const auto found = std::ranges::find_if(
      all, [&](const auto& each) { return each.second.supervisor.address() == down.source; });
  if (found == all.end())
    return;
  running& one = found->second;
  if (!one.ends) { // no supervisor ends by itself but by a fault of its own
    tell_all(self, subscriber_ended{webhook_subscriber(one.by.name), one.supervisor});
    self->state.options.stop(one.endpoint);
  }
  all.erase(found);
  if (!self->state.finishing)
    apply(self);
}

// ---- which ones fail ----------------------------------------------------------------------------

void on_paused(keeper_actor* self, const webhook& what, bool gone) {
  self->state.options.board->paused.fetch_add(1, std::memory_order_relaxed);
  say(spdlog::level::err, what.name,
      fmt::format("it {} and is paused: PATCH it with enabled true once it works",
                  gone ? "answered 410 Gone" : "has taken nothing for too long"));
  tell_of_pause(self, what);
}

void judge(keeper_actor* self, running& one, bool works, std::string gone = {}) {
  one.judged = true;
  judge_webhook what{.name = one.by.name,
                     .works = works,
                     .pause_after = self->state.options.pause_after,
                     .gone = std::move(gone)};
  ask(
      self, self->state.options.store, store_call_kind::change_webhook, db::error_kind::in_doubt,
      [what](db::webhook_store& store, instant now) { return store.change_webhook(what, now); },
      [self, what](const db::result<answer>& judged) {
        if (const auto found = self->state.all.find(what.name); found != self->state.all.end())
          found->second.judged = false;
        if (judged)
          if (const auto* paused = std::get_if<webhook_shown>(&*judged))
            on_paused(self, *paused->what, !what.gone.empty());
        look(self);
      });
}

/// Looks whether it is gone, took something, or was tried in vain, since the last look. The store
/// is asked only where that is news.
void consider(keeper_actor* self, running& one, const webhook& wanted) {
  auto& numbers = self->state.counted[one.by.name];
  // In this order, a call that ends meanwhile does not count as failed.
  const std::uint64_t calls = numbers.shown.delivery->calls.load();
  const auto under_way = static_cast<std::uint64_t>(
      std::max<std::int64_t>(numbers.shown.delivery->in_flight.load(), 0));
  const std::uint64_t taken = numbers.shown.delivery->accepted.load();
  const std::uint64_t ended = calls - std::min(calls, under_way);
  const std::uint64_t failed = ended - std::min(ended, taken);
  const bool took = taken > numbers.taken;
  const bool failed_again = failed > numbers.failed;
  if (one.judged)
    return;
  numbers.taken = taken;
  numbers.failed = std::max(numbers.failed, failed);
  if (one.endpoint->gone()) // in vain where it took something meanwhile, too
    return judge(self, one, false, one.by.url);
  if (took && wanted.failing_since)
    return judge(self, one, true);
  const bool too_long = wanted.failing_since && self->state.options.now() - *wanted.failing_since >=
                                                    self->state.options.pause_after;
  if (!took && failed_again && (!wanted.failing_since || too_long))
    judge(self, one, false);
}

// ---- all together -------------------------------------------------------------------------------

/// Of one that nobody delivers to here, nothing is open and nothing fails.
void show_rest(const webhook_board::numbers& of) {
  constexpr auto relaxed = std::memory_order_relaxed;
  of.delivery->oldest_open_ms.store(0, relaxed);
  of.delivery->quiet_until_ms.store(0, relaxed);
  of.supervision->state.store(static_cast<int>(supervision::backing_off), relaxed);
  of.supervision->failures.store(0, relaxed);
  of.supervision->delay_ms.store(0, relaxed);
}

/// Brings what runs in line with what is wanted, as far as that can be done now.
void apply(keeper_actor* self) {
  auto& state = self->state;
  for (auto& [name, one] : state.all) {
    if (one.ends)
      continue;
    const webhook* const wanted = find_wanted(state, name);
    if (wanted == nullptr || !wanted->enabled || !runs_as(one.by, *wanted)) {
      end(self, one);
      continue;
    }
    if (auto secrets = secrets_at(*wanted, state.options.now()); secrets != one.secrets) {
      one.endpoint->sign_with(secrets);
      one.secrets = std::move(secrets);
    }
    consider(self, one, *wanted);
  }
  std::int64_t disabled = 0;
  for (const webhook& each : state.wanted) {
    disabled += each.enabled ? 0 : 1;
    if (each.enabled && !state.all.contains(each.name))
      begin(self, each);
  }
  const auto is_gone = [&](const auto& each) {
    return find_wanted(state, each.first) == nullptr && !state.all.contains(each.first);
  };
  std::erase_if(state.counted, is_gone);
  std::erase_if(state.faults, is_gone);
  webhook_board::by_subscriber shown;
  for (const auto& [name, each] : state.counted) {
    if (!state.all.contains(name))
      show_rest(each.shown);
    shown.emplace(webhook_subscriber(name), each.shown);
  }
  state.options.board->put(std::move(shown));
  state.options.board->disabled.store(disabled, std::memory_order_relaxed);
}

/// Lets the calls under way of all of them end, and is answered once they have.
caf::result<deliveries_finished> finish(keeper_actor* self) {
  auto& state = self->state;
  state.finishing = true;
  auto promise = self->make_response_promise<deliveries_finished>();
  for (const auto& [name, one] : state.all)
    if (!one.ends)
      ++state.unfinished;
  if (state.unfinished == 0) {
    promise.deliver(deliveries_finished{});
    return promise;
  }
  state.finished = promise;
  const auto one_less = [self] {
    auto& now = self->state;
    if (--now.unfinished == 0 && now.finished)
      now.finished->deliver(deliveries_finished{});
  };
  for (const auto& [name, one] : state.all)
    if (!one.ends) // without a time-out of its own: who asks has one
      self->request(one.supervisor, caf::infinite, finish_deliveries{})
          .then([one_less](const deliveries_finished&) { one_less(); },
                [one_less](const caf::error&) { one_less(); });
  return promise;
}

void end_all(keeper_actor* self) {
  auto& state = self->state;
  for (const auto& [name, one] : state.all)
    self->send_exit(one.supervisor, caf::exit_reason::user_shutdown);
  for (const auto& [name, one] : state.all)
    state.options.stop(one.endpoint);
  for (const auto& [number, each] : state.tests)
    if (each.made)
      state.options.stop(each.made);
  state.all.clear();
}

} // namespace

void look(keeper_actor* self) {
  auto& state = self->state;
  if (state.finishing)
    return;
  if (state.asked) {
    state.again = true;
    return;
  }
  state.asked = true;
  ++state.alarm;
  ask(
      self, state.options.store, store_call_kind::webhooks, db::error_kind::unavailable,
      [](db::webhook_store& store, instant) { return store.webhooks(); },
      [self](db::result<db::known_webhooks> known) { on_known(self, std::move(known)); });
}

} // namespace keeping

caf::behavior webhook_keeper(caf::stateful_actor<webhook_keeper_state>* self,
                             webhook_keeper_options options) {
  using namespace keeping;
  self->state.options = std::move(options);
  self->set_down_handler([self](caf::down_msg& down) { on_down(self, down); });
  self->set_exit_handler([self](caf::exit_msg& exit) {
    end_all(self);
    self->quit(std::move(exit.reason));
  });
  look(self);
  return {
      [self](look_atom, std::uint64_t alarm) {
        if (alarm == self->state.alarm)
          look(self);
      },
      [self](webhook_asked& what) { on_request(self, what); },
      [self](const told& what) { on_told(self, what); },
      [self](late_atom, std::uint64_t number) {
        end_test(self, number, "there was no answer in time");
      },
      [self](notice_atom, std::uint64_t number) { send_notice(self, number); },
      [self](const finish_deliveries&) { return finish(self); },
      [](const store_answer& answer) { answer.take(); },
  };
}

} // namespace paymentd::actors
