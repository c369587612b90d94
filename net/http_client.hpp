// A small HTTP/1.1 client for one origin (http or https), shared by the adapters: kept-alive
// connections, a bound on everything, and a result that tells whether the request can have been
// acted upon. It runs on a thread of its own, on which callbacks are called; any thread may ask.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace paymentd::net {

struct http_client_options {
  /// "https://host[:port]" or "http://host[:port]"; a path, query or user is an error.
  std::string origin;
  /// From `request` to its callback, whatever happens: waiting for a connection, resolving,
  /// connecting, the TLS handshake, writing and reading share it.
  std::chrono::milliseconds timeout{5000};
  /// For resolving, connecting and the handshake together, within `timeout`.
  std::chrono::milliseconds connect_timeout{3000};
  /// A connection that was idle for longer is not used again: most servers close theirs by then.
  std::chrono::milliseconds idle_max{20000};
  std::size_t connections_max = 8;
  std::size_t waiting_max = 1024; // requests that wait for a connection; more are refused
  std::size_t response_bytes_max = 4 * 1024 * 1024; // of a body; a larger one is an error
  /// A PEM file of certificates to trust besides the system's; empty: none.
  std::string ca_file;
  /// Connects only to addresses of the public internet (public_address.hpp): each address
  /// that the name resolves to is checked, and those that pass are connected to.
  bool public_only = false;
};

struct http_request {
  std::string method;                                       // "GET", "POST"
  std::string target;                                       // path and query, beginning with '/'
  std::vector<std::pair<std::string, std::string>> headers; // besides Host and Content-Length
  std::string body;
  /// Whether the status line of the answer says all that is asked: then what is wrong with the rest
  /// of the answer (cut, late, too large, no HTTP) is no error. The rest is read for a second at
  /// the most, so that the connection can be used again; where it does not arrive, `body` is empty.
  bool status_decides = false;
};

struct http_response {
  int status = 0;
  std::optional<std::chrono::seconds>
      retry_after; // Retry-After, as seconds or as a date; at most a day
  /// When the server made the answer, by its clock.
  std::optional<std::chrono::sys_seconds> date = std::nullopt;
  std::string body;
};

struct http_error {
  enum class kind : std::uint8_t {
    not_connected, // resolving, connecting or the handshake failed, or took too long
    too_slow,      // no answer within the time
    lost,          // the connection broke or closed before the answer was whole
    malformed,     // the answer is not HTTP, or larger than its bound
    refused,       // by this client: too many requests wait, or the request is none
    stopped,       // `stop` came first
  };
  kind what = kind::lost;
  /// Whether a byte of the request may have reached the server. Where not, it has seen nothing.
  bool written = false;
  std::string reason; // one line; says neither target, headers nor body
};

using http_result = std::expected<http_response, http_error>;

class http_client {
 public:
  /// An error is one line: a bad origin, or a CA file that cannot be read.
  static std::expected<std::unique_ptr<http_client>, std::string>
  create(http_client_options options);

  ~http_client(); // as stop()
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// Sends a request. `done` is called exactly once: on the client's thread, or at once where the
  /// client is stopped. It must not throw or block. Redirects are not followed.
  ///
  /// A kept connection that turns out to be closed before a byte is written is replaced by a new
  /// one, unnoticed; after that nothing is ever sent twice.
  void request(http_request what, std::function<void(http_result)> done);

  /// How far the server's clock was ahead of this machine's in its newest answer, to a second or so
  /// and what the answer took; nothing before one that has a Date. Any thread.
  std::optional<std::chrono::milliseconds> server_ahead() const;

  /// Answers what is open with `stopped`, closes all connections and ends the thread. It may wait
  /// for the system's resolver, which cannot be interrupted. Not from a callback. May be repeated.
  void stop();

 private:
  class impl;
  explicit http_client(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

/// The fault of a `ca_file`, in one line; empty: nothing, or none is named.
std::string wrong_ca_file(const std::string& path);

/// The value of a Retry-After header, seconds or an HTTP date against `now`; at most a day. Nothing
/// where it is neither.
std::optional<std::chrono::seconds>
parse_retry_after(std::string_view value, std::chrono::sys_time<std::chrono::milliseconds> now);

} // namespace paymentd::net
