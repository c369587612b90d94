// Connects to the address of a host that is ready first, as RFC 8305 ("Happy Eyeballs") wants it:
// an address that is silent costs a moment and not the whole request. Private to http_client; all
// of it runs on the client's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace paymentd::net {

/// A connected socket, and TLS on it where the origin is https.
struct http_link {
  explicit http_link(boost::asio::io_context& io) : socket(io) {}

  /// Calls `use` with the stream that HTTP runs on.
  template <class Use>
  void with_stream(Use use) {
    if (tls)
      use(*tls);
    else
      use(socket);
  }

  boost::asio::ip::tcp::socket socket;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls;
};

using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

/// The addresses to try, in this order: one of each family in turn, beginning with the family of
/// the first; at most 16. With `public_only` those alone that are of the public internet.
endpoints race_order(endpoints found, bool public_only);

class connect_race : public std::enable_shared_from_this<connect_race> {
 public:
  /// The first link that is ready, or one line that says why there is none.
  using callback = std::function<void(std::expected<std::shared_ptr<http_link>, std::string>)>;

  /// Without `tls` a link is ready once TCP is connected, otherwise after a handshake with a
  /// certificate for `host`.
  connect_race(boost::asio::io_context& io, boost::asio::ssl::context* tls, std::string host);

  /// Tries the addresses one after the other, 250 ms apart (less where they would not all have
  /// their share of `within`), and the next one at once when one fails. `done` is called once, not
  /// from within `start`, unless `cancel` comes first; nothing ends the race by time but its
  /// caller.
  void start(endpoints to, std::chrono::steady_clock::duration within, callback done);
  void cancel();

 private:
  void begin_next();
  void connected(const std::shared_ptr<http_link>& link, const boost::system::error_code& error);
  void failed(const std::shared_ptr<http_link>& link, std::string why);
  void won(const std::shared_ptr<http_link>& link);
  void close_all();

  boost::asio::io_context& io_;
  boost::asio::ssl::context* const tls_;
  const std::string host_;
  boost::asio::steady_timer next_attempt_;
  endpoints to_;
  std::size_t next_ = 0; // in to_
  std::chrono::steady_clock::duration spacing_{};
  std::vector<std::shared_ptr<http_link>> attempts_; // under way
  std::string why_;                                  // of the attempt that came furthest
  callback done_;                                    // none once the race is over
};

} // namespace paymentd::net
