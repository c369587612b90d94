#include "tests/http/test_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace paymentd::http::testing {

test_client::test_client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(socket_);
    throw std::runtime_error{"cannot connect"};
  }
}

test_client::~test_client() {
  if (socket_ >= 0)
    ::close(socket_);
}

bool test_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void test_client::half_close() {
  ::shutdown(socket_, SHUT_WR);
}

test_client::got test_client::fill(std::chrono::steady_clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
  pollfd ready{socket_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(0, left.count()))) <= 0)
    return got::nothing;
  std::array<char, 16384> part;
  const auto n = ::recv(socket_, part.data(), part.size(), 0);
  if (n <= 0)
    return got::end;
  input_.append(part.data(), static_cast<std::size_t>(n));
  return got::bytes;
}

std::optional<test_answer> test_client::receive(bool to_head, std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos)
    if (fill(until) != got::bytes)
      return std::nullopt;
  test_answer answer;
  std::string_view head{input_.data(), end + 2};
  std::from_chars(head.data() + head.find(' ') + 1, head.data() + head.size(), answer.status);
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n"));
    const auto colon = line.find(':');
    std::string name{line.substr(0, colon)};
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.fields[name] = line.substr(colon + 2);
    head.remove_prefix(line.size() + 2);
  }
  input_.erase(0, end + 4);
  const auto length = answer.field("content-length");
  const std::size_t wanted = to_head || length.empty() ? 0 : std::stoul(length);
  while (input_.size() < wanted)
    if (fill(until) != got::bytes)
      return std::nullopt;
  answer.body = input_.substr(0, wanted);
  input_.erase(0, wanted);
  return answer;
}

std::optional<std::string> test_client::read_until(std::string_view mark,
                                                   std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  std::size_t end = 0;
  while ((end = input_.find(mark)) == std::string::npos)
    if (fill(until) != got::bytes)
      return std::nullopt;
  std::string found = input_.substr(0, end + mark.size());
  input_.erase(0, found.size());
  return found;
}

bool test_client::closed(std::chrono::milliseconds time) {
  return input_.empty() && fill(std::chrono::steady_clock::now() + time) == got::end;
}

bool test_client::ended(std::chrono::milliseconds time) {
  return fill(std::chrono::steady_clock::now() + time) == got::end;
}

std::optional<test_answer> test_client::get(const std::string& path) {
  send(get_text(path));
  return receive();
}

std::optional<test_answer> test_client::post(const std::string& path, const std::string& body,
                                             const std::string& more_fields) {
  send(post_text(path, body, more_fields));
  return receive();
}

std::optional<test_answer> test_client::patch(const std::string& path, const std::string& body) {
  send(post_text(path, body, {}, "PATCH"));
  return receive();
}

std::optional<test_answer> test_client::remove(const std::string& path) {
  if (!send("DELETE " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    return std::nullopt;
  return receive();
}

std::string post_text(const std::string& path, const std::string& body,
                      const std::string& more_fields, const std::string& method) {
  return method + " " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + more_fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string get_text(const std::string& path, const std::string& more_fields) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more_fields + "\r\n";
}

} // namespace paymentd::http::testing
