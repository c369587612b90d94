#include "tests/db/postgres_proxy.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace paymentd::db {
namespace {

constexpr int answer_ms_max = 10'000;

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  const void* plain = &address;
  return static_cast<const sockaddr*>(plain);
}

bool send_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string receive(int from) {
  std::array<char, 65536> buffer;
  const auto got = ::recv(from, buffer.data(), buffer.size(), 0);
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

// Reads until the server says that it is ready for the next query, or closes.
void await_answer(int server) {
  constexpr std::string_view ready("Z\0\0\0\5", 5);
  std::string seen;
  pollfd on{.fd = server, .events = POLLIN, .revents = 0};
  while (seen.find(ready) == std::string::npos && ::poll(&on, 1, answer_ms_max) > 0) {
    const auto some = receive(server);
    if (some.empty())
      return;
    seen += some;
  }
}

} // namespace

postgres_proxy::postgres_proxy(const std::filesystem::path& server) : server_(server) {
  const auto address = address_of(directory_.path() / server.filename());
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener_, generic(address), sizeof address) != 0 || ::listen(listener_, 16) != 0 ||
      ::pipe2(stop_, O_CLOEXEC) != 0)
    throw std::runtime_error("the proxy cannot listen");
  thread_ = std::jthread([this] { run(); });
}

postgres_proxy::~postgres_proxy() {
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
  ::close(listener_);
  if (holds_)
    ::close(held_server_);
}

void postgres_proxy::run() {
  for (;;) {
    pollfd on[2] = {{listener_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    if (::poll(on, 2, -1) < 0)
      continue;
    if (on[1].revents != 0)
      return;
    if (const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); client >= 0)
      serve(client);
  }
}

void postgres_proxy::close_both(int client, int server) {
  ::close(client);
  if (server >= 0)
    ::close(server);
}

void postgres_proxy::serve(int client) {
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(server_);
  if (::connect(server, generic(address), sizeof address) != 0)
    return close_both(client, server);
  for (;;) {
    pollfd on[3] = {{client, POLLIN, 0}, {server, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    if (::poll(on, 3, -1) < 0)
      continue;
    if (on[2].revents != 0)
      return close_both(client, server);
    if (on[1].revents != 0) {
      const auto some = receive(server);
      if (some.empty() || !send_all(client, some))
        return close_both(client, server);
    }
    if (on[0].revents == 0)
      continue;
    const auto some = receive(client);
    // The bind message of the prepared statement "commit".
    const bool commits = some.find(std::string_view("\0commit\0", 8)) != std::string::npos;
    const auto how = commits ? next_.exchange(fault::none) : fault::none;
    if (some.empty() || how == fault::cut_before_commit)
      return close_both(client, server);
    if (how == fault::hold_commit) {
      held_ = some;
      held_server_ = server;
      holds_ = true;
      return close_both(client, -1);
    }
    if (!send_all(server, some))
      return close_both(client, server);
    if (how == fault::cut_after_commit) {
      await_answer(server);
      return close_both(client, server);
    }
  }
}

void postgres_proxy::release() {
  if (!holds_.exchange(false))
    return;
  if (send_all(held_server_, held_))
    await_answer(held_server_);
  ::close(held_server_);
}

void postgres_proxy::drop() {
  if (holds_.exchange(false))
    ::close(held_server_);
}

} // namespace paymentd::db
