// Goal: connections behave as HTTP/1.1 has it, and are bounded in number and time. Method: exact
// bytes over real sockets, with short time-outs as options; nothing waits but for the server.
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <deque>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

const std::string payment = R"({"orderId":3,"userId":4})";

std::string payment_of(int order) {
  return post_text("/v1/payments", R"({"orderId":)" + std::to_string(order) + R"(,"userId":4})");
}

TEST(http_connections, a_connection_serves_many_requests) {
  scripted_server server;
  test_client client{server.port()};
  for (int order = 1; order <= 200; ++order) {
    client.send(payment_of(order));
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    ASSERT_EQ(json::parse(answer->body)["id"], order);
    EXPECT_EQ(answer->field("connection"), "keep-alive");
  }
}

TEST(http_connections, pipelined_requests_are_answered_in_their_order) {
  scripted_server server;
  test_client client{server.port()};
  std::string all;
  for (int order = 1; order <= 100; ++order) {
    all += payment_of(order);
    all += get_text("/nowhere");
  }
  client.send(all);
  for (int order = 1; order <= 100; ++order) {
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(json::parse(answer->body)["id"], order);
    ASSERT_TRUE(answer = client.receive());
    EXPECT_EQ(answer->status, 404);
  }
}

TEST(http_connections,
     answers_to_requests_that_come_together_leave_together_and_others_get_theirs) {
  scripted_server server;
  test_client many{server.port()}, other{server.port()};
  constexpr int count = 1000; // more than a turn makes, and than a socket takes
  std::string all;
  for (int n = 0; n < count; ++n)
    all += get_text(n % 100 == 99 ? "/v1/users/1" : "/nowhere", "Connection: keep-alive\r\n");
  many.send(all);
  EXPECT_EQ(other.get("/v1/users/1")->status, 200);
  for (int n = 0; n < count; ++n) {
    const auto answer = many.receive();
    ASSERT_TRUE(answer) << n;
    EXPECT_EQ(answer->status, n % 100 == 99 ? 200 : 404) << n;
  }
}

TEST(http_connections, an_answer_in_between_keeps_its_place_among_gathered_ones) {
  scripted_server server;
  test_client client{server.port()};
  const auto expecting = post_text("/v1/payments", payment, "Expect: 100-continue\r\n");
  const auto head_size = expecting.find("\r\n\r\n") + 4;
  client.send(get_text("/nowhere") + expecting.substr(0, head_size));
  ASSERT_EQ(client.receive()->status, 404);
  ASSERT_EQ(client.receive()->status, 100);
  client.send(expecting.substr(head_size));
  EXPECT_EQ(client.receive()->status, 201);
}

TEST(http_connections, a_kept_connection_says_for_how_long) {
  scripted_server server;
  test_client client{server.port()};
  // Longer than Go's clients keep an idle connection (90 s), and a second less than it is.
  EXPECT_EQ(client.get("/v1/users/1")->field("keep-alive"), "timeout=119");
  const auto last = client.post("/v1/payments", payment, "Connection: close\r\n");
  ASSERT_TRUE(last);
  EXPECT_EQ(last->field("keep-alive"), "");
}

TEST(http_connections, an_empty_line_leaves_a_connection_idle) {
  server_options options;
  options.header_timeout = 60ms;
  options.idle_timeout = 600ms;
  scripted_server server{options};
  test_client pinging{server.port()}, slow{server.port()};
  EXPECT_EQ(pinging.post("/v1/payments", payment)->status, 201);
  pinging.send("\r\n");
  slow.send("G");
  // The time of a request that has begun is up for certain.
  EXPECT_EQ(slow.receive()->status, 408);
  EXPECT_EQ(pinging.post("/v1/payments", payment)->status, 201);
  pinging.send("\r\n");
  EXPECT_TRUE(pinging.closed());
}

TEST(http_connections, empty_lines_are_bounded) {
  scripted_server server;
  test_client client{server.port()};
  for (int n = 0; n < 200; ++n)
    client.send("\r\n\n\r\n");
  EXPECT_EQ(client.get("/v1/users/1")->status, 200);
  client.send(std::string(4097, '\n'));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_EQ(answer->field("connection"), "close");
}

TEST(http_connections, an_answer_survives_a_close_with_input_unread) {
  scripted_server server;
  test_client client{server.port()};
  // More than the server reads before it answers; a reset would take the answer away.
  client.send(post_text("/v1/payments", payment, "Connection: close\r\n") +
              std::string(200'000, 'x'));
  server.actors.wait_for_commands(1);
  test_client other{server.port()};
  EXPECT_EQ(other.get("/v1/users/1")->status, 200);
  EXPECT_TRUE(client.send("x"));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_TRUE(client.closed());
}

TEST(http_connections, a_request_may_come_byte_by_byte) {
  scripted_server server;
  test_client client{server.port()};
  for (const char byte : "\r\n" + post_text("/v1/payments", payment))
    client.send({&byte, 1});
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
}

TEST(http_connections, chunked_bodies_are_put_together) {
  scripted_server server;
  test_client client{server.port()};
  client.send(
      "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\nContent-Type: Application/JSON;charset="
      "\"UTF-8\"\r\nTransfer-Encoding: chunked\r\n\r\n"
      "a;extension=1\r\n{\"orderId\"\r\n");
  client.send("1\r\n:\r\nd\r\n3,\"userId\":4}\r\n0\r\nContent-Type: text/plain\r\n\r\n");
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(client.get("/v1/users/1")->status, 200);
}

TEST(http_connections, head_is_get_without_the_body) {
  scripted_server server;
  test_client client{server.port()};
  const auto got = client.get("/v1/users/1");
  client.send("HEAD /v1/users/1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto head = client.receive(true);
  ASSERT_TRUE(got && head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->field("content-length"), got->field("content-length"));
  client.send("HEAD /v1/payments HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto refused = client.receive(true);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 405);
  EXPECT_EQ(client.get("/v1/users/1")->status, 200);
}

TEST(http_connections, a_request_id_is_repeated_where_it_is_sane_and_made_otherwise) {
  scripted_server server;
  test_client client{server.port()};
  const auto id_for = [&](const std::string& given) {
    client.send(get_text("/v1/users/1", given));
    return client.receive()->field("x-request-id");
  };
  EXPECT_EQ(id_for("x-request-ID: Abc-{1}\r\n"), "Abc-{1}");
  EXPECT_EQ(id_for("X-Request-Id: " + std::string(128, 'i') + "\r\n"), std::string(128, 'i'));
  const auto made = id_for("");
  EXPECT_EQ(made.size(), 16u);
  EXPECT_NE(made, id_for(""));
  EXPECT_EQ(id_for("X-Request-Id: " + std::string(129, 'i') + "\r\n").size(), 16u);
  EXPECT_EQ(id_for("X-Request-Id: a b\r\n").size(), 16u);
  EXPECT_EQ(id_for("X-Request-Id: \xed\x95\x9c\r\n").size(), 16u);
}

TEST(http_connections, a_client_that_expects_it_is_told_to_go_on) {
  scripted_server server;
  test_client client{server.port()};
  const auto whole = post_text("/v1/payments", payment, "Expect: 100-continue\r\n");
  const auto head_size = whole.find("\r\n\r\n") + 4;
  client.send(whole.substr(0, head_size));
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 100);
  client.send(whole.substr(head_size));
  ASSERT_TRUE(answer = client.receive());
  EXPECT_EQ(answer->status, 201);
  // A client that does not wait for it is not told.
  client.send(whole);
  ASSERT_TRUE(answer = client.receive());
  EXPECT_EQ(answer->status, 201);
  // A request that is refused anyway is refused before its body is sent.
  const auto refused = post_text("/nowhere", payment, "Expect: 100-continue\r\n");
  client.send(refused.substr(0, refused.find("\r\n\r\n") + 4));
  ASSERT_TRUE(answer = client.receive());
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->field("connection"), "close");
  client.half_close();
  EXPECT_TRUE(client.closed());
}

TEST(http_connections, http_1_0_is_never_told_to_go_on) {
  scripted_server server;
  test_client client{server.port()};
  const std::string head = "POST /v1/payments HTTP/1.0\r\nContent-Type: application/json\r\n"
                           "Expect: 100-continue\r\nContent-Length: " +
                           std::to_string(payment.size()) + "\r\n\r\n";
  // The server has the head alone for certain: its answer to the first half of the pipeline came.
  client.send("GET /v1/users/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + head);
  ASSERT_EQ(client.receive()->status, 200);
  client.send(payment);
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
}

TEST(http_connections, an_absolute_target_is_its_path) {
  scripted_server server;
  test_client client{server.port()};
  for (const char* target :
       {"http://localhost/v1/users/12", "HTTP://localhost/v1/users/12",
        "https://localhost/v1/users/12", "hTTps://LOCALHOST:443/v1/users/12?x=1"})
    EXPECT_EQ(client.get(target)->status, 200) << target;
  for (const char* target :
       {"http://localhost", "http://localhost?/v1/users/12", "ftp://localhost/v1/users/12",
        "http:/v1/users/12", "https//v1/users/12"})
    EXPECT_EQ(client.get(target)->status, 404) << target;
}

TEST(http_connections, a_client_may_ask_to_close) {
  scripted_server server;
  test_client client{server.port()};
  const auto answer = client.post("/v1/payments", payment, "Connection: close\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->field("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(http_connections, http_1_0_closes_unless_it_is_asked_to_stay) {
  scripted_server server;
  test_client brief{server.port()}, lasting{server.port()};
  brief.send("GET /v1/users/1 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(brief.receive()->status, 200);
  EXPECT_TRUE(brief.closed());
  for (int times = 0; times < 2; ++times) {
    lasting.send("GET http://localhost/v1/users/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto answer = lasting.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->field("connection"), "keep-alive");
  }
}

TEST(http_connections, a_client_that_half_closes_has_its_answer) {
  scripted_server server;
  test_client client{server.port()};
  server.actors.hold();
  client.send(post_text("/v1/payments", payment));
  client.half_close();
  ASSERT_TRUE(server.actors.wait_for_commands(1));
  server.actors.release();
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  // Long before the idle time-out of a minute.
  EXPECT_TRUE(client.closed(5s));
}

TEST(http_connections, clients_that_leave_while_they_wait_do_no_harm) {
  scripted_server server;
  server.actors.hold();
  for (int clients = 1; clients <= 20; ++clients) {
    test_client client{server.port()};
    client.send(payment_of(clients));
    ASSERT_TRUE(server.actors.wait_for_commands(static_cast<std::size_t>(clients)));
  }
  server.actors.release();
  EXPECT_EQ(test_client{server.port()}.get("/v1/users/1")->status, 200);
}

TEST(http_connections, a_request_that_comes_too_slowly_is_told_so) {
  server_options options;
  options.header_timeout = 80ms;
  scripted_server server{options};
  test_client slow_header{server.port()}, slow_body{server.port()};
  slow_header.send("POST /v1/payments HTTP/1.1\r\nHost: localhost\r\n");
  const auto whole = post_text("/v1/payments", payment);
  slow_body.send(whole.substr(0, whole.size() - 1));
  for (auto* client : {&slow_header, &slow_body}) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 408);
    EXPECT_EQ(json::parse(answer->body)["code"], "request_timeout");
    EXPECT_EQ(answer->field("connection"), "close");
    client->half_close();
    EXPECT_TRUE(client->closed());
  }
}

TEST(http_connections, drops_of_input_do_not_prolong_the_time) {
  server_options options;
  options.header_timeout = 80ms;
  scripted_server server{options};
  test_client client{server.port()};
  client.send("GET /v1/users/1 HTTP/1.1\r\n");
  std::optional<test_answer> answer;
  // Each round waits a little for the answer, and then sends another field.
  for (int drops = 0; drops < 400 && !answer; ++drops) {
    client.send("X-" + std::to_string(drops) + ": y\r\n");
    answer = client.receive(false, 5ms);
  }
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
}

TEST(http_connections, an_idle_connection_is_closed_quietly) {
  server_options options;
  options.idle_timeout = 60ms;
  scripted_server server{options};
  test_client used{server.port()}, unused{server.port()};
  EXPECT_EQ(used.get("/v1/users/1")->status, 200);
  EXPECT_TRUE(used.closed());
  EXPECT_TRUE(unused.closed());
}

TEST(http_connections, a_request_in_flight_is_not_idle) {
  server_options options;
  options.idle_timeout = options.header_timeout = 40ms;
  scripted_server server{options};
  test_client waiting{server.port()}, idle{server.port()};
  server.actors.hold();
  waiting.send(post_text("/v1/payments", payment));
  ASSERT_TRUE(server.actors.wait_for_commands(1));
  ASSERT_TRUE(idle.closed()); // the idle time-out has passed for certain
  server.actors.release();
  const auto answer = waiting.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
}

TEST(http_connections, many_are_served_at_once) {
  server_options options;
  options.threads = 2;
  scripted_server server{options};
  server.actors.hold();
  std::deque<test_client> clients;
  constexpr int count = 400;
  for (int order = 1; order <= count; ++order)
    clients.emplace_back(server.port()).send(payment_of(order));
  ASSERT_TRUE(server.actors.wait_for_commands(count));
  server.actors.release();
  for (int order = 1; order <= count; ++order) {
    const auto answer = clients[static_cast<std::size_t>(order - 1)].receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(json::parse(answer->body)["id"], order);
  }
}

TEST(http_connections, too_many_are_told_so_and_closed) {
  server_options options;
  options.max_connections = 3;
  scripted_server server{options};
  std::deque<test_client> clients;
  for (int n = 0; n < 3; ++n)
    EXPECT_EQ(clients.emplace_back(server.port()).get("/v1/users/1")->status, 200);
  test_client refused{server.port()};
  refused.send(get_text("/v1/users/1"));
  const auto answer = refused.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(json::parse(answer->body)["code"], "overloaded");
  EXPECT_EQ(answer->field("connection"), "close");
  EXPECT_EQ(clients[0].get("/v1/users/1")->status, 200);
  // Where one leaves, there is room again, as soon as the server has noticed.
  clients.pop_back();
  int status = 0;
  for (int tries = 0; tries < 1000 && status != 200; ++tries) {
    test_client again{server.port()};
    again.send(get_text("/v1/users/1"));
    const auto next = again.receive();
    status = next ? next->status : 0;
  }
  EXPECT_EQ(status, 200);
}

TEST(http_connections, idle_ones_give_way_at_the_operators_port) {
  scripted_server server;
  std::deque<test_client> idle;
  for (int n = 0; n < 300; ++n) {
    idle.emplace_back(server.admin_port());
    if (n % 2 == 0)
      idle.back().send("GET /he"); // as idle as one that says nothing
    const auto answer = test_client{server.admin_port()}.get("/healthz");
    ASSERT_TRUE(answer) << n;
    EXPECT_EQ(answer->status, 200) << n;
  }
  EXPECT_TRUE(idle.front().closed(5s));
  idle.back().send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(idle.back().receive()->status, 200);
}

TEST(http_connections, a_client_that_does_not_read_its_answers_is_dropped) {
  server_options options;
  options.header_timeout = 80ms;
  scripted_server server{options};
  test_client client{server.port()};
  std::string many;
  for (int n = 0; n < 500; ++n)
    many += get_text("/nowhere");
  // The answers are longer than the requests, so that both directions fill up in the end.
  bool taken = true;
  for (int rounds = 0; rounds < 2000 && taken; ++rounds)
    taken = client.send(many);
  EXPECT_FALSE(taken);
  EXPECT_EQ(test_client{server.port()}.get("/v1/users/1")->status, 200);
}

TEST(http_connections, what_a_path_encodes_without_need_is_the_same_path) {
  scripted_server server;
  test_client client{server.port()};
  for (const char* path : {"/v1/users/%31%32", "/%76%31/users/12", "/v1/%75sers/12?x=%31"}) {
    const auto answer = client.get(path);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 200) << path;
    EXPECT_EQ(nlohmann::json::parse(answer->body)["id"], 12) << path;
  }
  EXPECT_EQ(client.get("/v1%2Fusers/12")->status, 404);
  EXPECT_EQ(client.get("/v1/users%")->status, 404);
}

TEST(http_connections, an_expectation_that_nobody_knows_is_417_and_the_connection_goes_on) {
  scripted_server server;
  test_client client{server.port()};
  const auto answer = client.post("/v1/payments", payment, "Expect: a-miracle\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 417);
  EXPECT_TRUE(server.actors.commands().empty());
  EXPECT_EQ(client.post("/v1/payments", payment)->status, 201);
}

} // namespace
} // namespace paymentd::http::testing
