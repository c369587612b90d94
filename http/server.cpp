#include "http/server.hpp"

#include "http/events/event_hub.hpp"
#include "http/io_thread.hpp"
#include "http/keys/key_ring.hpp"
#include "http/listener.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

namespace paymentd::http {

namespace {

/// /readyz waits no longer for the database, so that whoever asks has an answer in time.
constexpr std::chrono::milliseconds ready_timeout{2000};
constexpr std::size_t admin_in_flight_max = 64;
constexpr int admin_connections_max = 128;
/// After a stop was announced: for handshakes that have begun to end, which takes a round trip.
/// Short, since a client that comes in that time loses a second.
constexpr std::chrono::milliseconds settling_time{5};
/// Closing a listener takes its thread a moment, even where a stop has no time.
constexpr std::chrono::milliseconds closing_time_min{1000};

session_options sessions_of(const server_options& options, const std::string& listen) {
  return {options.max_body_bytes,
          options.max_header_bytes,
          options.idle_timeout,
          options.header_timeout,
          nullptr,
          nullptr,
          {.checks_host = is_loopback(listen), .hosts = options.allowed_hosts},
          nullptr,
          nullptr,
          nullptr};
}

event_options events_of(const server_options& options) {
  return {.clients_max = options.max_event_streams,
          .bytes_a_second = options.max_event_bytes_per_second,
          .ring_bytes = options.event_ring_bytes,
          .heartbeat = options.event_heartbeat,
          .write_timeout = options.header_timeout,
          .request_timeout = options.request_timeout,
          .counters = options.counters != nullptr ? &options.counters->events : nullptr};
}

connection_counters* clients_of(const server_options& options) {
  return options.counters != nullptr ? &options.counters->clients : nullptr;
}

connection_counters* operators_of(const server_options& options) {
  return options.counters != nullptr ? &options.counters->operators : nullptr;
}

/// For a thread that is being made.
request_counts* counts_of(const server_options& options, std::span<const route> routes) {
  return options.counters != nullptr ? options.counters->add_thread(routes) : nullptr;
}

session_options client_sessions_of(const server_options& options, event_hub& events) {
  session_options made = sessions_of(options, options.listen);
  made.events = &events;
  made.keys = options.keys;
  made.certificate = options.certificate;
  made.request_lines = options.request_lines;
  made.counts = counts_of(options, public_routes());
  return made;
}

/// The console's calls need a key where clients need one. Beyond this machine they always do: where
/// there are no keys, `none` lets nobody make them.
session_options admin_sessions_of(const server_options& options, key_ring& none) {
  session_options made = sessions_of(options, options.admin_listen);
  made.keys = options.keys != nullptr || is_loopback(options.admin_listen) ? options.keys : &none;
  made.metrics = options.metrics;
  made.health = options.health;
  made.counts = counts_of(options, admin_routes());
  return made;
}

} // namespace

struct server::parts {
  parts(caf::actor_system& system, const server_options& given)
      : options(given), connections(clients_of(given)), admin_connections(operators_of(given)),
        events(system, events_of(given), connections, given.keys),
        admin_thread(system, {std::min(given.request_timeout, ready_timeout), admin_in_flight_max},
                     admin_sessions_of(given, no_keys), admin_routes(), admin_connections),
        admin_listener({&admin_thread}, admin_connections,
                       {.connections_max = admin_connections_max, .always_serves = true}) {
    const auto threads_count = static_cast<std::size_t>(std::max(1, options.threads));
    std::vector<io_thread*> all;
    for (std::size_t at = 0; at < threads_count; ++at) {
      threads.push_back(std::make_unique<io_thread>(
          system,
          gateway::options{options.request_timeout,
                           std::max<std::size_t>(1, options.in_flight_max / threads_count),
                           options.counters != nullptr ? &options.counters->shed : nullptr},
          client_sessions_of(options, events), public_routes(), connections));
      all.push_back(threads.back().get());
    }
    public_listener =
        std::make_unique<listener>(all, connections,
                                   listener_options{.connections_max = options.max_connections,
                                                    .tells = options.certificate == nullptr});
  }

  server_options options;
  connection_count connections;
  connection_count admin_connections;
  event_hub events;
  std::vector<std::unique_ptr<io_thread>> threads;
  std::unique_ptr<listener> public_listener;
  key_ring no_keys;
  io_thread admin_thread;
  listener admin_listener;
  bool operators_served = false;
  bool clients_served = false;
};

server::server(caf::actor_system& system, server_options options)
    : parts_(std::make_unique<parts>(system, options)) {}

server::~server() {
  stop(std::chrono::milliseconds{0});
}

std::expected<void, std::string> server::open_operators() {
  parts& p = *parts_;
  if (p.operators_served)
    return {};
  if (auto open = p.admin_listener.open(p.options.admin_listen); !open)
    return open;
  p.admin_thread.start("http-admin");
  p.admin_listener.start();
  p.operators_served = true;
  return {};
}

std::expected<void, std::string> server::start(const actors::entrance& to) {
  parts& p = *parts_;
  if (auto open = p.public_listener->open(p.options.listen); !open)
    return open;
  if (auto open = open_operators(); !open)
    return open;
  p.admin_thread.connect(to);
  p.events.connect(to);
  p.events.start();
  for (std::size_t at = 0; at < p.threads.size(); ++at) {
    p.threads[at]->connect(to); // before there is a connection
    p.threads[at]->start("http-" + std::to_string(at));
  }
  p.public_listener->start();
  p.clients_served = true;
  return {};
}

std::uint16_t server::port() const {
  return parts_->public_listener->port();
}

std::uint16_t server::admin_port() const {
  return parts_->admin_listener.port();
}

int server::on_each_thread(const std::function<void()>& what) {
  parts& p = *parts_;
  for (auto& thread : p.threads)
    boost::asio::post(thread->context(), what);
  boost::asio::post(p.admin_thread.context(), what);
  return static_cast<int>(p.threads.size()) + 1;
}

void server::stop_clients(std::chrono::steady_clock::time_point deadline,
                          std::chrono::steady_clock::time_point closed_by,
                          std::chrono::milliseconds announced) {
  parts& p = *parts_;
  for (auto& thread : p.threads)
    thread->leave();
  std::this_thread::sleep_for(announced);
  p.public_listener->close(std::min(announced, settling_time), closed_by);
  for (auto& thread : p.threads)
    thread->drain();
  p.events.drain();
  if (const int left = p.connections.wait_for_none(deadline); left > 0)
    spdlog::warn("{} connections did not end in time", left);
  // The first one last: it is the listener's, and hands sockets to the others.
  for (auto at = p.threads.rbegin(); at != p.threads.rend(); ++at)
    (*at)->stop();
  p.events.stop();
}

void server::stop(std::chrono::milliseconds grace) {
  parts& p = *parts_;
  if (!std::exchange(p.operators_served, false))
    return;
  const auto begin = std::chrono::steady_clock::now();
  const auto deadline = begin + grace;
  const auto closed_by = std::max(deadline, begin + closing_time_min);
  p.admin_thread.refuse_work();
  if (std::exchange(p.clients_served, false))
    stop_clients(deadline, closed_by, std::min(p.options.drain_delay, grace));
  p.admin_listener.close({}, closed_by);
  p.admin_thread.drain();
  p.admin_connections.wait_for_none(std::max(deadline, std::chrono::steady_clock::now()));
  p.admin_thread.stop();
}

} // namespace paymentd::http
