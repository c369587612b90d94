// The fake API's connections: each reads a request, lets fake_api answer it, waits as long as the
// behaviour says, and answers. All on the one thread of the server.
#pragma once

#include "tools/fake_alimtalk/fake_api.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <unordered_set>

namespace paymentd::providers {

class fake_session;

class fake_sessions {
 public:
  void start(boost::asio::ip::tcp::socket socket, fake_api& api);
  void close_idle();
  void close_all();

 private:
  friend class fake_session;
  std::unordered_set<fake_session*> open_; // each erases itself when it ends
};

} // namespace paymentd::providers
