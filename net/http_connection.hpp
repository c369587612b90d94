// One connection of the HTTP client and the exchange that runs on it: connect, handshake, write,
// read, each by callbacks on the client's one thread. Private to http_client.
#pragma once

#include "net/connect_race.hpp"
#include "net/http_client.hpp"
#include "net/origin.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace paymentd::net {

class http_connection;

/// A request on its way to an answer.
struct http_exchange {
  http_exchange(boost::asio::io_context& io, http_request request,
                std::function<void(http_result)> callback)
      : what(std::move(request)), done(std::move(callback)), deadline(io) {}

  http_request what;
  std::string head; // the request's line and headers
  std::function<void(http_result)> done;
  boost::asio::steady_timer deadline;
  std::shared_ptr<http_connection> on; // none while it waits for one
};

class http_connection : public std::enable_shared_from_this<http_connection> {
 public:
  using results = boost::asio::ip::tcp::resolver::results_type;

  /// Calls of a connection to its client. All are called on the client's thread.
  class owner {
   public:
    /// Asks for `resolved` on this connection, unless it is gone by then.
    virtual void resolve(std::weak_ptr<http_connection> who) = 0;
    /// The exchange is over; the connection is free for the next where `reusable`, else closed.
    virtual void finished(std::shared_ptr<http_connection> who, std::shared_ptr<http_exchange> over,
                          http_result result, bool reusable) = 0;
    /// The kept connection was dead before anything was written: closed, the exchange untouched.
    virtual void found_dead(std::shared_ptr<http_connection> who,
                            std::shared_ptr<http_exchange> again) = 0;

   protected:
    ~owner() = default;
  };

  http_connection(boost::asio::io_context& io, boost::asio::ssl::context& tls_context,
                  owner& client, const origin& to, const http_client_options& options);

  /// Runs an exchange, connecting first where this is new.
  void run(std::shared_ptr<http_exchange> what);
  void resolved(boost::system::error_code error, const results& found);

  /// Ends the exchange now, with its `written` as it is, and closes.
  void fail(http_error::kind what, std::string reason);
  void close();

  /// Whether an idle connection can take another exchange: not too old, and not closed by the
  /// server, as far as one can see.
  bool usable();
  bool connected() const { return connected_; }

 private:
  void write();
  void wrote(boost::system::error_code error, std::size_t bytes);
  void read_status_line();
  void take_status_line(std::size_t size);
  void read_header(bool interim);
  void header_was_read(boost::system::error_code error, bool interim);
  void body_was_read(boost::system::error_code error);
  void finish(http_result result, bool reusable);

  owner& client_;
  const origin& to_;
  const http_client_options& options_;
  boost::asio::io_context& io_;
  boost::asio::ssl::context& tls_context_;
  std::shared_ptr<connect_race> race_; // while it connects
  std::shared_ptr<http_link> link_;    // after that
  boost::asio::steady_timer connect_deadline_;
  boost::asio::steady_timer rest_deadline_; // of an answer that is known already
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::response_parser<boost::beast::http::string_body>> parser_;
  std::shared_ptr<http_exchange> exchange_; // the one that runs here
  int interim_answers_ = 0;                 // to this exchange
  std::optional<http_response> answer_;     // where its status line is known and decides
  std::chrono::steady_clock::time_point idle_since_;
  bool connected_ = false;
  bool used_before_ = false;
  bool written_ = false;
  bool closed_ = false;
};

} // namespace paymentd::net
