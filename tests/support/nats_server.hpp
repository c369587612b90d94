// A NATS server with JetStream of a test's own, on 127.0.0.1 and a port that was free, with its
// store in a temporary directory; killed, stopped and started again, and gone with the test's
// process, however that ends. And a look into its JetStream. Throws where something does not work.
#pragma once

#include "tests/support/temporary_directory.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace paymentd::nats {

class nats_server {
 public:
  /// `settings`: lines of its configuration, beside where it listens and stores. The program is
  /// /usr/sbin/nats-server, or as PAYMENTD_NATS_SERVER says.
  explicit nats_server(const std::string& settings = "");
  ~nats_server();
  nats_server(const nats_server&) = delete;
  nats_server& operator=(const nats_server&) = delete;

  std::uint16_t port() const { return port_; }
  /// "nats://127.0.0.1:PORT", or with "USER:PASSWORD@".
  std::string url(const std::string& login = "") const;
  /// Its directory, for files that the settings of a later start name.
  const std::filesystem::path& path() const { return directory_.path(); }

  /// As a crash does, at once.
  void kill();
  /// Starts it again on the same port and store, with other settings where they are given.
  void start();
  void start(const std::string& settings);
  /// Stops it without an end: its connections stay, and nobody answers.
  void pause() const;
  void resume() const;

 private:
  support::temporary_directory directory_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

/// A message in a JetStream stream.
struct stored_message {
  std::uint64_t sequence = 0;
  std::string subject;
  std::string id; // Nats-Msg-Id
  std::string content_type;
  std::string traceparent; // empty: there is none
  std::string body;
};

struct stream_options {
  std::string name = "PAYMENTD";
  std::string subject = "paymentd.events";
  std::int64_t messages_max = 0; // a full one refuses; 0: no bound
  std::int32_t message_bytes_max = 0;
  std::chrono::milliseconds duplicate_window{120'000};
};

/// A connection of a test's own.
class jetstream {
 public:
  explicit jetstream(const std::string& url);
  ~jetstream();
  jetstream(const jetstream&) = delete;
  jetstream& operator=(const jetstream&) = delete;

  void add_stream(const stream_options& options = {});
  void remove_stream(const std::string& name = "PAYMENTD");
  void purge_stream(const std::string& name = "PAYMENTD");
  std::uint64_t count(const std::string& name = "PAYMENTD") const;
  /// All that are stored, in their order.
  std::vector<stored_message> messages(const std::string& name = "PAYMENTD") const;

 private:
  struct handles;
  std::unique_ptr<handles> handles_;
};

} // namespace paymentd::nats
