#include "http/session.hpp"

#include "http/io_thread.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/http/error.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace paymentd::http {

namespace asio = boost::asio;
using beast_error = boost::beast::http::error;

namespace {

/// What a request usually fits in; the buffer of an idle connection is no larger.
constexpr std::size_t input_bytes_usual = 4096;
/// Input memory that is kept from one request to the next, at the most.
constexpr std::size_t kept_bytes_max = 16384;
/// After an answer that ends the connection early: how much input is still thrown away, and for how
/// long, so that the client can read the answer before its own data is refused.
constexpr std::size_t linger_bytes_max = 1 << 20;
constexpr std::chrono::milliseconds linger_time{1000};

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

struct session::read_some {
  stream_socket& socket;
  asio::mutable_buffer into;
  error_code error{};
  std::size_t size = 0;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    socket.async_read_some(asio::buffer(into), [this, self](error_code ec, std::size_t n) {
      error = ec;
      size = n;
      self.resume();
    });
  }
  void await_resume() const noexcept {}
};

struct session::write_some {
  stream_socket& socket;
  asio::const_buffer from;
  error_code error{};
  std::size_t size = 0;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    socket.async_write_some(asio::buffer(from), [this, self](error_code ec, std::size_t n) {
      error = ec;
      size = n;
      self.resume();
    });
  }
  void await_resume() const noexcept {}
};

session::session(io_thread& owner, stream_socket socket, bool refuse)
    : owner_(owner), socket_(std::move(socket)),
      // A chunk's header must fit, too; the parser refuses larger headers before that.
      input_(std::max<std::size_t>(owner.options().max_header_bytes, input_bytes_usual) + 1),
      refuse_(refuse) {}

detached session::run(std::list<session>::iterator self) {
  try {
    for (bool more = true; more;) {
      begin_request();
      intake got = refuse_ ? intake::refused : take_in();
      if (refuse_)
        fail({problem_code::overloaded, "There are too many connections.", {}, {}});
      while (got == intake::partial) {
        const std::size_t room = std::min(input_bytes_usual, input_.max_size() - input_.size());
        read_some reading{socket_, input_.prepare(room)};
        co_await reading;
        input_.commit(reading.size);
        got = reading.error ? after_failed_read(reading.error) : take_in();
      }
      if (got == intake::over)
        break;
      if (got == intake::complete) {
        enter(phase::waiting, {});
        step next = prepare();
        if (const auto* what = std::get_if<command>(&next)) {
          auto waiting = owner_.to_actors().submit(*what);
          settle(*what, co_await waiting);
        } else if (const auto* query = std::get_if<db::query>(&next)) {
          auto waiting = owner_.to_actors().look_up(*query);
          show(co_await waiting);
        } else if (const auto* again = std::get_if<retry>(&next)) {
          auto waiting = owner_.to_actors().redeliver(again->which);
          show(co_await waiting);
        }
      }
      render();
      more = keep_alive_;
      enter(phase::sending, owner_.options().header_timeout);
      while (!send_now()) {
        write_some writing{socket_, asio::buffer(output_.data() + sent_, output_.size() - sent_)};
        co_await writing;
        sent_ += writing.size;
        if (writing.error) {
          sent_ = output_.size();
          more = linger_ = false;
        }
      }
    }
    if (linger_ && !cut_) {
      error_code ignored;
      socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
      enter(phase::lingering, linger_time);
      for (std::size_t thrown_away = 0; thrown_away < linger_bytes_max;) {
        input_.clear();
        read_some reading{socket_, input_.prepare(input_bytes_usual)};
        co_await reading;
        if (reading.error)
          break;
        thrown_away += reading.size;
      }
    }
  } catch (const std::exception& error) {
    spdlog::error("a connection ended by an error of the server: {}", error.what());
  }
  owner_.forget(self); // *this is gone
}

void session::enter(phase next, std::chrono::milliseconds time) {
  phase_ = next;
  deadline_ = time.count() > 0 ? std::chrono::steady_clock::now() + time : steady_instant::max();
}

void session::check(steady_instant now) {
  if (now >= deadline_) {
    deadline_ = steady_instant::max();
    timed_out_ = true;
    error_code ignored;
    socket_.cancel(ignored);
  }
}

void session::drain() {
  error_code ignored;
  if (phase_ == phase::idle)
    socket_.cancel(ignored);
}

void session::cut() {
  cut_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

void session::begin_request() {
  request_.clear();
  answer_.clear();
  objection_.reset();
  call_ = {};
  parser_.emplace(request_, owner_.options().max_header_bytes, owner_.options().max_body_bytes);
  head_seen_ = timed_out_ = false;
  keep_alive_ = true;
  if (request_.body.capacity() > kept_bytes_max)
    request_.body.shrink_to_fit();
  if (input_.size() == 0) {
    if (input_.capacity() > kept_bytes_max)
      input_.shrink_to_fit();
    enter(phase::idle, owner_.options().idle_timeout);
  } else {
    enter(phase::receiving, owner_.options().header_timeout);
  }
}

session::intake session::take_in() {
  if (phase_ == phase::idle && input_.size() > 0)
    enter(phase::receiving, owner_.options().header_timeout);
  // An empty line before a request is skipped (RFC 9112, 2.2).
  while (!parser_->got_some() && input_.size() > 0) {
    const char first = *static_cast<const char*>(input_.data().data());
    if (first != '\r' && first != '\n')
      break;
    input_.consume(1);
  }
  while (input_.size() > 0) {
    error_code ec;
    const std::size_t used = parser_->take(asio::const_buffer(input_.data()), ec);
    input_.consume(used);
    if (ec == beast_error::need_more)
      return input_.size() < input_.max_size() ? intake::partial : malformed(ec);
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

/// The header is there: finds the call and says now whether the body need not be sent.
session::intake session::take_head() {
  head_seen_ = true;
  parser_->eager(true);
  keep_alive_ = parser_->keep_alive();
  decode_path(request_.target);
  const auto found = find_route(owner_.routes(), request_.method, request_.target, answer_.allow);
  if (found)
    call_ = *found;
  else
    objection_ = found.error();
  const bool has_body = !parser_->is_done();
  if (!objection_ && has_body && call_.to->body != body_rule::ignored) {
    answer_.identity_only = request_.encoded;
    if (request_.encoded)
      objection_ = problem{
          problem_code::unsupported_media_type, "The body must not be compressed.", {}, {}};
    else if (request_.type != media::json)
      objection_ = problem{problem_code::unsupported_media_type, {}, {}, {}};
  }
  if (!objection_ && request_.expects_more)
    objection_ = problem{problem_code::expectation_failed, {}, {}, {}};
  if (!request_.wants_continue || !has_body || input_.size() > 0)
    return intake::partial;
  if (objection_) {
    // The client waits for our word, and may or may not send the body now.
    fail(*objection_);
    keep_alive_ = false;
    linger_ = true;
    return intake::refused;
  }
  error_code ec;
  socket_.write_some(asio::buffer(continue_line), ec);
  return intake::partial; // where it could not be written, the client sends the body unasked
}

session::intake session::malformed(error_code ec) {
  keep_alive_ = false;
  linger_ = true;
  if (ec == beast_error::header_limit || ec == beast_error::need_more)
    fail({problem_code::header_too_large, {}, {}, {}});
  else if (ec == beast_error::body_limit || ec == beast_error::buffer_overflow)
    fail({problem_code::payload_too_large, {}, {}, {}});
  else
    fail({problem_code::invalid_request,
          "This is not HTTP/1.1 as it should be: " +
              (request_.fault.empty() ? ec.message() : std::string{request_.fault}) + ".",
          {},
          {}});
  return intake::refused;
}

session::intake session::after_failed_read(error_code ec) {
  if (cut_)
    return intake::over;
  if (timed_out_ && phase_ == phase::receiving) {
    keep_alive_ = false;
    linger_ = true;
    fail({problem_code::request_timeout, {}, {}, {}});
    return intake::refused;
  }
  if (!timed_out_ && ec == asio::error::operation_aborted) {
    // The server stops. A request that is here already shall have its answer.
    input_.commit(socket_.read_some(input_.prepare(input_bytes_usual), ec));
    if (!ec)
      return take_in();
  }
  return intake::over;
}

step session::prepare() {
  if (objection_) {
    fail(*objection_);
    return answered{};
  }
  try {
    auto next = call_.to->prepare(
        {call_.id, request_.body, call_.name, call_.query, &owner_.options().metrics}, answer_);
    if (next)
      return std::move(*next);
    fail(next.error());
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
  return answered{};
}

void session::settle(const command& what, const actors::outcome_reply& reply) {
  if (!reply)
    return fail(problem_of(reply.error()));
  if (const auto* why = std::get_if<refused>(&*reply))
    return fail(problem_of(*why, what));
  try {
    call_.to->settled(*reply, answer_);
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
}

void session::show(const actors::answer_reply& reply) {
  if (!reply)
    return fail(problem_of(reply.error()));
  try {
    if (const auto shown = call_.to->found(*reply, answer_); !shown)
      fail(shown.error());
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
}

void session::fail(const problem& what) {
  if (what.code == problem_code::outcome_unknown || what.code == problem_code::internal_error)
    spdlog::warn("request {}: no outcome of {}", request_id(), call_.to ? call_.to->path : "");
  write_problem(answer_, what, request_id());
}

void session::fail_internally(const char* why) {
  spdlog::error("request {}: {}", request_id(), why);
  fail({});
}

std::string_view session::request_id() {
  if (request_.id.empty())
    owner_.append_request_id(request_.id);
  return request_.id;
}

void session::render() {
  keep_alive_ = keep_alive_ && !refuse_ && !owner_.draining();
  linger_ = linger_ || refuse_;
  output_.clear();
  sent_ = 0;
  append_http(output_, answer_,
              {request_id(), owner_.date(), keep_alive_, request_.http_1_0,
               request_.method == http_method::head});
}

/// Whether all is sent, or nobody is there to take it. Most answers are taken at once, without a
/// turn of the event loop.
bool session::send_now() {
  while (sent_ < output_.size()) {
    error_code ec;
    sent_ += socket_.write_some(asio::buffer(output_.data() + sent_, output_.size() - sent_), ec);
    if (ec == asio::error::would_block)
      return false;
    if (ec) {
      keep_alive_ = linger_ = false;
      return true;
    }
  }
  return true;
}

} // namespace paymentd::http
