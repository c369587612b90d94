// Tells systemd how the server is, where systemd started it and wants to know (sd_notify(3)):
// ready, alive, stopping. Used by serve.cpp, on the main thread; it has a thread of its own for the
// rest. Where nobody wants to know (NOTIFY_SOCKET is not set), nothing happens.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace paymentd {

/// How the server is asked. Both are called on the service manager's thread.
struct vital_signs {
  /// Whether payments would be taken.
  std::function<bool()> ready;
  /// Has each thread that the server cannot do without call `came` once, as part of its ordinary
  /// work; gives how many there are. `came` may be called after the service manager is gone.
  std::function<int(std::function<void()> came)> pulse;
};

class service_manager {
 public:
  /// Begins to say that the start goes on, so that a long upgrade of the schema is not ended by
  /// TimeoutStartSec=.
  service_manager();
  ~service_manager();
  service_manager(const service_manager&) = delete;
  service_manager& operator=(const service_manager&) = delete;

  /// From now on the start waits for the database alone. Says READY=1 as soon as `signs.ready`
  /// holds; then, where the unit has WatchdogSec=, WATCHDOG=1 four times in that time, but only
  /// once every thread has answered the pulse from before. A database that is away stops no
  /// thread, so it ends no server.
  void watch(vital_signs signs);
  /// Says STOPPING=1 and that this may take `most`. Calls nothing of `signs` any more.
  void stopping(std::chrono::milliseconds most);

 private:
  void run();
  void end();

  const bool is_asked_;                      // whether somebody listens
  const std::chrono::microseconds watchdog_; // 0: no WatchdogSec=
  std::mutex guard_;
  std::condition_variable wake_;
  vital_signs signs_; // empty until `watch`
  bool over_ = false;
  std::thread thread_;
};

} // namespace paymentd
