// The HTTP side of paymentd as a whole: a listener for clients, one for operators, and their
// threads. Used by app/serve.cpp; made, started and stopped on one thread.
#pragma once

#include "actors/entrance.hpp"
#include "actors/health.hpp"
#include "http/request_lines.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::http {

class key_ring;
struct http_counters;
class certificate_holder;

struct server_options {
  std::string listen = "127.0.0.1:8080"; // address and port; port 0: a free one
  std::string admin_listen = "127.0.0.1:8081";
  int threads = 1;                        // that serve clients; at least 1
  std::uint64_t max_body_bytes = 65536;   // more is answered 413
  std::uint32_t max_header_bytes = 16384; // more is answered 431
  int max_connections = 10000;            // more are answered 503 and closed
  /// How long an outcome may take until the client is told 504; work not begun after 4/5 of it is
  /// not begun at all.
  std::chrono::milliseconds request_timeout{5000};
  std::chrono::milliseconds idle_timeout{120000};  // between requests; then closed quietly
  std::chrono::milliseconds header_timeout{10000}; // for a request to arrive, from its first byte
  /// How long a stop is announced before the listener closes: /readyz is 503, and each answer ends
  /// its connection. For proxies, which send what comes next elsewhere. Part of the grace of
  /// `stop`.
  std::chrono::milliseconds drain_delay{0};
  /// Names beside this machine's own that a Host field or an Origin may have, in lower case.
  std::vector<std::string> allowed_hosts = {};
  /// Requests that wait for their outcome, over all threads; more are answered 503.
  std::size_t in_flight_max = 20000;
  /// Writes the page of /metrics, on the admin listener's thread; empty: there is none.
  std::function<void(std::string&)> metrics = nullptr;
  /// Tells what the parts of the payment system know, on the admin listener's thread; empty:
  /// /readyz knows only whether a read is answered.
  std::function<actors::health_report()> health = nullptr;
  /// The keys that clients need, and that the console needs; null: none, and then the console's
  /// calls are refused where operators are served beyond loopback. Outlives the server.
  key_ring* keys = nullptr;
  /// The certificate that clients are shown; null: no TLS. It holds one, and outlives the server.
  const certificate_holder* certificate = nullptr;
  /// Clients that follow the events, at the most (more are answered 503), and what they are all
  /// sent in a second, in bytes.
  int max_event_streams = 1000;
  std::int64_t max_event_bytes_per_second = std::int64_t{16} << 20;
  /// A client that follows hears something at least so often.
  std::chrono::milliseconds event_heartbeat{15000};
  /// Events in memory for those who follow, in bytes; whoever is further behind is read pages.
  std::size_t event_ring_bytes = std::size_t{8} << 20;
  /// Which of the clients' requests have a line of the log; those of operators that fail have one.
  http::request_lines request_lines = {};
  /// Measures requests, connections and those who follow the events; may be null. Of this server
  /// alone; outlives it.
  http_counters* counters = nullptr;
};

class server {
 public:
  server(caf::actor_system& system, server_options options);
  /// Stops at once where `stop` was not called.
  ~server();

  /// Binds the operators' address and serves it, before there is anybody to ask: /healthz lives,
  /// /readyz is 503. The error is one line that names the address.
  std::expected<void, std::string> open_operators();
  /// Binds the clients' address and begins to serve, likewise; the operators' too, where that was
  /// not done.
  std::expected<void, std::string> start(const actors::entrance& to);

  std::uint16_t port() const;
  std::uint16_t admin_port() const;

  /// Has each thread that serves clients or operators call `what` once, among its other work; gives
  /// how many there are. A thread that is stuck never calls it. After `start`, before `stop`.
  int on_each_thread(const std::function<void()>& what);

  /// Says that it stops, for the drain delay; then accepts no more connections, closes idle ones
  /// and lets requests in flight finish. A request that has begun to arrive has a second for the
  /// rest, and is then answered 503 shutting_down. After `grace`, ends what is left. Returns when
  /// all threads have ended. The admin listener serves to the last, /readyz with 503.
  void stop(std::chrono::milliseconds grace);

 private:
  struct parts;
  void stop_clients(std::chrono::steady_clock::time_point deadline,
                    std::chrono::steady_clock::time_point closed_by,
                    std::chrono::milliseconds announced);
  std::unique_ptr<parts> parts_;
};

} // namespace paymentd::http
