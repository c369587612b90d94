#include "actors/delivery/backoff_supervisor.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace paymentd::actors {

namespace {

/// The supervisor's own alarm clock.
struct start_again {
  std::uint64_t number = 0;
};

} // namespace

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::start_again)

namespace paymentd::actors {

namespace {
using supervisor = caf::stateful_actor<backoff_supervisor_state>;
void start_child(supervisor* self);
void child_failed(supervisor* self, std::string why);
void child_proved_itself(supervisor* self);
std::string text_of(supervisor* self, const caf::error& reason);
caf::result<caf::message> pass_on(supervisor* self, caf::message came);
} // namespace

backoff_supervisor_state::~backoff_supervisor_state() {
  if (child)
    caf::anon_send_exit(child, caf::exit_reason::user_shutdown);
}

caf::behavior backoff_supervisor(caf::stateful_actor<backoff_supervisor_state>* self,
                                 backoff_supervisor_options options) {
  auto& state = self->state;
  state.options = std::move(options);

  self->set_down_handler([self](caf::down_msg& down) {
    if (self->state.child && down.source == self->state.child.address())
      child_failed(self, text_of(self, down.reason));
  });
  self->set_exit_handler([self](caf::exit_msg& exit) { self->quit(std::move(exit.reason)); });
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    std::string what = "unknown";
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      what = e.what();
    } catch (...) {
    }
    spdlog::critical("the supervisor of {} ends: {}", self->state.options.name, what);
    return caf::make_error(caf::exit_reason::unhandled_exception);
  });
  self->set_default_handler(
      [self](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
        return pass_on(self, view.move_content_to_message());
      });

  start_child(self);
  return {
      [self](const start_again& alarm) {
        if (alarm.number != self->state.timer || self->state.child)
          return;
        ++self->state.status.restarts;
        start_child(self);
      },
      [self](const child_succeeded&) { child_proved_itself(self); },
      [self](const get_supervisor_status&) { return self->state.status; },
  };
}

namespace {

/// Whether one restart more at `now` is one too many.
bool too_often(backoff_supervisor_state& state, std::chrono::steady_clock::time_point now) {
  const auto max = static_cast<std::size_t>(state.options.restarts_max);
  if (max == 0)
    return false;
  while (!state.recent.empty() && state.recent.front() <= now - state.options.window)
    state.recent.pop_front();
  if (state.recent.size() >= max)
    return true;
  state.recent.push_back(now);
  return false;
}

void publish(const backoff_supervisor_state& state) {
  constexpr auto relaxed = std::memory_order_relaxed;
  supervision_gauges& to = *state.options.gauges;
  to.state.store(static_cast<int>(state.status.state), relaxed);
  to.failures.store(state.status.failures, relaxed);
  to.restarts.store(state.status.restarts, relaxed);
  to.delay_ms.store(state.status.delay.count(), relaxed);
}

/// The reason that a child gave when it ended, without the wrapping that CAF renders around it.
std::string text_of(supervisor* self, const caf::error& reason) {
  if (reason.context().match_elements<std::string>())
    return reason.context().get_as<std::string>(0);
  return self->system().render(reason);
}

/// Passes a message on to the child that lives now.
caf::result<caf::message> pass_on(supervisor* self, caf::message came) {
  auto& state = self->state;
  if (state.options.keep)
    state.options.keep(came, state.kept);
  if (!state.child) {
    if (self->current_message_id().is_request())
      return caf::sec::request_receiver_down;
    return caf::delegated<caf::message>{}; // an error would end whoever sent the hint
  }
  // With its sender and its number, so that the child's answer goes where it is waited for.
  state.child->enqueue(self->current_sender(), self->current_message_id(), std::move(came),
                       self->context());
  return caf::delegated<caf::message>{};
}

void child_failed(supervisor* self, std::string why) {
  auto& state = self->state;
  auto& status = state.status;
  const auto& options = state.options;
  state.child = nullptr;
  status.child_lives = false;
  ++status.failures;
  status.last_error = std::move(why);
  status.delay = backoff_delay(options.backoff, status.failures, options.random());
  // Once degraded it stays so until a success is proven, however rare the restarts have become.
  const bool was_degraded = status.state == supervision::degraded;
  const bool degraded = was_degraded || too_often(state, self->clock().now());
  if (degraded) {
    backoff_options longest = options.backoff;
    longest.min = longest.max;
    status.delay = backoff_delay(longest, 1, options.random());
  }
  status.state = degraded ? supervision::degraded : supervision::backing_off;

  // Only what changes is a line at a level that people read.
  if (degraded && !was_degraded)
    spdlog::error("{} is degraded: {} restarts within {} s, from now on one every {} ms until one "
                  "succeeds; last error: {}",
                  options.name, options.restarts_max,
                  std::chrono::duration_cast<std::chrono::seconds>(options.window).count(),
                  options.backoff.max.count(), status.last_error);
  else if (status.failures == 1)
    spdlog::warn("{} failed and is started again in {} ms: {}", options.name, status.delay.count(),
                 status.last_error);
  else
    spdlog::debug("{} failed {} times in a row and is started again in {} ms: {}", options.name,
                  status.failures, status.delay.count(), status.last_error);
  publish(state);
  self->delayed_send(self, status.delay, start_again{++state.timer});
}

void start_child(supervisor* self) {
  auto& state = self->state;
  try {
    state.child = state.options.make_child(self);
    if (!state.child) {
      child_failed(self, "no child was made");
      return;
    }
  } catch (const std::exception& e) {
    child_failed(self, e.what());
    return;
  }
  if (state.status.state != supervision::degraded)
    state.status.state = supervision::running;
  state.status.child_lives = true;
  state.status.delay = std::chrono::milliseconds{0};
  publish(state);
  self->monitor(state.child);
  for (const caf::message& each : state.kept)
    self->send(state.child, each);
}

void child_proved_itself(supervisor* self) {
  auto& status = self->state.status;
  // A word from a child that is dead by now says nothing of the one that lives.
  if (!self->state.child || self->current_sender() != self->state.child)
    return;
  if (status.failures > 0)
    spdlog::info("{} works again after {} failures in a row", self->state.options.name,
                 status.failures);
  status.failures = 0;
  status.last_error.clear();
  status.state = supervision::running;
  self->state.recent.clear();
  publish(self->state);
}

} // namespace

} // namespace paymentd::actors
