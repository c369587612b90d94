// The real program, as a user runs it: started, asked over HTTP, killed, started again. For the
// end-to-end tests; single-threaded but for `load`.
#pragma once

#include "tests/http/test_client.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

struct sqlite3;

namespace paymentd::end_to_end {

/// The remains of a program that has ended.
struct ended {
  int exit_code = -1; // -1: killed by a signal
  std::string output; // standard output and standard error
};

/// A program that runs. Its output goes to a file; the destructor kills what still lives.
class program {
 public:
  program(std::vector<std::string> arguments, const std::filesystem::path& output);
  /// `in_child` runs in the new process and says where its output goes.
  program(std::vector<std::string> arguments, const std::function<void()>& in_child);
  ~program();
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  void signal(int number) const;
  /// Waits for the end; after `time` the program is killed, and the exit code is -1.
  ended wait(std::chrono::milliseconds time = std::chrono::seconds{30});
  bool lives();
  std::string output() const;

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
  std::filesystem::path output_;
};

/// A directory of the test's own, removed at the end.
class workplace {
 public:
  const std::filesystem::path& path() const { return directory_.path(); }
  std::string database_url() const { return "sqlite:" + (path() / "paymentd.db").string(); }
  /// Runs paymentd to its end.
  ended run(std::vector<std::string> arguments) const;
  /// `paymentd audit`.
  ended audit() const;
  /// One number from the database.
  std::int64_t number(const std::string& sql) const;
  /// Changes the database behind paymentd's back.
  void execute(const std::string& sql) const;

 private:
  support::temporary_directory directory_;
};

/// Another program's lock on a workplace's database, while it lives: nobody else writes. Waits for
/// it, since the server writes now and then also while nobody pays.
class foreign_lock {
 public:
  explicit foreign_lock(const workplace& place);

 private:
  std::shared_ptr<sqlite3> database_; // closing it ends its transaction
};

/// `paymentd serve` on a workplace's database and on free ports.
class server_process {
 public:
  /// `config`: a settings' file, or none.
  explicit server_process(const workplace& place, std::vector<std::string> sets = {},
                          const std::filesystem::path& config = {});

  std::uint16_t port() const { return port_; }
  std::uint16_t admin_port() const { return admin_port_; }
  program& process() { return program_; }

  http::testing::test_client client() const { return http::testing::test_client(port_); }

 private:
  program program_;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
};

/// The settings that make the AlimTalk go to `api`.
std::vector<std::string> sent_to(const providers::fake_alimtalk& api);

/// Pays orders `first` to `last`, of the user of the seed with the same spread, over one
/// connection. Gives the ids that were answered 201; stops at the first request that gets no
/// answer.
std::vector<std::int64_t> pay_orders(http::testing::test_client& client, std::int64_t first,
                                     std::int64_t last, std::int64_t spread);

/// A port of this machine that nobody listens on now.
std::uint16_t free_port();

/// Gives the processor to others for some milliseconds.
void wait_a_little();

/// Waits until `condition` holds, by asking it again and again; false where the time ends first.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds time = std::chrono::seconds{30}) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    wait_a_little();
  }
  return true;
}

} // namespace paymentd::end_to_end
