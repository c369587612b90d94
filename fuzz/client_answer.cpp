// The answer of a server to our HTTP client: over a real socket, whole and in two parts, to a
// caller who wants the body and to one whom the status suffices.
#include "fuzz/target.hpp"

#include "net/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <thread>

namespace paymentd::fuzz {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t input_bytes_max = 256 * 1024;
constexpr std::size_t body_bytes_max = 4096; // small, so that small inputs meet it

/// Serves one connection at a time: reads a request's head, writes what it is told to, closes.
class server {
 public:
  server() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* const address = reinterpret_cast<sockaddr*>(&at);
    if (::bind(listening_, address, size) != 0 || ::listen(listening_, 8) != 0 ||
        ::getsockname(listening_, address, &size) != 0)
      throw std::runtime_error{"cannot listen"};
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~server() {
    ::shutdown(listening_, SHUT_RDWR); // ends the thread's accept
    thread_.join();
    ::close(listening_);
  }
  server(const server&) = delete;
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// To be called between two requests only.
  void answer_with(std::string_view first, std::string_view second) {
    const std::lock_guard lock{guard_};
    parts_ = {std::string{first}, std::string{second}};
  }

 private:
  void run() {
    for (int socket = -1; (socket = ::accept(listening_, nullptr, nullptr)) >= 0;) {
      const int yes = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      serve(socket);
      ::close(socket);
    }
  }
  void serve(int socket) {
    std::string head;
    std::array<char, 4096> part;
    while (head.find("\r\n\r\n") == std::string::npos) {
      const auto size = ::recv(socket, part.data(), part.size(), 0);
      if (size <= 0)
        return;
      head.append(part.data(), static_cast<std::size_t>(size));
    }
    std::array<std::string, 2> parts;
    {
      const std::lock_guard lock{guard_};
      parts = parts_;
    }
    for (const std::string_view bytes : parts)
      for (std::string_view left = bytes; !left.empty();) {
        const auto sent = ::send(socket, left.data(), left.size(), MSG_NOSIGNAL);
        if (sent <= 0)
          return;
        left.remove_prefix(static_cast<std::size_t>(sent));
      }
  }

  int listening_;
  std::uint16_t port_ = 0;
  std::mutex guard_;
  std::array<std::string, 2> parts_;
  std::thread thread_;
};

std::unique_ptr<net::http_client> client_to(const std::string& origin) {
  net::http_client_options options;
  options.origin = origin;
  options.timeout = options.connect_timeout = 1min;
  options.idle_max = 0ms; // the server closes each connection
  options.connections_max = 1;
  options.response_bytes_max = body_bytes_max;
  return net::http_client::create(options).value();
}

net::http_result ask(net::http_client& client, bool status_decides) {
  std::promise<net::http_result> promise;
  client.request(
      {.method = "GET", .target = "/", .headers = {}, .body = {}, .status_decides = status_decides},
      [&](net::http_result result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

void look_at(const net::http_result& result) {
  if (!result) {
    const net::http_error& error = result.error();
    expect(error.what == net::http_error::kind::lost ||
               error.what == net::http_error::kind::malformed,
           "an answer that is none is lost or malformed");
    expect(error.written && !error.reason.empty() && error.reason.find('\n') == std::string::npos,
           "a failure has a line, and the request was written");
    return;
  }
  expect(result->status >= 200 && result->status <= 999, "a status has three digits");
  expect(result->body.size() <= body_bytes_max, "a body is within its bound");
  expect(!result->retry_after ||
             (result->retry_after->count() >= 0 && *result->retry_after <= std::chrono::days{1}),
         "a wait is at most a day");
}

bool same(const net::http_result& a, const net::http_result& b) {
  if (!a || !b)
    return a.has_value() == b.has_value() && a.error().what == b.error().what;
  return a->status == b->status && a->body == b->body && a->date == b->date;
}

} // namespace

int fuzz_client_answer(std::string_view bytes) {
  if (bytes.size() > input_bytes_max)
    return 0;
  static server from;
  static const auto client = client_to(from.origin());
  from.answer_with(bytes, {});
  const net::http_result whole = ask(*client, false);
  look_at(whole);
  const net::http_result by_status = ask(*client, true);
  look_at(by_status);
  expect(!whole || (by_status && by_status->status == whole->status),
         "an answer has one status, whoever asks");
  const std::size_t half = bytes.size() / 2;
  from.answer_with(bytes.substr(0, half), bytes.substr(half));
  const net::http_result in_parts = ask(*client, false);
  look_at(in_parts);
  expect(same(whole, in_parts), "an answer does not depend on how its bytes are cut");
  return 0;
}

} // namespace paymentd::fuzz
