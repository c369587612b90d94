// Goal: over a network that swallows what is sent, neither end of a session waits for ever: every
// time-out of the session's limits is set, in the server and on this end's socket.
// Method: a server that listens on TCP, and the questions which those who set the limits cannot
// answer: the server is asked what holds, the kernel what this end's socket has.
#include "db/postgres/connection.hpp"
#include "tests/support/postgres_cluster.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <filesystem>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace paymentd::db::postgres {
namespace {

using namespace std::chrono_literals;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = ::bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(probe);
  return bound ? ntohs(address.sin_port) : std::uint16_t{0};
}

/// This process's socket whose other end is `port`.
std::optional<int> socket_to(std::uint16_t port) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int candidate = std::stoi(entry.path().filename().string());
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(candidate, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
      return candidate;
  }
  return std::nullopt;
}

int option_of(int socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(socket, level, name, &value, &size);
  return value;
}

TEST(postgres_network, both_ends_of_a_session_over_tcp_have_every_time_out) {
  const std::uint16_t port = free_port();
  const postgres_cluster cluster(
      false, "listen_addresses = '127.0.0.1'\nport = " + std::to_string(port) + "\n");
  const session_limits limits{.connect = 3s,
                              .lock = 1100ms,
                              .statement = 1200ms,
                              .idle_inside = 1300ms,
                              .network = 2400ms,
                              .call = 5s};
  const auto to = conninfo::parse(
      "postgresql://postgres@127.0.0.1:" + std::to_string(port) + "/postgres", limits);
  ASSERT_TRUE(to) << to.error().text;
  auto opened = connection::open(*to, limits);
  ASSERT_TRUE(opened) << opened.error().text;

  const std::pair<const char*, const char*> expected[] = {
      {"lock_timeout", "1100ms"},
      {"statement_timeout", "1200ms"},
      {"idle_in_transaction_session_timeout", "1300ms"},
      {"tcp_user_timeout", "2400"}};
  for (const auto& [name, value] : expected) {
    const std::string question = "select current_setting('" + std::string(name) + "')";
    opened->add({name, question.c_str()});
    const auto answer = opened->run(std::chrono::steady_clock::now() + 5s);
    ASSERT_TRUE(answer) << answer.error().text;
    EXPECT_EQ(answer->front()[0].text(0), value) << name;
  }

  const auto socket = socket_to(port);
  ASSERT_TRUE(socket);
  EXPECT_EQ(option_of(*socket, IPPROTO_TCP, TCP_USER_TIMEOUT), 2400);
  EXPECT_EQ(option_of(*socket, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option_of(*socket, IPPROTO_TCP, TCP_KEEPINTVL), 1);
  EXPECT_EQ(option_of(*socket, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

} // namespace
} // namespace paymentd::db::postgres
