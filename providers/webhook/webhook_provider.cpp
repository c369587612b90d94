#include "providers/webhook/webhook_provider.hpp"

#include "cloudevents/event_json.hpp"
#include "net/origin.hpp"
#include "providers/http_provider.hpp"
#include "providers/traceparent.hpp"
#include "providers/webhook/outcome.hpp"
#include "providers/webhook/signature.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace paymentd::webhooks {
namespace {

using net::http_result;
using providers::call;
using providers::call_result;
using providers::never_sent;
using providers::recipient_result;

/// So many different events may fail in a row before their receiver is held to be out of order: as
/// many as may then be stored one by one as failed. More may hang for a fault of their own and
/// still keep nobody waiting.
constexpr std::size_t suspects_max = 16;
/// Of an answer's body, which is read so that the connection can be used again.
constexpr std::size_t response_bytes_max = 64 * 1024;

/// The part of a URL before its path, and the path with its query.
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

class webhook_provider final : public providers::http_provider_of<providers::endpoint> {
 public:
  webhook_provider(webhook_options options, std::vector<std::string> keys, std::string target,
                   std::unique_ptr<net::http_client> client)
      : http_provider_of(std::move(client), 1), options_(std::move(options)),
        keys_(std::make_shared<const key_list>(std::move(keys))), target_(std::move(target)),
        health_(std::min(suspects_max, options_.connections_max)) {}
  ~webhook_provider() override { stop(); }

  std::string_view name() const override { return "webhook"; }

  void sign_with(const std::vector<std::string>& secrets) override {
    auto keys = std::make_shared<key_list>();
    for (const std::string& each : secrets)
      if (auto key = key_of(each))
        keys->push_back(*std::move(key));
    if (keys->empty()) // nothing verifies then; the keys before are the better ones
      return;
    const std::lock_guard lock(keys_guard_);
    keys_ = std::move(keys);
  }

  void tell(webhook_notice what, std::function<void(recipient_result)> done) override {
    if (stopped())
      return done(never_sent("stopped"));
    request(
        signed_request(what.id, cloudevents::notice_json(what)),
        [done = std::move(done)](net::http_result answer) { done(result_of(std::move(answer))); });
  }

  bool gone() const override { return health_.gone(); }

  void send(call what, std::function<void(call_result)> done) override {
    if (what.recipients.empty())
      return done(never_sent("a call of no events"));
    if (stopped())
      return done(never_sent("stopped"));
    if (what.recipients.size() > 1)
      return send_all(what, std::move(done));
    const entry_id event = what.recipients.front().event.entry;
    request(request_of(what, 0), [this, event, begun = health_.begun(),
                                  done = std::move(done)](net::http_result answer) {
      done(health_.ended(begun, event, result_of(std::move(answer))));
    });
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
      request(request_of(what, i), [all, i](net::http_result answer) {
        all->results[i] = result_of(std::move(answer));
        if (--all->open == 0)
          all->done(std::move(all->results));
      });
  }

  net::http_request request_of(const call& what, std::size_t event) const {
    const providers::recipient& to = what.recipients[event];
    return providers::with_traceparent(
        signed_request(to.delivery_id, cloudevents::event_json(to.event, what.instance)),
        std::span(&to, 1));
  }

  net::http_request signed_request(const std::string& id, std::string body) const {
    const auto now = std::chrono::floor<std::chrono::seconds>(options_.now());
    const std::shared_ptr<const key_list> keys = present_keys();
    return {.method = "POST",
            .target = target_,
            .headers = {{"Content-Type", options_.content_type},
                        {"webhook-id", id},
                        {"webhook-timestamp", std::to_string(now.time_since_epoch().count())},
                        {"webhook-signature", signature(*keys, id, now, body)}},
            .body = std::move(body),
            .status_decides = true};
  }

  using key_list = std::vector<std::string>;
  std::shared_ptr<const key_list> present_keys() const {
    const std::lock_guard lock(keys_guard_);
    return keys_;
  }

  const webhook_options options_;
  mutable std::mutex keys_guard_; // of the next one alone
  std::shared_ptr<const key_list> keys_;
  const std::string target_;
  receiver_health health_;
};

} // namespace

std::expected<std::unique_ptr<providers::endpoint>, std::string>
make_webhook_provider(webhook_options options) {
  if (std::string wrong = providers::wrong_option(options, {}, options.recipients_max);
      !wrong.empty())
    return std::unexpected(std::move(wrong));
  if (options.secrets.empty())
    return std::unexpected("secret is empty");
  std::vector<std::string> keys;
  for (const std::string& secret : options.secrets) {
    auto key = key_of(secret);
    if (!key)
      return std::unexpected((keys.empty() ? "secret: " : "old_secret: ") + std::move(key).error());
    keys.push_back(*std::move(key));
  }
  split_url url = split(options.base_url);
  if (!net::safe_in_header(url.target) || url.target.find_first_of(" #") != std::string::npos)
    return std::unexpected("url: a path has no spaces, control characters and #");
  options.now = providers::clock_or_system(std::move(options.now));
  options.response_bytes_max = response_bytes_max;
  net::http_client_options http = providers::client_options(options);
  http.origin = std::move(url.origin);
  http.public_only = !options.allow_private_network;
  auto client = net::http_client::create(std::move(http));
  if (!client)
    return std::unexpected("url: " + std::move(client).error());
  return std::make_unique<webhook_provider>(std::move(options), std::move(keys),
                                            std::move(url.target), *std::move(client));
}

} // namespace paymentd::webhooks
