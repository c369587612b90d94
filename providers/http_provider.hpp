// The base of providers that call an API over HTTP: its client, a clean stop, and options that are
// the same for all. Answers come on the thread of the client.
#pragma once

#include "net/http_client.hpp"
#include "providers/kind.hpp"
#include "providers/provider.hpp"

#include <atomic>
#include <initializer_list>
#include <utility>

namespace paymentd::providers {

/// A failure of a call of which not one byte was written.
std::unexpected<failure> never_sent(std::string reason);

/// `now` where it is set, else the system's clock.
std::function<instant()> clock_or_system(std::function<instant()> now);

/// The first option that no API can work with, as a line; empty where all can. `texts` are
/// credentials by their keys; `recipients_max` is the API's own bound.
std::string
wrong_option(const api_options& options,
             std::initializer_list<std::pair<std::string_view, const std::string&>> texts,
             std::size_t recipients_max);

/// The option of an API that wants whole texts where a template has none, as a line; else empty.
std::string missing_text(const api_options& options);

/// Options of a client by those of an API: its origin is `base_url`.
net::http_client_options client_options(const api_options& options);

/// A request to `base_url` for people to look at, the header `secret` hidden.
shown_request shown(net::http_request what, std::string_view base_url, std::string_view secret);

/// Why a call of so many messages is not sent, if so.
std::optional<failure> refusal_of(const provider& by, std::size_t recipients, bool stopped);

/// `Port` is the port that it offers: provider, or one that is more.
template <class Port>
class http_provider_of : public Port {
 public:
  /// A derived class stops it in its destructor: answers use its members.
  http_provider_of(std::unique_ptr<net::http_client> client, std::size_t recipients_max)
      : client_(std::move(client)), recipients_max_(recipients_max) {}

  std::optional<std::chrono::milliseconds> ahead() const override {
    return client_->server_ahead();
  }
  bool can_search() const override { return false; }
  void search(call, std::function<void(search_result)> done) override {
    done(never_sent(std::string(this->name()) + " cannot be asked by key"));
  }
  std::chrono::milliseconds key_window() const override { return {}; }
  std::size_t recipients_max() const override { return recipients_max_; }
  void stop() final {
    stopped_ = true;
    client_->stop();
  }

 protected:
  bool stopped() const { return stopped_; }
  std::optional<failure> refuse_at_once(std::size_t recipients) const {
    return refusal_of(*this, recipients, stopped_);
  }
  void request(net::http_request what, std::function<void(net::http_result)> done) {
    client_->request(std::move(what), std::move(done));
  }

 private:
  const std::unique_ptr<net::http_client> client_;
  const std::size_t recipients_max_;
  std::atomic<bool> stopped_ = false;
};
using http_provider = http_provider_of<provider>;

/// A provider by good options: where they do not say otherwise, by the system's clock and at
/// `base_url`, where its API is.
template <class Made, class Options>
std::expected<std::unique_ptr<provider>, std::string> make_http_provider(Options options,
                                                                         const char* base_url) {
  if (options.base_url.empty())
    options.base_url = base_url;
  options.now = clock_or_system(std::move(options.now));
  auto client = net::http_client::create(client_options(options));
  if (!client)
    return std::unexpected("base_url: " + std::move(client).error());
  return std::make_unique<Made>(std::move(options), *std::move(client));
}

} // namespace paymentd::providers
