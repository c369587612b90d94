// Goal: webhooks are made, changed, shown, tested, replayed and deleted as the API's description
// says; their secret is shown where it is new and nowhere else; bad input is told field by field
// and reaches nobody. Method: a real server in front of actors that answer by script.
#include "domain/webhook.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class http_webhooks : public ::testing::Test {
 protected:
  http_webhooks() {
    server.actors.ask = [this](const webhook_request& what) {
      asked.push_back(what);
      return with.value_or(plausible(what));
    };
  }
  template <class Request>
  Request last() {
    return std::get<Request>(asked.at(asked.size() - 1));
  }
  std::string code_of(const std::optional<test_answer>& answer) {
    return json::parse(answer.value().body)["code"];
  }
  json errors_of(const std::optional<test_answer>& answer) {
    return json::parse(answer.value().body).value("errors", json::array());
  }

  std::vector<webhook_request> asked;
  std::optional<actors::answer_reply> with; // instead of a plausible answer
  scripted_server server;
  test_client client{server.port()};
};

TEST_F(http_webhooks, one_is_made_with_its_defaults_and_its_secret_is_shown_this_once) {
  const auto made =
      client.post("/v1/webhooks", R"({"name":"shop","url":"https://shop.example/hook"})");
  EXPECT_EQ(made->status, 201);
  EXPECT_EQ(made->field("location"), "webhooks/shop");
  const json shown = json::parse(made->body);
  EXPECT_EQ(shown["secret"], some_webhook("").secret);
  EXPECT_EQ(shown["events"],
            json({"paymentd.payment.succeeded.v1", "paymentd.payment.refunded.v1"}));
  const webhook what = last<create_webhook>().what;
  EXPECT_EQ(what.name, "shop");
  EXPECT_EQ(what.url, "https://shop.example/hook");
  EXPECT_TRUE(what.enabled && what.payments && what.refunds && !what.allow_private_network);
  EXPECT_EQ(what.max_in_flight, 32);
  EXPECT_EQ(what.max_per_second, 0);
  EXPECT_THAT(client.get("/v1/webhooks/shop")->body, Not(HasSubstr("whsec_")));
  EXPECT_THAT(client.get("/v1/webhooks")->body, Not(HasSubstr("whsec_")));
  EXPECT_THAT(client.patch("/v1/webhooks/shop", R"({"enabled":true})")->body,
              Not(HasSubstr("whsec_")));
  EXPECT_THAT(client.post("/v1/webhooks/shop/rotate-secret", "{}")->body, HasSubstr("whsec_"));
}

TEST_F(http_webhooks, all_fields_of_a_new_one_are_taken) {
  EXPECT_EQ(client
                .post("/v1/webhooks",
                      R"({"name":"a-b_9","url":"http://10.0.0.1:8080/x?y=z","enabled":false,)"
                      R"("events":["paymentd.payment.refunded.v1"],"maxInFlight":256,)"
                      R"("maxPerSecond":100000,"contentType":"application/json"})")
                ->status,
            201);
  const webhook what = last<create_webhook>().what;
  EXPECT_TRUE(!what.enabled && !what.payments && what.refunds);
  EXPECT_EQ(what.max_in_flight, 256);
  EXPECT_EQ(what.max_per_second, 100'000);
  EXPECT_EQ(what.content_type, "application/json");
}

TEST_F(http_webhooks, bad_input_is_told_by_field_and_reaches_nobody) {
  const auto refused = [&](const std::string& more) {
    const auto answer = client.post(
        "/v1/webhooks", R"({"name":"shop","url":"https://shop.example/hook",)" + more + "}");
    EXPECT_EQ(answer->status, 400) << more;
    const json errors = errors_of(answer);
    return errors.empty() ? std::string() : errors[0]["field"].get<std::string>();
  };
  EXPECT_EQ(refused(R"("maxInFlight":0)"), "maxInFlight");
  EXPECT_EQ(refused(R"("maxInFlight":257)"), "maxInFlight");
  EXPECT_EQ(refused(R"("maxPerSecond":-1)"), "maxPerSecond");
  EXPECT_EQ(refused(R"("enabled":"yes")"), "enabled");
  EXPECT_EQ(refused(R"("contentType":"text/plain")"), "contentType");
  EXPECT_EQ(refused(R"("secret":"whsec_mine")"), "secret");
  for (const auto* events :
       {R"([])", R"("paymentd.payment.refunded.v1")", R"(["payments"])", R"([1])", R"([["a"]])",
        R"([{}])", R"(["paymentd.payment.refunded.v1","paymentd.payment.refunded.v1"])",
        R"(["paymentd.payment.refunded.v1",null])"})
    EXPECT_EQ(refused(R"("events":)" + std::string(events)), "events") << events;
  for (const auto* url : {"ftp://h", "https://", "https://u:p@h/", "https://h/#a", "https://h/ b",
                          "shop.example", "https:///path", "http://?a"})
    EXPECT_EQ(
        client.post("/v1/webhooks", R"({"name":"shop","url":")" + std::string(url) + "\"}")->status,
        400)
        << url;
  for (const auto* name : {"", "Shop", "a b", "a/b", "ä"})
    EXPECT_EQ(
        client.post("/v1/webhooks", R"({"url":"https://h","name":")" + std::string(name) + "\"}")
            ->status,
        400)
        << name;
  EXPECT_EQ(client.patch("/v1/webhooks/shop", "{}")->status, 400);
  EXPECT_EQ(client.post("/v1/webhooks/shop/replay", R"({"from":"yesterday"})")->status, 400);
  EXPECT_EQ(client.post("/v1/webhooks/shop/replay", "{}")->status, 400);
  EXPECT_EQ(client.post("/v1/webhooks/shop/test", R"({"to":"x"})")->status, 400);
  EXPECT_TRUE(asked.empty());
}

TEST_F(http_webhooks, a_change_carries_what_is_given_and_nothing_else) {
  EXPECT_EQ(client.patch("/v1/webhooks/shop", R"({"enabled":false})")->status, 200);
  update_webhook what = last<update_webhook>();
  EXPECT_EQ(what.name, "shop");
  EXPECT_EQ(what.enabled, false);
  EXPECT_FALSE(what.url || what.payments || what.refunds || what.max_in_flight ||
               what.max_per_second);
  EXPECT_EQ(client
                .patch("/v1/webhooks/shop", R"({"url":"https://other","maxInFlight":1,)"
                                            R"("maxPerSecond":0})")
                ->status,
            200);
  what = last<update_webhook>();
  EXPECT_EQ(what.url, "https://other");
  EXPECT_EQ(what.max_in_flight, 1);
  EXPECT_EQ(what.max_per_second, 0);
  EXPECT_FALSE(what.enabled);
}

TEST_F(http_webhooks, each_call_goes_to_the_webhook_of_its_path) {
  EXPECT_EQ(client.get("/v1/webhooks/shop")->status, 200);
  EXPECT_EQ(last<get_webhook>().name, "shop");
  EXPECT_EQ(client.remove("/v1/webhooks/shop")->status, 200);
  EXPECT_EQ(last<delete_webhook>().name, "shop");
  EXPECT_EQ(
      client.post("/v1/webhooks/shop/replay", R"({"from":"2025-11-22T14:04:03+09:00"})")->status,
      202);
  EXPECT_EQ(last<replay_webhook>().name, "shop");
  EXPECT_EQ(last<replay_webhook>().from, noon - std::chrono::milliseconds{21});
  const auto tested = client.post("/v1/webhooks/shop/test", "{}");
  EXPECT_EQ(tested->status, 200);
  EXPECT_EQ(json::parse(tested->body),
            json({{"delivered", false}, {"detail", "HTTP 500"}, {"tookMs", 12}}));
  const json all = json::parse(client.get("/v1/webhooks")->body);
  EXPECT_EQ(all["items"].size(), 2u);
  EXPECT_EQ(all["hasMore"], false);
}

TEST_F(http_webhooks, a_name_that_none_can_have_is_not_there) {
  EXPECT_EQ(client.get("/v1/webhooks/SHOP")->status, 404);
  EXPECT_EQ(client.remove("/v1/webhooks/" + std::string(41, 'a'))->status, 404);
  EXPECT_TRUE(asked.empty());
}

TEST_F(http_webhooks, refusals_have_codes_of_their_own) {
  const auto create = [&] {
    return client.post("/v1/webhooks", R"({"name":"shop","url":"https://shop.example/hook"})");
  };
  with = paymentd::answer{webhook_refused{webhook_refusal::exists}};
  EXPECT_EQ(create()->status, 409);
  EXPECT_EQ(code_of(create()), "webhook_exists");
  with = paymentd::answer{webhook_refused{webhook_refusal::too_many}};
  EXPECT_EQ(code_of(create()), "too_many_webhooks");
  with = paymentd::answer{webhook_refused{webhook_refusal::cannot_work, "url: no such port"}};
  EXPECT_EQ(create()->status, 400);
  EXPECT_THAT(errors_of(create()).dump(), HasSubstr(R"("cannot be called: no such port")"));
  with = paymentd::answer{webhook_refused{webhook_refusal::events_changed_too_often, "no more"}};
  const auto changed =
      client.patch("/v1/webhooks/shop", R"({"events":["paymentd.payment.refunded.v1"]})");
  EXPECT_EQ(changed->status, 400);
  EXPECT_EQ(errors_of(changed)[0]["field"], "events");
  with = paymentd::answer{not_found{}};
  for (const auto& answer : {client.get("/v1/webhooks/shop"), client.remove("/v1/webhooks/shop"),
                             client.patch("/v1/webhooks/shop", R"({"enabled":true})"),
                             client.post("/v1/webhooks/shop/test", ""),
                             client.post("/v1/webhooks/shop/rotate-secret", "")})
    EXPECT_EQ(answer->status, 404);
}

TEST_F(http_webhooks, a_change_that_may_have_happened_is_504_and_a_look_is_503) {
  with = std::unexpected(actors::no_outcome::outcome_unknown);
  EXPECT_EQ(client.patch("/v1/webhooks/shop", R"({"enabled":true})")->status, 504);
  with = std::unexpected(actors::no_outcome::database_unavailable);
  EXPECT_EQ(client.get("/v1/webhooks/shop")->status, 503);
}

} // namespace
} // namespace paymentd::http::testing
