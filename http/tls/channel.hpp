// TLS between the bytes of a socket and those of HTTP, without a socket of its own: the connection
// goes on reading and writing its socket as it does without TLS, and passes what it read through
// here and sends what comes out. One connection; one thread.
#pragma once

#include "http/tls/certificate.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace paymentd::http {

class tls_channel {
 public:
  /// Throws std::bad_alloc where there is no memory.
  explicit tls_channel(const tls_settings& settings);

  /// Takes bytes that came from the client.
  void take(std::span<const char> wire);

  enum class state : unsigned char {
    more,   // nothing to read now: bytes from the client are needed
    bytes,  // some were read
    ended,  // the client has ended the connection in good order
    failed, // it does not speak TLS as it should
  };
  /// Reads at most `room` decrypted bytes, and `read` says how many. Shakes hands where that is
  /// due.
  state read(std::span<char> room, std::size_t& read);

  /// Whether the hands are shaken.
  bool is_open() const;

  /// Encrypts `plain`, whole, and appends it to `wire`.
  void write(std::string_view plain, std::string& wire);
  /// Tells the client that nothing more comes.
  void close(std::string& wire);
  /// Appends what TLS itself has to say: the server's part of the handshake, an alert.
  void flush(std::string& wire);

 private:
  struct free_ssl {
    void operator()(SSL* of) const noexcept { ::SSL_free(of); }
  };
  std::unique_ptr<SSL, free_ssl> ssl_;
  BIO* in_; // both are the SSL's
  BIO* out_;
};

} // namespace paymentd::http
