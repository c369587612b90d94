// Goal: a webhook that is made by a call is told of the next payment without a restart, by every
// process; it is paused, resumed, rotated, tested, replayed and deleted while payments go on, and
// nothing is lost. Method: the real program on both stores, and a receiver in this process that
// checks signatures by the specification.
#include "tests/end_to_end/postgres_fixture.hpp"
#include "tests/support/webhook_receiver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

namespace paymentd::end_to_end {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using http::testing::test_client;
using webhooks::received_request;
using webhooks::receiver;
using webhooks::reply;

constexpr auto payment_type = "paymentd.payment.succeeded.v1";
const std::vector<std::string> settings{"alimtalk.provider=none", "webhooks.networks=all"};

std::string type_of(const received_request& of) {
  return json::parse(of.body)["type"];
}

/// The ids of the orders that it was told of as paid.
std::set<std::int64_t> orders(const receiver& hook) {
  std::set<std::int64_t> all;
  for (const received_request& each : hook.requests())
    if (type_of(each) == payment_type)
      all.insert(json::parse(each.body)["data"]["id"].get<std::int64_t>());
  return all;
}
std::multiset<std::string> ids(const receiver& hook) {
  std::multiset<std::string> all;
  for (const received_request& each : hook.requests())
    all.insert(each.headers.at("webhook-id"));
  return all;
}

/// Makes it and gives its secret.
std::string make(test_client& client, const std::string& name, const receiver& hook) {
  const auto made =
      client.post("/v1/webhooks", json{{"name", name}, {"url", hook.url()}}.dump()).value();
  EXPECT_EQ(made.status, 201) << made.body;
  return json::parse(made.body).value("secret", std::string());
}
json get(test_client& client, const std::string& name) {
  return json::parse(client.get("/v1/webhooks/" + name).value().body);
}

class webhook_api : public ::testing::Test {
 protected:
  void seed(int count) {
    ASSERT_EQ(
        place
            .run({"seed", "--set", "database.url=" + place.database_url(), "--users", "10",
                  "--orders", std::to_string(count), "--balance", "1000000", "--amount", "10"})
            .exit_code,
        0);
  }
  void pay(test_client& client, std::int64_t first, std::int64_t last) {
    ASSERT_EQ(pay_orders(client, first, last, 10).size(),
              static_cast<std::size_t>(last - first + 1));
  }
  void expect_sound() {
    const ended audit = place.audit();
    EXPECT_EQ(audit.exit_code, 0) << audit.output;
  }
  /// Until the server runs it, or runs it no more.
  bool runs(server_process& server, const std::string& name, bool wanted) {
    return eventually([&] {
      test_client operators(server.admin_port());
      const std::string page = operators.get("/metrics").value().body;
      const auto line = page.find("paymentd_webhooks_disabled ");
      return line != std::string::npos &&
             (page.find("subscriber=\"webhook-" + name + "\"") != std::string::npos) == wanted;
    });
  }
  workplace place;
};

TEST_F(webhook_api, one_that_is_made_is_told_of_the_next_payment_and_a_deleted_one_of_none) {
  seed(30);
  const receiver hook;
  server_process server(place, settings);
  auto client = server.client();
  pay(client, 1, 10);
  const std::string secret = make(client, "shop", hook);
  pay(client, 11, 20);
  ASSERT_TRUE(eventually([&] { return orders(hook).size() == 10; })) << orders(hook).size();
  EXPECT_EQ(*orders(hook).begin(), 11); // nothing from before
  for (const received_request& each : hook.requests())
    EXPECT_TRUE(webhooks::verifies(each, secret));
  EXPECT_EQ(client.remove("/v1/webhooks/shop")->status, 200);
  EXPECT_EQ(client.get("/v1/webhooks/shop")->status, 404);
  ASSERT_TRUE(runs(server, "shop", false));
  pay(client, 21, 30);
  ASSERT_TRUE(eventually([&] {
    return place.number("select count(*) from deliveries") == 0 &&
           place.number("select count(*) from ended_subscribers") == 0;
  }));
  EXPECT_EQ(orders(hook).size(), 10u);
  expect_sound();
}

TEST_F(webhook_api, while_it_is_paused_its_events_wait_and_none_is_lost) {
  seed(60);
  const receiver hook;
  server_process server(place, settings);
  auto client = server.client();
  make(client, "shop", hook);
  pay(client, 1, 20);
  ASSERT_TRUE(eventually([&] { return orders(hook).size() == 20; }));
  EXPECT_EQ(client.patch("/v1/webhooks/shop", R"({"enabled":false})")->status, 200);
  ASSERT_TRUE(eventually([&] { return get(client, "shop")["enabled"] == false; }));
  ASSERT_TRUE(eventually([&] {
    test_client operators(server.admin_port());
    return operators.get("/metrics").value().body.find("paymentd_webhooks_disabled 1") !=
           std::string::npos;
  }));
  const auto before = orders(hook).size();
  pay(client, 21, 60);
  EXPECT_LE(orders(hook).size(), before + 40);
  EXPECT_EQ(client.patch("/v1/webhooks/shop", R"({"enabled":true})")->status, 200);
  ASSERT_TRUE(eventually([&] { return orders(hook).size() == 60; })) << orders(hook).size();
  expect_sound();
}

TEST_F(webhook_api, a_moved_url_and_new_bounds_hold_without_a_restart) {
  seed(40);
  const receiver first;
  const receiver second;
  server_process server(place, settings);
  auto client = server.client();
  make(client, "shop", first);
  pay(client, 1, 10);
  ASSERT_TRUE(eventually([&] { return orders(first).size() == 10; }));
  EXPECT_EQ(
      client
          .patch("/v1/webhooks/shop",
                 json{{"url", second.url()}, {"maxInFlight", 1}, {"maxPerSecond", 1000}}.dump())
          ->status,
      200);
  pay(client, 11, 40);
  ASSERT_TRUE(eventually([&] { return orders(first).size() + orders(second).size() >= 40; }));
  ASSERT_TRUE(eventually([&] { return orders(second).contains(40); }));
  EXPECT_EQ(second.open_max(), 1u);
  expect_sound();
}

TEST_F(webhook_api, after_a_rotation_both_secrets_sign) {
  seed(20);
  const receiver hook;
  server_process server(place, settings);
  auto client = server.client();
  const std::string old_secret = make(client, "shop", hook);
  pay(client, 1, 10);
  ASSERT_TRUE(eventually([&] { return orders(hook).size() == 10; }));
  const auto rotated = client.post("/v1/webhooks/shop/rotate-secret", "");
  ASSERT_EQ(rotated->status, 200) << rotated->body;
  const std::string new_secret = json::parse(rotated->body)["secret"];
  EXPECT_NE(new_secret, old_secret);
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(client.post("/v1/webhooks/shop/test", "")->status, 200);
    return webhooks::verifies(hook.requests().back(), new_secret);
  }));
  const std::size_t so_far = hook.requests().size();
  pay(client, 11, 20);
  ASSERT_TRUE(eventually([&] { return orders(hook).size() == 20; }));
  const auto requests = hook.requests();
  for (std::size_t at = 0; at < requests.size(); ++at) {
    EXPECT_TRUE(webhooks::verifies(requests[at], old_secret)) << at;
    EXPECT_TRUE(at < so_far || webhooks::verifies(requests[at], new_secret)) << at;
  }
  EXPECT_EQ(place.run({"config"}).output.find("whsec_"), std::string::npos);
  EXPECT_EQ(server.process().output().find("whsec_"), std::string::npos);
}

TEST_F(webhook_api, a_test_tells_how_the_receiver_answers) {
  seed(1);
  receiver hook;
  server_process server(place, settings);
  auto client = server.client();
  const std::string secret = make(client, "shop", hook);
  const auto test = [&] { return json::parse(client.post("/v1/webhooks/shop/test", "")->body); };
  EXPECT_EQ(test()["delivered"], true);
  ASSERT_FALSE(hook.requests().empty());
  EXPECT_EQ(type_of(hook.requests().front()), "paymentd.webhook.test.v1");
  EXPECT_TRUE(webhooks::verifies(hook.requests().front(), secret));
  hook.set_answer([](const received_request&) { return reply{.status = 500}; });
  EXPECT_EQ(test()["detail"], "HTTP 500");
  EXPECT_EQ(client.patch("/v1/webhooks/shop", R"({"enabled":false})")->status, 200);
  hook.set_answer({});
  EXPECT_EQ(test()["delivered"], true); // a paused one, too
  hook.set_answer([](const received_request&) { return reply{.hang = true}; });
  EXPECT_EQ(test()["delivered"], false);
}

TEST_F(webhook_api, a_replay_brings_each_event_again_under_its_id) {
  seed(50);
  const receiver hook;
  server_process server(place, settings);
  auto client = server.client();
  make(client, "shop", hook);
  const std::string since = get(client, "shop")["createdAt"];
  pay(client, 1, 40);
  ASSERT_TRUE(eventually(
      [&] { return place.number("select count(*) from deliveries where status = 1") == 40; }));
  const auto before = ids(hook);
  EXPECT_EQ(client.post("/v1/webhooks/shop/replay", json{{"from", since}}.dump())->status, 202);
  pay(client, 41, 50);
  ASSERT_TRUE(eventually([&] { return hook.requests().size() >= 90; })) << hook.requests().size();
  ASSERT_TRUE(eventually([&] {
    return place.number("select count(*) from deliveries where status = 1") == 50 &&
           place.number("select count(*) from replays") == 0;
  }));
  const auto after = ids(hook);
  for (const std::string& id : before)
    EXPECT_EQ(after.count(id), 2 * before.count(id)) << id;
  EXPECT_EQ(orders(hook).size(), 50u);
  expect_sound();
}

TEST_F(webhook_api, one_that_takes_nothing_for_too_long_is_paused_and_the_others_are_told) {
  seed(10);
  const receiver good;
  receiver bad([](const received_request&) { return reply{.status = 500}; });
  server_process server(place, settings);
  auto client = server.client();
  make(client, "good", good);
  make(client, "bad", bad);
  pay(client, 1, 1);
  ASSERT_TRUE(eventually([&] { return !get(client, "bad")["failingSince"].is_null(); }));
  // Five days are too long for a test.
  place.execute("update webhooks set failing_since = failing_since - 5 * 86400000 "
                "where name = 'bad'");
  ASSERT_TRUE(eventually([&] { return get(client, "bad")["enabled"] == false; }));
  EXPECT_FALSE(get(client, "bad")["pausedAt"].is_null());
  EXPECT_EQ(get(client, "good")["enabled"], true);
  ASSERT_TRUE(eventually([&] {
    return std::ranges::any_of(good.requests(), [](const auto& each) {
      return type_of(each) == "paymentd.webhook.paused.v1" &&
             json::parse(each.body)["data"]["name"] == "bad";
    });
  }));
  bad.set_answer({});
  EXPECT_EQ(client.patch("/v1/webhooks/bad", R"({"enabled":true})")->status, 200);
  ASSERT_TRUE(eventually([&] { return orders(bad).contains(1); }));
  ASSERT_TRUE(eventually([&] { return get(client, "bad")["failingSince"].is_null(); }));
  expect_sound();
}

TEST_F(webhook_api, a_lost_answer_of_a_create_is_given_again_under_its_key) {
  const receiver hook;
  server_process server(place, settings);
  auto client = server.client();
  const std::string body = json{{"name", "shop"}, {"url", hook.url()}}.dump();
  const auto create = [&](const std::string& of) {
    return client.post("/v1/webhooks", of, "Idempotency-Key: one\r\n").value();
  };
  const auto first = create(body);
  EXPECT_EQ(first.status, 201);
  const auto again = create(body);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.field("idempotent-replayed"), "true");
  EXPECT_EQ(create(body + " ").status, 422);
}

TEST_F(webhook_api, one_that_answers_410_is_paused_at_once_and_loses_no_event) {
  seed(10);
  const receiver good;
  receiver leaving;
  server_process server(place, settings);
  auto client = server.client();
  make(client, "good", good);
  make(client, "leaving", leaving);
  pay(client, 1, 2);
  ASSERT_TRUE(eventually([&] { return orders(leaving).size() == 2; }));
  leaving.set_answer([](const received_request&) { return reply{.status = 410}; });
  pay(client, 3, 6);
  ASSERT_TRUE(eventually([&] { return get(client, "leaving")["enabled"] == false; }));
  EXPECT_FALSE(get(client, "leaving")["pausedAt"].is_null());
  EXPECT_EQ(get(client, "good")["enabled"], true);
  ASSERT_TRUE(eventually([&] {
    return std::ranges::any_of(good.requests(), [](const auto& each) {
      return type_of(each) == "paymentd.webhook.paused.v1" &&
             json::parse(each.body)["data"]["name"] == "leaving";
    });
  }));
  EXPECT_NE(server.process().output().find("webhook leaving: it answered 410 Gone and is paused"),
            std::string::npos);
  EXPECT_EQ(place.number("select count(*) from deliveries where status = 2"), 0)
      << "none is FAILED";
  const receiver moved;
  EXPECT_EQ(
      client.patch("/v1/webhooks/leaving", json{{"url", moved.url()}, {"enabled", true}}.dump())
          ->status,
      200);
  ASSERT_TRUE(eventually([&] { return orders(moved) == std::set<std::int64_t>{3, 4, 5, 6}; }));
  expect_sound();
}

TEST_F(webhook_api, a_table_of_the_settings_file_is_taken_over_once) {
  seed(20);
  const receiver hook;
  const auto config = place.path() / "paymentd.toml";
  std::ofstream(config) << "[[webhook]]\nname = \"shop\"\nurl = \"" << hook.url()
                        << "\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n"
                           "allow_private_network = true\n";
  {
    server_process server(place, {"alimtalk.provider=none"}, config);
    auto client = server.client();
    pay(client, 1, 10);
    ASSERT_TRUE(eventually([&] { return orders(hook).size() == 10; }));
    EXPECT_NE(server.process().output().find("webhook shop of the settings' file was taken over"),
              std::string::npos);
    EXPECT_EQ(client.remove("/v1/webhooks/shop")->status, 200);
  }
  server_process again(place, {"alimtalk.provider=none"}, config);
  auto client = again.client();
  EXPECT_EQ(client.get("/v1/webhooks/shop")->status, 404); // it does not come back
  EXPECT_EQ(again.process().output().find("was taken over"), std::string::npos);
}

// ---- two processes ------------------------------------------------------------------------------

TEST_F(postgres, a_webhook_that_one_process_makes_is_told_of_payments_on_both) {
  seed(400);
  const receiver hook;
  const auto one = serve(settings);
  const auto other = serve(settings);
  auto here = one->client();
  auto there = other->client();
  const std::string secret = make(here, "shop", hook);
  EXPECT_EQ(get(there, "shop")["url"], hook.url());
  ASSERT_EQ(pay_orders(here, 1, 100, users).size(), 100u);
  ASSERT_EQ(pay_orders(there, 101, 200, users).size(), 100u);
  ASSERT_TRUE(eventually([&] { return orders(hook).size() == 200; })) << orders(hook).size();
  EXPECT_EQ(there.patch("/v1/webhooks/shop", R"({"enabled":false})")->status, 200);
  const auto rotated = there.post("/v1/webhooks/shop/rotate-secret", "");
  const std::string new_secret = json::parse(rotated->body)["secret"];
  ASSERT_EQ(pay_orders(here, 201, 300, users).size(), 100u);
  EXPECT_EQ(here.patch("/v1/webhooks/shop", R"({"enabled":true})")->status, 200);
  ASSERT_EQ(pay_orders(there, 301, 400, users).size(), 100u);
  ASSERT_TRUE(eventually([&] { return orders(hook).size() == 400; }, 60s)) << orders(hook).size();
  for (const received_request& each : hook.requests())
    EXPECT_TRUE(webhooks::verifies(each, secret));
  EXPECT_TRUE(webhooks::verifies(hook.requests().back(), new_secret));
  ASSERT_TRUE(eventually([&] { return delivered() == 400; })) << delivered();

  const std::size_t so_far = hook.requests().size();
  const std::string since = get(here, "shop")["createdAt"];
  EXPECT_EQ(there.post("/v1/webhooks/shop/replay", json{{"from", since}}.dump())->status, 202);
  ASSERT_TRUE(eventually([&] { return hook.requests().size() >= so_far + 400; }, 60s))
      << hook.requests().size() - so_far;
  ASSERT_TRUE(eventually([&] { return delivered() == 400; }, 60s)) << delivered();
  expect_sound();
  EXPECT_EQ(here.remove("/v1/webhooks/shop")->status, 200);
  ASSERT_TRUE(eventually([&] {
    return number("select count(*) from paymentd.deliveries") == 0 &&
           number("select count(*) from paymentd.cursors") == 0;
  })) << number("select count(*) from paymentd.deliveries");
  expect_sound();
}

} // namespace
} // namespace paymentd::end_to_end
