#include "webhook/webhook_provider.hpp"

#include "net/http_client.hpp"
#include "net/origin.hpp"
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
using alimtalk::recipient_result;
using net::http_client;
using net::http_result;

/// So many different events may fail in a row before their receiver is held to be out of order: as
/// many as may then be stored one by one as failed. More may hang for a fault of their own and
/// still keep nobody waiting.
constexpr std::size_t suspects_max = 16;
/// Of an answer's body, which is read so that the connection can be used again.
constexpr std::size_t response_bytes_max = 64 * 1024;

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
                   std::unique_ptr<net::http_client> client)
      : options_(std::move(options)), keys_(std::move(keys)), target_(std::move(target)),
        health_(std::min(suspects_max, options_.connections_max)), client_(std::move(client)) {}

  std::string_view name() const override { return "webhook"; }

  void send(call what, std::function<void(call_result)> done) override {
    if (what.recipients.empty())
      return done(never_sent("a call of no events"));
    if (stopped_)
      return done(never_sent("stopped"));
    if (what.recipients.size() > 1)
      return send_all(what, std::move(done));
    const entry_id event = what.recipients.front().event.entry;
    client_->request(request_of(what, 0), [this, event, begun = health_.begun(),
                                           done = std::move(done)](net::http_result answer) {
      done(health_.ended(begun, event, result_of(std::move(answer))));
    });
  }

  void find(call, std::function<void(alimtalk::find_result)> done) override {
    done(never_sent("a webhook cannot be asked by key"));
  }

  bool can_find() const override { return false; }
  std::chrono::milliseconds key_window() const override { return {}; }
  std::size_t recipients_max() const override { return 1; }
  void stop() override {
    stopped_ = true;
    client_->stop();
  }

 private:
  /// A call that stands in the database since a release that made calls of several events.
  struct old_call {
    std::function<void(call_result)> done;
    std::vector<recipient_result> results; // each written by the end of its own POST
    std::atomic<std::size_t> open = 0;     // POSTs; the last to end reads all results
  };

  void send_all(const call& what, std::function<void(call_result)> done) {
    const auto all = std::make_shared<old_call>();
    all->done = std::move(done);
    all->results.resize(what.recipients.size());
    all->open = what.recipients.size();
    for (std::size_t i = 0; i < what.recipients.size(); ++i)
      client_->request(request_of(what, i), [all, i](net::http_result answer) {
        all->results[i] = result_of(std::move(answer));
        if (--all->open == 0)
          all->done(std::move(all->results));
      });
  }

  net::http_request request_of(const call& what, std::size_t event) const {
    const alimtalk::recipient& to = what.recipients[event];
    const auto now = std::chrono::floor<std::chrono::seconds>(options_.now());
    std::string body = event_json(to.event, what.instance);
    return {.method = "POST",
            .target = target_,
            .headers = {{"Content-Type", options_.content_type},
                        {"webhook-id", to.delivery_id},
                        {"webhook-timestamp", std::to_string(now.time_since_epoch().count())},
                        {"webhook-signature", signature(keys_, to.delivery_id, now, body)}},
            .body = std::move(body),
            .status_decides = true};
  }

  static std::unexpected<failure> never_sent(std::string reason) {
    return std::unexpected(
        failure{.kind = failure_class::outage, .reason = std::move(reason), .never_written = true});
  }

  const webhook_options options_;
  const std::vector<std::string> keys_;
  const std::string target_;
  receiver_health health_;
  std::atomic<bool> stopped_ = false;
  const std::unique_ptr<net::http_client> client_; // the last member: its callbacks use the others
};

std::string wrong_bound(const webhook_options& options) {
  if (options.connections_max == 0)
    return "max_in_flight must be above 0";
  if (options.timeout <= std::chrono::milliseconds{0})
    return "timeout must be above 0";
  if (options.secrets.empty())
    return "secret is empty";
  if (std::string wrong = net::wrong_ca_file(options.ca_file); !wrong.empty())
    return "ca_file: " + std::move(wrong);
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
  if (!net::safe_in_header(url.target) || url.target.find_first_of(" #") != std::string::npos)
    return std::unexpected("url: a path has no spaces, control characters and #");
  if (!options.now)
    options.now = [] {
      return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    };
  net::http_client_options http;
  http.origin = std::move(url.origin);
  http.timeout = options.timeout;
  http.connect_timeout = std::min(http.connect_timeout, options.timeout);
  http.connections_max = options.connections_max;
  http.response_bytes_max = response_bytes_max;
  http.ca_file = options.ca_file;
  http.public_only = !options.allow_private_network;
  auto client = net::http_client::create(std::move(http));
  if (!client)
    return std::unexpected("url: " + std::move(client).error());
  return std::make_unique<webhook_provider>(std::move(options), std::move(keys),
                                            std::move(url.target), *std::move(client));
}

} // namespace paymentd::webhook
