// Goal: each event is stored in JetStream once by its id, whatever fails on the way, and every way
// that a NATS server can fail has its class of failure, within the time-out. Method: a real
// nats-server with JetStream, which is killed, paused, set up wrongly or not at all; and servers
// that are none.
#include "providers/nats/nats_provider.hpp"

#include "cloudevents/event_json.hpp"
#include "tests/providers/example_call.hpp"
#include "tests/support/canned_server.hpp"
#include "tests/support/nats_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

namespace paymentd::nats {
namespace {

using namespace std::chrono_literals;
using net::canned_connection;
using net::canned_server;
using providers::call;
using providers::call_result;
using providers::example_call;
using providers::failure_class;
using testing::HasSubstr;

constexpr auto short_time = 500ms; // where a test waits for a time-out; enough to connect in
constexpr auto long_time = 20s;
constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;

nats_options options_to(std::string url, std::chrono::milliseconds timeout = long_time) {
  return {.urls = {std::move(url)},
          .stream = "PAYMENTD",
          .subject = "paymentd.events",
          .timeout = timeout};
}

std::unique_ptr<providers::provider> made(nats_options options) {
  auto provider = make_nats_provider(std::move(options));
  if (!provider)
    throw std::runtime_error(provider.error());
  return std::move(provider).value();
}

std::string refused(nats_options options) {
  const auto provider = make_nats_provider(std::move(options));
  return provider ? "it was made" : provider.error();
}

/// The call of one event; its id is "alimtalk-<entry>".
call event(int entry) {
  return example_call("k", 1, evening, entry);
}

std::future<call_result> sent(providers::provider& to, call what) {
  auto promise = std::make_shared<std::promise<call_result>>();
  auto result = promise->get_future();
  to.send(std::move(what), [promise](call_result given) { promise->set_value(std::move(given)); });
  return result;
}

call_result result_of(std::future<call_result> coming) {
  if (coming.wait_for(2 * long_time) != std::future_status::ready)
    throw std::runtime_error("no answer at all");
  return coming.get();
}

call_result send(providers::provider& to, call what) {
  return result_of(sent(to, std::move(what)));
}

void expect_accepted(const call_result& result) {
  ASSERT_TRUE(result) << result.error().reason;
  ASSERT_EQ(result->size(), 1u);
  EXPECT_TRUE(result->at(0));
}

void expect_failure(const call_result& result, failure_class kind, const std::string& words) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
  EXPECT_THAT(result.error().reason, HasSubstr(words));
}

/// Sends these events again and again until each is accepted, as delivery does.
void send_until_accepted(providers::provider& to, std::vector<int> events) {
  constexpr int rounds_max = 1000;
  for (int round = 0; !events.empty(); ++round) {
    ASSERT_LT(round, rounds_max);
    std::vector<std::future<call_result>> results;
    results.reserve(events.size());
    for (const int each : events)
      results.push_back(sent(to, event(each)));
    std::vector<int> left;
    for (std::size_t i = 0; i < events.size(); ++i)
      if (!result_of(std::move(results[i])))
        left.push_back(events[i]);
    events = std::move(left);
  }
}

TEST(nats_provider, an_event_is_stored_with_its_id_and_the_body_of_a_webhook) {
  const nats_server server;
  jetstream look(server.url());
  look.add_stream();
  const call what = event(1);
  const auto provider = made(options_to(server.url()));
  const call_result result = send(*provider, what);
  expect_accepted(result);
  EXPECT_EQ(result->at(0)->provider_message_id, "PAYMENTD:1");
  const auto stored = look.messages();
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_EQ(stored[0].subject, "paymentd.events");
  EXPECT_EQ(stored[0].id, what.recipients[0].delivery_id);
  EXPECT_EQ(stored[0].content_type, "application/cloudevents+json");
  EXPECT_EQ(stored[0].traceparent, "");
  EXPECT_EQ(stored[0].body, cloudevents::event_json(what.recipients[0].event, what.instance));
}

TEST(nats_provider, an_event_goes_on_with_the_trace_of_its_request) {
  const nats_server server;
  jetstream look(server.url());
  look.add_stream();
  call what = event(1);
  what.recipients[0].event.trace.id.fill(0xab);
  what.recipients[0].event.trace.flags = 1;
  expect_accepted(send(*made(options_to(server.url())), what));
  EXPECT_THAT(look.messages().at(0).traceparent,
              testing::MatchesRegex("00-(ab){16}-[0-9a-f]{16}-01"));
}

TEST(nats_provider, a_repeat_is_accepted_and_stored_once) {
  const nats_server server;
  jetstream look(server.url());
  look.add_stream();
  const auto provider = made(options_to(server.url()));
  expect_accepted(send(*provider, event(1)));
  const call_result again = send(*provider, event(1));
  expect_accepted(again);
  EXPECT_EQ(again->at(0)->provider_message_id, "PAYMENTD:1");
  EXPECT_EQ(look.count(), 1u);
}

TEST(nats_provider, many_at_once_are_stored_in_the_order_in_which_they_were_sent) {
  constexpr int count = 200;
  const nats_server server;
  jetstream look(server.url());
  look.add_stream();
  nats_options options = options_to(server.url());
  options.in_flight_max = count;
  const auto provider = made(std::move(options));
  std::vector<std::future<call_result>> results;
  for (int i = 1; i <= count; ++i)
    results.push_back(sent(*provider, event(i)));
  for (auto& each : results)
    expect_accepted(result_of(std::move(each)));
  const auto stored = look.messages();
  ASSERT_EQ(stored.size(), std::size_t{count});
  for (std::size_t i = 0; i < stored.size(); ++i)
    EXPECT_EQ(stored[i].id, event(static_cast<int>(i) + 1).recipients[0].delivery_id);
}

TEST(nats_provider, without_a_stream_nothing_is_stored_and_nothing_is_in_doubt) {
  const nats_server server;
  jetstream look(server.url());
  const auto provider = made(options_to(server.url()));
  const call_result result = send(*provider, event(1));
  expect_failure(result, failure_class::outage, "no JetStream stream");
  EXPECT_FALSE(result.error().may_follow_acceptance);
  look.add_stream();
  expect_accepted(send(*provider, event(1))); // over the same connection
  EXPECT_EQ(look.count(), 1u);
}

TEST(nats_provider, another_stream_than_the_one_expected_is_an_outage) {
  const nats_server server;
  jetstream look(server.url());
  look.add_stream({.name = "OTHER"});
  const auto provider = made(options_to(server.url()));
  expect_failure(send(*provider, event(1)), failure_class::outage, "expected stream");
  EXPECT_EQ(look.count("OTHER"), 0u);
}

TEST(nats_provider, a_full_stream_is_an_outage_until_there_is_room) {
  const nats_server server;
  jetstream look(server.url());
  look.add_stream({.messages_max = 2});
  const auto provider = made(options_to(server.url()));
  expect_accepted(send(*provider, event(1)));
  expect_accepted(send(*provider, event(2)));
  const call_result full = send(*provider, event(3));
  expect_failure(full, failure_class::outage, "maximum messages exceeded");
  EXPECT_FALSE(full.error().refused_content);
  look.purge_stream();
  expect_accepted(send(*provider, event(3)));
}

TEST(nats_provider, an_event_that_is_too_large_is_refused_for_its_content_alone) {
  nats_server server("max_payload: 1500\n");
  jetstream look(server.url());
  look.add_stream({.message_bytes_max = 900});
  const auto provider = made(options_to(server.url()));
  call large = event(1);
  large.recipients[0].event.metadata = rare_text(R"({"note":")" + std::string(2000, 'x') + R"("})");
  const call_result above_server = send(*provider, large);
  expect_failure(above_server, failure_class::outage, "max_payload");
  EXPECT_TRUE(above_server.error().refused_content);
  EXPECT_TRUE(above_server.error().never_written);
  expect_accepted(send(*provider, event(2))); // the connection is as it was
  server.kill();
  server.start("");
  expect_failure(send(*made(options_to(server.url())), large), failure_class::outage,
                 "message size exceeds maximum");
  EXPECT_EQ(jetstream(server.url()).count(), 1u);
}

TEST(nats_provider, wrong_credentials_are_an_outage_of_which_nothing_was_written) {
  const nats_server server("authorization { user: paymentd, password: right }\n");
  jetstream(server.url("paymentd:right")).add_stream();
  nats_options options = options_to(server.url());
  options.user = "paymentd";
  options.password = "wrong";
  const call_result result = send(*made(options), event(1));
  expect_failure(result, failure_class::outage, "Authorization Violation");
  EXPECT_TRUE(result.error().never_written);
  EXPECT_EQ(result.error().reason.find("wrong"), std::string::npos);
  options.password = "right";
  expect_accepted(send(*made(options), event(1)));
}

TEST(nats_provider, a_token_opens_the_server) {
  const nats_server server("authorization { token: geheim }\n");
  jetstream(server.url("geheim")).add_stream();
  nats_options options = options_to(server.url());
  options.token = "geheim";
  expect_accepted(send(*made(options), event(1)));
}

TEST(nats_provider, a_permission_that_is_missing_is_named) {
  const nats_server server(R"(authorization { users: [
    { user: admin, password: a }
    { user: paymentd, password: b, permissions: { publish: "other", subscribe: "_INBOX.>" } }
  ] })");
  jetstream(server.url("admin:a")).add_stream();
  nats_options options = options_to(server.url(), short_time);
  options.user = "paymentd";
  options.password = "b";
  expect_failure(send(*made(options), event(1)), failure_class::outage, "Permissions Violation");
}

TEST(nats_provider, without_a_server_nothing_was_written) {
  nats_server server;
  server.kill();
  const auto provider = made(options_to(server.url()));
  const call_result result = send(*provider, event(1));
  expect_failure(result, failure_class::outage, "NATS: ");
  EXPECT_TRUE(result.error().never_written);
}

TEST(nats_provider, one_server_of_several_is_enough) {
  nats_server gone;
  gone.kill();
  const nats_server server;
  jetstream(server.url()).add_stream();
  nats_options options = options_to(gone.url());
  options.urls.push_back(server.url());
  for (int i = 1; i <= 4; ++i) // they are tried in any order
    expect_accepted(send(*made(options), event(i)));
}

TEST(nats_provider, a_server_that_stands_still_may_have_stored_the_event_and_a_repeat_is_no_copy) {
  const nats_server server;
  jetstream look(server.url());
  look.add_stream();
  const auto provider = made(options_to(server.url(), short_time));
  expect_accepted(send(*provider, event(1)));
  server.pause();
  const call_result late = send(*provider, event(2));
  server.resume();
  expect_failure(late, failure_class::outage, "did not say in time");
  EXPECT_TRUE(late.error().may_follow_acceptance);
  send_until_accepted(*provider, {2});
  EXPECT_EQ(look.count(), 2u);
}

TEST(nats_provider, a_server_that_is_killed_under_load_has_each_event_once_in_the_end) {
  constexpr int count = 5000;
  constexpr std::size_t stored_before = 100;
  nats_server server;
  jetstream(server.url()).add_stream();
  nats_options options = options_to(server.url());
  options.in_flight_max = count;
  const auto provider = made(std::move(options));
  std::vector<std::future<call_result>> results;
  for (int i = 1; i <= count; ++i)
    results.push_back(sent(*provider, event(i)));
  ASSERT_EQ(results[stored_before].wait_for(long_time), std::future_status::ready);
  server.kill(); // with events stored and not answered, written and not read, and not written
  std::vector<int> again;
  for (int i = 1; i <= count; ++i) {
    const call_result result = result_of(std::move(results[static_cast<std::size_t>(i) - 1]));
    if (result)
      continue;
    EXPECT_NE(result.error().may_follow_acceptance, result.error().never_written)
        << result.error().reason;
    again.push_back(i);
  }
  EXPECT_FALSE(again.empty());
  server.start();
  send_until_accepted(*provider, again);
  std::set<std::string> ids;
  const jetstream look(server.url());
  for (const stored_message& each : look.messages())
    EXPECT_TRUE(ids.insert(each.id).second) << each.id;
  EXPECT_EQ(ids.size(), std::size_t{count});
}

TEST(nats_provider, a_server_that_is_silent_is_an_outage_in_time) {
  const canned_server server([](canned_connection& connection) { connection.read_request(); });
  const auto begun = std::chrono::steady_clock::now();
  const auto provider =
      made(options_to("nats://127.0.0.1:" + std::to_string(server.port()), short_time));
  const call_result result = send(*provider, event(1));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, long_time);
  expect_failure(result, failure_class::outage, "NATS");
  EXPECT_TRUE(result.error().never_written);
}

TEST(nats_provider, a_server_that_hangs_in_its_handshake_holds_up_neither_a_call_nor_the_stop) {
  const std::string info = R"(INFO {"server_id":"a","version":"2.9.10","headers":true,)"
                           R"("max_payload":1048576,"tls_required":true})"
                           "\r\n";
  std::promise<void> over;
  const canned_server server([&, until = over.get_future().share()](canned_connection& connection) {
    connection.write(info);
    until.wait(); // instead of the handshake
  });
  struct at_the_end {
    std::promise<void>& what;
    ~at_the_end() { what.set_value(); }
  } const guard{over};
  const auto begun = std::chrono::steady_clock::now();
  {
    const auto provider =
        made(options_to("tls://127.0.0.1:" + std::to_string(server.port()), short_time));
    for (int i = 1; i <= 3; ++i) {
      const call_result result = send(*provider, event(i));
      expect_failure(result, failure_class::outage, "no connection to NATS in time");
      EXPECT_TRUE(result.error().never_written);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, long_time);
}

TEST(nats_provider, tls_is_by_the_ca_file_and_for_the_name_of_the_server) {
  for (const auto& [name, passes] :
       {std::pair{"IP:127.0.0.1", true}, {"DNS:other.example", false}}) {
    SCOPED_TRACE(name);
    const net::test_certificate certificate = net::make_test_certificate(name);
    const support::temporary_file pem(certificate.certificate);
    const support::temporary_file key(certificate.key);
    nats_server server;
    jetstream(server.url()).add_stream();
    server.kill();
    server.start("tls { cert_file: \"" + pem.path() + "\", key_file: \"" + key.path() + "\" }\n");
    nats_options options = options_to("tls://127.0.0.1:" + std::to_string(server.port()));
    expect_failure(send(*made(options), event(1)), failure_class::outage, "SSL");
    options.ca_file = pem.path();
    const call_result result = send(*made(options), event(1));
    if (passes)
      expect_accepted(result);
    else
      expect_failure(result, failure_class::outage, "SSL");
  }
}

TEST(nats_provider, a_server_without_tls_gets_nothing_in_clear_where_tls_is_wanted) {
  const nats_server server;
  jetstream look(server.url());
  look.add_stream();
  const auto provider = made(options_to("tls://127.0.0.1:" + std::to_string(server.port())));
  const call_result result = send(*provider, event(1));
  expect_failure(result, failure_class::outage, "NATS: ");
  EXPECT_TRUE(result.error().never_written);
  EXPECT_EQ(look.count(), 0u);
}

TEST(nats_provider, a_stop_leaves_open_calls_unknown_and_refuses_further_ones) {
  const nats_server server;
  jetstream look(server.url());
  look.add_stream();
  const auto provider = made(options_to(server.url()));
  expect_accepted(send(*provider, event(1)));
  server.pause();
  auto open = sent(*provider, event(2));
  provider->stop();
  server.resume();
  expect_failure(result_of(std::move(open)), failure_class::unknown, "stopped");
  expect_failure(send(*provider, event(3)), failure_class::outage, "stopped");
  provider->stop();
}

TEST(nats_provider, more_calls_than_its_bound_are_refused_at_once) {
  const nats_server server;
  jetstream(server.url()).add_stream();
  nats_options options = options_to(server.url());
  options.in_flight_max = 1;
  const auto provider = made(std::move(options));
  expect_accepted(send(*provider, event(1)));
  server.pause();
  auto open = sent(*provider, event(2));
  expect_failure(send(*provider, event(3)), failure_class::outage, "max_in_flight");
  server.resume();
  expect_accepted(result_of(std::move(open)));
}

TEST(nats_provider, a_call_is_one_event) {
  const auto provider = made(options_to("nats://127.0.0.1:1"));
  EXPECT_EQ(provider->recipients_max(), 1u);
  for (const int count : {0, 2})
    expect_failure(send(*provider, example_call("k", count, evening)), failure_class::outage,
                   "it must be 1");
}

TEST(nats_provider, an_option_that_cannot_work_is_named) {
  nats_options options = options_to("nats://127.0.0.1:1");
  options.ca_file = "/nonexistent/ca";
  EXPECT_THAT(refused(options), HasSubstr("ca_file: "));
  options.ca_file.clear();
  options.credentials_file = "/nonexistent/creds";
  EXPECT_THAT(refused(options), HasSubstr("credentials_file: cannot read"));
  const support::temporary_file empty("no credentials");
  options.credentials_file = empty.path();
  EXPECT_THAT(refused(options), HasSubstr("credentials_file: "));
  options = options_to("nats://127.0.0.1:1");
  options.urls.clear();
  EXPECT_EQ(refused(options), "urls is empty");
}

} // namespace
} // namespace paymentd::nats
