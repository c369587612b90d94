// One connection: reads requests one after another, has them answered, writes the answers. Lives on
// one I/O thread, in that thread's list, which it leaves when it ends.
#pragma once

#include "http/connection.hpp"
#include "http/coroutine.hpp"
#include "http/request_handler.hpp"
#include "http/site_policy.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>

namespace paymentd::http {

class event_hub;
class io_thread;

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
  void check_deadline(steady_instant now);
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
  void render();
  bool gathers() const;
  bool answers_or_streams(const step& next, const actors::answer_reply& reply);
  bool streams(const watch& what, const actors::answer_reply& start);

  // The phases.
  void enter(phase next, std::chrono::milliseconds time);
  void go_back_to(phase before, steady_instant due);
  void begin_lingering();
  bool lingers();
  void end_tls();
  std::chrono::milliseconds client_time() const;
  std::chrono::milliseconds idle_time() const;
  bool interrupted() const;
  bool may_wait() const;

  // A request that comes in.
  intake begin_request();
  bool skip_empty_lines();
  intake take_in();
  intake take_head();
  intake malformed(error_code ec);
  intake after_failed_read(error_code ec);

  io_thread& owner_;
  connection connection_;
  request_handler handler_;
  std::optional<request_parser> parser_;
  int answers_in_a_row_ = 0;         // since others had their turn
  std::size_t empty_line_bytes_ = 0; // before the present request
  std::size_t lingered_bytes_ = 0;   // thrown away after the last answer
  steady_instant deadline_ = steady_instant::max();
  steady_instant new_until_; // the first request is still to come, even in a stop
  phase phase_ = phase::idle;
  bool refuse_;
  bool shakes_hands_;   // as far as was noticed
  bool served_ = false; // it had an answer
  bool head_seen_ = false;
  bool timed_out_ = false;
  bool cut_ = false;
  bool keep_alive_ = true;
};

} // namespace paymentd::http
