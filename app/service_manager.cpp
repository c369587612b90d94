#include "app/service_manager.hpp"

#include <systemd/sd-daemon.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>

namespace paymentd {
namespace {

using namespace std::chrono_literals;

/// How often the start says that it goes on, and how much time it asks for each time.
constexpr std::chrono::microseconds says_every = 5s;
constexpr std::chrono::microseconds start_extension = 30s;
/// How often the database is looked for until it is there.
constexpr std::chrono::microseconds ready_poll = 100ms;
/// After a stop: for the last lines of the log.
constexpr std::chrono::microseconds stop_margin = 5s;
constexpr int watchdog_parts = 4;

/// A state that cannot be said (the manager is gone) changes nothing.
void say(const std::string& state) {
  static_cast<void>(::sd_notify(0, state.c_str()));
}

std::string extension(std::chrono::microseconds time) {
  return "EXTEND_TIMEOUT_USEC=" + std::to_string(time.count());
}

std::chrono::microseconds watchdog_time() {
  std::uint64_t microseconds = 0;
  return ::sd_watchdog_enabled(0, &microseconds) > 0
             ? std::chrono::microseconds{static_cast<std::int64_t>(microseconds)}
             : 0us;
}

bool has_manager() {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  return socket != nullptr && *socket != '\0';
}

/// One question to all threads whether they work.
class pulse_round {
 public:
  explicit pulse_round(const vital_signs& of) {
    const auto came = came_;
    wanted_ = of.pulse([came] { came->fetch_add(1); });
  }
  bool answered() const { return came_->load() >= wanted_; }

 private:
  std::shared_ptr<std::atomic<int>> came_ = std::make_shared<std::atomic<int>>(0);
  int wanted_ = 0;
};

} // namespace

service_manager::service_manager()
    : is_asked_(has_manager()), watchdog_(is_asked_ ? watchdog_time() : 0us) {
  if (!is_asked_)
    return;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "systemd");
}

service_manager::~service_manager() {
  end();
}

void service_manager::watch(vital_signs signs) {
  {
    const std::lock_guard lock{guard_};
    signs_ = std::move(signs);
  }
  wake_.notify_all();
}

void service_manager::stopping(std::chrono::milliseconds most) {
  end();
  if (is_asked_)
    say("STOPPING=1\n" + extension(most + stop_margin));
}

void service_manager::end() {
  if (!thread_.joinable())
    return;
  {
    const std::lock_guard lock{guard_};
    over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void service_manager::run() {
  std::unique_lock lock{guard_};
  const auto may_go_on = [&](std::chrono::microseconds pause) {
    wake_.wait_for(lock, pause, [this] { return over_; });
    return !over_;
  };
  while (!over_ && !signs_.ready) {
    say(extension(start_extension) + "\nSTATUS=Preparing the database");
    wake_.wait_for(lock, says_every, [this] { return over_ || signs_.ready; });
  }
  if (over_)
    return;
  const vital_signs signs = signs_;
  for (bool told = false; !signs.ready(); told = true) {
    if (!told)
      say("STATUS=Waiting for the database");
    if (!may_go_on(ready_poll))
      return;
  }
  say("READY=1\nSTATUS=Serving");
  if (watchdog_ == 0us)
    return;
  for (;;) {
    const pulse_round round(signs);
    do {
      if (!may_go_on(watchdog_ / watchdog_parts))
        return;
    } while (!round.answered());
    say("WATCHDOG=1");
  }
}

} // namespace paymentd
