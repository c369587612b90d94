#include "alimtalk/http_connection.hpp"

#include "alimtalk/public_address.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

#include <sys/socket.h>

#include <cerrno>

namespace paymentd::alimtalk {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

/// Makes OpenSSL hold the certificate against the host: its address or its name.
bool expect_host(SSL* ssl, const std::string& host) {
  error_code no_address;
  asio::ip::make_address(host, no_address);
  if (!no_address)
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  // The cast is SSL_set_tlsext_host_name's, spelled out: the macro's is an old-style one.
  return SSL_set1_host(ssl, host.c_str()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(host.c_str())) == 1;
}

std::string handshake_reason(SSL* ssl, const error_code& error) {
  std::string reason = "TLS handshake: " + error.message();
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK)
    reason.append(": ").append(X509_verify_cert_error_string(verdict));
  return reason;
}

http_error read_error(const error_code& error, std::size_t bytes_max) {
  const bool from_http =
      error.category() == http::make_error_code(http::error::end_of_stream).category();
  if (error == http::error::body_limit)
    return {http_error::kind::malformed, true,
            "the answer is larger than " + std::to_string(bytes_max) + " bytes"};
  if (from_http && error != http::error::end_of_stream && error != http::error::partial_message)
    return {http_error::kind::malformed, true, "the answer is not HTTP: " + error.message()};
  return {http_error::kind::lost, true, "reading the answer: " + error.message()};
}

} // namespace

http_connection::http_connection(asio::io_context& io, asio::ssl::context& tls_context,
                                 owner& client, const origin& to,
                                 const http_client_options& options)
    : client_(client), to_(to), options_(options), tls_context_(tls_context), socket_(io),
      connect_deadline_(io) {}

void http_connection::run(std::shared_ptr<http_exchange> what) {
  exchange_ = std::move(what);
  exchange_->on = shared_from_this();
  written_ = false;
  if (connected_)
    return write();
  connect_deadline_.expires_after(options_.connect_timeout);
  connect_deadline_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->closed_ && !self->connected_)
      self->fail(http_error::kind::not_connected, "connecting took too long");
  });
  client_.resolve(weak_from_this());
}

void http_connection::resolved(error_code error, const results& endpoints) {
  if (closed_)
    return;
  if (error)
    return fail(http_error::kind::not_connected, "resolving the host: " + error.message());
  std::vector<asio::ip::tcp::endpoint> allowed(endpoints.begin(), endpoints.end());
  if (options_.public_only)
    std::erase_if(allowed, [](const auto& each) { return !is_public(each.address()); });
  if (allowed.empty())
    return fail(http_error::kind::not_connected,
                "the host has no address in the public internet, and no other is allowed");
  asio::async_connect(
      socket_, allowed, [self = shared_from_this()](error_code failed, const auto&) {
        if (self->closed_)
          return;
        if (failed)
          return self->fail(http_error::kind::not_connected, "connecting: " + failed.message());
        error_code ignored;
        self->socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
        if (self->to_.tls)
          self->handshake();
        else
          self->write();
      });
}

void http_connection::handshake() {
  tls_.emplace(socket_, tls_context_);
  if (!expect_host(tls_->native_handle(), to_.host))
    return fail(http_error::kind::not_connected, "TLS: the host's name cannot be checked");
  tls_->async_handshake(asio::ssl::stream_base::client,
                        [self = shared_from_this()](error_code error) {
                          if (self->closed_)
                            return;
                          if (error)
                            return self->fail(http_error::kind::not_connected,
                                              handshake_reason(self->tls_->native_handle(), error));
                          self->write();
                        });
}

void http_connection::write() {
  if (!connected_) {
    connected_ = true;
    connect_deadline_.cancel();
  }
  written_ = true; // from here on it may be, until a failure says that it was not
  const std::array<asio::const_buffer, 2> both{asio::buffer(exchange_->head),
                                               asio::buffer(exchange_->what.body)};
  with_stream([&](auto& stream) {
    asio::async_write(stream, both,
                      [self = shared_from_this()](error_code error, std::size_t bytes) {
                        self->wrote(error, bytes);
                      });
  });
}

void http_connection::wrote(error_code error, std::size_t bytes) {
  if (closed_)
    return;
  if (!error)
    return read();
  // Over TLS a count of 0 proves nothing: part of a record may have gone out.
  written_ = bytes > 0 || tls_.has_value();
  if (!written_ && used_before_) {
    close();
    client_.found_dead(shared_from_this(), std::exchange(exchange_, nullptr));
    return;
  }
  fail(http_error::kind::lost, "writing the request: " + error.message());
}

void http_connection::read() {
  parser_.emplace();
  parser_->body_limit(options_.response_bytes_max);
  with_stream([&](auto& stream) {
    http::async_read(
        stream, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->was_read(error); });
  });
}

void http_connection::was_read(error_code error) {
  if (closed_)
    return;
  if (error) {
    http_error failed = read_error(error, options_.response_bytes_max);
    return fail(failed.what, std::move(failed.reason));
  }
  const auto& message = parser_->get();
  http_response response;
  response.status = static_cast<int>(message.result_int());
  if (response.status < 200) // nothing that is sent asks for an interim answer
    return fail(http_error::kind::malformed, "an interim answer");
  if (const auto found = message.find(http::field::retry_after); found != message.end())
    response.retry_after = parse_retry_after(
        {found->value().data(), found->value().size()},
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  // Bytes after the answer belong to nothing: whoever sends them is not to be trusted further.
  const bool reusable = parser_->keep_alive() && buffer_.size() == 0;
  response.body = std::move(parser_->get().body());
  parser_.reset();
  if (!reusable)
    close();
  finish(std::move(response), reusable);
}

void http_connection::fail(http_error::kind what, std::string reason) {
  close();
  finish(std::unexpected(http_error{what, written_, std::move(reason)}), false);
}

void http_connection::finish(http_result result, bool reusable) {
  used_before_ = true;
  idle_since_ = std::chrono::steady_clock::now();
  client_.finished(shared_from_this(), std::exchange(exchange_, nullptr), std::move(result),
                   reusable);
}

void http_connection::close() {
  closed_ = true;
  connect_deadline_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

bool http_connection::usable() {
  if (std::chrono::steady_clock::now() - idle_since_ > options_.idle_max)
    return false;
  // Nothing may be there to read: an end, or bytes that no request asked for.
  char byte = 0;
  return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace paymentd::alimtalk
