#include "app/file_watch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

namespace paymentd {

namespace {

constexpr std::chrono::milliseconds looks_every{500};
/// The times of files are coarse: two changes within such a time may have the same.
constexpr long young_seconds = 2;

/// Differs when the file was replaced or written to; nothing where there is none.
std::optional<std::vector<long>> mark_of(const std::filesystem::path& file) {
  struct stat about{};
  if (::stat(file.c_str(), &about) != 0)
    return std::nullopt;
  return std::vector<long>{static_cast<long>(about.st_dev), static_cast<long>(about.st_ino),
                           about.st_size, about.st_ctim.tv_sec, about.st_ctim.tv_nsec};
}

bool is_young(const std::optional<std::vector<long>>& mark) {
  constexpr std::size_t at_changed = 3;
  return mark && (*mark)[at_changed] + young_seconds >= std::time(nullptr);
}

} // namespace

file_watch::~file_watch() {
  stop();
}

void file_watch::stop() {
  if (!thread_.joinable())
    return;
  {
    const std::lock_guard lock{guard_};
    over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void file_watch::add(std::vector<std::filesystem::path> files, std::function<void()> changed) {
  watched made{std::move(files), std::move(changed), {}};
  made.seen.resize(made.files.size());
  std::ranges::transform(made.files, made.seen.begin(), mark_of);
  all_.push_back(std::move(made));
}

void file_watch::start() {
  if (all_.empty())
    return;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "file-watch");
}

void file_watch::look() {
  {
    const std::lock_guard lock{guard_};
    look_ = true;
  }
  wake_.notify_all();
}

void file_watch::look_at(watched& each, bool whatever) {
  bool changed = whatever || each.young;
  each.young = false;
  for (std::size_t at = 0; at < each.files.size(); ++at) {
    const auto mark = mark_of(each.files[at]);
    changed = changed || mark != each.seen[at];
    each.young = each.young || is_young(mark);
    each.seen[at] = mark;
  }
  if (changed)
    each.changed();
}

void file_watch::run() {
  std::unique_lock lock{guard_};
  while (!over_) {
    wake_.wait_for(lock, looks_every, [this] { return over_ || look_; });
    if (over_)
      return;
    const bool whatever = std::exchange(look_, false);
    lock.unlock();
    for (watched& each : all_)
      look_at(each, whatever);
    lock.lock();
  }
}

} // namespace paymentd
