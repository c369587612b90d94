// A server that does to each connection exactly what a test writes down: any bytes, half an answer,
// silence, a close. Plain or TLS, on 127.0.0.1, each connection on a thread of its own. All tests
// that need a peer over TCP use it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace paymentd::net {

/// A self-signed certificate for one name, and its key; both PEM.
struct test_certificate {
  std::string certificate;
  std::string key;
};
/// `alternative_name` as OpenSSL takes it: "IP:127.0.0.1", "DNS:localhost".
test_certificate make_test_certificate(const std::string& alternative_name);

struct canned_request {
  std::string target;
  std::map<std::string, std::string> headers; // by lower-case name
  std::string body;
};

/// A connection, as the script of a test sees it.
class canned_connection {
 public:
  virtual ~canned_connection() = default;
  /// Waits for a whole request; nothing where the client closed first.
  virtual std::optional<canned_request> read_request() = 0;
  /// Writes these bytes; false where the client closed.
  virtual bool write(const std::string& bytes) = 0;
};

class canned_server {
 public:
  using script = std::function<void(canned_connection&)>;

  /// Runs `what` for each connection and closes it after that; for several at once, where clients
  /// open several. With a certificate over TLS. On `port`, or any that is free.
  explicit canned_server(script what, const test_certificate* tls = nullptr,
                         std::uint16_t port = 0);
  ~canned_server();
  canned_server(const canned_server&) = delete;
  canned_server& operator=(const canned_server&) = delete;

  std::uint16_t port() const;
  std::string origin(const std::string& host = "127.0.0.1") const;
  int connections() const; // that were accepted, handshake or not

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// "HTTP/1.1 200 …" with its Content-Length and this body.
std::string http_answer(const std::string& body, int status = 200,
                        const std::string& more_headers = "");

} // namespace paymentd::net
