// Sees by a thread of its own that files have changed: certificates and keys are taken over without
// a restart. It looks at them twice a second, which works on every file system.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace paymentd {

class file_watch {
 public:
  file_watch() = default;
  ~file_watch();
  file_watch(const file_watch&) = delete;
  file_watch& operator=(const file_watch&) = delete;

  /// `changed` is called on the watch's thread when one of `files` has changed, perhaps more than
  /// once for one change, and must not throw. Before `start`.
  void add(std::vector<std::filesystem::path> files, std::function<void()> changed);
  /// Begins to look, where there is something to look at.
  void start();
  /// Ends the thread; nothing is called any more. Any thread but its own.
  void stop();
  /// Has every `changed` called now, whether something changed or not. Any thread.
  void look();

 private:
  struct watched {
    std::vector<std::filesystem::path> files;
    std::function<void()> changed;
    std::vector<std::optional<std::vector<long>>> seen; // one a file; nothing: not there
    bool young = true; // changed so lately that its time may not tell the next change
  };
  static void look_at(watched& each, bool whatever);
  void run();

  std::vector<watched> all_;
  std::mutex guard_;
  std::condition_variable wake_;
  bool over_ = false;
  bool look_ = false;
  std::thread thread_;
};

} // namespace paymentd
