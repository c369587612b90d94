// Sockets on this machine, HTTP messages and times, for the programs of the load scripts
// (paying-clients, webhook-receivers). Each of them has one thread. A failure to set up ends the
// program.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace paymentd::bench {

/// Microseconds since 1970, by the clock of the machine.
inline std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline void send_at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// A connection, or -1 where nobody takes it. It neither waits to read nor to write.
inline int connect_to(std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = loopback(port);
  if (made < 0 || ::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    if (made >= 0)
      ::close(made);
    return -1;
  }
  send_at_once(made);
  return made;
}

inline int listen_on(std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in at = loopback(port);
  if (::bind(made, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(made, SOMAXCONN) != 0) {
    std::perror("cannot listen");
    std::exit(1);
  }
  return made;
}

/// The value of a header field, or nothing. `name` is in lower case.
inline std::string_view field(std::string_view head, std::string_view name) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  };
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != line.npos && std::ranges::equal(line.substr(0, colon), name, same)) {
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      return value == line.npos ? std::string_view{} : line.substr(value);
    }
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return {};
}

template <class Number>
Number number_of(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// A request or an answer. Its body has a Content-Length, or there is none.
struct http_message {
  std::string_view head; // without the empty line
  std::string_view body;
  std::size_t size = 0; // of the whole
};

/// The first message in `bytes`, once it is there as a whole.
inline std::optional<http_message> first_message(std::string_view bytes) {
  constexpr std::string_view end_of_head = "\r\n\r\n";
  const std::size_t end = bytes.find(end_of_head);
  if (end == bytes.npos)
    return std::nullopt;
  const std::string_view head = bytes.substr(0, end);
  const std::size_t begin = end + end_of_head.size();
  const auto length = number_of<std::size_t>(field(head, "content-length"));
  if (bytes.size() - begin < length)
    return std::nullopt;
  return http_message{.head = head, .body = bytes.substr(begin, length), .size = begin + length};
}

} // namespace paymentd::bench
