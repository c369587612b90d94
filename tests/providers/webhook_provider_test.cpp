// Goal: each event is one POST with a signature that verifies and the same id at every
// try, and every way that a receiver can misbehave is told apart. Method: real sockets to a
// receiver that does as it is told, and to servers that are none.
#include "providers/webhook/webhook_provider.hpp"

#include "cloudevents/event_json.hpp"
#include "tests/providers/example_call.hpp"
#include "tests/support/canned_server.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/webhook_receiver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

namespace paymentd::webhooks {
namespace {

using namespace std::chrono_literals;
using net::canned_connection;
using net::canned_server;
using net::http_answer;
using providers::call;
using providers::call_result;
using providers::example_call;
using providers::failure_class;
using testing::HasSubstr;

constexpr auto short_time = 500ms; // where a test waits for a time-out; enough to connect in
constexpr auto long_time = 10s;
constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;
const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string old_secret = "whsec_" + std::string(32, 'A');

webhook_options options_to(std::string url) {
  webhook_options made;
  made.base_url = std::move(url);
  made.secrets = {secret};
  made.timeout = long_time;
  made.allow_private_network = true;
  return made;
}

std::unique_ptr<providers::endpoint> made(webhook_options options) {
  auto provider = make_webhook_provider(std::move(options));
  EXPECT_TRUE(provider) << provider.error();
  return std::move(provider).value();
}

call_result send(providers::provider& to, call what) {
  auto promise = std::make_shared<std::promise<call_result>>();
  auto result = promise->get_future();
  to.send(std::move(what), [promise](call_result given) { promise->set_value(std::move(given)); });
  if (result.wait_for(2 * long_time) != std::future_status::ready)
    throw std::runtime_error("no answer at all");
  return result.get();
}

call_result send_to(const std::string& url, std::chrono::milliseconds timeout = long_time) {
  webhook_options options = options_to(url);
  options.timeout = timeout;
  return send(*made(std::move(options)), example_call("k", 1, evening));
}

void expect_failure(const call_result& result, failure_class kind) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
}

/// Answers each request on a connection with the same bytes.
canned_server::script answers_with(std::string bytes) {
  return [bytes](canned_connection& connection) {
    while (connection.read_request())
      connection.write(bytes);
  };
}

TEST(webhook_provider, an_event_is_one_signed_post) {
  receiver hook;
  webhook_options options = options_to(hook.url("/a/b?c=d"));
  options.now = [] { return evening + 999ms; };
  const call what = example_call("k", 1, evening);
  const call_result result = send(*made(std::move(options)), what);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  ASSERT_EQ(hook.requests().size(), 1u);
  const received_request request = hook.requests()[0];
  EXPECT_EQ(request.target, "/a/b?c=d");
  EXPECT_EQ(request.headers.at("content-type"), "application/cloudevents+json");
  EXPECT_EQ(request.headers.at("webhook-timestamp"), "1795356000");
  EXPECT_EQ(request.headers.at("webhook-id"), what.recipients[0].delivery_id);
  EXPECT_EQ(request.body, cloudevents::event_json(what.recipients[0].event, what.instance));
  EXPECT_TRUE(verifies(request, secret));
  EXPECT_FALSE(verifies(request, old_secret));
}

TEST(webhook_provider, the_media_type_may_be_plain_json) {
  receiver hook;
  webhook_options options = options_to(hook.url());
  options.content_type = "application/json";
  ASSERT_TRUE(send(*made(std::move(options)), example_call("k", 1, evening)));
  EXPECT_EQ(hook.requests().at(0).headers.at("content-type"), "application/json");
}

TEST(webhook_provider, two_secrets_sign_both) {
  receiver hook;
  webhook_options options = options_to(hook.url());
  options.secrets = {secret, old_secret};
  ASSERT_TRUE(send(*made(std::move(options)), example_call("k", 1, evening)));
  EXPECT_TRUE(verifies(hook.requests().at(0), secret));
  EXPECT_TRUE(verifies(hook.requests().at(0), old_secret));
}

TEST(webhook_provider, a_repeat_has_the_same_id_and_body_under_a_new_time) {
  receiver hook([](const received_request&) { return reply{.status = 500}; });
  webhook_options options = options_to(hook.url());
  std::atomic<int> tries = 0;
  options.now = [&] { return evening + std::chrono::minutes{tries++}; };
  const auto to = made(std::move(options));
  expect_failure(send(*to, example_call("k.1", 1, evening)), failure_class::transient);
  hook.set_answer({});
  ASSERT_TRUE(send(*to, example_call("k.2", 1, evening)));
  const auto requests = hook.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].headers.at("webhook-id"), requests[1].headers.at("webhook-id"));
  EXPECT_EQ(requests[0].body, requests[1].body);
  EXPECT_NE(requests[0].headers.at("webhook-timestamp"),
            requests[1].headers.at("webhook-timestamp"));
  EXPECT_TRUE(verifies(requests[1], secret));
}

TEST(webhook_provider, an_event_goes_on_with_the_trace_of_its_request_in_a_new_span_at_each_try) {
  const receiver hook;
  const auto to = made(options_to(hook.url()));
  call what = example_call("k", 2, evening); // as a release before made them
  what.recipients[0].event.trace.id.fill(0xab);
  what.recipients[0].event.trace.flags = 1;
  for (int tries = 0; tries < 2; ++tries)
    ASSERT_TRUE(send(*to, what));
  std::set<std::string> fields;
  for (const received_request& each : hook.requests()) {
    const auto found = each.headers.find("traceparent");
    EXPECT_EQ(found != each.headers.end(), each.headers.at("webhook-id") == "alimtalk-1");
    if (found != each.headers.end())
      fields.insert(found->second);
  }
  EXPECT_EQ(fields.size(), 2u);
  for (const std::string& each : fields)
    EXPECT_THAT(each, testing::MatchesRegex("00-(ab){16}-[0-9a-f]{16}-01"));
}

TEST(webhook_provider, one_event_that_hangs_fails_alone) {
  receiver hook([](const received_request& request) {
    return reply{.hang = request.headers.at("webhook-id") == "alimtalk-1"};
  });
  webhook_options options = options_to(hook.url());
  options.timeout = short_time;
  const auto to = made(std::move(options));
  std::promise<call_result> hangs;
  to->send(example_call("k", 1, evening, 1),
           [&](call_result result) { hangs.set_value(std::move(result)); });
  ASSERT_TRUE(hook.wait_for(1, long_time));
  for (int event = 2; event < 20; ++event)
    ASSERT_TRUE(send(*to, example_call("k", 1, evening, event)));
  const call_result result = hangs.get_future().get();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0).error().kind, failure_class::transient);
}

TEST(webhook_provider, a_receiver_that_fails_for_event_after_event_is_out_of_order_until_it_works) {
  receiver hook([](const received_request&) { return reply{.status = 503}; });
  webhook_options options = options_to(hook.url());
  options.connections_max = 2;
  const auto to = made(std::move(options));
  expect_failure(send(*to, example_call("k", 1, evening, 1)), failure_class::transient);
  expect_failure(send(*to, example_call("k", 1, evening, 2)), failure_class::outage);
  hook.set_answer({});
  ASSERT_TRUE(send(*to, example_call("k", 1, evening, 2)));
  hook.set_answer([](const received_request&) { return reply{.status = 503}; });
  expect_failure(send(*to, example_call("k", 1, evening, 3)), failure_class::transient);
}

TEST(webhook_provider, retry_after_and_gone_are_understood) {
  receiver hook([](const received_request&) {
    return reply{.status = 503, .headers = "Retry-After: 7\r\n"};
  });
  const call_result busy = send_to(hook.url());
  expect_failure(busy, failure_class::throttled);
  EXPECT_EQ(busy.error().retry_after, 7s);
  hook.set_answer([](const received_request&) { return reply{.status = 410}; });
  const auto to = made(options_to(hook.url()));
  EXPECT_FALSE(to->gone());
  expect_failure(send(*to, example_call("k", 1, evening)), failure_class::outage);
  EXPECT_TRUE(to->gone());
}

TEST(webhook_provider, a_redirect_is_not_followed) {
  receiver hook;
  receiver redirecting([&](const received_request&) {
    return reply{.status = 307, .headers = "Location: " + hook.url() + "\r\n"};
  });
  const call_result result = send_to(redirecting.url());
  expect_failure(result, failure_class::transient);
  EXPECT_THAT(result.error().reason, HasSubstr("redirect"));
  EXPECT_TRUE(hook.requests().empty());
}

TEST(webhook_provider, a_receiver_that_hangs_or_breaks_off_is_told_again) {
  receiver hook([](const received_request&) { return reply{.hang = true}; });
  expect_failure(send_to(hook.url(), short_time), failure_class::transient);
  hook.set_answer([](const received_request&) { return reply{.close = true}; });
  expect_failure(send_to(hook.url()), failure_class::transient);
}

TEST(webhook_provider, without_a_status_line_nothing_is_delivered) {
  for (const std::string& bad :
       {std::string("SSH-2.0-OpenSSH\r\n\r\n"), std::string("HTTP/1.1 200"),
        std::string("HTTP/1.1 100 Continue\r\n\r\n"), std::string()}) {
    canned_server server([bad](canned_connection& connection) {
      if (connection.read_request())
        connection.write(bad);
    });
    expect_failure(send_to(server.origin()), failure_class::transient);
  }
}

TEST(webhook_provider, a_2xx_is_a_success_whatever_comes_behind_it) {
  for (const std::string& answer :
       {http_answer("<html>{\"error\":true}</html>"), http_answer(std::string(10'000'000, 'x')),
        std::string("HTTP/1.1 200\r\nContent-Le"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x')}) {
    canned_server server(answers_with(answer));
    EXPECT_TRUE(send_to(server.origin())) << answer.substr(0, 80);
  }
}

TEST(webhook_provider, a_certificate_that_does_not_match_is_an_outage_before_anything_is_written) {
  const net::test_certificate certificate = net::make_test_certificate("DNS:other.example");
  const support::temporary_file trusted(certificate.certificate);
  std::atomic<int> requests = 0;
  canned_server server(
      [&](canned_connection& connection) { requests += connection.read_request() ? 1 : 0; },
      &certificate);
  webhook_options options = options_to(server.origin("localhost"));
  options.ca_file = trusted.path();
  const call_result result = send(*made(std::move(options)), example_call("k", 1, evening));
  expect_failure(result, failure_class::outage);
  EXPECT_TRUE(result.error().never_written);
  EXPECT_THAT(result.error().reason, HasSubstr("mismatch"));
  EXPECT_EQ(requests, 0);
}

TEST(webhook_provider, a_private_network_is_not_entered_unless_that_is_allowed) {
  receiver hook;
  for (const char* host : {"127.0.0.1", "localhost", "[::1]"}) {
    webhook_options options =
        options_to("http://" + std::string(host) + ":" + std::to_string(hook.port()) + "/hook");
    options.allow_private_network = false;
    const call_result result = send(*made(std::move(options)), example_call("k", 1, evening));
    expect_failure(result, failure_class::outage);
    EXPECT_TRUE(result.error().never_written);
    EXPECT_THAT(result.error().reason, HasSubstr("public internet"));
  }
  EXPECT_TRUE(hook.requests().empty());
}

TEST(webhook_provider, a_receiver_that_is_not_there_was_never_written_to) {
  std::string url;
  {
    receiver gone;
    url = gone.url();
  }
  const call_result result = send_to(url);
  expect_failure(result, failure_class::outage);
  EXPECT_TRUE(result.error().never_written);
}

TEST(webhook_provider, stop_leaves_open_calls_unknown_and_later_ones_unsent) {
  receiver hook([](const received_request&) { return reply{.hang = true}; });
  const auto to = made(options_to(hook.url()));
  std::promise<call_result> open;
  to->send(example_call("k", 1, evening),
           [&](call_result result) { open.set_value(std::move(result)); });
  ASSERT_TRUE(hook.wait_for(1, long_time));
  to->stop();
  expect_failure(open.get_future().get(), failure_class::unknown);
  expect_failure(send(*to, example_call("k", 1, evening)), failure_class::outage);
}

TEST(webhook_provider, a_call_of_several_events_gives_each_its_own_result) {
  receiver hook([](const received_request& request) {
    return reply{.status = request.headers.at("webhook-id") == "alimtalk-3" ? 422 : 200};
  });
  const call_result result = send(*made(options_to(hook.url())), example_call("k", 5, evening));
  ASSERT_TRUE(result);
  ASSERT_EQ(result->size(), 5u);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(result->at(i).has_value(), i != 2);
  EXPECT_EQ(result->at(2).error().kind, failure_class::transient);
}

TEST(webhook_provider, a_call_of_no_events_is_not_sent) {
  receiver hook;
  expect_failure(send(*made(options_to(hook.url())), example_call("k", 0, evening)),
                 failure_class::outage);
  EXPECT_TRUE(hook.requests().empty());
}

TEST(webhook_provider, options_that_cannot_work_are_refused_by_name) {
  const auto error_with = [](auto change) {
    webhook_options bad = options_to("http://127.0.0.1/hook");
    change(bad);
    const auto provider = make_webhook_provider(std::move(bad));
    return provider ? std::string() : provider.error();
  };
  EXPECT_THAT(error_with([](webhook_options& o) { o.base_url = "ftp://host/"; }),
              HasSubstr("url: "));
  EXPECT_THAT(error_with([](webhook_options& o) { o.base_url = "http://user@host/"; }),
              HasSubstr("url: "));
  EXPECT_THAT(error_with([](webhook_options& o) { o.base_url = "http://host/a b"; }),
              HasSubstr("url: "));
  EXPECT_THAT(error_with([](webhook_options& o) { o.secrets = {"geheim"}; }),
              testing::StrEq("secret: must begin with whsec_"));
  EXPECT_EQ(error_with([](webhook_options& o) { o.secrets.clear(); }), "secret is empty");
  EXPECT_THAT(error_with([](webhook_options& o) { o.timeout = 0ms; }),
              HasSubstr("timeout must be above 0"));
  EXPECT_THAT(error_with([](webhook_options& o) { o.ca_file = "/nowhere/ca.pem"; }),
              HasSubstr("ca_file: cannot read certificates from /nowhere/ca.pem"));
}

std::unique_ptr<providers::endpoint> made_endpoint(webhook_options options) {
  auto endpoint = make_webhook_provider(std::move(options));
  EXPECT_TRUE(endpoint) << endpoint.error();
  return std::move(endpoint).value();
}

TEST(webhook_provider, new_secrets_sign_from_then_on_and_bad_ones_change_nothing) {
  const receiver hook;
  const auto endpoint = made_endpoint(options_to(hook.url()));
  ASSERT_TRUE(send(*endpoint, example_call("k", 1, evening)));
  endpoint->sign_with({old_secret, secret});
  ASSERT_TRUE(send(*endpoint, example_call("k", 1, evening)));
  endpoint->sign_with({old_secret});
  ASSERT_TRUE(send(*endpoint, example_call("k", 1, evening)));
  endpoint->sign_with({"none"});
  ASSERT_TRUE(send(*endpoint, example_call("k", 1, evening)));
  const auto requests = hook.requests();
  ASSERT_EQ(requests.size(), 4u);
  const auto verified = [&](std::size_t at) {
    return std::pair{verifies(requests[at], secret), verifies(requests[at], old_secret)};
  };
  EXPECT_EQ(verified(0), std::pair(true, false));
  EXPECT_EQ(verified(1), std::pair(true, true));
  EXPECT_EQ(verified(2), std::pair(false, true));
  EXPECT_EQ(verified(3), std::pair(false, true));
}

TEST(webhook_provider, a_notice_is_a_signed_post_of_its_own_type) {
  receiver hook;
  const auto endpoint = made_endpoint(options_to(hook.url()));
  const auto tell = [&] {
    auto promise = std::make_shared<std::promise<providers::recipient_result>>();
    auto result = promise->get_future();
    endpoint->tell({.of = webhook_notice::kind::paused,
                    .id = "webhook-books-x-paused-shop",
                    .webhook = "shop",
                    .at = evening,
                    .failing_since = evening - 1h,
                    .instance = "0f1e2d3c"},
                   [promise](providers::recipient_result given) { promise->set_value(given); });
    return result.get();
  };
  EXPECT_TRUE(tell());
  ASSERT_EQ(hook.requests().size(), 1u);
  const auto request = hook.requests()[0];
  EXPECT_TRUE(verifies(request, secret));
  EXPECT_EQ(request.headers.at("webhook-id"), "webhook-books-x-paused-shop");
  EXPECT_THAT(request.body, HasSubstr(R"("type":"paymentd.webhook.paused.v1")"));
  EXPECT_THAT(request.body,
              HasSubstr(R"("data":{"name":"shop","failingSince":"2026-11-22T13:00:00.000Z"})"));
  hook.set_answer([](const received_request&) { return reply{.status = 500}; });
  EXPECT_EQ(tell().error().reason, "HTTP 500");
  endpoint->stop();
  EXPECT_FALSE(tell());
}

} // namespace
} // namespace paymentd::webhooks
