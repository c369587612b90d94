// The provider port for NATS JetStream: a call is one event, published as CloudEvents JSON under
// its own id (Nats-Msg-Id), and accepted once JetStream says that it has stored it (PubAck). The id
// is the message's own and the same at every try, whichever claim it is in: a repeat within the
// stream's duplicate window is stored once, and those who read the stream know any other one by its
// id. So there are neither keys nor searches. docs/nats.md has what is promised.
//
// Threads: one of its own, which connects (each try on a thread that may be left behind, since
// libnats cannot be interrupted) and publishes; answers come on that thread and on one of libnats.
#pragma once

#include "providers/provider.hpp"

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::nats {

struct nats_options {
  std::vector<std::string> urls; // all "nats://HOST:PORT" or all "tls://HOST:PORT"
  std::string stream;            // the only one that may take the events
  std::string subject;
  std::string credentials_file = {}; // a .creds file; empty: none
  std::string token = {};            // these three without " and \; empty: none
  std::string user = {};
  std::string password = {};
  std::string ca_file = {}; // PEM, besides the system's certificates; empty: none
  /// Of a call, connecting included. Where the server stops reading, a call may end as much later.
  std::chrono::milliseconds timeout{5000};
  std::size_t in_flight_max = 128; // calls; more are refused at once
};

/// Connects to nobody yet. An error is one line that begins with the option that cannot be used.
std::expected<std::unique_ptr<providers::provider>, std::string>
make_nats_provider(nats_options options);

} // namespace paymentd::nats
