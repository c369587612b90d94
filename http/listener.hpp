// Accepts connections on one address and deals them out to I/O threads in turn. Lives on the first
// of those threads. Where the process has no file descriptor left, one that was kept back serves to
// tell a client so, or, for operators, to serve it.
#pragma once

#include "http/io_thread.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <expected>
#include <string>
#include <vector>

namespace paymentd::http {

/// Whether an address with a port, "127.0.0.1:8080", is one of this machine alone.
bool is_loopback(const std::string& address);

struct listener_options {
  int connections_max = 0; // more are told 503 and closed
  /// For operators, on a single thread: a new connection ends an idle one where there are too many,
  /// and the descriptors that are kept back serve connections.
  bool always_serves = false;
  bool tells = true; // the reason, to one that is closed at once; under TLS nothing can be told
};

class listener {
 public:
  /// `threads` are not empty.
  listener(std::vector<io_thread*> threads, connection_count& connections,
           listener_options options);
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// Binds to "127.0.0.1:8080", "[::1]:8080" or "localhost:8080" (port 0: a free one). The error is
  /// one line that names the address.
  std::expected<void, std::string> open(const std::string& address);
  /// Begins to accept.
  void start();
  /// Accepts no more. A connection that the kernel has accepted for us until now is still taken,
  /// and for `handshake_time` what it is about to accept: its client believes that it is connected.
  /// Clients that come in that time try again a second later, and are then refused. Returns when
  /// that is done, or at `deadline`. Any thread but the listener's, which must be running.
  void close(std::chrono::milliseconds handshake_time, steady_instant deadline);
  std::uint16_t port() const { return port_; }

 private:
  using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp,
                                                      boost::asio::io_context::executor_type>;
  void accept();
  bool accept_waiting();
  void take(stream_socket socket, io_thread& to);
  void tell_overload(stream_socket socket);
  void wait_without_files();
  bool serve_from_reserve();
  void fill_reserve();
  void use_reserve();
  void pause();

  std::vector<io_thread*> threads_;
  connection_count& connections_;
  listener_options options_;
  std::vector<int> reserve_; // descriptors that are kept back
  std::size_t next_ = 0;
  acceptor acceptor_;
  boost::asio::steady_timer pause_;
  bool short_of_files_ = false;
  std::uint16_t port_ = 0;
};

} // namespace paymentd::http
