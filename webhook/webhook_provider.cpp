#include "webhook/webhook_provider.hpp"

#include "alimtalk/http_client.hpp"
#include "alimtalk/origin.hpp"
#include "webhook/event_json.hpp"
#include "webhook/outcome.hpp"
#include "webhook/signature.hpp"

#include <algorithm>
#include <atomic>
#include <optional>

namespace paymentd::webhook {
namespace {

using alimtalk::call;
using alimtalk::call_result;
using alimtalk::failure;
using alimtalk::failure_class;
using alimtalk::http_client;
using alimtalk::http_result;
using alimtalk::recipient_result;

/// What precedes the path of a URL, and the path with its query.
struct split_url {
  std::string origin;
  std::string target;
};

split_url split(std::string_view url) {
  constexpr std::string_view separator = "://";
  const std::size_t scheme = url.find(separator);
  const std::size_t host = scheme == url.npos ? 0 : scheme + separator.size();
  const std::size_t path = std::min(url.find_first_of("/?", host), url.size());
  std::string target(url.substr(path));
  if (!target.starts_with('/'))
    target.insert(target.begin(), '/');
  return {.origin = std::string(url.substr(0, path)), .target = std::move(target)};
}

class webhook_provider final : public alimtalk::provider {
 public:
  webhook_provider(webhook_options options, std::vector<std::string> keys, std::string target,
                   std::unique_ptr<http_client> client)
      : options_(std::move(options)), keys_(std::move(keys)), target_(std::move(target)),
        client_(std::move(client)) {}

  void send(call what, std::function<void(call_result)> done) override {
    const std::size_t events = what.recipients.size();
    if (events == 0 || events > options_.recipients_max)
      return done(never_sent("a call of " + std::to_string(events) + " events; it must be 1 to " +
                             std::to_string(options_.recipients_max)));
    if (stopped_)
      return done(never_sent("stopped"));
    auto round = std::make_shared<sending>();
    round->done = std::move(done);
    round->results.resize(events);
    round->open = events;
    for (std::size_t i = 0; i < events; ++i)
      client_->request(request_of(what.recipients[i]), [this, round, i](http_result answer) {
        round->results[i] = result_of(std::move(answer));
        if (--round->open == 0)
          finish(*round);
      });
  }

  void find(call, std::function<void(alimtalk::find_result)> done) override {
    done(never_sent("a webhook cannot be asked by key"));
  }

  bool can_find() const override { return false; }
  std::chrono::milliseconds key_window() const override { return {}; }
  std::size_t recipients_max() const override { return options_.recipients_max; }
  void stop() override {
    stopped_ = true;
    client_->stop();
  }

 private:
  struct sending {
    std::function<void(call_result)> done;
    std::vector<recipient_result> results; // each written by its own POST's end
    std::atomic<std::size_t> open = 0;     // POSTs; the last to end reads all results
  };

  alimtalk::http_request request_of(const alimtalk::recipient& to) const {
    const auto now = std::chrono::floor<std::chrono::seconds>(options_.now());
    std::string body = event_json(to.event);
    return {.method = "POST",
            .target = target_,
            .headers = {{"Content-Type", event_media_type},
                        {"webhook-id", to.delivery_id},
                        {"webhook-timestamp", std::to_string(now.time_since_epoch().count())},
                        {"webhook-signature", signature(keys_, to.delivery_id, now, body)}},
            .body = std::move(body)};
  }

  void finish(sending& round) {
    const bool any_success = std::ranges::any_of(
        round.results, [](const recipient_result& each) { return each.has_value(); });
    const std::uint64_t failed_before =
        any_success ? failed_calls_.exchange(0) : failed_calls_.fetch_add(1);
    round.done(call_result_of(std::move(round.results), failed_before));
  }

  static std::unexpected<failure> never_sent(std::string reason) {
    return std::unexpected(
        failure{.kind = failure_class::outage, .reason = std::move(reason), .never_written = true});
  }

  const webhook_options options_;
  const std::vector<std::string> keys_;
  const std::string target_;
  std::atomic<std::uint64_t> failed_calls_ = 0; // wholly, since the last success
  std::atomic<bool> stopped_ = false;
  const std::unique_ptr<http_client> client_; // the last member: its callbacks use the others
};

std::string wrong_bound(const webhook_options& options) {
  if (options.recipients_max == 0 || options.connections_max < options.recipients_max)
    return "max_in_flight must be at least the events of a call";
  if (options.timeout <= std::chrono::milliseconds{0})
    return "timeout must be above 0";
  if (options.secrets.empty())
    return "secret is empty";
  return {};
}

} // namespace

std::expected<std::unique_ptr<alimtalk::provider>, std::string>
make_webhook_provider(webhook_options options) {
  if (std::string wrong = wrong_bound(options); !wrong.empty())
    return std::unexpected(std::move(wrong));
  std::vector<std::string> keys;
  for (const std::string& secret : options.secrets) {
    auto key = key_of(secret);
    if (!key)
      return std::unexpected((keys.empty() ? "secret: " : "old_secret: ") + std::move(key).error());
    keys.push_back(*std::move(key));
  }
  split_url url = split(options.url);
  if (!alimtalk::safe_in_header(url.target) || url.target.find_first_of(" #") != std::string::npos)
    return std::unexpected("url: a path has no spaces, control characters and #");
  if (!options.now)
    options.now = [] {
      return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    };
  alimtalk::http_client_options http;
  http.origin = std::move(url.origin);
  http.timeout = options.timeout;
  http.connect_timeout = std::min(http.connect_timeout, options.timeout);
  http.connections_max = options.connections_max;
  http.response_bytes_max = options.response_bytes_max;
  http.ca_file = options.ca_file;
  http.public_only = !options.allow_private_network;
  auto client = http_client::create(std::move(http));
  if (!client)
    return std::unexpected("url: " + std::move(client).error());
  return std::make_unique<webhook_provider>(std::move(options), std::move(keys),
                                            std::move(url.target), *std::move(client));
}

} // namespace paymentd::webhook
