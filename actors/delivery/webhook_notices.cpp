// Calls of endpoints that carry no event: a test that a client asked for, and notices that another
// webhook was paused. Neither is kept in the database; a notice is tried again by the pauses of the
// options, and lost with the process.
#include "actors/delivery/webhook_keeping.hpp"

#include <caf/send.hpp>

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace paymentd::actors::keeping {

namespace {

/// The answer of an endpoint becomes a message to this actor, or is lost where that is gone.
std::function<void(providers::recipient_result)> reporting(keeper_actor* self,
                                                           std::uint64_t number) {
  return [to = self->address(), number](const providers::recipient_result& result) {
    if (const auto actor = caf::actor_cast<caf::actor>(to))
      caf::anon_send(actor, told{number, result ? std::string() : result.error().reason});
  };
}

} // namespace

void tell_of_pause(keeper_actor* self, const webhook& paused) {
  auto& state = self->state;
  for (const auto& [name, each] : state.all) {
    if (name == paused.name || each.ends || state.notices.size() >= state.options.notices_max)
      continue;
    const std::uint64_t number = ++state.last_number;
    const instant at = paused.paused_at.value_or(state.options.now());
    state.notices[number] = {
        .to = name,
        .what = {.of = webhook_notice::kind::paused,
                 .id = fmt::format("{}-{}-paused-{}-{}", webhook_subscriber(name), state.instance,
                                   paused.name, at.time_since_epoch().count()),
                 .webhook = paused.name,
                 .at = at,
                 .failing_since = paused.failing_since,
                 .instance = state.instance}};
    send_notice(self, number);
  }
}

void send_notice(keeper_actor* self, std::uint64_t number) {
  auto& state = self->state;
  const auto found = state.notices.find(number);
  if (found == state.notices.end())
    return;
  const auto to = state.all.find(found->second.to);
  if (to == state.all.end() || to->second.ends) {
    state.notices.erase(found);
    return;
  }
  ++found->second.tries;
  to->second.endpoint->tell(found->second.what, reporting(self, number));
}

void on_told(keeper_actor* self, const told& what) {
  auto& state = self->state;
  const auto found = state.notices.find(what.number);
  if (found == state.notices.end())
    return end_test(self, what.number, what.why_not);
  const std::size_t tries = found->second.tries;
  const auto& pauses = state.options.notice_pauses;
  if (what.why_not.empty() || tries > pauses.size()) {
    if (!what.why_not.empty())
      say(spdlog::level::warn, found->second.to,
          "it was not told that another one is paused: " + what.why_not);
    state.notices.erase(found);
    return;
  }
  self->delayed_send(self, pauses[tries - 1], notice_atom::value, what.number);
}

void begin_test(keeper_actor* self, const ticket& from, const webhook& what) {
  auto& state = self->state;
  const auto runs = state.all.find(what.name);
  std::shared_ptr<providers::endpoint> made;
  std::shared_ptr<providers::endpoint> endpoint;
  if (runs != state.all.end() && !runs->second.ends && runs_as(runs->second.by, what)) {
    endpoint = runs->second.endpoint;
    endpoint->sign_with(runs->second.secrets = secrets_at(what, state.options.now()));
  } else {
    auto part = make(state, what);
    if (!part)
      return reply(self, from,
                   webhook_refused{webhook_refusal::cannot_work, std::move(part.error())});
    endpoint = made = std::move(part->endpoint);
  }
  const std::uint64_t number = ++state.last_number;
  state.tests[number] = {.from = from, .since = self->clock().now(), .made = std::move(made)};
  self->delayed_send(self, state.options.tested_within, late_atom::value, number);
  const instant now = state.options.now();
  endpoint->tell({.of = webhook_notice::kind::test,
                  .id = fmt::format("{}-{}-test-{}-{}", webhook_subscriber(what.name),
                                    state.instance, now.time_since_epoch().count(), number),
                  .webhook = what.name,
                  .at = now,
                  .instance = state.instance},
                 reporting(self, number));
}

void end_test(keeper_actor* self, std::uint64_t number, const std::string& why_not) {
  auto& tests = self->state.tests;
  const auto found = tests.find(number);
  if (found == tests.end())
    return;
  const auto took =
      std::chrono::floor<std::chrono::milliseconds>(self->clock().now() - found->second.since);
  reply(self, found->second.from,
        webhook_tested{.taken = why_not.empty(), .detail = why_not, .took = took});
  const auto made = std::move(found->second.made);
  tests.erase(found);
  if (made)
    self->state.options.stop(made);
}

} // namespace paymentd::actors::keeping
