// One connection: reads requests one after another, has them answered, writes the answers. Lives on
// one I/O thread, in that thread's list, which it leaves when it ends.
#pragma once

#include "http/coroutine.hpp"
#include "http/gateway.hpp"
#include "http/keys/key_ring.hpp"
#include "http/request.hpp"
#include "http/router.hpp"
#include "http/site_policy.hpp"
#include "http/tls/channel.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>

namespace paymentd::http {

class event_hub;
class io_thread;

/// A socket on an I/O thread, without the type erasure of Asio's default executor.
using stream_socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

struct session_options {
  std::uint64_t max_body_bytes = 65536;
  std::uint32_t max_header_bytes = 16384;
  std::chrono::milliseconds idle_timeout{120000};  // between requests; then it is closed quietly
  std::chrono::milliseconds header_timeout{10000}; // for a request to arrive, from its first byte;
                                                   // and for an answer to be taken
  metrics_writer metrics = nullptr;                // of the admin listener
  health_source health = nullptr;                  // likewise
  site_policy site = {};                           // which requests are foreign
  key_ring* keys = nullptr;                        // null: every request is served without a key
  const certificate_holder* certificate = nullptr; // null: no TLS
  event_hub* events = nullptr;                     // takes those who follow the events
};

class session {
 public:
  /// `refuse`: there are too many connections; this one is told so and closed.
  session(io_thread& owner, stream_socket socket, bool refuse);

  /// Whether it can end without anybody's loss: no request is here as a whole. When it became so,
  /// otherwise nothing.
  std::optional<steady_instant> spare_since() const;

  /// Starts the connection. `self` is where the owner keeps it; it is gone when the connection
  /// ends.
  void start(std::list<session>::iterator self) { run(self); }

  bool refuses() const { return refuse_; }

  /// Ends whatever has taken too long. Called a few times a second.
  void check(steady_instant now);
  /// Closes the connection where it is idle; otherwise it ends with its next answer. The client has
  /// a second to send the rest of a request, or to take an answer. The owner is draining already.
  void drain();
  /// Ends it whatever it does.
  void cut();

 private:
  using error_code = boost::system::error_code;
  enum class phase : std::uint8_t { idle, receiving, waiting, sending, lingering };
  enum class intake : std::uint8_t {
    partial,  // more bytes are needed
    complete, // a request is there
    refused,  // it cannot be taken, and the answer says why
    over,     // nobody is there to answer
  };
  struct reading;
  struct sending;
  struct yielding;

  detached run(std::list<session>::iterator self);
  intake begin_request();
  void begin_lingering();
  bool skip_empty_lines();
  intake take_in();
  intake take_head();
  std::optional<problem> foreign_to_here();
  std::optional<problem> lacking_key(bool call_known);
  const boost::asio::ip::address& peer();
  std::optional<problem> unfit_body(bool has_body);
  intake malformed(error_code ec);
  intake after_failed_read(error_code ec);
  step prepare();
  call_input input() const;
  std::string_view key_name() const;
  std::optional<command> note_of(const bulk& many) const;
  bool is_noted(const command& note, const actors::outcome_reply& reply);
  std::vector<command> keyed(const bulk& many);
  idempotency_key key_of(std::string_view key, std::string_view body) const;
  std::optional<problem> write_outcome(const command& what, const actors::outcome_reply& reply,
                                       response& answer) const;
  void settle(const command& what, const actors::outcome_reply& reply);
  void settle_all(const bulk& many, const std::vector<actors::outcome_reply>& replies);
  std::optional<gateway::inquiry> asking(const step& next);
  bool shows_or_streams(const step& next, const actors::answer_reply& reply);
  bool streams(const watch& what, const actors::answer_reply& start);
  void show(const actors::answer_reply& reply);
  void fail(const problem& what);
  void fail_internally(const char* why);
  void render();
  bool gathers() const;
  bool send_now();
  void put(std::string_view plain);
  void end_tls();
  error_code read_encrypted();
  bool decrypt(error_code& ec);
  void enter(phase next, std::chrono::milliseconds time);
  void go_back_to(phase before, steady_instant due);
  std::chrono::milliseconds client_time() const;
  std::chrono::milliseconds idle_time() const;
  bool interrupted() const;
  bool may_wait() const;
  std::string_view request_id();

  io_thread& owner_;
  stream_socket socket_;
  boost::beast::flat_buffer input_;
  std::optional<tls_channel> tls_;
  std::string plain_; // an answer before it is encrypted
  request request_;
  std::optional<request_parser> parser_;
  response answer_;
  std::string output_; // answers that were not sent yet, in their order; encrypted where TLS is on
  std::size_t sent_ = 0;
  int answers_in_turn_ = 0;
  std::size_t empty_line_bytes_ = 0; // before the present request
  route_match call_;
  remembered_key key_;
  std::optional<boost::asio::ip::address> peer_; // once it was asked for
  std::string good_host_;                        // the last Host that there was nothing against
  std::optional<problem> objection_; // known since the header; told once the body is read
  steady_instant deadline_ = steady_instant::max();
  steady_instant new_until_; // the first request is still to come, even in a stop
  phase phase_ = phase::idle;
  bool refuse_;
  bool served_ = false; // it had an answer
  bool head_seen_ = false;
  bool timed_out_ = false;
  bool cut_ = false;
  bool gone_ = false; // the client takes no more
  bool keep_alive_ = true;
};

} // namespace paymentd::http
