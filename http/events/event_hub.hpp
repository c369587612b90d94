// The events for all clients that follow them. One thread of low priority, apart from those that
// serve payments: it reads what is new in all streams of the ledger once, renders it once, and
// hands the same bytes to every client. It is bounded in all that it does: clients, bytes a second,
// bytes in memory, pages under way. Where its clients take less than comes, or it may not send as
// much, it reads later: the ledger keeps everything.
#pragma once

#include "actors/entrance.hpp"
#include "http/coroutine.hpp"
#include "http/events/event_client.hpp"
#include "http/events/event_counters.hpp"
#include "http/gateway.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace paymentd::http {

class connection_count;

struct event_options {
  int clients_max = 1000;                          // more are answered 503
  std::int64_t bytes_a_second = 64 << 20;          // to all clients together
  std::size_t ring_bytes = 8 << 20;                // of events that are kept for those who follow
  std::chrono::milliseconds heartbeat{15000};      // a client hears something at least so often
  std::chrono::milliseconds write_timeout{10000};  // for one text to be taken; then it is cut off
  std::chrono::milliseconds poll_interval{100};    // between two looks for new events
  std::chrono::milliseconds request_timeout{5000}; // of a read
  event_counters* counters = nullptr;              // may be null; outlives the hub
};

class event_hub {
 public:
  /// `connections` counts the clients among those of the server; `keys` may be null. Both outlive
  /// the hub.
  event_hub(caf::actor_system& system, const event_options& options, connection_count& connections,
            const key_ring* keys);
  ~event_hub();
  event_hub(const event_hub&) = delete;
  event_hub& operator=(const event_hub&) = delete;

  void start();

  // Any thread.
  void connect(const actors::entrance& to);
  /// Admits a client; false where there are as many as may be. Take it back with `leave`, or go on
  /// with `adopt`.
  bool enter();
  void leave();
  /// Takes over a connection that was admitted and is counted. It is closed where the hub ends.
  void adopt(event_reader reader);
  /// Ends all clients, and each that comes.
  void drain();
  /// The same, then the thread.
  void stop();

  // The hub's thread.
  boost::asio::io_context& context() { return context_; }
  const event_options& options() const { return options_; }
  const event_ring& ring() const { return ring_; }
  /// Whether bytes may be sent now. Tell with `spend` what was sent.
  bool may_send() const { return budget_ > 0; }
  void spend(std::size_t bytes);
  /// The client has something to write, and room for it.
  void queue_to_write(const std::shared_ptr<event_client>& to);
  /// The client is behind what the ring has.
  void read_for(const std::shared_ptr<event_client>& who);
  /// A client has written its page.
  void page_done();
  void forget(const std::shared_ptr<event_client>& ended, bool cut_off);

 private:
  struct pausing;
  detached follow();
  detached read_page(std::shared_ptr<event_client> who);
  bool take(const event_page& page);
  bool may_read() const;
  void begin_to_follow();
  void end_all();
  void start_reads();
  void run_writers();
  void tick();
  void check_clients(steady_instant now);

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  const event_options options_;
  connection_count& connections_;
  const key_ring* keys_;
  gateway gateway_;
  event_counters own_counters_;
  event_counters& counters_;
  std::atomic<int> admitted_{0};

  event_ring ring_;
  instant newest_; // the time of the newest event in it
  std::vector<std::shared_ptr<event_client>> clients_;
  std::deque<std::shared_ptr<event_client>> writers_; // have something to write
  std::deque<std::shared_ptr<event_client>> behind_;  // want a page
  int reads_ = 0;                                     // of pages, under way
  int pages_held_ = 0;
  steady_instant no_reads_before_;
  bool writers_due_ = false; // they are run with the next turn of the event loop
  boost::asio::steady_timer ticker_;
  boost::asio::steady_timer pause_;
  std::int64_t budget_ = 0;
  steady_instant refilled_;
  steady_instant checked_;
  bool ticking_ = false;
  bool following_ = false;
  bool draining_ = false;
  std::thread thread_;
};

} // namespace paymentd::http
