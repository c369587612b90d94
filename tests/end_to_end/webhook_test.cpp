// Goal: whoever has a webhook is told of each payment, signed, by the settings alone, and neither
// it nor the AlimTalk feels what becomes of the other. Method: the real program, a receiver and a
// message API in this process; each is broken while the other works, and healed.
#include "tests/end_to_end/server_process.hpp"
#include "tests/support/webhook_receiver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>

namespace paymentd::end_to_end {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using webhooks::received_request;
using webhooks::receiver;
using webhooks::reply;

const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

std::filesystem::path settings_file(const workplace& place, const std::string& url,
                                    const std::string& more = "") {
  const auto path = place.path() / "paymentd.toml";
  std::ofstream(path) << "[[webhook]]\nname = \"shop\"\nurl = \"" << url << "\"\nsecret = \""
                      << secret << "\"\nallow_private_network = true\n"
                      << more;
  return path;
}

void seed(const workplace& place, int orders) {
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users", "10",
                      "--orders", std::to_string(orders), "--balance", "1000000", "--amount", "10"})
                .exit_code,
            0);
}

std::set<std::string> ids(const receiver& hook) {
  std::set<std::string> all;
  for (const received_request& each : hook.requests())
    all.insert(each.headers.at("webhook-id"));
  return all;
}

std::int64_t delivered(const workplace& place, const std::string& subscriber) {
  return place.number(
      "select count(*) from deliveries where status = 1 and subscriber_id = (select id "
      "from subscribers where name = '" +
      subscriber + "')");
}

TEST(webhook, a_payment_and_its_refund_reach_it_signed_with_the_order_as_it_was) {
  const workplace place;
  seed(place, 1);
  const receiver hook;
  server_process server(place, {"alimtalk.provider=none"},
                        settings_file(place, hook.url(), "events = [\"payments\", \"refunds\"]\n"));
  auto client = server.client();
  const auto paid = client.post("/v1/payments", R"({"orderId":1,"userId":2})");
  ASSERT_TRUE(paid);
  if (paid->status != 201)
    FAIL() << paid->body;
  ASSERT_TRUE(hook.wait_for(1, 30s));
  const auto refunded =
      client.post("/v1/orders/1/refund", R"({"amount":4,"reason":"one came back"})");
  ASSERT_TRUE(refunded);
  ASSERT_EQ(refunded->status, 200);
  ASSERT_TRUE(hook.wait_for(2, 30s));
  ASSERT_TRUE(eventually([&] { return delivered(place, "webhook-shop") == 2; }));

  const auto requests = hook.requests();
  ASSERT_EQ(requests.size(), 2u);
  for (const received_request& each : requests)
    EXPECT_TRUE(webhooks::verifies(each, secret));
  const json first = json::parse(requests[0].body);
  EXPECT_EQ(first["type"], "paymentd.payment.succeeded.v1");
  EXPECT_EQ(first["data"], json::parse(paid->body));
  EXPECT_EQ(first["time"], first["data"]["updatedAt"]);
  const std::string source = first["source"];
  ASSERT_TRUE(source.starts_with("urn:paymentd:")) << source;
  const std::string instance = source.substr(source.rfind(':') + 1);
  EXPECT_EQ(place.number("select count(*) from meta where value = '" + instance + "'"), 1);
  EXPECT_EQ("webhook-shop-" + instance + "-" + first["id"].get<std::string>(),
            requests[0].headers.at("webhook-id"));
  const json second = json::parse(requests[1].body);
  EXPECT_EQ(second["type"], "paymentd.payment.refunded.v1");
  json expected = json::parse(refunded->body);
  EXPECT_EQ(expected["status"], "PAID"); // 6 of 10 are left
  EXPECT_EQ(expected["refundedAmount"], 4);
  expected["refund"] = {{"entryId", std::stoll(second["id"].get<std::string>())},
                        {"amount", 4},
                        {"reason", "one came back"}};
  EXPECT_EQ(second["data"], expected);
  EXPECT_EQ(place.number("select count(*) from subscribers"), 1); // no AlimTalk
  EXPECT_EQ(place.audit().exit_code, 0);
}

TEST(webhook, one_that_is_down_slows_no_alimtalk_and_is_told_of_all_once_it_is_back) {
  const workplace place;
  seed(place, 500);
  receiver hook([](const received_request&) { return reply{.hang = true}; });
  const providers::fake_alimtalk api;
  server_process server(place, sent_to(api),
                        settings_file(place, hook.url(), "timeout = \"300ms\"\n"));
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 250, 10).size(), 250u);
  ASSERT_TRUE(api.wait_for_accepted(250, 30s));
  ASSERT_TRUE(hook.wait_for(1, 30s));
  hook.set_answer([](const received_request&) { return reply{.status = 500}; });
  ASSERT_EQ(pay_orders(client, 251, 500, 10).size(), 250u);
  ASSERT_TRUE(api.wait_for_accepted(500, 30s));
  ASSERT_TRUE(eventually([&] { return delivered(place, "alimtalk") == 500; }));
  EXPECT_EQ(delivered(place, "webhook-shop"), 0);
  hook.set_answer({});
  ASSERT_TRUE(eventually([&] { return delivered(place, "webhook-shop") == 500; }, 60s))
      << delivered(place, "webhook-shop");
  EXPECT_EQ(ids(hook).size(), 500u);
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

TEST(webhook, events_that_hang_keep_no_others_waiting) {
  constexpr int orders = 200;
  const workplace place;
  seed(place, orders);
  const auto hangs = [](const received_request& request) {
    return json::parse(request.body)["data"]["id"].get<int>() % 20 == 1; // the first one too
  };
  const receiver hook(
      [&](const received_request& request) { return reply{.hang = hangs(request)}; });
  server_process server(place, {"alimtalk.provider=none"}, settings_file(place, hook.url()));
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, orders, 10).size(), std::size_t{orders});
  const auto good = [&] {
    const auto requests = hook.requests();
    return std::ranges::count_if(requests, [&](const auto& each) { return !hangs(each); });
  };
  ASSERT_TRUE(eventually([&] { return good() == orders - orders / 20; })) << good();
  // None of those that hang has come to the end of its 15 s by then.
  EXPECT_EQ(hook.requests().size(), ids(hook).size());
}

TEST(webhook, it_is_told_while_the_alimtalk_is_down) {
  const workplace place;
  seed(place, 250);
  const receiver hook;
  providers::fake_alimtalk api({.behaviour = {.hang = true}});
  auto sets = sent_to(api);
  sets.emplace_back("alimtalk.timeout=300ms");
  server_process server(place, sets, settings_file(place, hook.url()));
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 250, 10).size(), 250u);
  ASSERT_TRUE(eventually([&] { return delivered(place, "webhook-shop") == 250; }));
  EXPECT_EQ(hook.requests().size(), 250u); // each once
  EXPECT_EQ(ids(hook).size(), 250u);
  EXPECT_EQ(delivered(place, "alimtalk"), 0);
  api.set_behaviour({});
  EXPECT_TRUE(eventually([&] { return delivered(place, "alimtalk") == 250; }, 60s));
}

TEST(webhook, after_a_kill_each_event_is_told_under_the_same_id) {
  const workplace place;
  seed(place, 200);
  receiver hook;
  const auto config = settings_file(place, hook.url());
  {
    server_process server(place, {"alimtalk.provider=none"}, config);
    auto client = server.client();
    ASSERT_EQ(pay_orders(client, 1, 200, 10).size(), 200u);
    ASSERT_TRUE(hook.wait_for(50, 30s));
    server.process().signal(SIGKILL);
    server.process().wait();
  }
  server_process again(place, {"alimtalk.provider=none"}, config);
  ASSERT_TRUE(eventually([&] { return delivered(place, "webhook-shop") == 200; }));
  EXPECT_EQ(ids(hook).size(), 200u);
  EXPECT_EQ(place.audit().exit_code, 0);
}

TEST(webhook, a_private_network_is_not_entered_by_default) {
  const workplace place;
  seed(place, 1);
  const receiver hook;
  const auto config = place.path() / "paymentd.toml";
  std::ofstream(config) << "[[webhook]]\nname = \"shop\"\nurl = \"" << hook.url()
                        << "\"\nsecret = \"" << secret << "\"\n";
  server_process server(place, {"alimtalk.provider=none"}, config);
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 1, 10).size(), 1u);
  EXPECT_TRUE(eventually([&] {
    return server.process().output().find("public internet") != std::string::npos;
  })) << server.process().output();
  EXPECT_TRUE(hook.requests().empty());
}

TEST(webhook, a_setting_that_cannot_work_stops_the_start_and_shows_no_secret) {
  const workplace place;
  const auto config = place.path() / "paymentd.toml";
  std::ofstream(config) << "[[webhook]]\nname = \"shop\"\nurl = \"https://h\"\n"
                           "secret = \"whsec_geheim\"\n";
  const ended run = place.run(
      {"serve", "--config", config.string(), "--set", "database.url=" + place.database_url()});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_NE(run.output.find("webhook.secret: must be 24 to 64 bytes"), std::string::npos)
      << run.output;
  EXPECT_EQ(run.output.find("geheim"), std::string::npos);
}

} // namespace
} // namespace paymentd::end_to_end
