#include "http/session.hpp"

#include "http/idempotency.hpp"
#include "http/io_thread.hpp"
#include "http/json_input.hpp"
#include "http/json_text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace asio = boost::asio;
using beast_error = boost::beast::http::error;

namespace {

/// Whether a call may come under an Idempotency-Key.
bool takes_key(http_method method) {
  return method == http_method::post || method == http_method::patch;
}

/// The size that a request usually fits in; the buffer of an idle connection is no larger.
constexpr std::size_t input_bytes_usual = 4096;
/// Input memory that is kept from one request to the next, at the most.
constexpr std::size_t kept_bytes_max = 16384;
/// Before a request, in all: some clients send empty lines to see whether a connection still lives.
constexpr std::size_t empty_line_bytes_max = 4096;
/// Answers that leave together when requests come together, and how many are made before others
/// have their turn.
constexpr std::size_t gathered_bytes_max = 16384;
constexpr int answers_a_turn_max = 8;
/// After the last answer: how much input is still thrown away, and for how long, so that the client
/// can read the answer. A close with input unread would reset the connection, and could take the
/// answer with it.
constexpr std::size_t linger_bytes_max = 1 << 20;
constexpr std::chrono::milliseconds linger_time{1000};
constexpr std::chrono::milliseconds linger_time_at_stop{250};
/// In a stop: for a request that has begun to arrive, for the first one of a new connection, and
/// for an answer to be taken.
constexpr std::chrono::milliseconds client_time_at_stop{1000};

/// Encrypted input that is read in one go: a whole record and its head (RFC 8446, 5.2).
constexpr std::size_t encrypted_bytes_max = 16384 + 1024;

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

address_bytes bytes_of(const asio::ip::address& address) {
  namespace ip = asio::ip;
  return address.is_v6() ? address.to_v6().to_bytes()
                         : ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

} // namespace

struct session::reading {
  session& of;
  error_code error{};
  /// TLS may have decrypted more than there was room for.
  bool await_ready() { return of.tls_ && of.decrypt(error); }
  void await_suspend(std::coroutine_handle<> self) {
    of.answers_in_turn_ = 0;
    if (of.tls_)
      // No buffer for what is encrypted while nothing comes: an idle connection costs less so.
      return of.socket_.async_wait(asio::ip::tcp::socket::wait_read, [this, self](error_code ec) {
        error = ec ? ec : of.read_encrypted();
        if (error == asio::error::would_block)
          error = {};
        self.resume();
      });
    const std::size_t room = std::min(input_bytes_usual, of.input_.max_size() - of.input_.size());
    of.socket_.async_read_some(asio::buffer(of.input_.prepare(room)),
                               [this, self](error_code ec, std::size_t n) {
                                 error = ec;
                                 of.input_.commit(n);
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
  bool await_ready() { return of.send_now(); }
  void await_suspend(std::coroutine_handle<> waiting) {
    self = waiting;
    before = of.phase_;
    due = of.deadline_;
    of.enter(phase::sending, of.client_time());
    send_on();
  }
  void send_on() {
    const auto left = asio::buffer(of.output_.data() + of.sent_, of.output_.size() - of.sent_);
    of.socket_.async_write_some(left, [this](error_code ec, std::size_t n) {
      of.sent_ += n;
      if (ec || of.interrupted())
        of.gone_ = true;
      if (!of.send_now())
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
    of.answers_in_turn_ = 0;
    asio::post(of.socket_.get_executor(), [self] { self.resume(); });
  }
  void await_resume() const noexcept {}
};

session::session(io_thread& owner, stream_socket socket, bool refuse)
    : owner_(owner), socket_(std::move(socket)),
      // A chunk's header must fit, too; the parser refuses larger headers before that.
      input_(std::max<std::size_t>(owner.options().max_header_bytes, input_bytes_usual) + 1),
      new_until_(std::chrono::steady_clock::now() + client_time_at_stop), refuse_(refuse) {
  if (owner.options().certificate != nullptr)
    tls_.emplace(owner.options().certificate->present());
}

detached session::run(std::list<session>::iterator self) {
  try {
    // Under TLS nothing can be told before the hands are shaken, which is too much work here.
    while (keep_alive_ && !(refuse_ && tls_)) {
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
        gone_ = true;
        break;
      }
      if (got == intake::complete) {
        step next = prepare();
        if (!std::holds_alternative<answered>(next)) {
          co_await sending{*this};
          if (interrupted())
            break;
          enter(phase::waiting, {});
        }
        if (const auto* what = std::get_if<command>(&next)) {
          auto waiting = owner_.to_actors().submit(*what);
          settle(*what, co_await waiting);
        } else if (const auto* many = std::get_if<bulk>(&next)) {
          bool goes_on = true;
          if (const auto note = note_of(*many)) {
            auto waiting = owner_.to_actors().submit(*note);
            goes_on = is_noted(*note, co_await waiting);
          }
          if (goes_on) {
            auto waiting = owner_.to_actors().submit_all(keyed(*many));
            settle_all(*many, co_await waiting);
          }
        } else if (auto waiting = asking(next)) {
          const auto reply = co_await *waiting;
          if (shows_or_streams(next, reply)) {
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
      if (++answers_in_turn_ >= answers_a_turn_max)
        co_await yielding{*this};
    }
    end_tls();
    if (!keep_alive_ && !interrupted()) {
      begin_lingering();
      for (std::size_t seen = 0; seen < linger_bytes_max && !interrupted(); seen += input_.size()) {
        input_.clear();
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

void session::enter(phase next, std::chrono::milliseconds time) {
  phase_ = next;
  timed_out_ = false;
  deadline_ = time.count() > 0 ? std::chrono::steady_clock::now() + time : steady_instant::max();
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

void session::check(steady_instant now) {
  if (now >= deadline_) {
    deadline_ = steady_instant::max();
    timed_out_ = true;
    error_code ignored;
    socket_.cancel(ignored);
  }
}

/// How long a client may take to send a request, or to take an answer.
std::chrono::milliseconds session::client_time() const {
  return owner_.draining() ? client_time_at_stop : owner_.options().header_timeout;
}

/// Nothing more is to be read or sent.
bool session::interrupted() const {
  return gone_ || cut_ || timed_out_;
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
  error_code ignored;
  if (phase_ == phase::receiving || phase_ == phase::sending)
    deadline_ = std::min(deadline_, now + client_time_at_stop);
  else if (phase_ == phase::idle && (served_ || now >= new_until_))
    socket_.cancel(ignored);
  else if (phase_ == phase::idle)
    deadline_ = std::min(deadline_, new_until_);
}

void session::cut() {
  cut_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

session::intake session::begin_request() {
  request_.clear();
  answer_.clear();
  objection_.reset();
  call_ = {};
  parser_.emplace(request_, owner_.options().max_header_bytes, owner_.options().max_body_bytes);
  head_seen_ = false;
  empty_line_bytes_ = 0;
  for (std::string* each : {&request_.body, &answer_.body, &plain_, &output_})
    if (each->empty() && each->capacity() > kept_bytes_max)
      each->shrink_to_fit();
  if (input_.size() == 0 && input_.capacity() > kept_bytes_max)
    input_.shrink_to_fit();
  enter(phase::idle, idle_time());
  if (!refuse_)
    return take_in();
  fail({problem_code::overloaded, "There are too many connections.", {}, {}});
  return intake::refused;
}

/// Tells the client that nothing more comes; it may still send.
void session::begin_lingering() {
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  enter(phase::lingering, owner_.draining() ? linger_time_at_stop : linger_time);
}

/// How long nothing may come: the hands are to be shaken sooner.
std::chrono::milliseconds session::idle_time() const {
  const bool shakes_hands = tls_ && !tls_->is_open();
  return shakes_hands ? owner_.options().header_timeout : owner_.options().idle_timeout;
}

/// An empty line before a request is skipped (RFC 9112, 2.2), and the connection is as idle as
/// before. False where there are too many.
bool session::skip_empty_lines() {
  while (input_.size() > 0) {
    const char first = *static_cast<const char*>(input_.data().data());
    if (first != '\r' && first != '\n')
      break;
    input_.consume(1);
    if (++empty_line_bytes_ > empty_line_bytes_max)
      return false;
  }
  return true;
}

session::intake session::take_in() {
  if (phase_ == phase::idle) {
    if (!skip_empty_lines()) {
      request_.fault = "there are too many empty lines before the request";
      return malformed(beast_error::bad_method);
    }
    if (input_.size() > 0)
      enter(phase::receiving, client_time());
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
  if (auto foreign = foreign_to_here())
    objection_ = std::move(foreign); // before it learns which paths there are
  else if (auto locked_out = lacking_key(found.has_value()))
    objection_ = std::move(locked_out);
  if (!objection_ && request_.has_key && takes_key(request_.method) &&
      (request_.key_repeated || !unquote_key(request_.key)))
    objection_ = invalid_field("Idempotency-Key", "must be one field of 1 to 255 visible ASCII "
                                                  "characters, bare or as a quoted string");
  if (!objection_)
    objection_ = unfit_body(has_body);
  if (!objection_ && request_.expects_more)
    objection_ = problem{problem_code::expectation_failed, {}, {}, {}};
  request_.unwanted = objection_.has_value();
  if (!request_.wants_continue || !has_body || input_.size() > 0)
    return intake::partial;
  if (objection_) {
    // The client waits for our word, and may or may not send the body now.
    fail(*objection_);
    keep_alive_ = false;
    return intake::refused;
  }
  put(continue_line); // is sent before more is read
  return intake::partial;
}

std::optional<problem> session::foreign_to_here() {
  // Most clients say the same in each request of a connection: that is judged once.
  const bool says_host_alone = request_.origin.empty() && request_.fetch_site.empty() &&
                               request_.target.starts_with('/') && !request_.host.empty();
  if (says_host_alone && request_.host == good_host_)
    return std::nullopt;
  // An absolute target wins over Host (RFC 9112, 3.2.2).
  const std::string_view named = host_of_target(request_.target);
  const bool reads = request_.method == http_method::get || request_.method == http_method::head;
  auto objection = objection_to({.host = named.empty() ? std::string_view{request_.host} : named,
                                 .origin = request_.origin,
                                 .fetch_site = request_.fetch_site,
                                 .changes = !reads},
                                owner_.options().site);
  if (says_host_alone && !objection)
    good_host_ = request_.host;
  return objection;
}

const asio::ip::address& session::peer() {
  error_code unconnected; // then the address is 0.0.0.0
  if (!peer_)
    peer_ = socket_.remote_endpoint(unconnected).address();
  return *peer_;
}

/// Also where there is no such call: a stranger does not learn that.
std::optional<problem> session::lacking_key(bool call_known) {
  if (owner_.options().keys == nullptr || (call_known && call_.to->needs == scope::none))
    return std::nullopt;
  const auto wall_now = std::chrono::system_clock::now();
  return owner_.options().keys->objection_to(
      {.authorization = request_.authorization,
       .repeated = request_.authorization_repeated,
       .needs = call_known ? call_.to->needs : scope::none,
       .from = bytes_of(peer()),
       .now = std::chrono::steady_clock::now(),
       .wall_now = std::chrono::floor<std::chrono::milliseconds>(wall_now)},
      key_);
}

std::optional<problem> session::unfit_body(bool has_body) {
  if (!has_body || call_.to->body == body_rule::ignored)
    return std::nullopt;
  answer_.identity_only = request_.encoded;
  if (request_.encoded)
    return problem{
        problem_code::unsupported_media_type, "The body must not be compressed.", {}, {}};
  if (request_.type != media::json)
    return problem{problem_code::unsupported_media_type, {}, {}, {}};
  return std::nullopt;
}

session::intake session::malformed(error_code ec) {
  keep_alive_ = false;
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
  if (cut_ || gone_)
    return intake::over;
  if (timed_out_ && phase_ == phase::receiving) {
    keep_alive_ = false;
    timed_out_ = false;
    // A request that has not arrived wholly has done nothing.
    fail({owner_.draining() ? problem_code::shutting_down : problem_code::request_timeout,
          {},
          {},
          {}});
    return intake::refused;
  }
  if (!timed_out_ && ec == asio::error::operation_aborted) {
    // The server stops. A request that has come meanwhile shall have its answer.
    if (tls_)
      ec = read_encrypted();
    else
      input_.commit(socket_.read_some(input_.prepare(input_bytes_usual), ec));
    if (!ec)
      return take_in();
  }
  return intake::over;
}

call_input session::input() const {
  return {.id = call_.id,
          .body = request_.body,
          .name = call_.name,
          .query = call_.query,
          .accept = request_.accept,
          .last_event_id = request_.last_event_id,
          .head_only = request_.method == http_method::head,
          .metrics = &owner_.options().metrics,
          .health = &owner_.options().health};
}

step session::prepare() {
  if (objection_) {
    fail(*objection_);
    return answered{};
  }
  try {
    if (call_.to->judged)
      owner_.to_actors().check_stores(); // what they find is told the next time
    auto next = call_.to->prepare(input(), answer_);
    if (next) {
      if (auto* what = std::get_if<command>(&*next)) {
        what->created_by = key_name();
        if (request_.has_key)
          what->key = key_of(request_.key, request_.body);
      } else if (auto* again = std::get_if<delivery_retry>(&*next); again && request_.has_key) {
        again->key = key_of(request_.key, request_.body);
      }
      return std::move(*next);
    }
    fail(next.error());
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
  return answered{};
}

/// The name of the client's API key; empty where it has none.
std::string_view session::key_name() const {
  return key_.key ? std::string_view{key_.key->key.name} : std::string_view{};
}

idempotency_key session::key_of(std::string_view key, std::string_view body) const {
  return digest_key({.api_key = key_name(),
                     .method = name_of(request_.method),
                     .path = path_of_target(request_.target),
                     .key = key,
                     .body = body});
}

/// The command that keeps the key of a bulk with its body: else another body under the key would do
/// what stands in places that the first one had not.
std::optional<command> session::note_of(const bulk& many) const {
  const auto under_it = [](const auto& item) { return item && item->key.empty(); };
  if (!request_.has_key || std::ranges::none_of(many.items, under_it))
    return std::nullopt;
  command note{note_request{}};
  note.key = key_of(request_.key, request_.body);
  return note;
}

/// Whether the bulk may go on; otherwise the answer says why not.
bool session::is_noted(const command& note, const actors::outcome_reply& reply) {
  if (!reply)
    fail(problem_of(reply.error()));
  else if (const auto* why = std::get_if<refused>(&*reply))
    fail(problem_of(*why, note));
  else
    return true;
  return false;
}

/// The commands of a bulk, each under its own key, or under the request's with its place.
std::vector<command> session::keyed(const bulk& many) {
  std::vector<command> all;
  all.reserve(many.items.size());
  for (std::size_t place = 0; place < many.items.size(); ++place) {
    const auto& item = many.items[place];
    if (!item)
      continue;
    command& what = all.emplace_back(item->what);
    what.created_by = key_name();
    if (!item->key.empty())
      what.key = key_of(item->key, item->body);
    else if (request_.has_key)
      what.key = key_of(request_.key + '\0' + std::to_string(place), item->body);
  }
  return all;
}

/// Writes a success to `answer`. Gives what is wrong instead, where something is.
std::optional<problem> session::write_outcome(const command& what,
                                              const actors::outcome_reply& reply,
                                              response& answer) const {
  if (!reply)
    return problem_of(reply.error());
  if (const auto* why = std::get_if<refused>(&*reply))
    return problem_of(*why, what);
  if (const auto* before = std::get_if<replayed>(&*reply)) {
    answer.replayed = true;
    std::visit([&](const auto& thing) { call_.to->settled(thing, answer); }, before->what);
  } else {
    call_.to->settled(*reply, answer);
  }
  return std::nullopt;
}

void session::settle(const command& what, const actors::outcome_reply& reply) {
  try {
    if (const auto wrong = write_outcome(what, reply, answer_))
      fail(*wrong);
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
}

/// {"results":[{"status":201,"order":{…}},{"status":409,"problem":{…}}]}, in the order of the
/// items.
void session::settle_all(const bulk& many, const std::vector<actors::outcome_reply>& replies) {
  try {
    std::string& out = answer_.body;
    out += R"({"results":[)";
    response part;
    std::size_t reply = 0;
    answer_.replayed = true;
    for (const auto& item : many.items) {
      part.clear();
      const auto wrong =
          item ? write_outcome(item->what, replies.at(reply++), part) : std::optional(item.error());
      if (wrong)
        write_problem(part, *wrong, request_id());
      answer_.replayed = answer_.replayed && part.replayed;
      out += &item == &many.items.front() ? R"({"status":)" : R"(,{"status":)";
      append_integer(out, part.status);
      out += wrong ? R"(,"problem":)" : R"(,"order":)";
      out.append(part.body).append("}");
    }
    out += "]}";
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
}

void session::show(const actors::answer_reply& reply) {
  if (!reply && !call_.to->judged)
    return fail(problem_of(reply.error()));
  try {
    const auto shown = call_.to->judged ? call_.to->judged(reply, input(), answer_)
                                        : call_.to->found(*reply, answer_);
    if (!shown)
      fail(shown.error());
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
}

void session::fail(const problem& what) {
  write_problem(answer_, what, request_id());
  constexpr int servers_fault = 500; // and above
  const bool is_asked_how_it_is = call_.to != nullptr && call_.to->judged != nullptr;
  if (answer_.status >= servers_fault && !is_asked_how_it_is)
    owner_.log_failure(answer_.status, name_of(what.code), request_id(),
                       call_.to != nullptr ? call_.to->path : "a connection");
  if (what.code == problem_code::unauthorized || what.code == problem_code::rate_limited)
    owner_.log_refusal(answer_.status, name_of(what.code), request_id(), peer().to_string(),
                       what.detail);
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

/// Appends the answer to what is gathered.
void session::render() {
  keep_alive_ = keep_alive_ && !refuse_ && !owner_.leaving();
  served_ = true;
  append_http(tls_ ? plain_ : output_, answer_,
              {request_id(), owner_.date(), keep_alive_ ? owner_.keep_alive() : std::string_view{},
               keep_alive_, request_.http_1_0, request_.method == http_method::head});
  if (tls_)
    put(plain_);
  plain_.clear();
}

/// Tells the client in TLS's own words that nothing more comes, where it is still there.
void session::end_tls() {
  if (!tls_ || gone_ || cut_)
    return;
  tls_->close(output_);
  send_now();
}

/// Appends to what is gathered.
void session::put(std::string_view plain) {
  if (tls_)
    tls_->write(plain, output_);
  else
    output_ += plain;
}

/// Reads what has come into TLS, and decrypts it. `would_block` where nothing had.
session::error_code session::read_encrypted() {
  std::array<char, encrypted_bytes_max> wire;
  error_code ec;
  const std::size_t size = socket_.read_some(asio::buffer(wire), ec);
  if (ec)
    return ec;
  tls_->take({wire.data(), size});
  decrypt(ec);
  return ec;
}

/// Moves what is decrypted to the input, as far as there is room. Gives whether there was
/// something, be it the end.
bool session::decrypt(error_code& ec) {
  const bool was_open = tls_->is_open();
  const std::size_t room = std::min(input_bytes_usual, input_.max_size() - input_.size());
  const auto to = input_.prepare(room);
  std::size_t size = 0;
  const auto got = tls_->read({static_cast<char*>(to.data()), to.size()}, size);
  input_.commit(size);
  tls_->flush(output_);
  if (!was_open && tls_->is_open() && phase_ == phase::idle)
    enter(phase::idle, owner_.options().idle_timeout);
  if (got == tls_channel::state::ended)
    ec = asio::error::eof;
  if (got == tls_channel::state::failed) {
    ec = asio::error::connection_aborted;
    send_now(); // the alert
  }
  return got != tls_channel::state::more;
}

/// Whether the answer can wait for the next one, whose request is here already.
bool session::gathers() const {
  return keep_alive_ && input_.size() > 0 && output_.size() - sent_ < gathered_bytes_max &&
         answers_in_turn_ + 1 < answers_a_turn_max;
}

/// Whether all that is gathered is sent, or nobody is there to take it.
bool session::send_now() {
  while (!gone_ && sent_ < output_.size()) {
    error_code ec;
    sent_ += socket_.write_some(asio::buffer(output_.data() + sent_, output_.size() - sent_), ec);
    if (ec == asio::error::would_block)
      return false;
    if (ec)
      gone_ = true;
  }
  output_.clear();
  sent_ = 0;
  return true;
}

} // namespace paymentd::http
