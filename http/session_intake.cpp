// The part of a session that takes in a request: from bytes to a request that the handler can
// serve.
#include "domain/check.hpp"
#include "http/io_thread.hpp"
#include "http/session.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/error.hpp>

namespace paymentd::http {

namespace asio = boost::asio;
using beast_error = boost::beast::http::error;

namespace {

/// Before a request, in all: some clients send empty lines to see whether a connection still lives.
constexpr std::size_t empty_line_bytes_max = 4096;

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

session::intake session::begin_request() {
  handler_.begin();
  connection_.shrink();
  parser_.emplace(handler_.incoming(), owner_.options().max_header_bytes,
                  owner_.options().max_body_bytes);
  head_seen_ = false;
  empty_line_bytes_ = 0;
  enter(phase::idle, idle_time());
  if (!refuse_)
    return take_in();
  handler_.fail({problem_code::overloaded, "There are too many connections.", {}, {}});
  return intake::refused;
}

/// An empty line before a request is skipped (RFC 9112, 2.2), and the connection is as idle as
/// before. False where there are too many.
bool session::skip_empty_lines() {
  auto& input = connection_.input();
  while (input.size() > 0) {
    const char first = *static_cast<const char*>(input.data().data());
    if (first != '\r' && first != '\n')
      break;
    input.consume(1);
    if (++empty_line_bytes_ > empty_line_bytes_max)
      return false;
  }
  return true;
}

session::intake session::take_in() {
  check(phase_ == phase::idle || phase_ == phase::receiving,
        "a request comes in while none is being answered");
  auto& input = connection_.input();
  if (phase_ == phase::idle) {
    // The hands are shaken now: the time of an idle connection begins.
    if (shakes_hands_ && !connection_.shakes_hands()) {
      shakes_hands_ = false;
      enter(phase::idle, idle_time());
    }
    if (!skip_empty_lines()) {
      handler_.incoming().fault = "there are too many empty lines before the request";
      return malformed(beast_error::bad_method);
    }
    if (input.size() > 0)
      enter(phase::receiving, client_time());
  }
  while (input.size() > 0) {
    error_code ec;
    const std::size_t used = parser_->take(asio::const_buffer(input.data()), ec);
    input.consume(used);
    if (ec == beast_error::need_more)
      return input.size() < input.max_size() ? intake::partial : malformed(ec);
    if (ec)
      return malformed(ec);
    if (!head_seen_ && parser_->is_header_done()) {
      if (const intake got = take_head(); got != intake::partial)
        return got;
    }
    if (parser_->is_done())
      return intake::complete;
    if (used == 0)
      break;
  }
  return intake::partial;
}

/// The header is there: says now whether the body need not be sent.
session::intake session::take_head() {
  head_seen_ = true;
  parser_->eager(true);
  keep_alive_ = parser_->keep_alive();
  const bool has_body = !parser_->is_done();
  const bool is_welcome = handler_.judge_head(has_body);
  if (!handler_.incoming().wants_continue || !has_body || connection_.input().size() > 0)
    return intake::partial;
  if (!is_welcome) {
    // The client waits for our word, and may or may not send the body now.
    handler_.refuse();
    keep_alive_ = false;
    return intake::refused;
  }
  // Is sent before more is read.
  connection_.append([](std::string& out) { out += continue_line; });
  return intake::partial;
}

session::intake session::malformed(error_code ec) {
  const std::string_view fault = handler_.incoming().fault;
  keep_alive_ = false;
  if (ec == beast_error::header_limit || ec == beast_error::need_more)
    handler_.fail({problem_code::header_too_large, {}, {}, {}});
  else if (ec == beast_error::body_limit || ec == beast_error::buffer_overflow)
    handler_.fail({problem_code::payload_too_large, {}, {}, {}});
  else
    handler_.fail({problem_code::invalid_request,
                   "This is not HTTP/1.1 as it should be: " +
                       (fault.empty() ? ec.message() : std::string{fault}) + ".",
                   {},
                   {}});
  return intake::refused;
}

session::intake session::after_failed_read(error_code ec) {
  if (cut_ || connection_.gone())
    return intake::over;
  if (timed_out_ && phase_ == phase::receiving) {
    keep_alive_ = false;
    timed_out_ = false;
    // A request that has not arrived wholly has done nothing.
    handler_.fail({owner_.draining() ? problem_code::shutting_down : problem_code::request_timeout,
                   {},
                   {},
                   {}});
    return intake::refused;
  }
  if (!timed_out_ && ec == asio::error::operation_aborted) {
    // The server stops. A request that has come meanwhile shall have its answer.
    ec = connection_.read_now();
    if (!ec)
      return take_in();
  }
  return intake::over;
}

} // namespace paymentd::http
