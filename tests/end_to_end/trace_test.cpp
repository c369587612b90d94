// Goal: the trace of a client's request is found again at the message API, at a webhook and in
// JetStream, after a restart and from another process, too. Method: the real program on both
// stores; a client that sends a traceparent, and receivers in this process that keep what comes.
#include "tests/end_to_end/postgres_fixture.hpp"
#include "tests/support/nats_server.hpp"
#include "tests/support/webhook_receiver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <set>

namespace paymentd::end_to_end {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using http::testing::test_client;
using testing::MatchesRegex;
using webhooks::received_request;
using webhooks::receiver;

const std::string trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string clients_span = "00f067aa0ba902b7";
const std::string field =
    "traceparent: 00-" + trace_id + "-" + clients_span + "-01\r\ntracestate: vendor=secret\r\n";
const std::string continued = "00-" + trace_id + "-[0-9a-f]{16}-01";

void seed(const workplace& place) {
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users", "10",
                      "--orders", "20", "--balance", "1000000", "--amount", "10"})
                .exit_code,
            0);
}

void pay(test_client& client, int order, const std::string& fields = field) {
  const auto answer = client.post(
      "/v1/payments", json{{"orderId", order}, {"userId", 1 + order % 10}}.dump(), fields);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 201) << answer->body;
}

void stop(server_process& server) {
  server.process().signal(SIGTERM);
  ASSERT_EQ(server.process().wait().exit_code, 0);
}

/// The messages that the message API lists as accepted.
json received_by(const providers::fake_alimtalk& api) {
  test_client asks(api.port());
  return json::parse(asks.get("/received").value().body)["messages"];
}

void expect_continued(const std::string& traceparent) {
  EXPECT_THAT(traceparent, MatchesRegex(continued));
  EXPECT_EQ(traceparent.find(clients_span), std::string::npos);
}

TEST(trace, goes_from_the_client_to_the_message_api_and_stands_in_the_log) {
  const workplace place;
  seed(place);
  const providers::fake_alimtalk api;
  auto sets = sent_to(api);
  sets.insert(sets.end(), {"log.format=json", "log.requests=all"});
  server_process server(place, sets);
  auto client = server.client();
  pay(client, 1);
  ASSERT_TRUE(api.wait_for_accepted(1, 30s));
  pay(client, 2, {});
  ASSERT_TRUE(api.wait_for_accepted(2, 30s));
  stop(server);

  const json received = received_by(api);
  ASSERT_EQ(received.size(), 2u);
  expect_continued(received[0].value("traceparent", ""));
  EXPECT_FALSE(received[1].contains("traceparent"));
  EXPECT_NE(server.process().output().find(trace_id), std::string::npos);
  EXPECT_EQ(server.process().output().find("vendor=secret"), std::string::npos);
  EXPECT_EQ(place.number("select count(*) from ledger_entries where trace is not null"), 1);
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

TEST(trace, outlives_a_restart_of_the_process_while_the_message_waits) {
  const workplace place;
  seed(place);
  providers::fake_alimtalk api;
  api.set_behaviour({.status = 500});
  {
    server_process first(place, sent_to(api));
    auto client = first.client();
    pay(client, 1);
    ASSERT_TRUE(api.wait_for_calls(1, 30s));
    stop(first);
  }
  ASSERT_EQ(api.accepted(), 0u);
  api.set_behaviour({});
  server_process second(place, sent_to(api));
  ASSERT_TRUE(api.wait_for_accepted(1, 30s));
  expect_continued(api.received().at(0).traceparent);
}

TEST(trace, of_each_payment_of_a_bulk_goes_to_a_webhook_and_again_with_a_replay) {
  const workplace place;
  seed(place);
  const receiver hook;
  server_process server(place, {"alimtalk.provider=none", "webhooks.networks=all"});
  auto client = server.client();
  const auto made = client.post("/v1/webhooks", json{{"name", "shop"}, {"url", hook.url()}}.dump());
  ASSERT_TRUE(made && made->status == 201);
  const auto paid =
      client.post("/v1/payments/bulk",
                  R"({"payments":[{"orderId":1,"userId":2},{"orderId":2,"userId":3}]})", field);
  ASSERT_TRUE(paid && paid->status == 200);
  ASSERT_TRUE(hook.wait_for(2, 30s));
  ASSERT_TRUE(eventually(
      [&] { return place.number("select count(*) from deliveries where status = 1") == 2; }));
  const std::string since = json::parse(client.get("/v1/webhooks/shop")->body)["createdAt"];
  ASSERT_EQ(client.post("/v1/webhooks/shop/replay", json{{"from", since}}.dump())->status, 202);
  ASSERT_TRUE(hook.wait_for(4, 30s));
  std::set<std::string> fields;
  for (const received_request& each : hook.requests()) {
    ASSERT_TRUE(each.headers.contains("traceparent"));
    EXPECT_FALSE(each.headers.contains("tracestate"));
    expect_continued(each.headers.at("traceparent"));
    fields.insert(each.headers.at("traceparent"));
  }
  EXPECT_EQ(fields.size(), hook.requests().size()) << "each call is a span of its own";
}

TEST(trace, goes_with_a_payment_and_its_refund_to_jetstream) {
  const workplace place;
  seed(place);
  const nats::nats_server nats;
  nats::jetstream look(nats.url());
  look.add_stream();
  server_process server(
      place, {"alimtalk.provider=none", "nats.urls=" + nats.url(), "nats.events=payments,refunds"});
  auto client = server.client();
  const auto are_stored = [&](std::uint64_t count) {
    return eventually([&] { return look.count() == count; });
  };
  pay(client, 1);
  ASSERT_TRUE(are_stored(1)) << server.process().output();
  ASSERT_EQ(client.post("/v1/orders/1/refund", "{}", field)->status, 200);
  ASSERT_TRUE(are_stored(2));
  pay(client, 2, {});
  ASSERT_TRUE(are_stored(3));
  const auto stored = look.messages();
  expect_continued(stored[0].traceparent);
  expect_continued(stored[1].traceparent);
  EXPECT_EQ(stored[2].traceparent, "");
}

TEST_F(postgres, a_message_that_another_process_sends_has_the_trace_of_its_request) {
  seed(10);
  const auto sends = serve();
  const auto pays = serve({"alimtalk.provider=none"});
  auto client = pays->client();
  pay(client, 1);
  expect_all_arrive_once(1);
  expect_continued(api.received().at(0).traceparent);
}

} // namespace
} // namespace paymentd::end_to_end
