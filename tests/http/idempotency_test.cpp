// Goal: a request under an Idempotency-Key carries it to the command, scoped by API key, method and
// path, and a replayed success is the same answer with a mark. Method: the field with everything
// that clients write in it, and requests over a socket to actors that play.
#include "http/idempotency.hpp"
#include "http/keys/key_ring.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::http::testing {
namespace {

using ::testing::IsEmpty;

std::optional<std::string> read_key(std::string field) {
  return unquote_key(field) ? std::optional(field) : std::nullopt;
}

TEST(idempotency, a_key_is_bare_or_a_quoted_string) {
  EXPECT_EQ(read_key("8e03978e-40d5-43dd-bc93-6894a57f9324"),
            "8e03978e-40d5-43dd-bc93-6894a57f9324");
  EXPECT_EQ(read_key(R"("8e03978e")"), "8e03978e");
  EXPECT_EQ(read_key(R"("a\"b\\c")"), R"(a"b\c)");
  EXPECT_EQ(read_key("a\"b"), "a\"b");
  EXPECT_EQ(read_key(std::string(255, 'k')), std::string(255, 'k'));
  EXPECT_EQ(read_key('"' + std::string(255, 'k') + '"'), std::string(255, 'k'));
  for (const std::string& field :
       {std::string{}, std::string{R"("")"}, std::string{"\""}, std::string{R"("a)"},
        std::string{R"("a"b")"}, std::string{R"("a\")"}, std::string{R"("\n")"}, std::string{"a b"},
        std::string{R"("a b")"}, std::string{"a\tb"}, std::string{"k\x7f"},
        std::string{"\xec\xa3\xbc"}, std::string(256, 'k'), std::string(1024, 'k')})
    EXPECT_FALSE(read_key(field)) << field;
}

TEST(idempotency, every_part_of_the_scope_makes_another_key_and_the_body_another_body) {
  const keyed_request one{"shop", "POST", "/v1/payments", "k", "{}"};
  const idempotency_key made = digest_key(one);
  EXPECT_EQ(digest_key(one), made);
  for (const keyed_request& other : {keyed_request{"shop2", "POST", "/v1/payments", "k", "{}"},
                                     keyed_request{"shop", "PATCH", "/v1/payments", "k", "{}"},
                                     keyed_request{"shop", "POST", "/v1/orders", "k", "{}"},
                                     keyed_request{"shop", "POST", "/v1/payments", "l", "{}"}}) {
    EXPECT_NE(digest_key(other).digest, made.digest);
    EXPECT_EQ(digest_key(other).body, made.body);
  }
  const idempotency_key body = digest_key({"shop", "POST", "/v1/payments", "k", "{} "});
  EXPECT_EQ(body.digest, made.digest);
  EXPECT_NE(body.body, made.body);
}

class http_idempotency : public ::testing::Test {
 protected:
  test_answer post(const std::string& path, const std::string& body, const std::string& fields) {
    return client.post(path, body, fields).value();
  }
  scripted_server server;
  test_client client{server.port()};
};

TEST_F(http_idempotency, a_key_goes_with_every_command) {
  for (const auto& [path, body] : std::vector<std::pair<std::string, std::string>>{
           {"/v1/users/1/charges", R"({"amount":5})"},
           {"/v1/users", R"({"phone":"01012345678"})"},
           {"/v1/orders", R"({"userId":1,"totalAmount":5})"},
           {"/v1/payments", R"({"orderId":3,"userId":4})"},
           {"/v1/orders/3/cancel", ""},
           {"/v1/orders/3/refund", "{}"}}) {
    const auto answer = post(path, body, "Idempotency-Key: \"a\"\r\n");
    EXPECT_LT(answer.status, 300) << path;
    EXPECT_EQ(answer.field("idempotent-replayed"), "");
    const auto sent = server.actors.commands();
    EXPECT_EQ(sent.back().key, digest_key({"", "POST", path, "a", body})) << path;
  }
  post("/v1/payments", R"({"orderId":3,"userId":4})", "");
  EXPECT_FALSE(server.actors.commands().back().key);
}

TEST_F(http_idempotency, the_path_is_the_same_however_it_is_written) {
  const std::string rest = " HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: a\r\n\r\n";
  for (const auto* target : {"/v1/orders/3/refund", "/v1/orders/%33/refund?a=b",
                             "http://localhost/v1/orders/3/refund"}) {
    client.send("POST " + std::string(target) + rest);
    EXPECT_EQ(client.receive().value().status, 200) << target;
    EXPECT_EQ(server.actors.commands().back().key,
              digest_key({"", "POST", "/v1/orders/3/refund", "a", ""}))
        << target;
  }
}

TEST_F(http_idempotency, a_bad_key_is_told_and_nothing_is_done) {
  for (const std::string& fields :
       {std::string{"Idempotency-Key: \r\n"}, std::string{"Idempotency-Key: a b\r\n"},
        std::string{"Idempotency-Key: a\r\nIdempotency-Key: a\r\n"},
        "Idempotency-Key: " + std::string(5000, 'k') + "\r\n"}) {
    const auto answer = post("/v1/users/1/charges", R"({"amount":5})", fields);
    EXPECT_EQ(answer.status, 400) << fields;
    const auto problem = nlohmann::json::parse(answer.body);
    EXPECT_EQ(problem["code"], "invalid_request");
    EXPECT_EQ(problem["errors"][0]["field"], "Idempotency-Key");
  }
  EXPECT_THAT(server.actors.commands(), IsEmpty());
  client.send(get_text("/v1/users/1", "Idempotency-Key: a b\r\n")); // means nothing here
  EXPECT_EQ(client.receive().value().status, 200);
}

TEST_F(http_idempotency, a_replayed_success_is_the_same_answer_with_a_mark) {
  const std::string body = R"({"userId":1,"totalAmount":5})";
  const auto first = post("/v1/orders", body, "Idempotency-Key: a\r\n");
  server.actors.settle = [](const command& what) -> actors::outcome_reply {
    return replayed{std::get<order>(*plausible(what))};
  };
  const auto again = post("/v1/orders", body, "Idempotency-Key: a\r\n");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.field("location"), first.field("location"));
  EXPECT_EQ(again.field("idempotent-replayed"), "true");
  // The mark belongs to that answer alone.
  EXPECT_EQ(client.get("/v1/users/1").value().field("idempotent-replayed"), "");
}

TEST_F(http_idempotency, a_key_with_another_body_is_422) {
  server.actors.settle = [](const command&) -> actors::outcome_reply {
    return refused{refusal::key_reused, std::nullopt};
  };
  const auto answer = post("/v1/users/1/charges", R"({"amount":5})", "Idempotency-Key: a\r\n");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(nlohmann::json::parse(answer.body)["code"], "idempotency_key_reused");
}

// The retry of a notification is no command, but has the same key.

TEST_F(http_idempotency, a_retry_has_its_key_and_one_that_is_given_again_a_mark) {
  std::optional<delivery_retry> asked;
  server.actors.retry = [&](const delivery_retry& what) {
    asked = what;
    return some_delivery(what.which, delivery_status::pending);
  };
  const std::string path = "/v1/notifications/alimtalk-77/retry";
  const auto first = post(path, "{}", "Idempotency-Key: \"a\"\r\n");
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.field("idempotent-replayed"), "");
  EXPECT_EQ(asked->key, digest_key({"", "POST", path, "a", "{}"}));
  server.actors.retry = [](const delivery_retry& what) {
    return answer{replayed_retry{some_delivery(what.which, delivery_status::pending)}};
  };
  const auto again = post(path, "{}", "Idempotency-Key: a\r\n");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.field("idempotent-replayed"), "true");
  server.actors.retry = [&](const delivery_retry& what) {
    asked = what;
    return answer{not_failed{delivery_status::pending}};
  };
  const auto refused = post(path, "", "");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.field("idempotent-replayed"), "");
  EXPECT_FALSE(asked->key);
}

TEST_F(http_idempotency, a_key_of_a_retry_with_another_body_is_422) {
  server.actors.retry = [](const delivery_retry&) { return answer{key_reused{}}; };
  const auto answer = post("/v1/notifications/alimtalk-77/retry", "", "Idempotency-Key: a\r\n");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(nlohmann::json::parse(answer.body)["code"], "idempotency_key_reused");
}

TEST_F(http_idempotency, a_bad_key_of_a_retry_is_told) {
  server.actors.retry = [](const delivery_retry&) {
    ADD_FAILURE() << "nobody is asked";
    return answer{not_found{}};
  };
  const auto told = post("/v1/notifications/alimtalk-77/retry", "", "Idempotency-Key: a b\r\n");
  EXPECT_EQ(told.status, 400);
  EXPECT_EQ(nlohmann::json::parse(told.body)["errors"][0]["field"], "Idempotency-Key");
}

// So have the calls of webhooks.

TEST_F(http_idempotency, the_calls_of_webhooks_have_their_keys_and_a_mark) {
  const std::string new_one = R"({"name":"shop","url":"https://shop.example/hook"})";
  struct {
    std::string path;
    std::string body;
    int status;
  } const calls[] = {{"/v1/webhooks", new_one, 201},
                     {"/v1/webhooks/shop/rotate-secret", "{}", 200},
                     {"/v1/webhooks/shop/replay", R"({"from":"2025-11-22T14:04:03+09:00"})", 202}};
  for (const auto& each : calls) {
    std::optional<idempotency_key> key;
    server.actors.ask = [&](const webhook_request& what) -> actors::answer_reply {
      key = key_of(what);
      return plausible(what);
    };
    const auto first = post(each.path, each.body, "Idempotency-Key: \"a\"\r\n");
    EXPECT_EQ(first.status, each.status);
    EXPECT_EQ(first.field("idempotent-replayed"), "");
    EXPECT_EQ(key, digest_key({"", "POST", each.path, "a", each.body}));
    server.actors.ask = [&](const webhook_request& what) -> actors::answer_reply {
      auto answer = plausible(what).value();
      if (auto* shown = std::get_if<webhook_shown>(&answer))
        shown->replayed = true;
      else
        std::get<webhook_done>(answer).replayed = true;
      return answer;
    };
    const auto again = post(each.path, each.body, "Idempotency-Key: a\r\n");
    EXPECT_EQ(again.status, first.status);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.field("location"), first.field("location"));
    EXPECT_EQ(again.field("idempotent-replayed"), "true");
    server.actors.ask = [](const webhook_request&) { return answer{key_reused{}}; };
    const auto reused = post(each.path, each.body, "Idempotency-Key: a\r\n");
    EXPECT_EQ(reused.status, 422);
    EXPECT_EQ(nlohmann::json::parse(reused.body)["code"], "idempotency_key_reused");
    EXPECT_EQ(post(each.path, each.body, "Idempotency-Key: a b\r\n").status, 400);
  }
}

TEST_F(http_idempotency, a_test_of_a_webhook_takes_a_key_and_keeps_none) {
  std::optional<idempotency_key> key;
  server.actors.ask = [&](const webhook_request& what) -> actors::answer_reply {
    key = key_of(what);
    return plausible(what);
  };
  EXPECT_EQ(post("/v1/webhooks/shop/test", "", "Idempotency-Key: a\r\n").status, 200);
  EXPECT_FALSE(key);
  EXPECT_EQ(post("/v1/webhooks/shop/test", "", "Idempotency-Key: a b\r\n").status, 400);
}

TEST(http_idempotency_scope, two_api_keys_have_keys_of_their_own) {
  key_ring ring;
  std::vector<api_key> keys;
  for (const auto* name : {"one", "two"})
    keys.push_back({.name = name,
                    .scopes = parse_scopes("refund").value(),
                    .hash = net::sha256(name),
                    .rate = 0,
                    .created_at = noon,
                    .expires_at = std::nullopt,
                    .revoked_at = std::nullopt});
  ring.put(keys);
  scripted_server server{{.keys = &ring}};
  test_client client{server.port()};
  for (const auto* name : {"one", "two", "one"}) {
    const std::string fields =
        "Authorization: Bearer " + std::string(name) + "\r\nIdempotency-Key: a\r\n";
    EXPECT_EQ(client.post("/v1/orders/3/refund", "{}", fields).value().status, 200);
    EXPECT_EQ(server.actors.commands().back().key,
              digest_key({name, "POST", "/v1/orders/3/refund", "a", "{}"}));
  }
}

} // namespace
} // namespace paymentd::http::testing
