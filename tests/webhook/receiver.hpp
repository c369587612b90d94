// A receiver of webhooks for tests: keeps every request and answers as it is told. On a free port
// of 127.0.0.1 and a thread of its own; every member may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::webhook {

struct received_request {
  std::string target;
  std::map<std::string, std::string> headers; // by lower-case name
  std::string body;
};

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
  ~receiver();
  receiver(const receiver&) = delete;
  receiver& operator=(const receiver&) = delete;

  std::uint16_t port() const;
  std::string url(const std::string& path = "/hook") const;
  void set_answer(answering answer);
  std::vector<received_request> requests() const;
  std::size_t open_max() const; // requests that waited for their answer at the same time
  /// Waits until `count` requests came in all; false where the time ends first.
  bool wait_for(std::size_t count, std::chrono::milliseconds timeout) const;

 private:
  class server;
  std::unique_ptr<server> server_;
};

/// Whether the request bears a valid signature by `secret`, as a receiver by the specification
/// checks it: written here anew, on OpenSSL alone.
bool verifies(const received_request& request, const std::string& secret);

} // namespace paymentd::webhook
