#include "http/session.hpp"

#include "domain/check.hpp"
#include "http/io_thread.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace paymentd::http {

namespace asio = boost::asio;

namespace {

/// Answers that leave together when requests come together, and how many are made before others
/// have their turn.
constexpr std::size_t gathered_bytes_max = 16384;
constexpr int answers_in_a_row_max = 8;
/// After the last answer: how much input is still thrown away, and for how long, so that the client
/// can read the answer. A close with input unread would reset the connection, and could take the
/// answer with it.
constexpr std::size_t linger_bytes_max = 1 << 20;
constexpr std::chrono::milliseconds linger_time{1000};
constexpr std::chrono::milliseconds linger_time_at_stop{250};
/// In a stop: for a request that has begun to arrive, for the first one of a new connection, and
/// for an answer to be taken.
constexpr std::chrono::milliseconds client_time_at_stop{1000};

/// The question of a demand that asks one.
std::optional<gateway::inquiry> asking(gateway& of, const demand& next) {
  if (const auto* asked = std::get_if<query>(&next))
    return of.look_up(*asked);
  if (const auto* again = std::get_if<delivery_retry>(&next))
    return of.retry(*again);
  if (const auto* all = std::get_if<failed_retry>(&next))
    return of.retry(*all);
  if (const auto* about = std::get_if<webhook_request>(&next))
    return of.ask(*about);
  if (const auto* watched = std::get_if<watch>(&next))
    return of.look_up(watched->from);
  return std::nullopt;
}

} // namespace

struct session::reading {
  session& of;
  error_code error{};
  /// TLS may have decrypted more than there was room for.
  bool await_ready() { return of.connection_.has_tls() && of.connection_.decrypt(error); }
  void await_suspend(std::coroutine_handle<> self) {
    of.answers_in_a_row_ = 0;
    of.answered_at_.reset();
    stream_socket& socket = of.connection_.socket();
    if (of.connection_.has_tls())
      // No buffer for what is encrypted while nothing comes: an idle connection costs less so.
      return socket.async_wait(asio::ip::tcp::socket::wait_read, [this, self](error_code ec) {
        error = ec ? ec : of.connection_.read_now();
        if (error == asio::error::would_block)
          error = {};
        self.resume();
      });
    socket.async_read_some(of.connection_.room(), [this, self](error_code ec, std::size_t n) {
      error = ec;
      of.connection_.input().commit(n);
      self.resume();
    });
  }
  error_code await_resume() const noexcept { return error; }
};

/// Sends what is gathered. Most of it is taken at once, without a turn of the event loop.
struct session::sending {
  session& of;
  phase before{};
  steady_instant due{};
  std::coroutine_handle<> self{};
  bool await_ready() { return of.connection_.send_now(); }
  void await_suspend(std::coroutine_handle<> waiting) {
    check(of.phase_ != phase::sending, "a connection sends once at a time");
    self = waiting;
    of.answered_at_.reset();
    before = of.phase_;
    due = of.deadline_;
    of.enter(phase::sending, of.client_time());
    send_on();
  }
  void send_on() {
    connection& to = of.connection_;
    to.socket().async_write_some(to.unsent(), [this, &to](error_code ec, std::size_t n) {
      to.sent(n);
      if (ec || of.interrupted())
        to.give_up();
      if (!to.send_now())
        return send_on();
      of.go_back_to(before, due);
      self.resume();
    });
  }
  void await_resume() const noexcept {}
};

/// Lets others have their turn.
struct session::yielding {
  session& of;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    of.answers_in_a_row_ = 0;
    of.answered_at_.reset();
    asio::post(of.connection_.socket().get_executor(), [self] { self.resume(); });
  }
  void await_resume() const noexcept {}
};

session::session(io_thread& owner, stream_socket socket, bool refuse)
    : owner_(owner),
      // A chunk's header must fit, too; the parser refuses larger headers before that.
      connection_(std::move(socket),
                  std::max<std::size_t>(owner.options().max_header_bytes, input_bytes_usual) + 1,
                  owner.options().certificate),
      handler_(owner, connection_),
      new_until_(std::chrono::steady_clock::now() + client_time_at_stop), refuse_(refuse),
      shakes_hands_(connection_.has_tls()) {}

detached session::run(std::list<session>::iterator self) {
  try {
    // Under TLS nothing can be told before the hands are shaken, which is too much work here.
    while (keep_alive_ && !(refuse_ && connection_.has_tls())) {
      intake got = begin_request();
      while (got == intake::partial) {
        co_await sending{*this};
        // A read that was cancelled may have been done before: so this is looked at each time.
        error_code why = asio::error::operation_aborted;
        if (may_wait())
          why = co_await reading{*this};
        got = why ? after_failed_read(why) : take_in();
      }
      if (got == intake::over) {
        end_tls();
        connection_.give_up();
        break;
      }
      if (got == intake::complete) {
        demand next = handler_.prepare();
        if (!std::holds_alternative<answered>(next)) {
          co_await sending{*this};
          if (interrupted())
            break;
          enter(phase::waiting, {});
        }
        if (const auto* what = std::get_if<command>(&next)) {
          auto waiting = owner_.to_actors().submit(*what);
          handler_.answer_with(*what, co_await waiting);
        } else if (const auto* many = std::get_if<bulk>(&next)) {
          bool goes_on = true;
          if (const auto note = handler_.note_of(*many)) {
            auto waiting = owner_.to_actors().submit(*note);
            goes_on = handler_.is_noted(*note, co_await waiting);
          }
          if (goes_on) {
            auto waiting = owner_.to_actors().submit_all(handler_.commands_of(*many));
            handler_.answer_with(*many, co_await waiting);
          }
        } else if (auto waiting = asking(owner_.to_actors(), next)) {
          const auto reply = co_await *waiting;
          if (answers_or_streams(next, reply)) {
            owner_.hand_over(self); // *this is gone
            co_return;
          }
        }
      }
      render();
      if (!gathers())
        co_await sending{*this};
      if (interrupted())
        break;
      if (++answers_in_a_row_ >= answers_in_a_row_max)
        co_await yielding{*this};
    }
    end_tls();
    if (!keep_alive_ && !interrupted()) {
      begin_lingering();
      while (lingers()) {
        const error_code why = co_await reading{*this};
        if (why)
          break;
      }
    }
  } catch (const std::exception& error) {
    spdlog::error("a connection ended by an error of the server: {}", error.what());
  }
  owner_.forget(self); // *this is gone
}

/// Tells how long the request took: until its answer is ready to be sent.
void session::end_request() {
  const steady_instant now = std::chrono::steady_clock::now();
  answered_at_ = now;
  handler_.end(now - begun_at_, now);
}

/// Appends the answer to what is gathered.
void session::render() {
  end_request();
  keep_alive_ = keep_alive_ && !refuse_ && !owner_.leaving();
  served_ = true;
  const request& asked = handler_.incoming();
  connection_.append([&](std::string& out) {
    append_http(out, handler_.answer(),
                {handler_.request_id(), owner_.date(),
                 keep_alive_ ? owner_.keep_alive() : std::string_view{}, keep_alive_,
                 asked.http_1_0, asked.method == http_method::head});
  });
}

/// Whether the answer can wait for the next one, whose request is here already.
bool session::gathers() const {
  return keep_alive_ && connection_.input().size() > 0 &&
         connection_.unsent().size() < gathered_bytes_max &&
         answers_in_a_row_ + 1 < answers_in_a_row_max;
}

/// `now`: the time, where it was just read.
void session::enter(phase next, std::chrono::milliseconds time, std::optional<steady_instant> now) {
  phase_ = next;
  timed_out_ = false;
  deadline_ = steady_instant::max();
  if (time.count() > 0) {
    const steady_instant since = now ? *now : std::chrono::steady_clock::now();
    deadline_ = since + time;
    if (next == phase::idle || next == phase::receiving)
      begun_at_ = since;
  }
  if (next == phase::idle && owner_.draining()) // a new connection; others are closed
    deadline_ = new_until_;
}

/// Goes back to the phase before an answer that took its time to be sent.
void session::go_back_to(phase before, steady_instant due) {
  if (before == phase::idle)
    return enter(phase::idle, idle_time());
  phase_ = before;
  deadline_ = due;
  if (owner_.draining())
    drain();
}

void session::check_deadline(steady_instant now) {
  if (now >= deadline_) {
    deadline_ = steady_instant::max();
    timed_out_ = true;
    connection_.cancel();
  }
}

/// How long a client may take to send a request, or to take an answer.
std::chrono::milliseconds session::client_time() const {
  return owner_.draining() ? client_time_at_stop : owner_.options().header_timeout;
}

/// Nothing more is to be read or sent.
bool session::interrupted() const {
  return connection_.gone() || cut_ || timed_out_;
}

/// In a stop an idle connection has no further request, but for the first one of a new connection:
/// its client has just decided for this server.
bool session::may_wait() const {
  return !interrupted() && !(owner_.draining() && phase_ == phase::idle && served_);
}

std::optional<steady_instant> session::spare_since() const {
  if (interrupted())
    return std::nullopt;
  if (phase_ == phase::idle)
    return deadline_ - owner_.options().idle_timeout;
  if (phase_ == phase::receiving)
    return deadline_ - owner_.options().header_timeout;
  return std::nullopt;
}

void session::drain() {
  const auto now = std::chrono::steady_clock::now();
  if (phase_ == phase::receiving || phase_ == phase::sending)
    deadline_ = std::min(deadline_, now + client_time_at_stop);
  else if (phase_ == phase::idle && (served_ || now >= new_until_))
    connection_.cancel();
  else if (phase_ == phase::idle)
    deadline_ = std::min(deadline_, new_until_);
}

void session::cut() {
  cut_ = true;
  connection_.cancel();
}

/// Tells the client that nothing more comes; it may still send.
void session::begin_lingering() {
  error_code ignored;
  connection_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  connection_.input().clear();
  enter(phase::lingering, owner_.draining() ? linger_time_at_stop : linger_time);
}

/// Throws away what came. Whether more may come.
bool session::lingers() {
  lingered_bytes_ += connection_.input().size();
  connection_.input().clear();
  return lingered_bytes_ < linger_bytes_max && !interrupted();
}

/// Under TLS a client is told that nothing more comes, unless the connection was cut.
void session::end_tls() {
  if (!cut_)
    connection_.end_tls();
}

/// How long nothing may come: the hands are to be shaken sooner.
std::chrono::milliseconds session::idle_time() const {
  return connection_.shakes_hands() ? owner_.options().header_timeout
                                    : owner_.options().idle_timeout;
}

} // namespace paymentd::http
