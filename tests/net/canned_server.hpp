// A server that does to each connection exactly what a test writes down: any bytes, half an answer,
// silence, a close. Plain or TLS, on a free port, one connection after the other on its own thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace paymentd::net {

/// A self-signed certificate for one name, and its key; both PEM.
struct test_certificate {
  std::string certificate;
  std::string key;
};
/// `alternative_name` as OpenSSL takes it: "IP:127.0.0.1", "DNS:localhost".
test_certificate make_test_certificate(const std::string& alternative_name);

/// A connection, as the script of a test sees it.
class canned_connection {
 public:
  virtual ~canned_connection() = default;
  /// Waits for a whole request; false where the client closed first.
  virtual bool read_request() = 0;
  /// Writes these bytes; false where the client closed.
  virtual bool write(const std::string& bytes) = 0;
};

class canned_server {
 public:
  using script = std::function<void(canned_connection&)>;

  /// Runs `what` for each connection and closes it after that. With a certificate over TLS.
  explicit canned_server(script what, const test_certificate* tls = nullptr);
  ~canned_server();
  canned_server(const canned_server&) = delete;
  canned_server& operator=(const canned_server&) = delete;

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
