// Goal: systemd is told that the server is ready when payments would be taken, that it lives while
// its threads do their work, and that it stops; and nothing where systemd did not start it. Method:
// a socket in systemd's place, before the real program and before the part that speaks to it.
#include "app/service_manager.hpp"
#include "tests/end_to_end/server_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// The socket that systemd would have, in the environment of what is started from now on.
class played_systemd {
 public:
  explicit played_systemd(const std::string& watchdog_microseconds = "") {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    const std::string path = (directory_.path() / "notify").string();
    std::memcpy(at.sun_path, path.c_str(), path.size() + 1);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
      throw std::runtime_error("bind");
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    if (!watchdog_microseconds.empty())
      ::setenv("WATCHDOG_USEC", watchdog_microseconds.c_str(), 1);
  }
  ~played_systemd() {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
    ::close(socket_);
  }
  played_systemd(const played_systemd&) = delete;
  played_systemd& operator=(const played_systemd&) = delete;

  /// Whether a state that has this line comes in time; those before it are passed over.
  bool hears(const std::string& line, std::chrono::milliseconds time = 30s) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) {
      pollfd on{.fd = socket_, .events = POLLIN, .revents = 0};
      if (::poll(&on, 1, 20) <= 0)
        continue;
      std::array<char, 4096> text{};
      const auto size = ::recv(socket_, text.data(), text.size(), 0);
      const std::string state =
          "\n" + std::string(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))) +
          "\n";
      all_ += state;
      if (state.find("\n" + line) != std::string::npos)
        return true;
    }
    return false;
  }
  const std::string& all() const { return all_; }

 private:
  support::temporary_directory directory_;
  int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::string all_;
};

TEST(service_manager, a_server_is_ready_alive_and_stopping) {
  played_systemd systemd("400000");
  const workplace place;
  server_process server(place);
  EXPECT_TRUE(systemd.hears("READY=1\n"));
  EXPECT_EQ(http::testing::test_client(server.admin_port()).get("/readyz")->status, 200);
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(systemd.hears("WATCHDOG=1\n"));
  server.process().signal(SIGTERM);
  EXPECT_TRUE(systemd.hears("STOPPING=1\n"));
  EXPECT_THAT(systemd.all(), HasSubstr("\nEXTEND_TIMEOUT_USEC=15000000\n"));
  EXPECT_EQ(server.process().wait().exit_code, 0);
}

TEST(service_manager, a_server_that_waits_for_its_database_is_not_ready_yet) {
  const workplace place;
  ASSERT_EQ(place.run({"migrate", "--set", "database.url=" + place.database_url()}).exit_code, 0);
  std::optional<foreign_lock> lock(place);
  played_systemd systemd("400000");
  server_process server(place, {"database.migrations=off"});
  EXPECT_TRUE(systemd.hears("STATUS=Waiting for the database\n"));
  EXPECT_FALSE(systemd.hears("READY=1\n", 500ms));
  lock.reset();
  EXPECT_TRUE(systemd.hears("READY=1\n"));
}

TEST(service_manager, a_server_whose_database_goes_away_lives_on) {
  played_systemd systemd("400000");
  const workplace place;
  server_process server(place);
  ASSERT_TRUE(systemd.hears("READY=1\n"));
  const foreign_lock lock(place);
  ASSERT_TRUE(eventually([&] {
    return http::testing::test_client(server.admin_port()).get("/readyz")->status == 503;
  }));
  while (systemd.hears("WATCHDOG=1\n", 1ms)) { // those from before
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(systemd.hears("WATCHDOG=1\n"));
}

TEST(service_manager, a_thread_that_is_stuck_ends_the_signs_of_life) {
  played_systemd systemd("200000");
  std::atomic<bool> is_stuck = false;
  service_manager manager;
  EXPECT_TRUE(systemd.hears("EXTEND_TIMEOUT_USEC="));
  manager.watch({.ready = [] { return true; },
                 .pulse =
                     [&is_stuck](const std::function<void()>& came) {
                       came();
                       if (!is_stuck)
                         came();
                       return 2;
                     }});
  EXPECT_TRUE(systemd.hears("READY=1\n"));
  EXPECT_TRUE(systemd.hears("WATCHDOG=1\n"));
  is_stuck = true;
  EXPECT_TRUE(eventually([&] { return !systemd.hears("WATCHDOG=1\n", 600ms); }));
  manager.stopping(2s);
  EXPECT_TRUE(systemd.hears("STOPPING=1\n"));
  EXPECT_THAT(systemd.all(), HasSubstr("EXTEND_TIMEOUT_USEC=7000000\n"));
}

TEST(service_manager, without_systemd_nothing_is_asked) {
  ::unsetenv("NOTIFY_SOCKET");
  std::atomic<int> asked = 0;
  service_manager manager;
  manager.watch({.ready = [&asked] { return ++asked > 0; },
                 .pulse = [&asked](const std::function<void()>&) { return ++asked; }});
  manager.stopping(1s);
  EXPECT_EQ(asked, 0);
}

} // namespace
} // namespace paymentd::end_to_end
