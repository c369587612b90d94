// Goal: whatever becomes of its terminal, its console or its file descriptors, the server serves
// on, and ends when it is told to. Method: the real program with a pipe that nobody reads, without
// standard files, in a terminal that is closed, and below a low limit of open files.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <deque>
#include <fstream>
#include <sstream>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

/// A server on ports that are known beforehand, since its output may go nowhere.
class quiet_server {
 public:
  explicit quiet_server(const std::function<void()>& in_child,
                        const std::vector<std::string>& more_sets = {})
      : program_(arguments(more_sets), in_child) {}

  const workplace& place() const { return place_; }
  program& process() { return program_; }
  std::uint16_t admin_port() const { return admin_port_; }

  bool lives() const {
    try {
      const auto answer = http::testing::test_client(admin_port_).get("/healthz");
      return answer && answer->status == 200;
    } catch (const std::runtime_error&) {
      return false;
    }
  }
  bool starts() const {
    return eventually([this] { return lives(); });
  }
  int code_after(int signal) {
    program_.signal(signal);
    return program_.wait().exit_code;
  }

 private:
  std::vector<std::string> arguments(const std::vector<std::string>& more_sets) const {
    std::vector<std::string> all = {PAYMENTD_PROGRAM, "serve"};
    std::vector<std::string> sets = {"http.listen=127.0.0.1:0",
                                     "admin.listen=127.0.0.1:" + std::to_string(admin_port_),
                                     "database.url=" + place_.database_url()};
    sets.insert(sets.end(), more_sets.begin(), more_sets.end());
    for (const std::string& each : sets) {
      all.emplace_back("--set");
      all.push_back(each);
    }
    return all;
  }

  workplace place_;
  std::uint16_t admin_port_ = free_port();
  program program_;
};

/// A pipe that nobody reads. `fill` makes it stuck: who writes to it waits without end.
class unread_pipe {
 public:
  unread_pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      throw std::runtime_error("pipe");
  }
  ~unread_pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  unread_pipe(const unread_pipe&) = delete;
  unread_pipe& operator=(const unread_pipe&) = delete;

  /// For the child: all that it prints goes here.
  void become_output() const {
    ::dup2(ends_[1], STDOUT_FILENO);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  void fill() const {
    // Not the flag of the pipe: that would be the child's, too.
    const std::string own = "/proc/self/fd/" + std::to_string(ends_[1]);
    const int writer = ::open(own.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    const std::string many(4096, '.');
    while (::write(writer, many.data(), many.size()) > 0) {
    }
    while (::write(writer, ".", 1) > 0) {
    }
    ::close(writer);
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(process, a_console_that_is_stuck_does_not_keep_a_stop) {
  const unread_pipe console;
  quiet_server server([&] { console.become_output(); });
  ASSERT_TRUE(server.starts());
  console.fill();
  EXPECT_EQ(server.code_after(SIGTERM), 0);
}

TEST(process, a_second_signal_ends_a_stop_at_once) {
  const unread_pipe console;
  const std::vector<std::string> slow{"shutdown.drain_delay=9999ms"};
  quiet_server server([&] { console.become_output(); }, slow);
  ASSERT_TRUE(server.starts());
  const auto readiness = [&] {
    return http::testing::test_client(server.admin_port()).get("/readyz")->status;
  };
  ASSERT_TRUE(eventually([&] { return readiness() == 200; }));
  console.fill();
  server.process().signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return readiness() == 503; }));
  EXPECT_TRUE(server.process().lives());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(server.code_after(SIGTERM), 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s); // long before the announcement ends
}

TEST(process, a_second_signal_ends_a_start_that_hangs) {
  // A database that takes the connection and says nothing.
  const int database = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::listen(database, 1), 0);
  sockaddr_in at{};
  socklen_t size = sizeof at;
  ASSERT_EQ(::getsockname(database, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const std::string url = "postgresql://x@127.0.0.1:" + std::to_string(ntohs(at.sin_port)) +
                          "/x?connect_timeout=30&sslmode=disable";
  quiet_server server([] {}, {"database.url=" + url});
  const int asking = ::accept(database, nullptr, nullptr); // it starts
  const auto begin = std::chrono::steady_clock::now();
  server.process().signal(SIGTERM);
  EXPECT_EQ(server.code_after(SIGINT), 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  ::close(asking);
  ::close(database);
}

TEST(process, without_standard_files_no_other_file_gets_the_log) {
  for (const std::vector<int>& closed : {std::vector{STDOUT_FILENO},
                                         {STDOUT_FILENO, STDERR_FILENO},
                                         {STDIN_FILENO, STDOUT_FILENO}}) {
    quiet_server server([&closed] {
      for (const int file : closed)
        ::close(file);
    });
    ASSERT_TRUE(server.starts());
    EXPECT_EQ(server.code_after(SIGTERM), 0);
    for (const auto& each : std::filesystem::directory_iterator(server.place().path())) {
      std::ostringstream text;
      text << std::ifstream(each.path()).rdbuf();
      EXPECT_EQ(text.str().find(" serves http:"), std::string::npos) << each.path();
    }
  }
  // A command whose output is its purpose still fails.
  program config({PAYMENTD_PROGRAM, "config"}, [] { ::close(STDOUT_FILENO); });
  EXPECT_EQ(config.wait().exit_code, 1);
}

TEST(process, a_terminal_that_is_closed_does_not_end_it) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(::grantpt(terminal), 0);
  ASSERT_EQ(::unlockpt(terminal), 0);
  const std::string name = ::ptsname(terminal);
  quiet_server server([&name] {
    ::setsid();
    const int own = ::open(name.c_str(), O_RDWR);
    ::ioctl(own, TIOCSCTTY, 0);
    for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      ::dup2(own, file);
  });
  ASSERT_TRUE(server.starts());
  ::close(terminal); // the kernel sends SIGHUP, and every write to it fails from now on
  server.process().signal(SIGHUP);
  for (int times = 0; times < 20; ++times)
    ASSERT_TRUE(server.lives());
  EXPECT_EQ(server.code_after(SIGTERM), 0);
}

TEST(process, a_hangup_is_ignored_and_said_once) {
  const workplace place;
  server_process server(place);
  const auto said = [&] { return server.process().output().find("SIGHUP"); };
  server.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return said() != std::string::npos; }));
  server.process().signal(SIGHUP);
  http::testing::test_client client = server.client();
  EXPECT_EQ(client.post("/v1/users", R"({"phone":"01012345678"})")->status, 201);
  server.process().signal(SIGTERM);
  const ended end = server.process().wait();
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.output.find("SIGHUP", said() + 1), std::string::npos) << end.output;
}

TEST(process, a_low_limit_of_open_files_is_told_and_clients_beyond_it_have_an_answer) {
  const workplace place;
  const std::filesystem::path output = place.path() / "output";
  const std::uint16_t port = free_port();
  const std::uint16_t admin_port = free_port();
  // UBSan looks through a pipe whether an object has its type. Without a descriptor for that it
  // says that it has not. To unwind the stack for its report, it would have to open a file, and
  // ends the process where it cannot.
  const std::string start = R"(ulimit -n 128; export UBSAN_OPTIONS="$UBSAN_OPTIONS:)"
                            R"(print_stacktrace=0"; exec "$0" "$@")";
  program server({"/bin/sh", "-c", start, PAYMENTD_PROGRAM, "serve", "--set",
                  "http.listen=127.0.0.1:" + std::to_string(port), "--set",
                  "admin.listen=127.0.0.1:" + std::to_string(admin_port), "--set",
                  "database.url=" + place.database_url()},
                 output);
  ASSERT_TRUE(eventually([&] {
    return server.output().find(" serves http:") != std::string::npos;
  })) << server.output();
  EXPECT_NE(server.output().find("the limit of open files (ulimit -n, LimitNOFILE=) is 128, which "
                                 "leaves room for 64 connections instead of the 10000 of "
                                 "http.max_connections"),
            std::string::npos)
      << server.output();
  std::deque<http::testing::test_client> clients;
  for (int n = 0; n < 400; ++n) {
    auto& client = clients.emplace_back(port);
    const auto answer = n < 64 ? client.get("/v1/users/1") : client.receive();
    ASSERT_TRUE(answer) << n << server.output();
    EXPECT_EQ(answer->status, n < 64 ? 404 : 503) << n;
    if (n % 20 == 0) {
      const auto health = http::testing::test_client(admin_port).get("/healthz");
      ASSERT_TRUE(health) << n;
      EXPECT_EQ(health->status, 200) << n;
    }
  }
  EXPECT_EQ(clients.front().get("/v1/users/1")->status, 404);
  server.signal(SIGTERM);
  const ended left = server.wait();
  EXPECT_EQ(left.exit_code, 0) << left.output;
}

TEST(process, a_database_file_that_is_removed_ends_it_with_a_line) {
  const workplace place;
  server_process server(place);
  std::filesystem::remove(place.path() / "paymentd.db");
  const ended left = server.process().wait();
  EXPECT_EQ(left.exit_code, 1);
  EXPECT_NE(left.output.find("was removed or replaced"), std::string::npos) << left.output;
}

} // namespace
} // namespace paymentd::end_to_end
