// Accepts connections on one address and deals them out to I/O threads in turn. Lives on the first
// of those threads.
#pragma once

#include "http/io_thread.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <expected>
#include <string>
#include <vector>

namespace paymentd::http {

class listener {
 public:
  /// `threads` are not empty. More than `connections_max` connections are told 503 and closed.
  listener(std::vector<io_thread*> threads, connection_count& connections, int connections_max);

  /// Binds to "127.0.0.1:8080", "[::1]:8080" or "localhost:8080" (port 0: a free one). The error is
  /// one line that names the address.
  std::expected<void, std::string> open(const std::string& address);
  /// Begins to accept.
  void start();
  /// Accepts no more. Any thread; done once the thread has come to it.
  void close();
  std::uint16_t port() const { return port_; }

 private:
  using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp,
                                                      boost::asio::io_context::executor_type>;
  void accept();
  void take(stream_socket socket, io_thread& to);
  void pause();

  std::vector<io_thread*> threads_;
  connection_count& connections_;
  int connections_max_;
  std::size_t next_ = 0;
  acceptor acceptor_;
  boost::asio::steady_timer pause_;
  bool short_of_files_ = false;
  std::uint16_t port_ = 0;
};

} // namespace paymentd::http
