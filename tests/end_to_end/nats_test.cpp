// Goal: whoever reads a JetStream stream finds each payment in it, once by its id, by the settings
// alone, and payments feel nothing of what becomes of NATS. Method: the real program and a real
// nats-server with JetStream, either of them killed under load; a stream that is missing or full,
// and credentials that are wrong, mended while it runs.
#include "tests/end_to_end/server_process.hpp"
#include "tests/support/nats_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <thread>

namespace paymentd::end_to_end {
namespace {

using nats::jetstream;
using nats::nats_server;
using nats::stored_message;
using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr int users = 10;

void seed(const workplace& place, int orders) {
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users",
                      std::to_string(users), "--orders", std::to_string(orders), "--balance",
                      "1000000", "--amount", "10"})
                .exit_code,
            0);
}

std::vector<std::string> published_to(const nats_server& server) {
  return {"alimtalk.provider=none", "nats.urls=" + server.url(), "nats.timeout=2s",
          "notification.backoff_max=1s"};
}

std::int64_t delivered(const workplace& place) {
  return place.number(
      "select count(*) from deliveries where status = 1 and subscriber_id = (select "
      "id from subscribers where name = 'nats')");
}

/// Each order from 1 on is in the stream, under one id, and no message is there twice.
void expect_each_once(const nats_server& server, int orders) {
  std::set<std::string> ids;
  std::set<int> told;
  for (const stored_message& each : jetstream(server.url()).messages()) {
    EXPECT_TRUE(ids.insert(each.id).second) << each.id;
    EXPECT_TRUE(told.insert(json::parse(each.body)["data"]["id"].get<int>()).second) << each.body;
  }
  EXPECT_EQ(told.size(), static_cast<std::size_t>(orders));
}

TEST(nats, a_payment_and_its_refund_are_stored_with_the_order_as_it_was) {
  const workplace place;
  seed(place, 1);
  const nats_server nats;
  jetstream look(nats.url());
  look.add_stream();
  auto sets = published_to(nats);
  sets.emplace_back("nats.events=payments,refunds");
  server_process server(place, sets);
  auto client = server.client();
  const auto paid = client.post("/v1/payments", R"({"orderId":1,"userId":2})");
  ASSERT_TRUE(paid);
  ASSERT_EQ(paid->status, 201) << paid->body;
  ASSERT_TRUE(eventually([&] { return delivered(place) == 1; })) << server.process().output();
  const auto refunded = client.post("/v1/orders/1/refund", "{}");
  ASSERT_TRUE(refunded);
  ASSERT_EQ(refunded->status, 200);
  ASSERT_TRUE(eventually([&] { return delivered(place) == 2; })) << server.process().output();

  const auto stored = look.messages();
  ASSERT_EQ(stored.size(), 2u);
  const json first = json::parse(stored[0].body);
  EXPECT_EQ(first["type"], "paymentd.payment.succeeded.v1");
  EXPECT_EQ(first["data"], json::parse(paid->body));
  EXPECT_EQ(json::parse(stored[1].body)["type"], "paymentd.payment.refunded.v1");
  const std::string source = first["source"];
  const std::string entry = first["id"];
  EXPECT_EQ(stored[0].id, "nats-" + source.substr(source.rfind(':') + 1) + "-" + entry);

  const auto told = client.get("/v1/notifications/nats-" + entry);
  ASSERT_TRUE(told);
  const json notification = json::parse(told->body);
  EXPECT_EQ(notification["status"], "DELIVERED");
  EXPECT_EQ(notification["subscriber"], "nats");
  EXPECT_EQ(notification["providerMessageId"], "PAYMENTD:1");
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

TEST(nats, killed_and_started_again_under_load_it_has_each_event_once) {
  constexpr int orders = 1500;
  const workplace place;
  seed(place, orders);
  nats_server nats;
  jetstream(nats.url()).add_stream();
  server_process server(place, published_to(nats));
  std::size_t paid = 0;
  std::jthread load([&] {
    auto client = server.client();
    paid = pay_orders(client, 1, orders, users).size();
  });
  for (const std::int64_t told : {50, 300, 700}) {
    ASSERT_TRUE(eventually([&] { return delivered(place) >= told; }, 60s))
        << server.process().output();
    nats.kill();
    nats.start();
  }
  load.join();
  EXPECT_EQ(paid, std::size_t{orders}); // no payment felt it
  ASSERT_TRUE(eventually([&] { return delivered(place) == orders; }, 60s))
      << delivered(place) << server.process().output();
  expect_each_once(nats, orders);
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

TEST(nats, after_a_kill_of_the_process_each_event_is_there_once) {
  constexpr int orders = 300;
  const workplace place;
  seed(place, orders);
  const nats_server nats;
  jetstream look(nats.url());
  look.add_stream();
  {
    server_process server(place, published_to(nats));
    auto client = server.client();
    ASSERT_EQ(pay_orders(client, 1, orders, users).size(), std::size_t{orders});
    ASSERT_TRUE(eventually([&] { return look.count() >= 50; }));
    server.process().signal(SIGKILL);
    server.process().wait();
  }
  const server_process again(place, published_to(nats));
  ASSERT_TRUE(eventually([&] { return delivered(place) == orders; }));
  expect_each_once(nats, orders);
  EXPECT_EQ(place.audit().exit_code, 0);
}

TEST(nats, a_stream_that_is_missing_and_then_full_fails_no_payment_and_no_event) {
  constexpr int orders = 100;
  const workplace place;
  seed(place, orders);
  const nats_server nats;
  jetstream look(nats.url());
  server_process server(place, published_to(nats));
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, orders / 2, users).size(), std::size_t{orders / 2});
  ASSERT_TRUE(eventually(
      [&] { return server.process().output().find("no JetStream stream") != std::string::npos; }));
  look.add_stream({.messages_max = 20});
  ASSERT_TRUE(eventually([&] {
    return server.process().output().find("maximum messages exceeded") != std::string::npos;
  }));
  ASSERT_EQ(pay_orders(client, orders / 2 + 1, orders, users).size(), std::size_t{orders / 2});
  std::set<std::string> ids;
  ASSERT_TRUE(eventually(
      [&] {
        for (const stored_message& each : look.messages())
          ids.insert(each.id);
        look.purge_stream(); // somebody reads, and makes room
        return delivered(place) == orders;
      },
      60s))
      << delivered(place);
  for (const stored_message& each : look.messages())
    ids.insert(each.id);
  EXPECT_GE(ids.size(), std::size_t{orders / 2}); // a purge may take what was not looked at
  EXPECT_EQ(place.number("select count(*) from deliveries where status = 2"), 0);
}

TEST(nats, wrong_credentials_are_told_without_them_and_fail_nothing) {
  const workplace place;
  seed(place, 10);
  nats_server nats("authorization { user: paymentd, password: geheim }\n");
  jetstream(nats.url("paymentd:geheim")).add_stream();
  auto sets = published_to(nats);
  sets.emplace_back("nats.user=paymentd");
  sets.emplace_back("nats.password=falsch");
  server_process server(place, sets);
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 10, users).size(), 10u);
  ASSERT_TRUE(eventually([&] {
    return server.process().output().find("Authorization Violation") != std::string::npos;
  })) << server.process().output();
  nats.kill();
  nats.start("authorization { user: paymentd, password: falsch }\n");
  EXPECT_TRUE(eventually([&] { return delivered(place) == 10; })) << server.process().output();
  EXPECT_EQ(server.process().output().find("falsch"), std::string::npos);
}

TEST(nats, its_metrics_have_the_subscriber) {
  const workplace place;
  seed(place, 1);
  const nats_server nats;
  jetstream(nats.url()).add_stream();
  auto sets = published_to(nats);
  sets.emplace_back("nats.name=shop");
  server_process server(place, sets);
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 1, users).size(), 1u);
  http::testing::test_client operators(server.admin_port());
  EXPECT_TRUE(eventually([&] {
    const auto page = operators.get("/metrics");
    return page &&
           page->body.find("paymentd_notification_delivered_total{subscriber=\"nats-shop\"} 1") !=
               std::string::npos;
  }));
}

TEST(nats, a_setting_that_cannot_work_stops_the_start_and_shows_no_secret) {
  const workplace place;
  const auto refused = [&](std::vector<std::string> sets) {
    std::vector<std::string> arguments{"serve", "--set", "database.url=" + place.database_url(),
                                       "--set", "nats.urls=nats://127.0.0.1:4222"};
    for (std::string& each : sets) {
      arguments.emplace_back("--set");
      arguments.push_back(std::move(each));
    }
    const ended run = place.run(std::move(arguments));
    EXPECT_EQ(run.exit_code, 2) << run.output;
    return run.output;
  };
  EXPECT_THAT(refused({"nats.credentials_file=/nonexistent"}),
              HasSubstr("nats.credentials_file: cannot read /nonexistent"));
  EXPECT_THAT(refused({"nats.ca_file=/nonexistent", "nats.urls=tls://127.0.0.1:4222"}),
              HasSubstr("nats.ca_file: "));
  const std::string both = refused({"nats.token=geheim", "nats.user=me", "nats.password=geheim"});
  EXPECT_THAT(both, HasSubstr("nats.user: must not be given beside nats.token"));
  EXPECT_EQ(both.find("geheim"), std::string::npos);
}

} // namespace
} // namespace paymentd::end_to_end
