// Where the log goes and how it looks. Used by serve.cpp; every room writes to spdlog's default
// logger, on any thread.
#pragma once

#include "config/settings.hpp"

#include <string>

namespace paymentd {

/// Sets spdlog's default logger up, and flushes it at the end. Lines go to standard output, by a
/// thread of the log's own: writers never wait for a slow console, and where it cannot keep up, the
/// oldest of 65,536 waiting lines are dropped.
class log_guard {
 public:
  explicit log_guard(const config::log_settings& settings);
  /// Ends the log as `end` does, but waits for its last lines however long that takes.
  ~log_guard();
  log_guard(const log_guard&) = delete;
  log_guard& operator=(const log_guard&) = delete;

  /// Writes what still waits, and gives `code` back. Where the console takes nothing for two
  /// seconds, the process ends here, with that code: the log's thread cannot be joined. All else is
  /// to be ended before.
  int end(int code);
};

/// Writes a last line and returns when it is written, or after two seconds where the console takes
/// none, for a process that then ends without its destructors. Lines that still wait for the log's
/// thread may be lost.
void log_last(const std::string& line);

/// Prints to standard error likewise.
void print_last(const std::string& text);

} // namespace paymentd
