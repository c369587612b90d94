#include "providers/nats/nats_provider.hpp"

#include "cloudevents/event_json.hpp"
#include "net/http_client.hpp"
#include "providers/http_provider.hpp"
#include "providers/nats/connection.hpp"
#include "providers/nats/puback.hpp"
#include "providers/traceparent.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

namespace paymentd::nats {
namespace {

using providers::call;
using providers::call_result;
using providers::failure;
using providers::failure_class;
using providers::never_sent;
using clock = std::chrono::steady_clock;

/// Tries to connect that may be left behind at once, since libnats has no bound for a TLS
/// handshake.
constexpr int tries_max = 4;
/// A stop waits for a connection that tells its last answer for so long.
constexpr std::chrono::seconds ending_max{5};

/// A call that has no result yet.
struct open_call {
  std::function<void(call_result)> done;
  clock::time_point until;
  call what;                    // until it is published
  std::uint64_t connection = 0; // the one that it was published on; 0: none yet
};

/// A try to connect, on a thread of its own.
struct connecting {
  std::uint64_t number = 0; // of the connection that it is to become
  clock::time_point until;  // it is left behind then
  bool ended = false;
  std::expected<std::unique_ptr<connection>, std::string> made = std::unexpected(std::string());
};

/// Calls with their results; told once the lock is free.
using told_calls = std::vector<std::pair<open_call, failure>>;

void tell(told_calls all) {
  for (auto& [one, why] : all)
    one.done(std::unexpected(std::move(why)));
}

/// Publishes calls and gives each its result. It outlives the provider where a connection or a try
/// to connect, which hold it, do.
class publisher : public std::enable_shared_from_this<publisher> {
 public:
  explicit publisher(nats_options options) : options_(std::move(options)) {}

  void send(call what, std::function<void(call_result)> done) {
    {
      const std::lock_guard lock(mutex_);
      if (!stopped_ && open_.size() < options_.in_flight_max) {
        const std::uint64_t number = ++calls_;
        open_.emplace(number, open_call{.done = std::move(done),
                                        .until = clock::now() + options_.timeout,
                                        .what = std::move(what)});
        unsent_.push_back(number);
        changed_.notify_all();
        return;
      }
    }
    done(never_sent(stopped() ? "stopped" : "more calls at once than max_in_flight"));
  }

  /// The life of its thread: until `stop`.
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      if (expire(lock) || take_connection(lock) || drop_lost_connection(lock))
        continue;
      if (!unsent_.empty() && connection_ != nullptr) {
        publish(lock);
        continue;
      }
      if (!unsent_.empty() && !trying_ && !connect(lock))
        continue;
      if (open_.empty()) {
        changed_.wait(lock);
      } else {
        const auto until = open_.begin()->second.until; // the call may end meanwhile
        changed_.wait_until(lock, until);
      }
    }
    auto last = std::move(connection_);
    lock.unlock();
    last.reset();
  }

  void stop() {
    told_calls left;
    std::shared_ptr<connecting> trying; // it may hold a connection, which takes time to close
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      for (auto& [number, one] : std::exchange(open_, {}))
        left.emplace_back(std::move(one),
                          failure{.kind = failure_class::unknown, .reason = "stopped"});
      unsent_.clear();
      trying.swap(trying_);
      changed_.notify_all();
    }
    tell(std::move(left));
  }

  /// After `stop` and the end of the thread: no result is being told any more.
  void wait_for_end() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, ending_max, [this] { return living_ == 0; });
  }

 private:
  bool stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }

  // ---- on its thread; each gives whether it let go of the lock, so that all may have changed ----

  bool expire(std::unique_lock<std::mutex>& lock) {
    const auto now = clock::now();
    std::vector<open_call> late;
    while (!open_.empty() && open_.begin()->second.until <= now) // numbers and times grow together
      late.push_back(std::move(open_.extract(open_.begin()).mapped()));
    while (!unsent_.empty() && !open_.contains(unsent_.front()))
      unsent_.pop_front();
    if (late.empty())
      return false;
    lock.unlock();
    const std::string said = connection_ == nullptr ? std::string() : connection_->trouble();
    for (open_call& one : late)
      one.done(one.connection == 0 ? never_sent("no connection to NATS in time")
                                   : std::unexpected(no_puback(said)));
    lock.lock();
    return true;
  }

  /// Takes what became of the try to connect, or leaves it behind.
  bool take_connection(std::unique_lock<std::mutex>& lock) {
    if (!trying_)
      return false;
    if (!trying_->ended && clock::now() < trying_->until)
      return false;
    const auto ended = std::exchange(trying_, nullptr);
    if (!ended->ended)
      return false;
    if (ended->made) {
      connection_ = *std::move(ended->made);
      connection_number_ = ended->number;
      return false;
    }
    fail_unsent(lock, "NATS: " + ended->made.error());
    return true;
  }

  bool drop_lost_connection(std::unique_lock<std::mutex>& lock) {
    if (connection_ == nullptr || connection_number_ > lost_)
      return false;
    auto lost = std::move(connection_);
    lock.unlock();
    lost.reset();
    lock.lock();
    return true;
  }

  /// Begins a try to connect, and keeps the lock. Gives false where that is not possible, after
  /// failing what waits.
  bool connect(std::unique_lock<std::mutex>& lock) {
    if (tries_ >= tries_max) {
      fail_unsent(lock, "NATS: earlier tries to connect have not ended yet");
      return false;
    }
    auto mine = std::make_shared<connecting>();
    mine->number = ++connections_;
    mine->until = clock::now() + 2 * options_.timeout;
    ++tries_;
    try {
      std::thread([self = shared_from_this(), mine] { self->try_to_connect(mine); }).detach();
    } catch (const std::system_error&) {
      --tries_;
      fail_unsent(lock, "NATS: no thread to connect on");
      return false;
    }
    trying_ = std::move(mine);
    return true;
  }

  void publish(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t number = unsent_.front();
    unsent_.pop_front();
    const auto found = open_.find(number);
    if (found == open_.end())
      return;
    found->second.connection = connection_number_;
    const call what = std::move(found->second.what);
    lock.unlock();
    const providers::recipient& to = what.recipients.front();
    const auto written = connection_->publish(number, to.delivery_id,
                                              cloudevents::event_json(to.event, what.instance),
                                              providers::new_traceparent(what.recipients));
    lock.lock();
    if (written)
      return;
    if (!written.error().never_written)
      lost_ = std::max(lost_, connection_number_); // part of a message may be on the wire
    auto failed = open_.extract(number);
    if (failed.empty())
      return;
    lock.unlock();
    failed.mapped().done(std::unexpected(written.error()));
    lock.lock();
  }

  void fail_unsent(std::unique_lock<std::mutex>& lock, const std::string& why) {
    told_calls failed;
    for (const std::uint64_t each : std::exchange(unsent_, {}))
      if (auto one = open_.extract(each); !one.empty())
        failed.emplace_back(std::move(one.mapped()), never_sent(why).error());
    lock.unlock();
    tell(std::move(failed));
    lock.lock();
  }

  // ---- on the thread of a try ----

  void try_to_connect(const std::shared_ptr<connecting>& mine) {
    auto made = connection::open(
        options_,
        {.answered =
             [self = shared_from_this()](std::uint64_t number, std::string_view answer,
                                         bool nobody) { self->answered(number, answer, nobody); },
         .ended = [self = shared_from_this(), number = mine->number] { self->ended(number); }});
    {
      const std::lock_guard lock(mutex_);
      --tries_;
      if (made)
        ++living_;
      if (trying_ == mine) {
        mine->made = std::move(made);
        mine->ended = true;
      }
      changed_.notify_all();
    }
    // Where nobody waits for it any more, it is closed here.
  }

  // ---- on a thread of libnats ----

  void answered(std::uint64_t number, std::string_view answer, bool nobody) {
    std::unique_lock lock(mutex_);
    auto one = open_.extract(number);
    lock.unlock();
    if (one.empty()) // it came too late
      return;
    one.mapped().done(nobody ? call_result(std::unexpected(no_stream()))
                             : puback_result(answer, options_.stream));
  }

  void ended(std::uint64_t number) {
    told_calls failed;
    {
      const std::lock_guard lock(mutex_);
      lost_ = std::max(lost_, number);
      for (auto at = open_.begin(); at != open_.end();) {
        const auto one = at++;
        if (one->second.connection == number)
          failed.emplace_back(std::move(open_.extract(one).mapped()), connection_lost(""));
      }
    }
    tell(std::move(failed));
    const std::lock_guard lock(mutex_);
    --living_;
    changed_.notify_all();
  }

  const nats_options options_;
  std::mutex mutex_; // of all that follows, but that only its own thread changes `connection_`
  std::condition_variable changed_;
  std::map<std::uint64_t, open_call> open_; // by number
  std::deque<std::uint64_t> unsent_;        // of them, in order; some may have expired
  std::uint64_t calls_ = 0;
  std::unique_ptr<connection> connection_;
  std::uint64_t connection_number_ = 0;
  std::uint64_t connections_ = 0; // so many were tried
  std::uint64_t lost_ = 0;        // connections up to this number are out of order
  std::shared_ptr<connecting> trying_;
  int tries_ = 0;  // that have not ended, those left behind among them
  int living_ = 0; // connections that have not told their end
  bool stopped_ = false;
};

class nats_provider final : public providers::provider {
 public:
  explicit nats_provider(nats_options options)
      : publisher_(std::make_shared<publisher>(std::move(options))),
        thread_([of = publisher_] { of->run(); }) {}
  ~nats_provider() override { stop(); }

  std::string_view name() const override { return "nats"; }

  void send(call what, std::function<void(call_result)> done) override {
    if (what.recipients.size() != 1)
      return done(never_sent("a call of " + std::to_string(what.recipients.size()) +
                             " events; it must be 1"));
    publisher_->send(std::move(what), std::move(done));
  }

  void search(call, std::function<void(providers::search_result)> done) override {
    done(never_sent("JetStream cannot be asked by id"));
  }
  bool can_search() const override { return false; }
  std::chrono::milliseconds key_window() const override { return {}; }
  std::size_t recipients_max() const override { return 1; }

  void stop() override {
    const std::lock_guard lock(stopping_);
    publisher_->stop();
    if (!thread_.joinable())
      return;
    thread_.join();
    publisher_->wait_for_end();
  }

 private:
  const std::shared_ptr<publisher> publisher_;
  std::mutex stopping_;
  std::thread thread_;
};

std::string wrong_credentials(const std::string& path) {
  if (path.empty())
    return {};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return "cannot read " + path;
  const bool whole = text.view().find("BEGIN NATS USER JWT") != std::string_view::npos &&
                     text.view().find("BEGIN USER NKEY SEED") != std::string_view::npos;
  return whole ? std::string() : path + " has no user JWT with its key's seed";
}

} // namespace

std::expected<std::unique_ptr<providers::provider>, std::string>
make_nats_provider(nats_options options) {
  if (options.urls.empty())
    return std::unexpected("urls is empty");
  if (options.stream.empty() || options.subject.empty())
    return std::unexpected(options.stream.empty() ? "stream is empty" : "subject is empty");
  if (options.in_flight_max == 0 || options.timeout <= std::chrono::milliseconds{0})
    return std::unexpected("max_in_flight and timeout must be above 0");
  if (std::string wrong = wrong_credentials(options.credentials_file); !wrong.empty())
    return std::unexpected("credentials_file: " + std::move(wrong));
  if (std::string wrong = net::wrong_ca_file(options.ca_file); !wrong.empty())
    return std::unexpected("ca_file: " + std::move(wrong));
  return std::make_unique<nats_provider>(std::move(options));
}

} // namespace paymentd::nats
