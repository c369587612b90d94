#include "http/events/event_hub.hpp"

#include "http/io_thread.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace paymentd::http {

namespace asio = boost::asio;

namespace {

/// Payments go first where there is too little processor for both (setpriority(2)).
constexpr int nice_value = 10;

/// Events that are read and handed out together.
constexpr int chunk_events_max = 500;
/// Events of a page for one client that is behind; pages that are read at once, and pages that are
/// in memory because their clients have not taken them yet.
constexpr int page_events_max = 250;
constexpr int page_reads_max = 2;
constexpr int pages_held_max = 64;

/// Between two chunks where more is there at once: so they are large where there is much.
constexpr std::chrono::milliseconds chunk_interval{10};
/// After a page could not be read.
constexpr std::chrono::milliseconds failure_pause{500};
constexpr std::chrono::milliseconds tick{50};
/// After a pause so much of a second's share may be sent at once.
constexpr std::chrono::milliseconds budget_time{100};
/// Time-outs, heartbeats and keys are looked at so often.
constexpr std::chrono::milliseconds check_interval{250};

constexpr std::size_t in_flight_max = 1 + page_reads_max;

} // namespace

/// Waits for a time; shorter where the hub ends.
struct event_hub::pausing {
  event_hub& of;
  std::chrono::milliseconds time;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    of.pause_.expires_after(time);
    of.pause_.async_wait([self](boost::system::error_code) { self.resume(); });
  }
  void await_resume() const noexcept {}
};

event_hub::event_hub(caf::actor_system& system, const event_options& options,
                     connection_count& connections, const key_ring* keys)
    : work_(asio::make_work_guard(context_)), options_(options), connections_(connections),
      keys_(keys), gateway_(
                       system, {options.request_timeout, in_flight_max},
                       [this] { asio::post(context_, [this] { gateway_.drain(); }); },
                       [this] { asio::post(context_, [this] { gateway_.flush(); }); }),
      counters_(options.counters != nullptr ? *options.counters : own_counters_),
      ring_(options.ring_bytes), ticker_(context_), pause_(context_) {}

event_hub::~event_hub() {
  stop();
}

void event_hub::start() {
  thread_ = std::thread([this] {
    // Of this thread alone, on Linux. Without the right to it things go on as they are.
    static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice_value));
    context_.run();
  });
  pthread_setname_np(thread_.native_handle(), "http-events");
}

void event_hub::connect(const actors::entrance& to) {
  asio::post(context_, [this, to] { gateway_.connect(to); });
}

bool event_hub::enter() {
  if (admitted_.fetch_add(1) < options_.clients_max)
    return true;
  admitted_.fetch_sub(1);
  counters_.refused.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void event_hub::leave() {
  admitted_.fetch_sub(1);
}

void event_hub::adopt(event_reader reader) {
  asio::post(context_, [this, reader = std::move(reader)]() mutable {
    const auto made = std::make_shared<event_client>(*this, std::move(reader));
    clients_.push_back(made);
    counters_.clients.fetch_add(1, std::memory_order_relaxed);
    if (draining_)
      return made->end();
    begin_to_follow();
    made->start();
  });
}

void event_hub::forget(const std::shared_ptr<event_client>& ended, bool cut_off) {
  std::erase(clients_, ended);
  if (std::exchange(ended->holds_page, false))
    page_done();
  counters_.clients.fetch_sub(1, std::memory_order_relaxed);
  if (cut_off)
    counters_.cut_off.fetch_add(1, std::memory_order_relaxed);
  leave();
  connections_.remove(false);
}

void event_hub::end_all() {
  draining_ = true;
  while (!clients_.empty())
    clients_.back()->end();
  writers_.clear();
  behind_.clear();
  pause_.cancel();
  ticker_.cancel();
}

void event_hub::drain() {
  asio::post(context_, [this] { end_all(); });
}

void event_hub::stop() {
  if (!thread_.joinable())
    return;
  asio::post(context_, [this] {
    end_all();
    gateway_.close(actors::no_outcome::shutting_down);
    gateway_.abandon(); // who waits finds that there is no client
    work_.reset();
  });
  thread_.join();
}

// ---- sending ------------------------------------------------------------------------------------

void event_hub::spend(std::size_t bytes) {
  budget_ -= static_cast<std::int64_t>(bytes);
  counters_.bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void event_hub::queue_to_write(const std::shared_ptr<event_client>& to) {
  if (to->over() || !to->has_room() || std::exchange(to->queued, true))
    return;
  writers_.push_back(to);
  if (may_send() && !std::exchange(writers_due_, true))
    asio::post(context_, [this] { run_writers(); });
}

void event_hub::run_writers() {
  writers_due_ = false;
  // As many as there are now: other work of the loop comes between.
  for (std::size_t left = writers_.size(); left > 0 && may_send() && !writers_.empty(); --left) {
    const auto next = std::move(writers_.front());
    writers_.pop_front();
    next->queued = false;
    try {
      next->write_more();
    } catch (const std::exception& error) {
      spdlog::warn("a client that follows the events is cut off: {}", error.what());
      next->end();
    }
  }
  if (may_send() && !writers_.empty() && !std::exchange(writers_due_, true))
    asio::post(context_, [this] { run_writers(); });
}

void event_hub::tick() {
  ticker_.expires_after(http::tick);
  ticker_.async_wait([this](boost::system::error_code ec) {
    ticking_ = !ec && !clients_.empty() && !draining_;
    if (!ticking_)
      return;
    const auto now = std::chrono::steady_clock::now();
    const auto passed = std::min<steady_instant::duration>(now - refilled_, budget_time);
    const auto share = [&](auto time) {
      return std::chrono::duration_cast<std::chrono::milliseconds>(time).count() *
             options_.bytes_a_second / 1000;
    };
    budget_ = std::min(budget_ + share(passed), std::max<std::int64_t>(share(budget_time), 1));
    refilled_ = now;
    gateway_.expire(now);
    run_writers();
    start_reads();
    if (now - checked_ >= check_interval)
      check_clients(now);
    tick();
  });
}

void event_hub::check_clients(steady_instant now) {
  checked_ = now;
  const auto wall_now =
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto all = clients_; // some end meanwhile
  for (const auto& each : all) {
    const bool may = keys_ == nullptr || each->key() == nullptr ||
                     keys_->in_force(each->key()->key, scope::read, wall_now);
    if (may)
      each->check(now);
    else
      each->end();
  }
}

// ---- reading ------------------------------------------------------------------------------------

void event_hub::begin_to_follow() {
  if (!std::exchange(ticking_, true)) {
    refilled_ = checked_ = std::chrono::steady_clock::now();
    budget_ = std::max<std::int64_t>(1, options_.bytes_a_second / 10);
    tick();
  }
  if (!std::exchange(following_, true))
    follow();
}

/// Reads on while there are clients.
detached event_hub::follow() {
  try {
    while (!clients_.empty()) {
      bool soon = true;
      bool failed = false;
      if (may_read()) {
        list_events asked{.from = event_start::now, .to = std::nullopt, .limit = 0};
        if (ring_.head()) {
          asked.from = *ring_.head();
          asked.limit = chunk_events_max;
        }
        auto waiting = gateway_.look_up(asked);
        const auto reply = co_await waiting;
        soon = reply && take(std::get<event_page>(*reply));
        failed = !reply;
      }
      if (!failed) // otherwise nobody knows, and it is as late as it was
        counters_.late_since_ms.store(soon ? newest_.time_since_epoch().count() : 0,
                                      std::memory_order_relaxed);
      if (!draining_)
        co_await pausing{*this, soon ? chunk_interval : options_.poll_interval};
    }
  } catch (const std::exception& error) { // no memory: they come again
    spdlog::error("the clients that follow the events are cut off: {}", error.what());
    while (!clients_.empty())
      clients_.back()->end();
  }
  ring_.clear();
  newest_ = {};
  counters_.late_since_ms.store(0, std::memory_order_relaxed);
  following_ = false;
}

/// Nothing new while a client that has room could not be given what is there: so a bound on the
/// bytes a second delays the events of all and puts nobody behind.
bool event_hub::may_read() const {
  return std::ranges::none_of(writers_, [](const auto& each) { return each->lags(); });
}

/// Hands a page to all. Gives whether there is more.
bool event_hub::take(const event_page& page) {
  if (!ring_.head())
    ring_.begin(page.next);
  else if (page.next != *ring_.head())
    ring_.add(std::make_shared<const event_chunk>(page));
  else
    return false;
  if (!page.items.empty())
    newest_ = page.items.back().at;
  for (const auto& each : clients_)
    queue_to_write(each);
  return page.more;
}

void event_hub::read_for(const std::shared_ptr<event_client>& who) {
  if (std::exchange(who->wants_page, true))
    return;
  behind_.push_back(who);
  start_reads();
}

void event_hub::page_done() {
  --pages_held_;
  start_reads();
}

void event_hub::start_reads() {
  while (!draining_ && reads_ < page_reads_max && pages_held_ < pages_held_max &&
         !behind_.empty() && ring_.head() && std::chrono::steady_clock::now() >= no_reads_before_) {
    const auto next = std::move(behind_.front());
    behind_.pop_front();
    if (!next->over())
      read_page(next);
  }
}

/// Reads a page for a client, as far as the ring has come.
detached event_hub::read_page(std::shared_ptr<event_client> who) {
  ++reads_;
  ++pages_held_;
  who->holds_page = true;
  const event_kinds kinds = who->kinds();
  const list_events asked{.from = who->position(),
                          .to = ring_.head(),
                          .payments = kinds.payments,
                          .refunds = kinds.refunds,
                          .limit = page_events_max};
  auto waiting = gateway_.look_up(asked);
  const auto reply = co_await waiting;
  --reads_;
  if (reply && !who->over()) {
    try {
      who->take_page(std::get<event_page>(*reply));
    } catch (const std::exception& error) {
      spdlog::error("a client that follows the events is cut off: {}", error.what());
      who->end();
    }
  } else if (!who->over()) {
    who->holds_page = false;
    --pages_held_;
    behind_.push_back(who);
    no_reads_before_ = std::chrono::steady_clock::now() + failure_pause;
  }
  start_reads();
}

} // namespace paymentd::http
