#include "app/process_figures.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace paymentd {

namespace {

std::string text_of(const char* file) {
  std::ostringstream all;
  all << std::ifstream(file).rdbuf();
  return std::move(all).str();
}

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// The time of the system's start, in seconds since 1970. Not from /proc/stat, which a process of
/// the package does not see (ProcSubset=pid). Once, since the wall clock may be set.
double boot_time() {
  static const double at = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
  return at;
}

/// The names in a directory; the one that the look itself has open is not among them.
std::int64_t open_files() {
  std::error_code failed;
  std::int64_t count = 0;
  for (auto at = std::filesystem::directory_iterator("/proc/self/fd", failed);
       !failed && at != std::filesystem::directory_iterator{}; at.increment(failed))
    ++count;
  return count > 0 ? count - 1 : 0;
}

} // namespace

http::process_figures read_process_figures() {
  http::process_figures figures;
  // proc(5): behind the name, which is in brackets and may hold anything, stand the state and then
  // numbers; the third field is the state.
  const std::string all = text_of("/proc/self/stat");
  const auto name_end = all.rfind(')');
  if (name_end == all.npos)
    return figures;
  std::istringstream fields(all.substr(name_end + 1));
  std::string state;
  fields >> state;
  constexpr int first = 4;
  constexpr int user_time = 14;
  constexpr int system_time = 15;
  constexpr int threads = 20;
  constexpr int start_time = 22;
  constexpr int virtual_bytes = 23;
  constexpr int resident_pages = 24;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK)); // a second
  std::int64_t value = 0;
  for (int field = first; field <= resident_pages && fields >> value; ++field) {
    if (field == user_time || field == system_time)
      figures.cpu_seconds += static_cast<double>(value) / ticks;
    else if (field == threads)
      figures.threads = value;
    else if (field == start_time)
      figures.started_at = boot_time() + static_cast<double>(value) / ticks;
    else if (field == virtual_bytes)
      figures.virtual_bytes = value;
    else if (field == resident_pages)
      figures.resident_bytes = value * ::sysconf(_SC_PAGESIZE);
  }
  figures.open_files = open_files();
  if (rlimit limit{}; ::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    figures.open_files_max = static_cast<std::int64_t>(limit.rlim_cur);
  return figures;
}

} // namespace paymentd
