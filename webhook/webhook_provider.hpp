// The provider port for webhooks, by Standard Webhooks 1.0: each event of a call is one signed POST
// to one URL, all of them at the same time. The receiver deduplicates by webhook-id, which is the
// message's own id and the same at every try; so there are neither keys nor searches. Answers come
// on the thread of its HTTP client.
#pragma once

#include "alimtalk/provider.hpp"

namespace paymentd::webhook {

struct webhook_options {
  std::string url;                  // "http[s]://host[:port][/path][?query]"
  std::vector<std::string> secrets; // "whsec_…"; more than one while a receiver changes them
  std::chrono::milliseconds timeout{15000}; // of a POST
  std::size_t connections_max = 32;
  std::size_t recipients_max = 8; // events of a call
  /// Whether the URL may lead into a private network or to this machine.
  bool allow_private_network = false;
  std::size_t response_bytes_max = 1024 * 1024; // an answer's body, which is not looked at
  std::string ca_file;          // PEM, trusted besides the system's certificates; empty: none
  std::function<instant()> now; // the wall clock, for webhook-timestamp; empty: the system's
};

/// An error is one line that names the option that is wrong, without its value.
std::expected<std::unique_ptr<alimtalk::provider>, std::string>
make_webhook_provider(webhook_options options);

} // namespace paymentd::webhook
