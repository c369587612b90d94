#include "net/http_client.hpp"

#include "net/http_connection.hpp"
#include "net/json_text.hpp"
#include "net/utc_text.hpp"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <limits>

#include <algorithm>
#include <charconv>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_set>

namespace paymentd::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

http_error refused(http_error::kind what, std::string reason) {
  return {.what = what, .written = false, .reason = std::move(reason)};
}

/// The request's line and headers; nothing where it is no request that may be written.
std::optional<std::string> head_of(const http_request& what, const origin& to) {
  bool safe = safe_in_header(what.method) && safe_in_header(what.target) &&
              what.target.starts_with('/') && what.target.find(' ') == std::string::npos;
  std::string head = what.method + " " + what.target + " HTTP/1.1\r\nHost: " + to.authority +
                     "\r\nUser-Agent: paymentd\r\n";
  for (const auto& [name, value] : what.headers) {
    safe = safe && safe_in_header(name) && safe_in_header(value);
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!what.body.empty() || what.method != "GET") {
    head.append("Content-Length: ");
    append_number(head, what.body.size());
    head.append("\r\n");
  }
  if (!safe)
    return std::nullopt;
  return head.append("\r\n");
}

/// TLS 1.2 or later, and a certificate that the system's store or `ca_file` vouches for. An error
/// is one line; empty where all is well. Reading the system's store takes some 50 ms.
std::string set_up_tls(asio::ssl::context& tls, const std::string& ca_file) {
  error_code error;
  tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
  if (!error)
    tls.set_verify_mode(asio::ssl::verify_peer, error);
  if (!error)
    tls.set_default_verify_paths(error);
  if (error)
    return "TLS cannot be set up: " + error.message();
  if (!ca_file.empty() && tls.load_verify_file(ca_file, error))
    return "cannot read certificates from " + ca_file + ": " + error.message();
  return {};
}

} // namespace

class http_client::impl final : public http_connection::owner {
 public:
  impl(http_client_options options, origin to, asio::ssl::context tls)
      : options_(std::move(options)), to_(std::move(to)), tls_(std::move(tls)), resolver_(io_),
        work_(asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}

  ~impl() { stop(); }

  void request(http_request what, std::function<void(http_result)> answered) {
    // Its callbacks end before it does.
    auto done = [this, answered = std::move(answered)](http_result result) {
      if (result && result->date)
        note_date(*result->date);
      answered(std::move(result));
    };
    {
      const std::lock_guard lock(mutex_);
      if (!stopped_) {
        auto exchange = std::make_shared<http_exchange>(io_, std::move(what), done);
        asio::post(io_, [this, exchange = std::move(exchange)] { begin(exchange); });
        return;
      }
    }
    done(std::unexpected(refused(http_error::kind::stopped, "the client is stopped")));
  }

  std::optional<std::chrono::milliseconds> server_ahead() const {
    const std::int64_t ahead = ahead_ms_;
    return ahead == not_known ? std::nullopt : std::optional(std::chrono::milliseconds{ahead});
  }

  void stop() {
    const std::lock_guard joining(join_mutex_);
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(stopped_, true))
        asio::post(io_, [this] { end(); });
    }
    if (thread_.joinable())
      thread_.join();
  }

  void resolve(std::weak_ptr<http_connection> who) override {
    resolving_.push_back(std::move(who));
    if (resolving_.size() > 1)
      return; // one look-up serves all who wait: they want the same host
    resolver_.async_resolve(to_.host, to_.port,
                            [this](error_code error, tcp::resolver::results_type found) {
                              for (const auto& waiting : std::exchange(resolving_, {}))
                                if (const auto connection = waiting.lock())
                                  connection->resolved(error, found);
                            });
  }

  void finished(std::shared_ptr<http_connection> who, std::shared_ptr<http_exchange> over,
                http_result result, bool reusable) override {
    if (reusable && !stopping_)
      idle_.push_back(who);
    else
      open_.erase(who);
    over->on = nullptr;
    answer(*over, std::move(result));
    dispatch();
  }

  void found_dead(std::shared_ptr<http_connection> who,
                  std::shared_ptr<http_exchange> again) override {
    open_.erase(who);
    again->on = nullptr;
    waiting_.push_front(std::move(again));
    dispatch();
  }

 private:
  static constexpr std::int64_t not_known = std::numeric_limits<std::int64_t>::min();

  void note_date(std::chrono::sys_seconds date) {
    using std::chrono::milliseconds;
    const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    ahead_ms_ = (date + milliseconds{500} - now).count(); // a date is cut to the second
  }

  std::atomic<std::int64_t> ahead_ms_{not_known};
  void begin(const std::shared_ptr<http_exchange>& exchange) {
    std::optional<std::string> head = head_of(exchange->what, to_);
    if (stopping_)
      return answer(*exchange, std::unexpected(refused(http_error::kind::stopped, "stopped")));
    if (!head)
      return answer(*exchange, std::unexpected(refused(http_error::kind::refused,
                                                       "a request with control characters")));
    if (waiting_.size() >= options_.waiting_max)
      return answer(*exchange,
                    std::unexpected(refused(http_error::kind::refused, "too many requests wait")));
    exchange->head = *std::move(head);
    exchange->deadline.expires_after(options_.timeout);
    exchange->deadline.async_wait([this, weak = std::weak_ptr(exchange)](error_code error) {
      if (const auto late = weak.lock(); late && !error)
        time_is_up(late);
    });
    waiting_.push_back(exchange);
    dispatch();
  }

  /// Gives waiting exchanges to idle or new connections, as far as there are any.
  void dispatch() {
    while (!waiting_.empty() && !stopping_) {
      std::shared_ptr<http_connection> connection = take_idle();
      if (!connection) {
        if (open_.size() >= options_.connections_max)
          return;
        connection = std::make_shared<http_connection>(io_, tls_, *this, to_, options_);
        open_.insert(connection);
      }
      const std::shared_ptr<http_exchange> next = std::move(waiting_.front());
      waiting_.pop_front();
      connection->run(next);
    }
  }

  /// The connection that was used last, so that the others may grow old and go.
  std::shared_ptr<http_connection> take_idle() {
    while (!idle_.empty()) {
      std::shared_ptr<http_connection> newest = std::move(idle_.back());
      idle_.pop_back();
      if (newest->usable())
        return newest;
      newest->close();
      open_.erase(newest);
    }
    return nullptr;
  }

  void time_is_up(const std::shared_ptr<http_exchange>& late) {
    if (late->on) {
      const std::shared_ptr<http_connection> on = late->on;
      return on->connected()
                 ? on->fail(http_error::kind::too_slow, "no answer within the time")
                 : on->fail(http_error::kind::not_connected, "connecting took too long");
    }
    if (std::erase(waiting_, late) != 0)
      answer(*late, std::unexpected(refused(http_error::kind::too_slow,
                                            "no connection was free within the time")));
  }

  static void answer(http_exchange& over, http_result result) {
    over.deadline.cancel();
    std::exchange(over.done, nullptr)(std::move(result));
  }

  void end() {
    stopping_ = true;
    resolver_.cancel();
    for (const auto& waiting : std::exchange(waiting_, {}))
      answer(*waiting, std::unexpected(refused(http_error::kind::stopped, "stopped")));
    for (const auto& idle : std::exchange(idle_, {})) {
      idle->close();
      open_.erase(idle);
    }
    for (const auto& busy : std::exchange(open_, {}))
      busy->fail(http_error::kind::stopped, "stopped");
    work_.reset();
  }

  const http_client_options options_;
  const origin to_;
  asio::ssl::context tls_;
  asio::io_context io_{1};
  tcp::resolver resolver_;
  std::vector<std::weak_ptr<http_connection>> resolving_;
  std::deque<std::shared_ptr<http_exchange>> waiting_;
  std::vector<std::shared_ptr<http_connection>> idle_;        // all of them in open_ too
  std::unordered_set<std::shared_ptr<http_connection>> open_; // at most connections_max
  bool stopping_ = false;                                     // on the client's thread
  std::mutex mutex_;                                          // guards stopped_
  bool stopped_ = false;
  std::mutex join_mutex_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::jthread thread_;
};

std::expected<std::unique_ptr<http_client>, std::string>
http_client::create(http_client_options options) {
  std::expected<origin, std::string> to = parse_origin(options.origin);
  if (!to)
    return std::unexpected(std::move(to).error());
  asio::ssl::context tls(asio::ssl::context::tls_client);
  if (to->tls)
    if (std::string wrong = set_up_tls(tls, options.ca_file); !wrong.empty())
      return std::unexpected(std::move(wrong));
  return std::unique_ptr<http_client>(
      new http_client(std::make_unique<impl>(std::move(options), *std::move(to), std::move(tls))));
}

http_client::http_client(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
http_client::~http_client() = default;

void http_client::request(http_request what, std::function<void(http_result)> done) {
  impl_->request(std::move(what), std::move(done));
}

std::optional<std::chrono::milliseconds> http_client::server_ahead() const {
  return impl_->server_ahead();
}

void http_client::stop() {
  impl_->stop();
}

std::string wrong_ca_file(const std::string& path) {
  if (path.empty())
    return {};
  error_code error;
  asio::ssl::context(asio::ssl::context::tls_client).load_verify_file(path, error);
  return error ? "cannot read certificates from " + path + ": " + error.message() : std::string();
}

std::optional<std::chrono::seconds>
parse_retry_after(std::string_view value, std::chrono::sys_time<std::chrono::milliseconds> now) {
  constexpr std::chrono::seconds longest = std::chrono::hours{24};
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc{} && end == value.data() + value.size())
    return std::min(longest, std::chrono::seconds{number});
  if (error == std::errc::result_out_of_range)
    return longest;
  const auto at = parse_http_date(value);
  if (!at)
    return std::nullopt;
  return std::clamp(std::chrono::ceil<std::chrono::seconds>(*at - now), std::chrono::seconds{0},
                    longest);
}

} // namespace paymentd::net
