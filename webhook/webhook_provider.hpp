// The provider port for webhooks, by Standard Webhooks 1.0: a call is one event, and that one
// signed POST to one URL (a call of several, which an older release has left, is so many POSTs).
// The receiver deduplicates by webhook-id, which is the message's own id and the same at every try;
// so there are neither keys nor searches. Answers come on the thread of its HTTP client.
#pragma once

#include "alimtalk/provider.hpp"

namespace paymentd::webhook {

struct webhook_options {
  std::string url;                  // "http[s]://host[:port][/path][?query]"
  std::vector<std::string> secrets; // "whsec_…"; more than one while a receiver changes them
  std::chrono::milliseconds timeout{15000}; // of a POST
  std::size_t connections_max = 32;         // and so calls at a time
  /// Whether the URL may lead into a private network or to this machine.
  bool allow_private_network = false;
  std::string content_type = "application/cloudevents+json"; // or application/json
  std::string ca_file;          // PEM, trusted besides the system's certificates; empty: none
  std::function<instant()> now; // the wall clock, for webhook-timestamp; empty: the system's
};

/// An error is one line that names the option that is wrong, without its value.
std::expected<std::unique_ptr<alimtalk::provider>, std::string>
make_webhook_provider(webhook_options options);

} // namespace paymentd::webhook
