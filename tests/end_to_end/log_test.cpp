// Goal: what an operator looks for stands in the log, under names that stay: a request, one that
// was answered 503, a message that is FAILED; and no phone, key or secret. Method: the real program
// with either format, and its lines read back; a stranger's lock on the database makes 503s, a bad
// number a FAILED message; and a phone, a key and a secret are planted and looked for.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <sstream>

namespace paymentd::end_to_end {
namespace {

using nlohmann::json;

/// The lines of a log that is JSON; each has to be.
std::vector<json> lines_of(const std::string& output) {
  std::vector<json> lines;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);) {
    json parsed = json::parse(line, nullptr, false);
    EXPECT_TRUE(parsed.is_object()) << line;
    lines.push_back(std::move(parsed));
  }
  return lines;
}

TEST(log, a_503_has_its_request_and_a_failed_message_its_order) {
  const workplace place;
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users", "10",
                      "--orders", "50", "--balance", "1000", "--amount", "10"})
                .exit_code,
            0);
  providers::fake_alimtalk api;
  api.set_behaviour({.poison_numbers = {"01000000003"}}); // of user 3, and so of order 2
  auto sets = sent_to(api);
  sets.insert(sets.end(), {"log.format=json", "log.requests=off", "http.request_timeout=200ms"});
  server_process server(place, sets);
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 1, 10).size(), 1u);
  const auto traced =
      client.post("/v1/payments", R"({"orderId":2,"userId":3})",
                  "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
  ASSERT_TRUE(traced && traced->status == 201);
  ASSERT_EQ(pay_orders(client, 3, 3, 10).size(), 1u);
  ASSERT_TRUE(eventually(
      [&] { return place.number("select count(*) from deliveries where status = 2") == 1; }));
  {
    const foreign_lock lock(place);
    const auto answer = client.post("/v1/payments", R"({"orderId":4,"userId":5})",
                                    "X-Request-Id: the-one-that-is-looked-for\r\n");
    ASSERT_TRUE(answer);
    EXPECT_GE(answer->status, 503);
  }
  server.process().signal(SIGTERM);
  EXPECT_EQ(server.process().wait().exit_code, 0);

  bool found_request = false;
  bool found_failed = false;
  for (const json& line : lines_of(server.process().output())) {
    EXPECT_TRUE((std::set<std::string>{"info", "warn", "error"}.contains(line.at("level"))));
    found_request = found_request || line.value("request", "") == "the-one-that-is-looked-for";
    if (line.value("order", 0) == 2) {
      found_failed = true;
      EXPECT_EQ(line["subscriber"], "alimtalk");
      EXPECT_TRUE(line["entry"].is_number_integer());
      EXPECT_EQ(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
      EXPECT_NE(line["message"].get<std::string>().find("FAILED"), std::string::npos);
    }
  }
  EXPECT_TRUE(found_request);
  EXPECT_TRUE(found_failed);
}

TEST(log, each_request_has_a_line_and_none_has_a_phone_a_key_or_a_secret) {
  const std::string phone = "01098765432";
  const std::string secret = "planted0secret0of0the0provider";
  const workplace place;
  const std::string keys = "http.api_keys_file=" + (place.path() / "keys.json").string();
  const ended made =
      place.run({"keys", "create", "shop", "--scopes", "pay,read,charge", "--set", keys});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  const std::string key = made.output.substr(made.output.find("pmd_"), 44);
  server_process server(place, {keys, "log.format=json", "log.requests=all", "log.level=trace",
                                "alimtalk.provider=nhn", "alimtalk.base_url=http://127.0.0.1:1",
                                "alimtalk.app_key=app", "alimtalk.secret_key=" + secret,
                                "alimtalk.sender_key=sender", "alimtalk.template_code=PAID"});
  const std::string with =
      "Authorization: Bearer " + key +
      "\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      "\r\n";
  auto client = server.client();
  const auto post = [&](const std::string& path, const json& body, const std::string& fields) {
    client.send(http::testing::post_text(path, body.dump(), fields));
    const auto answer = client.receive();
    EXPECT_TRUE(answer);
    return json::parse(answer ? answer->body : "{}");
  };
  const auto user = post("/v1/users", {{"phone", phone}, {"balance", 1000}}, with)["id"];
  const auto order = post("/v1/orders", {{"userId", user}, {"totalAmount", 10}}, with)["id"];
  EXPECT_EQ(post("/v1/payments", {{"orderId", order}, {"userId", user}}, with)["status"], "PAID");
  post("/v1/payments", {{"orderId", order}, {"userId", user}},
       "Authorization: Bearer " + key + "x\r\n");
  server.process().signal(SIGTERM);
  EXPECT_EQ(server.process().wait().exit_code, 0);

  const std::string output = server.process().output();
  for (const auto& planted : {phone, key, secret})
    EXPECT_EQ(output.find(planted), std::string::npos) << planted;
  int paid = 0;
  int refused = 0;
  for (const json& line : lines_of(output)) {
    if (line.value("route", "") != "/v1/payments")
      continue;
    EXPECT_EQ(line["method"], "POST");
    EXPECT_TRUE(line["ms"].is_number_float());
    if (line["status"] == 201) {
      ++paid;
      EXPECT_EQ(line["level"], "info");
      EXPECT_EQ(line["order"], order);
      EXPECT_EQ(line["api_key"], "shop");
      EXPECT_EQ(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
      EXPECT_EQ(line["parent_span_id"], "00f067aa0ba902b7");
      EXPECT_EQ(line["span_id"].get<std::string>().size(), 16u);
    } else {
      ++refused;
      EXPECT_EQ(line["status"], 401);
      EXPECT_EQ(line["level"], "warn");
      EXPECT_FALSE(line.contains("api_key"));
    }
  }
  EXPECT_EQ(paid, 1);
  EXPECT_EQ(refused, 1);
}

TEST(log, a_line_for_people_has_the_version_and_no_fields) {
  const workplace place;
  server_process server(place);
  const std::string version = place.run({"--version"}).output;
  const std::string output = server.process().output();
  EXPECT_NE(output.find(" info paymentd " + version.substr(0, version.find('\n')) + " serves "),
            std::string::npos)
      << output;
  EXPECT_EQ(output.find('\x1f'), std::string::npos);
}

} // namespace
} // namespace paymentd::end_to_end
