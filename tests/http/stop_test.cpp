// Goal: the server starts clearly or says why not, and stops without losing an answer. Method: real
// sockets; scripted actors that hold a request while the server stops.
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <deque>
#include <future>
#include <thread>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

const std::string payment = R"({"orderId":3,"userId":4})";

/// Waits until /readyz says that the server stops.
void wait_for_draining(scripted_server& server) {
  int status = 0;
  for (int tries = 0; tries < 100'000 && status != 503; ++tries)
    status = test_client{server.admin_port()}.get("/readyz")->status;
  ASSERT_EQ(status, 503);
}

TEST(http_stop, a_request_in_flight_has_its_answer_before_the_server_stops) {
  scripted_server server;
  test_client waiting{server.port()}, idle{server.port()};
  EXPECT_EQ(idle.get("/v1/users/1")->status, 200);
  server.actors.hold();
  waiting.send(post_text("/v1/payments", payment));
  ASSERT_TRUE(server.actors.wait_for_commands(1));
  auto stopped = std::async(std::launch::async, [&] { server.stop(10s); });
  EXPECT_TRUE(idle.closed());
  wait_for_draining(server);
  EXPECT_EQ(test_client{server.admin_port()}.get("/healthz")->status, 200);
  EXPECT_THROW(test_client{server.port()}, std::runtime_error);
  server.actors.release();
  const auto answer = waiting.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->field("connection"), "close");
  EXPECT_TRUE(waiting.closed());
  EXPECT_EQ(stopped.wait_for(10s), std::future_status::ready);
}

TEST(http_stop, a_request_that_has_begun_to_arrive_has_a_second_for_the_rest) {
  scripted_server server;
  test_client arriving{server.port()}, idle{server.port()};
  EXPECT_EQ(arriving.get("/v1/users/1")->status, 200);
  EXPECT_EQ(idle.get("/v1/users/1")->status, 200);
  // The server has the first half for certain: told to go on, it waits for the body.
  const auto expecting = post_text("/v1/payments", payment, "Expect: 100-continue\r\n");
  const auto head_size = expecting.find("\r\n\r\n") + 4;
  arriving.send(expecting.substr(0, head_size));
  ASSERT_EQ(arriving.receive()->status, 100);
  auto stopped = std::async(std::launch::async, [&] { server.stop(10s); });
  ASSERT_TRUE(idle.closed());
  arriving.send(expecting.substr(head_size));
  const auto answer = arriving.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->field("connection"), "close");
}

TEST(http_stop, unfinished_requests_keep_it_for_little_more_than_a_second) {
  scripted_server server;
  test_client byte{server.port()}, head{server.port()}, body{server.port()},
      operators{server.admin_port()}, silent{server.port()};
  byte.send("G");
  head.send("GET /v1/users/1 HTTP/1.1\r\nHost: localhost\r\n");
  const auto whole = post_text("/v1/payments", payment);
  body.send(whole.substr(0, whole.size() - 1));
  operators.send("GET /healthz HTTP/1.1\r\n");
  const auto begin = std::chrono::steady_clock::now();
  server.stop(30s);
  // A request's own time is ten seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
  for (auto* client : {&byte, &head, &body, &operators}) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(json::parse(answer->body)["code"], "shutting_down");
    EXPECT_EQ(answer->field("connection"), "close");
    EXPECT_TRUE(client->closed());
  }
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(server.actors.commands().empty());
}

TEST(http_stop, a_client_that_takes_no_answer_keeps_it_for_little_more_than_a_second) {
  scripted_server server;
  test_client deaf{server.port()}, other{server.port()};
  std::string many;
  for (int n = 0; n < 500; ++n)
    many += get_text("/nowhere");
  std::atomic<int> rounds{0};
  auto sent = std::async(std::launch::async, [&] {
    while (deaf.send(many))
      ++rounds;
  });
  // Until the answers fill what the sockets hold, both ways.
  for (int before = -1; before != rounds; sent.wait_for(200ms))
    before = rounds;
  EXPECT_EQ(other.get("/v1/users/1")->status, 200);
  const auto begin = std::chrono::steady_clock::now();
  server.stop(30s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
  EXPECT_EQ(sent.wait_for(10s), std::future_status::ready);
}

TEST(http_stop, it_is_announced_before_the_listener_closes) {
  server_options options;
  options.drain_delay = 30s; // the stop's grace cuts it short
  scripted_server server{options};
  test_client kept{server.port()}, operators{server.admin_port()};
  EXPECT_EQ(kept.get("/v1/users/1")->field("connection"), "keep-alive");
  auto stopped = std::async(std::launch::async, [&] { server.stop(2s); });
  wait_for_draining(server);
  // Requests are served as ever, on new connections and on kept ones; and each ends with that.
  test_client fresh{server.port()};
  for (auto* client : {&kept, &fresh}) {
    // The clients' thread hears of it a moment after the operators' one, which was asked.
    auto answer = client->post("/v1/payments", payment);
    for (int n = 0; n < 1000 && answer && answer->field("connection") != "close"; ++n)
      answer = client->post("/v1/payments", payment);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->field("connection"), "close");
    EXPECT_TRUE(client->closed());
  }
  EXPECT_EQ(operators.get("/healthz")->status, 200);
  stopped.wait();
  EXPECT_THROW(test_client{server.port()}, std::runtime_error);
}

TEST(http_stop, what_was_accepted_before_the_listener_closed_is_served) {
  for (int rounds = 0; rounds < 3; ++rounds) {
    scripted_server server;
    std::deque<test_client> clients;
    auto stopped = std::async(std::launch::async, [&] { server.stop(10s); });
    // Some of them wait for the server to accept them when it stops to do so.
    try {
      for (int n = 0; n < 50; ++n)
        clients.emplace_back(server.port()).send(post_text("/v1/payments", payment));
    } catch (const std::runtime_error&) {
      // Refused: another server would have it now.
    }
    for (test_client& each : clients) {
      const auto answer = each.receive();
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->status, 201);
    }
  }
}

TEST(http_stop, what_does_not_end_in_time_is_ended) {
  scripted_server server;
  test_client waiting{server.port()}, slow{server.port()};
  server.actors.hold();
  waiting.send(post_text("/v1/payments", payment));
  slow.send("GET /v1/us");
  ASSERT_TRUE(server.actors.wait_for_commands(1));
  server.stop(50ms);
  const auto answer = waiting.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 504);
  EXPECT_TRUE(slow.closed());
  server.actors.release(); // too late, and nobody is hurt
}

TEST(http_stop, clients_that_never_cease_to_send_are_cut) {
  // So many that for some of them a read is done when it is to be cancelled.
  for (int rounds = 0; rounds < 60; ++rounds) {
    scripted_server server;
    std::vector<std::jthread> dripping;
    for (int n = 0; n < 8; ++n)
      dripping.emplace_back([client = test_client{server.port()}, n]() mutable {
        client.send(n % 2 == 0 ? "GET /v1/users/1 HTTP/1.1\r\n"
                               : "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\n"
                                 "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n");
        // Below the bounds of a header and a body for as long as the test takes.
        for (int drops = 0; drops < 10'000 && client.send(n % 2 == 0 ? "X" : " "); ++drops)
          std::this_thread::yield();
        client.closed();
      });
    EXPECT_EQ(test_client{server.port()}.get("/v1/users/1")->status, 200);
    const auto begin = std::chrono::steady_clock::now();
    server.stop(std::chrono::milliseconds{rounds % 4});
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  }
}

TEST(http_stop, an_address_that_is_taken_is_named_in_one_line) {
  scripted_server first;
  caf::actor_system_config config;
  caf::actor_system system{config};
  server_options options;
  for (const std::string& address :
       {"127.0.0.1:" + std::to_string(first.port()), std::string{"no.such.address:80"},
        std::string{"127.0.0.1"}, std::string{"127.0.0.1:99999"}}) {
    options.listen = address;
    options.admin_listen = "127.0.0.1:0";
    EXPECT_THAT((server{system, options}.start({}).error()), ::testing::HasSubstr(address));
    std::swap(options.listen, options.admin_listen);
    const auto error = server{system, options}.start({}).error();
    EXPECT_THAT(error, ::testing::HasSubstr(address));
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
}

TEST(http_stop, it_may_be_stopped_twice_or_never_started) {
  scripted_server server;
  server.stop(1s);
  server.stop(1s);
  caf::actor_system_config config;
  caf::actor_system system{config};
  http::server never{system, {}};
}

TEST(http_stop, operators_are_served_before_there_is_anybody_to_ask) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  server early{system, {.listen = "127.0.0.1:0", .admin_listen = "127.0.0.1:0"}};
  ASSERT_TRUE(early.open_operators());
  test_client client{early.admin_port()};
  EXPECT_EQ(client.get("/healthz")->status, 200);
  const auto not_ready = client.get("/readyz");
  ASSERT_TRUE(not_ready);
  EXPECT_EQ(not_ready->status, 503);
  EXPECT_EQ(json::parse(not_ready->body)["parts"]["reads"], "unavailable");
  early.stop(1s);
  EXPECT_TRUE(client.closed());
}

TEST(http_stop, it_stops_under_load) {
  server_options options;
  options.threads = 2;
  scripted_server server{options};
  std::vector<std::future<int>> clients;
  for (int n = 0; n < 8; ++n)
    clients.push_back(std::async(std::launch::async, [&server] {
      test_client client{server.port()};
      int answers = 0;
      for (;; ++answers) {
        const auto answer = client.post("/v1/payments", payment);
        if (!answer)
          return answers;
        EXPECT_EQ(answer->status, 201);
      }
    }));
  ASSERT_TRUE(server.actors.wait_for_commands(1000));
  server.stop(5s);
  int answers = 0;
  for (auto& client : clients)
    answers += client.get();
  // Every command that the actors saw was answered.
  EXPECT_GE(answers, static_cast<int>(server.actors.commands().size()));
}

} // namespace
} // namespace paymentd::http::testing
