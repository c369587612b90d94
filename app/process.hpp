// Parts of the process that belong to the system: its first three files, its signals, its limit of
// open files. Used by serve.cpp.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace paymentd {

/// Opens standard input, output and error where the process was started without them, so that no
/// other file gets their numbers, and with them what is printed. All that is then read or written
/// there fails. Before anything else is opened.
void open_standard_files();

/// Raises the limit of open files to what the system lets this process have. Gives the limit in
/// force.
std::uint64_t raise_file_limit();

/// How many connections of clients fit below the limit of open files, when `calls` may be open to
/// others at once; some are left for operators, the database, and for telling clients that there
/// are too many. At least 1, at most `wanted`.
int connections_that_fit(int wanted, std::uint64_t file_limit, std::uint64_t calls);

/// Waits for SIGINT and SIGTERM, by a thread of its own. The second one ends the process at once,
/// with exit code 1, and so does a stop that takes longer than `stop_max`: what is open then stands
/// in the database. SIGHUP reads files anew, where there are any: a terminal that is closed ends no
/// server. While there is one of these, the signals are blocked in every thread, and a closed pipe
/// is an error of its write.
class stop_signals {
 public:
  /// Before there is a second thread.
  explicit stop_signals(std::chrono::milliseconds stop_max);
  ~stop_signals();
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;

  /// `reread` is called at a SIGHUP, on this one's thread; empty: the signal does nothing.
  void on_hangup(std::function<void()> reread);
  /// Waits for the first one; returns at once where it has come.
  void wait();

 private:
  void watch();
  void hang_up();

  std::chrono::milliseconds stop_max_;
  std::mutex guard_;
  std::condition_variable came_;
  std::function<void()> reread_;
  bool told_of_hangup_ = false; // the thread's own
  bool asked_to_stop_ = false;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

} // namespace paymentd
