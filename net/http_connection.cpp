#include "net/http_connection.hpp"

#include "net/utc_text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <string_view>

namespace paymentd::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t header_bytes_max = 64 * 1024; // an interim answer's, or the answer's
constexpr int interim_answers_max = 16;             // before an answer
/// So long the rest of an answer is waited for whose status line has said all: it only tells
/// whether the connection can be used again.
constexpr std::chrono::seconds rest_max{1};

/// The status of "HTTP/1.1 200 OK\r"; 0 where it is no status line. Its reason, and with it the
/// space before it, may be missing: RFC 9112, 4 wants the space, but not all servers write it.
int status_of(std::string_view line) {
  constexpr std::string_view version = "HTTP/1.";
  constexpr std::size_t status_at = version.size() + 2; // a digit and a space
  constexpr std::size_t status_end = status_at + 3;
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (!line.starts_with(version) || line.size() < status_end ||
      (line[version.size()] != '0' && line[version.size()] != '1') || line[status_at - 1] != ' ' ||
      (line.size() > status_end && line[status_end] != ' '))
    return 0;
  int status = 0;
  const auto [end, error] = std::from_chars(&line[status_at], line.data() + status_end, status);
  return error == std::errc{} && end == line.data() + status_end && status >= 100 ? status : 0;
}

std::optional<std::chrono::seconds> retry_after_of(boost::beast::string_view value) {
  return parse_retry_after(
      {value.data(), value.size()},
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
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
    : client_(client), to_(to), options_(options), io_(io), tls_context_(tls_context),
      connect_deadline_(io), rest_deadline_(io), buffer_(2 * header_bytes_max) {}

void http_connection::run(std::shared_ptr<http_exchange> what) {
  exchange_ = std::move(what);
  exchange_->on = shared_from_this();
  written_ = false;
  interim_answers_ = 0;
  answer_.reset();
  if (connected_)
    return write();
  connect_deadline_.expires_after(options_.connect_timeout);
  connect_deadline_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->closed_ && !self->connected_)
      self->fail(http_error::kind::not_connected, "connecting took too long");
  });
  client_.resolve(weak_from_this());
}

void http_connection::resolved(error_code error, const results& found) {
  if (closed_)
    return;
  if (error)
    return fail(http_error::kind::not_connected, "resolving the host: " + error.message());
  auto order = race_order({found.begin(), found.end()}, options_.public_only);
  if (order.empty())
    return fail(http_error::kind::not_connected,
                "the host has no address in the public internet, and no other is allowed");
  race_ = std::make_shared<connect_race>(io_, to_.tls ? &tls_context_ : nullptr, to_.host);
  race_->start(std::move(order), connect_deadline_.expiry() - std::chrono::steady_clock::now(),
               [self = shared_from_this()](auto link) {
                 self->race_.reset();
                 if (!link)
                   return self->fail(http_error::kind::not_connected, std::move(link).error());
                 self->link_ = *std::move(link);
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
  link_->with_stream([&](auto& stream) {
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
    return read_status_line();
  // Over TLS a count of 0 proves nothing: part of a record may have gone out.
  written_ = bytes > 0 || to_.tls;
  if (!written_ && used_before_) {
    close();
    client_.found_dead(shared_from_this(), std::exchange(exchange_, nullptr));
    return;
  }
  fail(http_error::kind::lost, "writing the request: " + error.message());
}

void http_connection::read_status_line() {
  const auto known = buffer_.data();
  const std::string_view text(static_cast<const char*>(known.data()), known.size());
  if (const std::size_t end = text.find('\n'); end != text.npos)
    return take_status_line(end);
  if (text.size() >= header_bytes_max)
    return fail(http_error::kind::malformed, "the answer is not HTTP: it has no status line");
  constexpr std::size_t at_once = 4096;
  link_->with_stream([&](auto& stream) {
    stream.async_read_some(
        buffer_.prepare(at_once), [self = shared_from_this()](error_code error, std::size_t bytes) {
          if (self->closed_)
            return;
          if (error)
            return self->fail(http_error::kind::lost, "reading the answer: " + error.message());
          self->buffer_.commit(bytes);
          self->read_status_line();
        });
  });
}

/// The first line of an answer stands in the buffer and has `size` bytes before its end.
void http_connection::take_status_line(std::size_t size) {
  const auto known = buffer_.data();
  const std::string_view text(static_cast<const char*>(known.data()), known.size());
  std::string_view line = text.substr(0, size);
  const int status = status_of(line);
  if (status == 0)
    return fail(http_error::kind::malformed, "the answer is not HTTP: it has no status line");
  const bool interim = status < 200;
  constexpr int switching_protocols = 101; // nothing that is sent asks for it
  if (interim && (status == switching_protocols || ++interim_answers_ > interim_answers_max))
    return fail(http_error::kind::malformed, "interim answers that lead to none");
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.ends_with(std::to_string(status))) { // Beast wants the space
    std::string mended = std::string(line) + ' ' + std::string(text.substr(line.size()));
    buffer_.consume(buffer_.size());
    buffer_.commit(asio::buffer_copy(buffer_.prepare(mended.size()), asio::buffer(mended)));
  }
  if (!interim && exchange_->what.status_decides)
    answer_.emplace().status = status;
  read_header(interim);
}

/// Most answers stand in the buffer as a whole by now, and need neither a timer nor a second read.
void http_connection::read_header(bool interim) {
  parser_.emplace();
  parser_->header_limit(header_bytes_max);
  parser_->body_limit(options_.response_bytes_max);
  parser_->eager(true);
  error_code wrong;
  buffer_.consume(parser_->put(buffer_.data(), wrong));
  if (wrong == http::error::need_more)
    wrong = {};
  if (wrong || parser_->is_done())
    return header_was_read(wrong, interim);
  if (answer_) {
    rest_deadline_.expires_after(rest_max);
    rest_deadline_.async_wait([self = shared_from_this(), exchange = exchange_](error_code error) {
      if (!error && !self->closed_ && self->exchange_ == exchange)
        self->fail(http_error::kind::too_slow, "the rest of the answer");
    });
  }
  link_->with_stream([&](auto& stream) {
    http::async_read_header(stream, buffer_, *parser_,
                            [self = shared_from_this(), interim](error_code error, std::size_t) {
                              if (!self->closed_)
                                self->header_was_read(error, interim);
                            });
  });
}

void http_connection::header_was_read(error_code error, bool interim) {
  const auto& header = parser_->get();
  if (const auto found = header.find(http::field::retry_after); answer_ && found != header.end())
    answer_->retry_after = retry_after_of(found->value());
  if (error) {
    http_error failed = read_error(error, options_.response_bytes_max);
    return fail(failed.what, std::move(failed.reason));
  }
  if (interim) {
    parser_.reset();
    return read_status_line();
  }
  if (parser_->is_done())
    return body_was_read({});
  link_->with_stream([&](auto& stream) {
    http::async_read(stream, buffer_, *parser_,
                     [self = shared_from_this()](error_code failed, std::size_t) {
                       if (!self->closed_)
                         self->body_was_read(failed);
                     });
  });
}

void http_connection::body_was_read(error_code error) {
  if (error) {
    http_error failed = read_error(error, options_.response_bytes_max);
    return fail(failed.what, std::move(failed.reason));
  }
  const auto& message = parser_->get();
  http_response response;
  response.status = static_cast<int>(message.result_int());
  if (const auto found = message.find(http::field::retry_after); found != message.end())
    response.retry_after = retry_after_of(found->value());
  if (const auto found = message.find(http::field::date); found != message.end())
    response.date = parse_http_date({found->value().data(), found->value().size()});
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
  if (answer_) // it is known, whatever becomes of its rest
    return finish(*std::move(answer_), false);
  finish(std::unexpected(http_error{what, written_, std::move(reason)}), false);
}

void http_connection::finish(http_result result, bool reusable) {
  used_before_ = true;
  answer_.reset();
  rest_deadline_.cancel();
  idle_since_ = std::chrono::steady_clock::now();
  client_.finished(shared_from_this(), std::exchange(exchange_, nullptr), std::move(result),
                   reusable);
}

void http_connection::close() {
  closed_ = true;
  connect_deadline_.cancel();
  rest_deadline_.cancel();
  if (race_)
    std::exchange(race_, nullptr)->cancel();
  error_code ignored;
  if (link_)
    link_->socket.close(ignored);
}

bool http_connection::usable() {
  if (std::chrono::steady_clock::now() - idle_since_ > options_.idle_max)
    return false;
  // Nothing may be there to read: an end, or bytes that no request asked for.
  char byte = 0;
  return ::recv(link_->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace paymentd::net
