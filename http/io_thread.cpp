#include "http/io_thread.hpp"

#include "net/utc_text.hpp"

#include <boost/asio/post.hpp>

#include <pthread.h>

#include <algorithm>
#include <random>

namespace paymentd::http {

namespace asio = boost::asio;

namespace {

/// Time-outs are looked at this often: an eighth of the shortest, within these bounds.
constexpr std::chrono::milliseconds tick_min{5};
constexpr std::chrono::milliseconds tick_max{100};

std::chrono::milliseconds tick_for(const session_options& options, const gateway::options& limits) {
  const auto shortest =
      std::min({options.idle_timeout, options.header_timeout, limits.request_timeout});
  return std::clamp(shortest / 8, tick_min, tick_max);
}

std::uint64_t random_number() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

/// A second less than it is: an answer takes time to the client, whose clock begins later. Without
/// `Connection: keep-alive` a proxy might pass the other field on (RFC 9110, 7.6.1).
std::string keep_alive_fields(std::chrono::milliseconds idle_timeout) {
  const auto told = std::chrono::floor<std::chrono::seconds>(idle_timeout).count() - 1;
  if (told < 1)
    return {};
  return "\r\nConnection: keep-alive\r\nKeep-Alive: timeout=" + std::to_string(told);
}

/// A bijection that makes neighbouring numbers look unlike (SplitMix64's last step).
std::uint64_t scattered(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

} // namespace

void connection_count::add(bool refused) {
  (refused ? refused_ : served_).fetch_add(1);
  if (refused)
    return turned_away();
  if (shown_ == nullptr)
    return;
  shown_->open.fetch_add(1, std::memory_order_relaxed);
  shown_->opened.fetch_add(1, std::memory_order_relaxed);
}

void connection_count::turned_away() {
  if (shown_ != nullptr)
    shown_->refused.fetch_add(1, std::memory_order_relaxed);
}

void connection_count::remove(bool refused) {
  (refused ? refused_ : served_).fetch_sub(1);
  if (shown_ != nullptr && !refused)
    shown_->open.fetch_sub(1, std::memory_order_relaxed);
  if (all() == 0) {
    const std::lock_guard lock{guard_};
    none_.notify_all();
  }
}

int connection_count::wait_for_none(steady_instant deadline) {
  std::unique_lock lock{guard_};
  none_.wait_until(lock, deadline, [this] { return all() == 0; });
  return all();
}

io_thread::io_thread(caf::actor_system& system, gateway::options limits,
                     const session_options& options, std::span<const route> routes,
                     connection_count& connections)
    : work_(asio::make_work_guard(context_)), options_(options), routes_(routes),
      connections_(connections),
      gateway_(
          system, limits, [this] { asio::post(context_, [this] { gateway_.drain(); }); },
          [this] { asio::post(context_, [this] { gateway_.flush(); }); }),
      ticker_(context_), tick_(tick_for(options, limits)),
      keep_alive_(keep_alive_fields(options.idle_timeout)), next_request_(random_number()),
      requests_log_(options.request_lines, random_number()) {}

io_thread::~io_thread() {
  stop();
}

void io_thread::start(const std::string& name) {
  thread_ = std::thread([this] { context_.run(); });
  pthread_setname_np(thread_.native_handle(), name.c_str());
}

void io_thread::connect(const actors::entrance& to) {
  asio::post(context_, [this, to] { gateway_.connect(to); });
}

void io_thread::adopt(stream_socket socket, bool refuse) {
  asio::post(context_, [this, socket = std::move(socket), refuse]() mutable {
    arm();
    const auto at = sessions_.emplace(sessions_.end(), *this, std::move(socket), refuse);
    at->start(at);
  });
}

void io_thread::forget(std::list<session>::iterator ended) {
  const bool refused = ended->refuses();
  sessions_.erase(ended);
  connections_.remove(refused);
}

bool io_thread::make_room() {
  session* longest = nullptr;
  steady_instant since = steady_instant::max();
  for (session& each : sessions_) {
    const auto spare = each.spare_since();
    if (spare && *spare < since) {
      longest = &each;
      since = *spare;
    }
  }
  if (longest != nullptr)
    longest->cut();
  return longest != nullptr;
}

void io_thread::refuse_work() {
  asio::post(context_, [this] { gateway_.close(actors::no_outcome::shutting_down); });
}

void io_thread::leave() {
  asio::post(context_, [this] { leaving_ = true; });
}

void io_thread::drain() {
  asio::post(context_, [this] {
    leaving_ = draining_ = true;
    for (session& each : sessions_)
      each.drain();
  });
}

void io_thread::stop() {
  if (!thread_.joinable())
    return;
  asio::post(context_, [this] {
    leaving_ = draining_ = true;
    gateway_.close(actors::no_outcome::shutting_down);
    for (session& each : sessions_)
      each.cut();
    gateway_.abandon(); // these answer once more, where the socket takes it at once
    for (session& each : sessions_)
      each.cut();
    ticker_.cancel();
    work_.reset(); // the loop ends when the sessions have
  });
  thread_.join();
}

void io_thread::arm() {
  if (std::exchange(armed_, true))
    return;
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (now != date_of_) {
    date_of_ = now;
    date_ = net::http_date(now);
  }
  ticker_.expires_after(tick_);
  ticker_.async_wait([this](boost::system::error_code ec) {
    armed_ = false;
    if (!ec)
      tick();
  });
}

void io_thread::tick() {
  const auto now = std::chrono::steady_clock::now();
  for (session& each : sessions_)
    each.check_deadline(now);
  gateway_.expire(now);
  if (!sessions_.empty())
    arm();
}

void io_thread::append_request_id(std::string& out) {
  static constexpr std::string_view hex = "0123456789abcdef";
  std::uint64_t number = scattered(next_request_++);
  char digits[16];
  for (char& digit : digits) {
    digit = hex[number & 15];
    number >>= 4;
  }
  out.append(digits, sizeof digits);
}

} // namespace paymentd::http
