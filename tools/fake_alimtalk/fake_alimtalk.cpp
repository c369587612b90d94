#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include "tools/fake_alimtalk/fake_api.hpp"
#include "tools/fake_alimtalk/session.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <future>
#include <thread>

namespace paymentd::providers {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::chrono::milliseconds accept_pause{
    50}; // after an accept that failed (too many files)

instant system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

} // namespace

class fake_alimtalk::server {
 public:
  explicit server(fake_alimtalk_options options)
      : api(options.now ? std::move(options.now) : system_now, std::move(options.behaviour),
            std::move(options.secret)),
        acceptor_(io_, tcp::endpoint{asio::ip::make_address(options.address), options.port}),
        address_(options.address), port_(acceptor_.local_endpoint().port()), pause_(io_) {
    accept();
    thread_ = std::jthread([this] { io_.run(); });
  }

  ~server() { stop(); }

  std::uint16_t port() const { return port_; }
  std::string base_url() const {
    const bool v6 = address_.find(':') != address_.npos;
    return "http://" + (v6 ? "[" + address_ + "]" : address_) + ":" + std::to_string(port_);
  }
  std::uint64_t connections() const { return connections_; }

  void close_idle_connections() {
    std::promise<void> closed;
    {
      const std::lock_guard lock(stopping_);
      if (!thread_.joinable())
        return;
      asio::post(io_, [this, &closed] {
        sessions_.close_idle();
        // Behind what is queued already: an answer just written makes its connection idle.
        asio::post(io_, [&closed] { closed.set_value(); });
      });
      closed.get_future().wait();
    }
  }

  void stop() {
    const std::lock_guard lock(stopping_);
    if (!thread_.joinable())
      return;
    asio::post(io_, [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      sessions_.close_all();
    });
    thread_.join();
  }

  fake_api api;

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (!acceptor_.is_open())
        return;
      if (error) {
        pause_.expires_after(accept_pause);
        pause_.async_wait([this](boost::system::error_code) {
          if (acceptor_.is_open())
            accept();
        });
        return;
      }
      ++connections_;
      sessions_.start(std::move(socket), api);
      accept();
    });
  }

  fake_sessions sessions_; // outlives what the io_context still holds
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  const std::string address_;
  const std::uint16_t port_;
  asio::steady_timer pause_;
  std::atomic<std::uint64_t> connections_ = 0;
  std::mutex stopping_;
  std::jthread thread_;
};

fake_alimtalk::fake_alimtalk(fake_alimtalk_options options) try
    : server_(std::make_unique<server>(std::move(options))) {
} catch (const boost::system::system_error& error) {
  throw std::system_error(error.code(), "cannot listen");
}
fake_alimtalk::~fake_alimtalk() = default;

std::uint16_t fake_alimtalk::port() const {
  return server_->port();
}
std::string fake_alimtalk::base_url() const {
  return server_->base_url();
}
void fake_alimtalk::set_behaviour(fake_behaviour behaviour) {
  server_->api.set_behaviour(std::move(behaviour));
}
fake_behaviour fake_alimtalk::behaviour() const {
  return server_->api.behaviour();
}
void fake_alimtalk::close_idle_connections() {
  server_->close_idle_connections();
}
std::uint64_t fake_alimtalk::accepted() const {
  return server_->api.accepted();
}
std::uint64_t fake_alimtalk::distinct() const {
  return server_->api.distinct();
}
std::uint64_t fake_alimtalk::calls() const {
  return server_->api.calls();
}
std::uint64_t fake_alimtalk::searches() const {
  return server_->api.searches();
}
std::uint64_t fake_alimtalk::connections() const {
  return server_->connections();
}
std::uint64_t fake_alimtalk::times_accepted(std::string_view recipient_grouping_key) const {
  return server_->api.times_accepted(recipient_grouping_key);
}
std::vector<fake_message> fake_alimtalk::received() const {
  return server_->api.received();
}
std::string fake_alimtalk::last_body() const {
  return server_->api.last_body();
}
bool fake_alimtalk::wait_for_accepted(std::uint64_t count,
                                      std::chrono::milliseconds timeout) const {
  return server_->api.wait_for_accepted(count, timeout);
}
bool fake_alimtalk::wait_for_calls(std::uint64_t count, std::chrono::milliseconds timeout) const {
  return server_->api.wait_for_calls(count, timeout);
}
void fake_alimtalk::stop() {
  server_->stop();
}

} // namespace paymentd::providers
