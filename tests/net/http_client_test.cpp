// Goal: every way that a request can end is told apart, above all whether a byte of it was written.
// Method: real sockets against servers that answer well, badly, partly, late or never, with
// time-outs of some 100 ms; each answer is waited for by a future.
#include "net/http_client.hpp"

#include "tests/support/canned_server.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace paymentd::net {
namespace {

using namespace std::chrono_literals;
using providers::fake_alimtalk;
using providers::fake_alimtalk_options;
using kind = http_error::kind;
using testing::HasSubstr;

constexpr auto short_time = 500ms; // where a test waits for a time-out; enough to connect in
constexpr auto long_time = 10s;    // where it must not come to one

std::unique_ptr<http_client> client_to(const std::string& origin,
                                       std::chrono::milliseconds timeout = long_time,
                                       std::function<void(http_client_options&)> change = {}) {
  http_client_options options;
  options.origin = origin;
  options.timeout = timeout;
  options.connect_timeout = timeout;
  if (change)
    change(options);
  auto made = http_client::create(options);
  EXPECT_TRUE(made) << made.error();
  return std::move(made).value();
}

std::future<http_result> begin(http_client& client, http_request what) {
  auto promise = std::make_shared<std::promise<http_result>>();
  client.request(std::move(what),
                 [promise](http_result result) { promise->set_value(std::move(result)); });
  return promise->get_future();
}

http_result wait(std::future<http_result> answer) {
  if (answer.wait_for(2 * long_time) != std::future_status::ready)
    throw std::runtime_error("no answer at all");
  return answer.get();
}

http_result get(http_client& client, const std::string& target = "/") {
  return wait(begin(client, {.method = "GET", .target = target, .headers = {}, .body = {}}));
}

void expect_error(const http_result& result, kind what, bool written) {
  ASSERT_FALSE(result) << "HTTP " << result->status;
  EXPECT_EQ(static_cast<int>(result.error().what), static_cast<int>(what)) << result.error().reason;
  EXPECT_EQ(result.error().written, written) << result.error().reason;
  EXPECT_FALSE(result.error().reason.empty());
}

/// Answers each request on a connection with the same bytes.
canned_server::script answers_with(std::string answer) {
  return [answer](canned_connection& connection) {
    while (connection.read_request())
      connection.write(answer);
  };
}

canned_server::script answers_once_with(std::string answer) {
  return [answer](canned_connection& connection) {
    if (connection.read_request())
      connection.write(answer);
  };
}

TEST(http_client, one_connection_serves_many_requests) {
  canned_server server(answers_with(http_answer("hello")));
  const auto client = client_to(server.origin());
  for (int i = 0; i < 3; ++i) {
    const http_result result = get(*client);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 200);
    EXPECT_EQ(result->body, "hello");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(http_client, a_connection_that_the_server_closed_while_idle_is_replaced_unnoticed) {
  fake_alimtalk fake;
  const auto client = client_to(fake.base_url());
  const std::string count = "/received?count=1";
  for (std::uint64_t connections = 1; connections <= 3; ++connections) {
    ASSERT_TRUE(get(*client, count));
    EXPECT_EQ(fake.connections(), connections);
    fake.close_idle_connections();
  }
}

TEST(http_client, an_idle_connection_past_its_age_is_not_used_again) {
  canned_server server(answers_once_with(http_answer("hello")));
  const auto client =
      client_to(server.origin(), long_time, [](http_client_options& o) { o.idle_max = 0ms; });
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(get(*client));
  EXPECT_EQ(server.connections(), 3);
}

TEST(http_client, a_server_that_asks_for_it_gets_a_new_connection_each_time) {
  canned_server server(answers_once_with(http_answer("hello", 200, "Connection: close\r\n")));
  const auto client = client_to(server.origin());
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(get(*client));
  EXPECT_EQ(server.connections(), 3);
}

TEST(http_client, bytes_after_an_answer_are_not_taken_for_the_next_one) {
  canned_server server(answers_once_with(http_answer("one") + http_answer("two")));
  const auto client = client_to(server.origin());
  for (int i = 0; i < 3; ++i) {
    const http_result result = get(*client);
    ASSERT_TRUE(result) << result.error().reason;
    EXPECT_EQ(result->body, "one");
  }
}

TEST(http_client, a_refused_connection_is_not_written) {
  std::string origin;
  {
    fake_alimtalk gone;
    origin = gone.base_url();
  }
  expect_error(get(*client_to(origin)), kind::not_connected, false);
}

TEST(http_client, a_host_that_does_not_resolve_is_not_written) {
  // A label longer than 63 characters: refused by every resolver without asking the network.
  const auto client = client_to("http://" + std::string(64, 'a') + ".invalid");
  expect_error(get(*client), kind::not_connected, false);
}

TEST(http_client, a_server_that_never_answers_is_too_slow_and_was_written) {
  canned_server server([](canned_connection& connection) {
    while (connection.read_request()) {
    }
  });
  expect_error(get(*client_to(server.origin(), short_time)), kind::too_slow, true);
}

TEST(http_client, a_server_that_drips_its_answer_is_too_slow) {
  canned_server server([](canned_connection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    while (connection.write(std::string(1, 'x'))) {
    }
  });
  const auto client = client_to(server.origin(), short_time, [](http_client_options& o) {
    o.response_bytes_max = 2'000'000'000;
  });
  expect_error(get(*client), kind::too_slow, true);
}

TEST(http_client, a_server_that_reads_nothing_is_too_slow_and_was_written) {
  std::promise<void> over;
  canned_server server([&](canned_connection&) { over.get_future().wait(); });
  const auto client = client_to(server.origin(), short_time);
  const std::string large(20 * 1024 * 1024, 'x'); // more than the sockets' buffers take
  expect_error(
      wait(begin(*client, {.method = "POST", .target = "/", .headers = {}, .body = large})),
      kind::too_slow, true);
  over.set_value();
}

TEST(http_client, a_connection_closed_without_an_answer_was_written) {
  canned_server server([](canned_connection& connection) { connection.read_request(); });
  expect_error(get(*client_to(server.origin())), kind::lost, true);
}

TEST(http_client, half_a_head_and_half_a_body_are_lost_answers) {
  for (const std::string& half :
       {std::string("HTTP/1.1 200 OK\r\nContent-Le"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")}) {
    canned_server server(answers_once_with(half));
    expect_error(get(*client_to(server.origin())), kind::lost, true);
  }
}

TEST(http_client, what_is_not_http_is_malformed) {
  for (const std::string& bad :
       {std::string("SSH-2.0-OpenSSH\r\n\r\n"), std::string("HTTP/1.1 101 Upgrade\r\n\r\n"),
        std::string("HTTP/1.1 20 OK\r\n\r\n"), std::string("HTTP/1.1 2000 OK\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
        std::string("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")}) {
    canned_server server(answers_once_with(bad));
    expect_error(get(*client_to(server.origin())), kind::malformed, true);
  }
}

constexpr const char* interim =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n"
    "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";

TEST(http_client, interim_answers_are_passed_over) {
  canned_server server(answers_with(interim + http_answer("hello")));
  const auto client = client_to(server.origin());
  for (int i = 0; i < 3; ++i) {
    const http_result result = get(*client);
    ASSERT_TRUE(result) << result.error().reason;
    EXPECT_EQ(result->status, 200);
    EXPECT_EQ(result->body, "hello");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(http_client, interim_answers_without_an_end_are_malformed_and_without_an_answer_lost) {
  canned_server endless([](canned_connection& connection) {
    connection.read_request();
    while (connection.write(interim)) {
    }
  });
  expect_error(get(*client_to(endless.origin())), kind::malformed, true);
  canned_server broken_off(answers_once_with(interim));
  expect_error(get(*client_to(broken_off.origin())), kind::lost, true);
}

TEST(http_client, a_status_line_needs_no_reason_and_a_header_may_be_long) {
  for (const std::string& head : {std::string("HTTP/1.1 200\r\n"), std::string("HTTP/1.1 200 \r\n"),
                                  "HTTP/1.1 200 OK\r\nX: " + std::string(50'000, 'x') + "\r\n"}) {
    canned_server server(answers_with(head + "Content-Length: 5\r\n\r\nhello"));
    const auto client = client_to(server.origin());
    for (int i = 0; i < 2; ++i) {
      const http_result result = get(*client);
      ASSERT_TRUE(result) << result.error().reason;
      EXPECT_EQ(result->body, "hello");
    }
    EXPECT_EQ(server.connections(), 1);
  }
}

http_result post_for_its_status(http_client& client) {
  return wait(begin(
      client,
      {.method = "POST", .target = "/", .headers = {}, .body = "{}", .status_decides = true}));
}

TEST(http_client, where_the_status_decides_nothing_behind_it_matters) {
  const std::string head = "HTTP/1.1 202 Accepted\r\n";
  for (const std::string& answer :
       {head, head + "Content-Le", head + "Content-Length: 9\r\n\r\nhalf",
        head + "Content-Length: x\r\n\r\n", head + "\r\n" + std::string(10'000'000, 'x'),
        head + "Content-Length: 10000000\r\n\r\n", std::string("HTTP/1.0 202\r\n\r\nuntil the end"),
        head + "X: " + std::string(200'000, 'x') + "\r\n\r\n", interim + head + "no header\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\nnot chunked"}) {
    canned_server server(answers_once_with(answer));
    const auto client = client_to(server.origin());
    const http_result result = post_for_its_status(*client);
    ASSERT_TRUE(result) << answer.substr(0, 100) << result.error().reason;
    EXPECT_EQ(result->status, 202);
    EXPECT_TRUE(post_for_its_status(*client)); // on a new connection
  }
}

TEST(http_client, where_the_status_decides_a_rest_that_hangs_is_not_waited_for) {
  for (const char* rest : {"", "Content-Length: 9\r\n", "Content-Length: 9\r\n\r\nhalf"}) {
    std::promise<void> over;
    canned_server server([&](canned_connection& connection) {
      if (!connection.read_request())
        return;
      connection.write(std::string("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n") + rest);
      over.get_future().wait();
    });
    const http_result result = post_for_its_status(*client_to(server.origin()));
    over.set_value();
    ASSERT_TRUE(result) << result.error().reason;
    EXPECT_EQ(result->status, 503);
  }
}

TEST(http_client, where_the_status_decides_a_good_answer_keeps_its_connection) {
  canned_server server(answers_with(http_answer("hello", 503, "Retry-After: 7\r\n")));
  const auto client = client_to(server.origin());
  for (int i = 0; i < 3; ++i) {
    const http_result result = post_for_its_status(*client);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->retry_after, 7s);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(http_client, the_servers_clock_is_known_by_the_date_of_its_answers) {
  canned_server server(
      answers_with(http_answer("hello", 200, "Date: Sun, 22 Nov 2026 14:00:30 GMT\r\n")));
  const auto client = client_to(server.origin());
  EXPECT_EQ(client->server_ahead(), std::nullopt);
  ASSERT_TRUE(post_for_its_status(*client));
  const auto its_time = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h + 30s;
  ASSERT_TRUE(client->server_ahead());
  const auto wrong = std::chrono::system_clock::now() + *client->server_ahead() - its_time;
  EXPECT_LT(std::chrono::abs(wrong), 1min);
}

TEST(http_client, an_end_without_close_notify_is_an_error_unless_the_status_decides) {
  const test_certificate certificate = make_test_certificate("IP:127.0.0.1");
  const support::temporary_file trusted(certificate.certificate);
  canned_server server(answers_once_with("HTTP/1.0 200 OK\r\n\r\nuntil the end"), &certificate);
  const auto client = client_to(server.origin(), long_time,
                                [&](http_client_options& o) { o.ca_file = trusted.path(); });
  EXPECT_TRUE(post_for_its_status(*client));
  expect_error(get(*client), kind::lost, true);
}

TEST(http_client, a_body_over_the_bound_is_malformed_however_it_is_framed) {
  const std::string large(10 * 1024 * 1024, 'x');
  for (const std::string& answer :
       {http_answer(large),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA00000\r\n" + large + "\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n" + large}) {
    canned_server server(answers_once_with(answer));
    const http_result result = get(*client_to(server.origin()));
    expect_error(result, kind::malformed, true);
    EXPECT_THAT(result.error().reason, HasSubstr("larger than 4194304 bytes"));
  }
}

TEST(http_client, a_redirect_is_an_answer_and_is_not_followed) {
  canned_server server(answers_with(http_answer("", 302, "Location: /elsewhere\r\n")));
  const http_result result = get(*client_to(server.origin()));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 302);
  EXPECT_EQ(server.connections(), 1);
}

TEST(http_client, more_requests_than_connections_take_turns) {
  fake_alimtalk fake;
  const auto client =
      client_to(fake.base_url(), long_time, [](http_client_options& o) { o.connections_max = 2; });
  std::vector<std::future<http_result>> answers;
  for (int i = 0; i < 50; ++i)
    answers.push_back(begin(
        *client, {.method = "GET", .target = "/received?count=1", .headers = {}, .body = {}}));
  for (auto& answer : answers)
    EXPECT_TRUE(wait(std::move(answer)));
  EXPECT_LE(fake.connections(), 2u);
}

TEST(http_client, a_request_that_waits_behind_a_hanging_one_comes_to_its_own_end_in_time) {
  canned_server server([](canned_connection& connection) {
    while (connection.read_request()) {
    }
  });
  const auto client =
      client_to(server.origin(), short_time, [](http_client_options& o) { o.connections_max = 1; });
  auto first = begin(*client, {.method = "GET", .target = "/", .headers = {}, .body = {}});
  auto second = begin(*client, {.method = "GET", .target = "/", .headers = {}, .body = {}});
  expect_error(wait(std::move(first)), kind::too_slow, true);
  EXPECT_FALSE(wait(std::move(second)));
}

TEST(http_client, requests_beyond_the_bound_of_those_waiting_are_refused) {
  canned_server server([](canned_connection& connection) {
    while (connection.read_request()) {
    }
  });
  const auto client = client_to(server.origin(), long_time, [](http_client_options& o) {
    o.connections_max = 1;
    o.waiting_max = 1;
  });
  auto runs = begin(*client, {.method = "GET", .target = "/", .headers = {}, .body = {}});
  auto waits = begin(*client, {.method = "GET", .target = "/", .headers = {}, .body = {}});
  expect_error(get(*client), kind::refused, false);
}

TEST(http_client, control_characters_in_a_header_or_target_are_refused) {
  canned_server server(answers_with(http_answer("")));
  const auto client = client_to(server.origin());
  expect_error(get(*client, "/\r\nX: y"), kind::refused, false);
  expect_error(get(*client, "/a b"), kind::refused, false);
  expect_error(
      wait(begin(
          *client,
          {.method = "GET", .target = "/", .headers = {{"X-Secret-Key", "a\nb"}}, .body = {}})),
      kind::refused, false);
  EXPECT_EQ(server.connections(), 0);
}

TEST(http_client, stop_answers_what_is_open_and_what_comes_later) {
  fake_alimtalk fake({.behaviour = {.hang = true}});
  const auto client =
      client_to(fake.base_url(), long_time, [](http_client_options& o) { o.connections_max = 1; });
  const http_request send{
      .method = "POST", .target = "/alimtalk/v2.3/appkeys/app/messages", .headers = {}, .body = {}};
  auto runs = begin(*client, send);
  ASSERT_TRUE(fake.wait_for_calls(1, long_time));
  auto waits = begin(*client, send);
  client->stop();
  expect_error(wait(std::move(runs)), kind::stopped, true);
  expect_error(wait(std::move(waits)), kind::stopped, false);
  expect_error(wait(begin(*client, send)), kind::stopped, false);
  client->stop();
}

TEST(http_client, a_trusted_certificate_for_the_host_is_accepted_and_kept_alive) {
  for (const auto& [name, host] :
       {std::pair{"IP:127.0.0.1", "127.0.0.1"}, std::pair{"DNS:localhost", "localhost"}}) {
    const test_certificate certificate = make_test_certificate(name);
    const support::temporary_file trusted(certificate.certificate);
    canned_server server(answers_with(http_answer("secret")), &certificate);
    const auto client = client_to(server.origin(host), long_time,
                                  [&](http_client_options& o) { o.ca_file = trusted.path(); });
    for (int i = 0; i < 3; ++i) {
      const http_result result = get(*client);
      ASSERT_TRUE(result) << result.error().reason;
      EXPECT_EQ(result->body, "secret");
    }
    EXPECT_EQ(server.connections(), 1);
  }
}

TEST(http_client, a_certificate_for_another_host_is_refused_before_anything_is_written) {
  for (const auto& [name, host] :
       {std::pair{"IP:127.0.0.2", "127.0.0.1"}, std::pair{"DNS:other.example", "localhost"}}) {
    const test_certificate certificate = make_test_certificate(name);
    const support::temporary_file trusted(certificate.certificate);
    canned_server server(answers_with(http_answer("secret")), &certificate);
    const http_result result =
        get(*client_to(server.origin(host), long_time,
                       [&](http_client_options& o) { o.ca_file = trusted.path(); }));
    expect_error(result, kind::not_connected, false);
    EXPECT_THAT(result.error().reason, HasSubstr("mismatch"));
  }
}

TEST(http_client, a_certificate_that_nobody_vouches_for_is_refused) {
  const test_certificate certificate = make_test_certificate("IP:127.0.0.1");
  canned_server server(answers_with(http_answer("secret")), &certificate);
  expect_error(get(*client_to(server.origin())), kind::not_connected, false);
}

TEST(http_client, a_handshake_that_is_never_answered_is_not_written) {
  std::promise<void> over;
  canned_server silent([&](canned_connection&) { over.get_future().wait(); });
  const std::string origin = "https" + silent.origin().substr(4);
  expect_error(get(*client_to(origin, short_time)), kind::not_connected, false);
  over.set_value();
}

TEST(http_client, an_origin_must_be_one) {
  for (const char* bad :
       {"", "127.0.0.1", "ftp://host", "http://", "http://host/path", "http://user@host",
        "http://host:0", "http://host:65536", "http://host:80x", "http://host:", "http://[::1",
        "http://[::1]x", "https://ho\nst", "http://host?query"})
    EXPECT_FALSE(http_client::create({.origin = bad, .ca_file = {}})) << bad;
  for (const char* good : {"http://host", "https://host/", "http://[::1]:80", "http://[::1]"})
    EXPECT_TRUE(http_client::create({.origin = good, .ca_file = {}})) << good;
  EXPECT_FALSE(http_client::create({.origin = "https://host", .ca_file = "/nowhere/ca.pem"}));
}

TEST(ca_file, must_hold_a_certificate) {
  const support::temporary_file good(make_test_certificate("IP:127.0.0.1").certificate);
  const support::temporary_file bad("no certificate");
  EXPECT_EQ(wrong_ca_file(""), "");
  EXPECT_EQ(wrong_ca_file(good.path()), "");
  EXPECT_THAT(wrong_ca_file(bad.path()), HasSubstr("cannot read certificates from " + bad.path()));
  EXPECT_THAT(wrong_ca_file("/nowhere/ca.pem"), HasSubstr("No such file"));
}

TEST(retry_after, is_read_as_seconds_or_as_a_date) {
  using std::chrono::seconds;
  const std::chrono::sys_time<std::chrono::milliseconds> now =
      std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;
  EXPECT_EQ(parse_retry_after("0", now), seconds{0});
  EXPECT_EQ(parse_retry_after("120", now), seconds{120});
  EXPECT_EQ(parse_retry_after("99999999999999", now), seconds{86400});
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 14:00:30 GMT", now), seconds{30});
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 13:00:00 GMT", now), seconds{0});
  EXPECT_EQ(parse_retry_after("-1", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("soon", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("", now), std::nullopt);
}

} // namespace
} // namespace paymentd::net
