// One connection to a NATS server, over libnats (nats.c 3.4): it publishes events and hands the
// answers on. It is never mended: once lost, it stays so. Used on one thread at a time. `open`,
// `publish` and the destructor block: not for longer than the time-out, but that `open` may wait
// for a TLS handshake or the system's resolver, for which libnats has no bound.
#pragma once

#include "providers/nats/nats_provider.hpp"
#include "providers/provider.hpp"

#include <nats/nats.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace paymentd::nats {

/// Is told of the answers, on a thread of libnats.
struct answer_handler {
  /// The answer to the event that was published under this number: JetStream's words, or that
  /// nobody takes the subject.
  std::function<void(std::uint64_t number, std::string_view answer, bool nobody)> answered;
  /// Exactly once for a connection that was opened, when it is closed or lost: no answers come
  /// after it.
  std::function<void()> ended;
};

class connection {
 public:
  /// Connects to one of the servers, each of which has a part of the time-out. The error is one
  /// line and says no secret; then `ended` is not called.
  static std::expected<std::unique_ptr<connection>, std::string> open(const nats_options& options,
                                                                      answer_handler handler);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Publishes an event under its message id. Its answer comes by its number, unless it fails here.
  /// After another failure than one of which nothing was written, the connection is out of order.
  /// `traceparent`: its header, without which it goes where it is empty.
  std::expected<void, providers::failure> publish(std::uint64_t number, const std::string& id,
                                                  const std::string& body,
                                                  const std::string& traceparent);

  /// The server's last error about this connection, such as a permission that is missing; empty:
  /// none.
  std::string trouble() const;

 private:
  struct closer {
    void operator()(natsConnection* of) const;
    void operator()(natsSubscription* of) const { natsSubscription_Destroy(of); }
  };
  using handle = std::unique_ptr<natsConnection, closer>;
  using subscription = std::unique_ptr<natsSubscription, closer>;

  connection(const nats_options& options, handle opened, std::string inbox);
  std::expected<void, std::string> listen(answer_handler handler);

  const std::string subject_;
  const std::string stream_;
  const std::string inbox_; // answers come to "<inbox>.<number>"
  handle connection_;
  /// Goes before the connection does; it tells `ended` once the answer that is being told has been.
  subscription answers_;
};

} // namespace paymentd::nats
