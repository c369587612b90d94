#include "app/process_figures.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace paymentd {

namespace {

std::string text_of(const char* file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The time of the system's start, in seconds since 1970: the line "btime" of /proc/stat.
double boot_time() {
  std::istringstream lines(text_of("/proc/stat"));
  for (std::string word; lines >> word;) {
    double seconds = 0;
    if (word == "btime" && lines >> seconds)
      return seconds;
  }
  return 0;
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
