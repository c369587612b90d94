// One thread with an event loop of its own and the connections that were given to it: their
// sessions, their gateway, one coarse timer for all their time-outs, and the date. Used by the
// server, which makes a few for clients and one for the admin listener.
#pragma once

#include "http/gateway.hpp"
#include "http/line_budget.hpp"
#include "http/session.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <thread>

namespace paymentd::http {

/// How many connections there are, over several threads; tells whoever waits for the last to end.
/// Those that are only told that there are too many are counted apart, so that they use up
/// no part of the bound.
class connection_count {
 public:
  int served() const { return served_.load(std::memory_order_relaxed); }
  int refused() const { return refused_.load(std::memory_order_relaxed); }
  void add(bool refused) { (refused ? refused_ : served_).fetch_add(1); }
  void remove(bool refused);
  /// Waits until there is none, or until `deadline`. Gives how many there are.
  int wait_for_none(steady_instant deadline);

 private:
  int all() const { return served_.load() + refused_.load(); }

  std::atomic<int> served_{0};
  std::atomic<int> refused_{0};
  std::mutex guard_;
  std::condition_variable none_;
};

class io_thread {
 public:
  io_thread(caf::actor_system& system, gateway::options limits, const session_options& options,
            std::span<const route> routes, connection_count& connections);
  ~io_thread();
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  void start(const std::string& name);

  // Any thread.
  boost::asio::io_context& context() { return context_; }
  /// Whom to ask. Until then what needs somebody is answered `database_unavailable`.
  void connect(const actors::entrance& to);
  /// Takes the connection over. It is counted already.
  void adopt(stream_socket socket, bool refuse);
  /// Answers new work with shutting_down; connections stay as they are.
  void refuse_work();
  /// From now on each connection ends with its next answer, which says so. Idle ones stay.
  void leave();
  /// Closes idle connections, and ends every other with its next answer. A request that has not
  /// arrived wholly has a second for that, as has the first request of a new connection; later it
  /// is refused.
  void drain();
  /// Ends all connections, then the thread.
  void stop();

  // The thread itself.
  const session_options& options() const { return options_; }
  std::span<const route> routes() const { return routes_; }
  gateway& to_actors() { return gateway_; }
  bool leaving() const { return leaving_; }
  bool draining() const { return draining_; }
  std::string_view date() const { return date_; }
  /// The fields that say how long an idle connection is kept; empty where it is hardly kept at all.
  std::string_view keep_alive() const { return keep_alive_; }
  /// Ends the connection that has waited longest for a request, or for the rest of one. False where
  /// each is being answered.
  bool make_room();
  void append_request_id(std::string& out);
  /// Says in the log that a request was answered 5xx, of which there may be very many.
  void log_failure(int status, std::string_view code, std::string_view request,
                   std::string_view path);
  /// Likewise, that one was refused for its key or for its rate.
  void log_refusal(int status, const problem& why, std::string_view request, std::string_view peer);
  void forget(std::list<session>::iterator ended);
  /// The same for one whose connection goes on elsewhere, and is counted there.
  void hand_over(std::list<session>::iterator ended) { sessions_.erase(ended); }

 private:
  void tick();
  void arm();

  boost::asio::io_context context_{1}; // one thread runs it
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  session_options options_;
  std::span<const route> routes_;
  connection_count& connections_;
  gateway gateway_;
  std::list<session> sessions_;
  boost::asio::steady_timer ticker_;
  std::chrono::milliseconds tick_;
  bool armed_ = false;
  bool leaving_ = false;
  bool draining_ = false; // then leaving, too
  std::string keep_alive_;
  std::chrono::sys_seconds date_of_{};
  std::string date_;
  std::uint64_t next_request_;
  line_budget failure_lines_;
  line_budget refusal_lines_;
  std::thread thread_;
};

} // namespace paymentd::http
