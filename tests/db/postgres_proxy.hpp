// A network between a store and its server that can be told how to fail at the next commit. It
// forwards one connection after another, on a thread of its own; used by the tests of faults.
#pragma once

#include "tests/db/fresh_database.hpp"

#include <atomic>
#include <thread>

namespace paymentd::db {

class postgres_proxy {
 public:
  enum class fault : int {
    none,
    cut_before_commit, // the commit never reaches the server
    cut_after_commit,  // the server commits, its answer never comes
    hold_commit,       // the commit is held back: neither side hears anything until `release`
  };

  /// Forwards to the server whose socket is `server`.
  explicit postgres_proxy(const std::filesystem::path& server);
  ~postgres_proxy();
  postgres_proxy(const postgres_proxy&) = delete;
  postgres_proxy& operator=(const postgres_proxy&) = delete;

  /// The directory of its socket: what stands as `host` in a URL.
  std::string host() const { return directory_.path().string(); }

  /// The fault of the next commit, once.
  void fail_next(fault how) { next_ = how; }
  /// Hands a held commit to the server and waits until the server has answered or closed.
  void release();
  /// Forgets a held commit, and with it the connection.
  void drop();

 private:
  void run();
  void serve(int client);
  void close_both(int client, int server);

  temporary_directory directory_;
  std::filesystem::path server_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::atomic<fault> next_{fault::none};
  int held_server_ = -1;
  std::string held_;
  std::atomic<bool> holds_{false};
  std::jthread thread_;
};

} // namespace paymentd::db
