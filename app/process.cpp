#include "app/process.hpp"

#include "app/log.hpp"

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace paymentd {

namespace {

using steady = std::chrono::steady_clock;

constexpr int failed = 1;

/// Connections of operators, and of clients that are told that there are too many: what http/ takes
/// of each at once.
constexpr std::uint64_t files_of_operators = 128;
constexpr std::uint64_t files_of_refused = 128;
/// The database's connections, the event loops, the log.
constexpr std::uint64_t files_of_its_own = 128;

sigset_t signals_of_a_server() {
  sigset_t all;
  sigemptyset(&all);
  for (const int each : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&all, each);
  return all;
}

/// Where the log has ended already, nothing is said.
void say(const std::string& line) {
  if (const auto log = spdlog::default_logger())
    log->info(line);
}

/// The next signal; -1 when `until` has come.
int next_signal(steady::time_point until) {
  using namespace std::chrono;
  const sigset_t all = signals_of_a_server();
  for (;;) {
    const auto left = until - steady::now();
    const auto whole = floor<seconds>(left);
    const timespec most{.tv_sec = whole.count(), .tv_nsec = nanoseconds(left - whole).count()};
    const bool endless = until == steady::time_point::max();
    if (!endless && left <= steady::duration{0})
      return -1;
    // A debugger that stops and continues the process interrupts the wait.
    if (const int which =
            endless ? ::sigwaitinfo(&all, nullptr) : ::sigtimedwait(&all, nullptr, &most);
        which > 0)
      return which;
  }
}

} // namespace

void open_standard_files() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    // The lowest free number is given: this one. Input cannot be read from it, nor output written
    // to it, so that a command whose output is lost still fails.
    if (::fcntl(file, F_GETFD) < 0)
      ::open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

std::uint64_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return RLIM_INFINITY;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

int connections_that_fit(int wanted, std::uint64_t file_limit, std::uint64_t calls) {
  const std::uint64_t others = files_of_operators + files_of_refused + files_of_its_own + calls;
  // Below a limit that is far too low, clients get a half.
  const std::uint64_t left = std::max(file_limit - std::min(others, file_limit), file_limit / 2);
  return static_cast<int>(std::clamp<std::uint64_t>(left, 1, static_cast<std::uint64_t>(wanted)));
}

stop_signals::stop_signals(std::chrono::milliseconds stop_max) : stop_max_(stop_max) {
  const sigset_t all = signals_of_a_server();
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this] { watch(); });
  pthread_setname_np(thread_.native_handle(), "signals");
}

stop_signals::~stop_signals() {
  over_ = true;
  pthread_kill(thread_.native_handle(), SIGHUP); // to that thread alone, which waits for it
  thread_.join();
}

void stop_signals::on_hangup(std::function<void()> reread) {
  const std::lock_guard lock{guard_};
  reread_ = std::move(reread);
}

void stop_signals::hang_up() {
  std::function<void()> reread;
  {
    const std::lock_guard lock{guard_};
    reread = reread_;
  }
  if (reread) {
    say("SIGHUP: reading files anew");
    reread();
  } else if (!std::exchange(told_of_hangup_, true)) {
    say("SIGHUP: ignored, since there is nothing to read anew");
  }
}

void stop_signals::wait() {
  std::unique_lock lock{guard_};
  came_.wait(lock, [this] { return asked_to_stop_; });
}

void stop_signals::watch() {
  bool stopping = false;
  for (auto until = steady::time_point::max(); !over_;) {
    const int which = next_signal(until);
    if (which == SIGHUP) {
      if (!over_ && !stopping)
        hang_up();
      continue;
    }
    if (which < 0)
      print_last("paymentd: stopping took too long: a restart goes on from the database\n");
    if (which < 0 || stopping)
      std::_Exit(failed);
    say(which == SIGINT ? "SIGINT: stopping" : "SIGTERM: stopping");
    stopping = true;
    until = steady::now() + stop_max_;
    const std::lock_guard lock{guard_};
    asked_to_stop_ = true;
    came_.notify_all();
  }
}

} // namespace paymentd
