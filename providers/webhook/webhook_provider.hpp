// The provider port for webhooks, by Standard Webhooks 1.0: a call is one event, and that one
// signed POST to one URL (a call of several, which an older release has left, is so many POSTs).
// The receiver deduplicates by webhook-id, which is the message's own id and the same at every try;
// so there are neither keys nor searches. Answers come on the thread of its HTTP client.
#pragma once

#include "providers/kind.hpp"
#include "providers/provider.hpp"

namespace paymentd::webhooks {

/// `base_url` is the whole URL, "http[s]://host[:port][/path][?query]"; there is no fallback, and
/// one event a call.
struct webhook_options : providers::api_options {
  std::vector<std::string> secrets = {}; // "whsec_…"; more than one while a receiver changes them
  /// Whether the URL may lead into a private network or to this machine.
  bool allow_private_network = false;
  std::string content_type = "application/cloudevents+json"; // or application/json
};

/// An error is one line that names the option that is wrong, without its value.
std::expected<std::unique_ptr<providers::endpoint>, std::string>
make_webhook_provider(webhook_options options);

} // namespace paymentd::webhooks
