// A real server over real sockets, in front of actors that do what the test says: they answer at
// once with a plausible outcome, or hold what they get until the test lets it go.
#pragma once

#include "actors/entrance.hpp"
#include "http/server.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace paymentd::http::testing {

/// 2025-11-22T05:04:03.021Z
inline constexpr instant noon{std::chrono::milliseconds{1763787843021}};

/// The answer of a healthy payment system, made from the command alone.
actors::outcome_reply plausible(const command& what);
actors::answer_reply plausible(const query& what);
actors::answer_reply plausible(const webhook_request& what);
webhook some_webhook(const std::string& name);
delivery some_delivery(const get_delivery& which, delivery_status status);

/// The messages to the actors, and how they answer. Any thread.
class script {
 public:
  std::function<actors::outcome_reply(const command&)> settle = [](const command& what) {
    return plausible(what);
  };
  std::function<actors::answer_reply(const query&)> look_up = [](const query& what) {
    return plausible(what);
  };

  std::function<actors::answer_reply(const delivery_retry&)> retry =
      [](const delivery_retry& what) {
        return some_delivery(what.which, delivery_status::pending);
      };

  std::function<actors::answer_reply(const failed_retry&)> retry_all = [](const failed_retry&) {
    return answer{retried_count{3}};
  };

  std::function<actors::answer_reply(const webhook_request&)> ask =
      [](const webhook_request& what) { return plausible(what); };

  std::function<actors::health_report()> health = [] {
    return actors::health_report{.settlement = actors::condition::ok,
                                 .reads = actors::condition::ok};
  };
  std::atomic<int> checks = 0; // how often it was asked whether the database takes a write

  /// From now on nothing is answered until `release`.
  void hold();
  /// Answers what is held, oldest first, and what comes after.
  void release();
  /// Waits until `count` commands came in all. False after ten seconds.
  bool wait_for_commands(std::size_t count);
  std::vector<command> commands();
  std::vector<actors::ticket> tickets();

  void take(actors::submit what);

 private:
  std::mutex guard_;
  std::condition_variable came_;
  bool holding_ = false;
  std::vector<actors::submit> held_;
  std::vector<command> commands_;
  std::vector<actors::ticket> tickets_;
};

/// The server; listens on free ports of 127.0.0.1. A test may name another address for operators,
/// with port 0.
class scripted_server {
  // First, so that the actors' handles below are gone before their system is.
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;

 public:
  explicit scripted_server(server_options options = {});
  ~scripted_server();

  std::uint16_t port() const { return server_->port(); }
  std::uint16_t admin_port() const { return server_->admin_port(); }
  void stop(std::chrono::milliseconds grace) { server_->stop(grace); }
  void end_the_actors();

  script actors;

 private:
  caf::actor entrance_;
  std::unique_ptr<http::server> server_;
};

} // namespace paymentd::http::testing
