// A receiver of webhooks for tests: keeps every request and answers as it is told. Every member may
// be called from any thread.
#pragma once

#include "tests/support/canned_server.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace paymentd::webhooks {

using received_request = net::canned_request;

struct reply {
  int status = 204;
  std::string headers = {}; // whole lines with \r\n
  std::string body = {};
  bool hang = false;  // never answer
  bool close = false; // close the connection instead
};

class receiver {
 public:
  using answering = std::function<reply(const received_request&)>;

  /// On `port`, or any that is free.
  explicit receiver(answering answer = {}, std::uint16_t port = 0);
  std::uint16_t port() const { return server_.port(); }
  std::string url(const std::string& path = "/hook") const { return server_.origin() + path; }
  void set_answer(answering answer);
  std::vector<received_request> requests() const;
  std::size_t open_max() const; // requests that waited for their answer at the same time
  /// Waits until `count` requests came in all; false where the time ends first.
  bool wait_for(std::size_t count, std::chrono::milliseconds timeout) const;

 private:
  void serve(net::canned_connection& connection);

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  answering answer_;
  std::vector<received_request> requests_;
  std::size_t open_ = 0;
  std::size_t open_max_ = 0;
  net::canned_server server_; // last: its threads use what is above
};

/// Whether the request bears a valid signature by `secret`, as a receiver by the specification
/// checks it: written here anew, on OpenSSL alone.
bool verifies(const received_request& request, const std::string& secret);

} // namespace paymentd::webhooks
