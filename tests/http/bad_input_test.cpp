// Goal: bad input of every kind gets its problem document, changes nothing, and leaves the
// connection usable where HTTP allows. Method: bytes over a real socket; on the same connection a
// good request must work afterwards, and the scripted actors must have seen only that one.
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string payment = R"({"orderId":3,"userId":4})";

/// The fields that the problem complains of.
std::vector<std::string> fields_of(const test_answer& answer) {
  std::vector<std::string> fields;
  const auto body = json::parse(answer.body);
  if (body.contains("errors"))
    for (const auto& error : body["errors"]) {
      EXPECT_FALSE(error["message"].get<std::string>().empty());
      fields.push_back(error["field"]);
    }
  return fields;
}

class http_bad_input : public ::testing::Test {
 protected:
  scripted_server server;
  test_client client{server.port()};

  /// Sends what is bad, checks its problem and that the connection is as good as before.
  test_answer refused_as(const std::string& bytes, int status, const std::string& code) {
    SCOPED_TRACE(bytes.substr(0, 200));
    client.send(bytes);
    const auto answer = client.receive();
    if (!answer) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    EXPECT_EQ(answer->status, status) << answer->body;
    EXPECT_EQ(answer->field("content-type"), "application/problem+json");
    const auto body = json::parse(answer->body);
    EXPECT_EQ(body["code"], code) << answer->body;
    EXPECT_EQ(body["status"], status);
    EXPECT_EQ(body["instance"], answer->field("x-request-id"));
    EXPECT_THAT(server.actors.commands(), IsEmpty());
    return *answer;
  }
  std::vector<std::string> bad_fields(const std::string& path, const std::string& body) {
    return fields_of(refused_as(post_text(path, body), 400, "invalid_request"));
  }
  void TearDown() override {
    const auto answer = client.post("/v1/payments", payment);
    ASSERT_TRUE(answer) << "the connection is not usable any more";
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(server.actors.commands().size(), 1u);
  }
};

TEST_F(http_bad_input, malformed_json_is_invalid_json) {
  for (const std::string body :
       {"", "{", "nonsense", R"({"orderId":3,"userId":4)", R"({"orderId":3,"userId":4}})",
        R"({"orderId":3 "userId":4})", R"({"orderId":3,"userId":4,})",
        R"({'orderId':3,"userId":4})", R"({"orderId":03,"userId":4})",
        R"({"orderId":+3,"userId":4})", R"({"orderId":NaN,"userId":4})",
        R"({"orderId":3,"userId":4} {})", "{\"orderId\":3,\"userId\":4,\"\xff\":1}",
        "{\"orderId\":3,\"userId\":4,\"x\":\"\xed\xa0\x80\"}", "/* no */ {}",
        "\xEF\xBB\xBF{\"orderId\":3,\"userId\":4}"})
    refused_as(post_text("/v1/payments", body), 400, "invalid_json");
  const std::string with_nul{"{\"orderId\":3,\"userId\":4}\0garbage", 32};
  refused_as(post_text("/v1/payments", with_nul), 400, "invalid_json");
  std::string deep;
  for (int depth = 0; depth < 5000; ++depth)
    deep += R"({"a":[)";
  refused_as(post_text("/v1/payments", deep), 400, "invalid_json");
}

TEST_F(http_bad_input, a_body_that_is_no_object_is_refused) {
  for (const std::string body : {"[]", "1", "null", "true", R"("text")", "[{\"orderId\":3}]"})
    EXPECT_THAT(bad_fields("/v1/payments", body), ElementsAre(""));
}

TEST_F(http_bad_input, wrong_types_are_named_field_by_field) {
  for (const std::string wrong :
       {"12.0", "\"12\"", "1e3", "1.5", "true", "null", "[1]", "{}", "{\"orderId\":1}", "0", "-1",
        "9007199254740992", "9223372036854775808", "99999999999999999999999", "1e400", "[-1e999]"})
    EXPECT_THAT(bad_fields("/v1/payments", R"({"orderId":)" + wrong + R"(,"userId":4})"),
                ElementsAre("orderId"));
  for (const std::string wrong : {"1", "{}", "[\"01012345678\"]"})
    EXPECT_THAT(bad_fields("/v1/users", R"({"phone":)" + wrong + "}"), ElementsAre("phone"));
}

TEST_F(http_bad_input, all_that_is_wrong_is_said_at_once) {
  EXPECT_THAT(bad_fields("/v1/payments", "{}"), UnorderedElementsAre("orderId", "userId"));
  EXPECT_THAT(bad_fields("/v1/payments", R"({"orderId":"x","order":1})"),
              UnorderedElementsAre("orderId", "order", "userId"));
  EXPECT_THAT(bad_fields("/v1/orders", R"({"userId":0,"totalAmount":-1,"discountAmount":"a",)"
                                       R"("couponId":0,"extra":{}})"),
              UnorderedElementsAre("userId", "totalAmount", "discountAmount", "couponId", "extra"));
  EXPECT_THAT(bad_fields("/v1/orders", R"({"userId":0,"totalAmount":1,"discountAmount":2})"),
              UnorderedElementsAre("userId", "discountAmount"));
  EXPECT_THAT(bad_fields("/v1/users", R"({"phone":"12","balance":-5})"),
              UnorderedElementsAre("phone", "balance"));
}

TEST_F(http_bad_input, a_field_given_twice_is_refused) {
  EXPECT_THAT(bad_fields("/v1/payments", R"({"orderId":3,"userId":4,"orderId":5})"),
              ElementsAre("orderId"));
}

TEST_F(http_bad_input, the_number_and_size_of_reported_errors_is_bounded) {
  std::string body = "{";
  for (int n = 0; n < 3000; ++n)
    body += "\"field" + std::to_string(n) + "\":1,";
  body += "\"" + std::string(5000, 'x') + "\":1}";
  EXPECT_EQ(bad_fields("/v1/payments", body).size(), 20u);
  const auto named = bad_fields("/v1/payments", R"({"orderId":3,"userId":4,")" +
                                                    std::string(5000, 'x') + R"(":1})");
  ASSERT_EQ(named.size(), 1u);
  EXPECT_LT(named[0].size(), 100u);
}

TEST_F(http_bad_input, an_unknown_name_is_repeated_as_valid_json) {
  EXPECT_THAT(
      bad_fields("/v1/payments", "{\"orderId\":3,\"userId\":4,\"a\\\"\\\\\\u0001\\uD55C\":1}"),
      ElementsAre("a\"\\\x01\xed\x95\x9c"));
}

TEST_F(http_bad_input, amounts_are_whole_won_within_bounds) {
  for (const std::string wrong : {"0", "-1", "1.0", "9007199254740992"})
    EXPECT_THAT(bad_fields("/v1/users/1/charges", R"({"amount":)" + wrong + "}"),
                ElementsAre("amount"));
  EXPECT_THAT(bad_fields("/v1/orders", R"({"userId":1,"totalAmount":9007199254740992})"),
              ElementsAre("totalAmount"));
}

TEST_F(http_bad_input, a_phone_number_that_is_none_is_refused) {
  for (const std::string phone :
       {"", "010", "0201234567", "010123456789", "010-1234-56", "+82-010-1234-5678", "+82", "--",
        "+1 10 1234 5678", "(010)12345678", "0101234567a"})
    EXPECT_THAT(bad_fields("/v1/users", R"({"phone":")" + phone + "\"}"), ElementsAre("phone"));
}

TEST_F(http_bad_input, ids_in_paths_are_numbers_from_1) {
  for (const std::string id : {"0", "-1", "+1", "01", "1.0", "abc", "1e3", "9007199254740992",
                               "99999999999999999999", "%3", "1%20", "%2F1", "1%zz", "%30%31"})
    for (const std::string path : {"/v1/users/", "/v1/orders/"})
      EXPECT_THAT(fields_of(refused_as(get_text(path + id), 400, "invalid_request")),
                  ElementsAre("id"));
  EXPECT_THAT(bad_fields("/v1/orders/x/cancel", ""), ElementsAre("id"));
  EXPECT_THAT(bad_fields("/v1/users/0/charges", R"({"amount":1})"), ElementsAre("id"));
}

TEST_F(http_bad_input, only_json_is_taken) {
  const auto with_type = [](const std::string& field) {
    return "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\n" + field +
           "Content-Length: " + std::to_string(payment.size()) + "\r\n\r\n" + payment;
  };
  for (const std::string type :
       {"", "Content-Type: text/plain\r\n", "Content-Type: application/jsonp\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/json; charset=euc-kr\r\n", "Content-Type:\r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n"})
    refused_as(with_type(type), 415, "unsupported_media_type");
}

TEST_F(http_bad_input, only_a_body_as_it_is_is_taken) {
  const auto encoded = [](const std::string& how) {
    return post_text("/v1/payments", payment, "Content-Encoding: " + how + "\r\n");
  };
  for (const std::string how : {"gzip", "br", "identity, gzip", "x"})
    EXPECT_EQ(refused_as(encoded(how), 415, "unsupported_media_type").field("accept-encoding"),
              "identity");
  // Without a body it means nothing.
  client.send(get_text("/v1/users/1", "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(client.receive()->status, 200);
  scripted_server other;
  test_client plain{other.port()};
  plain.send(encoded("Identity"));
  EXPECT_EQ(plain.receive()->status, 201);
}

TEST_F(http_bad_input, unknown_paths_are_not_found) {
  for (const std::string path :
       {"/", "/v1", "/v1/payments/", "/v1/users/1/", "/v1/users/1/2", "/v1/users/", "/v2/payments",
        "/v1//payments", "/v1/Payments", "/healthz", "/metrics", "*", "/v1/users/1/charges/2"})
    refused_as(get_text(path), 404, "not_found");
  refused_as(post_text("/v1/nothing", payment), 404, "not_found");
}

TEST_F(http_bad_input, a_path_with_encoded_nonsense_is_not_found) {
  for (const std::string path :
       {"/v1/%70ayments%00", "/v1/%", "/v1/%zz", "/v1/%ff%fe", "/v1/%2e%2e/v1/payments%2f",
        "/v1/users%2F1", "/v1/../v1/nothing", "/v1/%c0%ae/payments", "/v1/%25%37%30"})
    refused_as(get_text(path), 404, "not_found");
  for (const std::string query :
       {"?status=%00", "?status=%zz", "?limit=%", "?limit=%ff", "?cursor=%c0%80", "?%00"})
    refused_as(get_text("/v1/notifications" + query), 400, "invalid_request");
}

class http_large_bodies : public ::testing::Test {
 protected:
  scripted_server server{{.max_body_bytes = 8 << 20}};
  test_client client{server.port()};
};

TEST_F(http_large_bodies, a_body_that_nests_100000_deep_is_refused) {
  constexpr int depth = 100'000;
  const auto many = [](std::string_view text) {
    std::string all;
    for (int n = 0; n < depth; ++n)
      all += text;
    return all;
  };
  for (const std::string& body :
       {many("["), many(R"({"a":)"), many("[") + many("]"),
        R"({"orderId":)" + many("[") + many("]") + R"(,"userId":4})",
        R"({"orderId":3,"userId":4,"x":)" + many(R"({"a":)") + "1" + many("}") + "}"})
    for (const std::string path : {"/v1/payments", "/v1/payments/bulk"}) {
      const auto answer = client.post(path, body);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->status, 400);
      EXPECT_THAT(json::parse(answer->body)["code"], AnyOf("invalid_json", "invalid_request"));
    }
  EXPECT_EQ(client.post("/v1/payments", payment)->status, 201);
  EXPECT_EQ(server.actors.commands().size(), 1u);
}

TEST_F(http_bad_input, a_known_path_lists_its_methods) {
  const auto allowed = [&](const std::string& method, const std::string& path) {
    return refused_as(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 405,
                      "method_not_allowed")
        .field("allow");
  };
  EXPECT_EQ(allowed("GET", "/v1/payments"), "POST");
  EXPECT_EQ(allowed("DELETE", "/v1/users/1"), "GET, HEAD, PATCH");
  EXPECT_EQ(allowed("POST", "/v1/orders/1"), "GET, HEAD, PATCH");
  EXPECT_EQ(allowed("PATCH", "/v1/users"), "POST, GET, HEAD");
  EXPECT_EQ(allowed("OPTIONS", "/v1/orders/1/cancel"), "POST");
  EXPECT_EQ(allowed("BREW", "/v1/orders"), "POST, GET, HEAD");
}

TEST_F(http_bad_input, a_refused_body_is_read_so_that_the_connection_goes_on) {
  refused_as(post_text("/v1/nothing", std::string(60'000, ' ')), 404, "not_found");
  refused_as("POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
             404, "not_found");
  refused_as(get_text("/v1/users/0", "Content-Length: 5\r\n") + "hello", 400, "invalid_request");
}

class http_numbers : public ::testing::Test {
 protected:
  scripted_server server;
  test_client client{server.port()};
};

TEST_F(http_numbers, minus_zero_is_zero_where_zero_is_taken) {
  const auto made = client.post("/v1/users", R"({"phone":"01012345678","balance":-0})");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->status, 201);
  EXPECT_EQ(json::parse(made->body)["balance"].dump(), "0");
  EXPECT_EQ(client.post("/v1/users/1/charges", R"({"amount":-0})")->status, 400);
  EXPECT_EQ(client.post("/v1/users", R"({"phone":"01012345678","balance":-0.0})")->status, 400);
  EXPECT_EQ(server.actors.commands().size(), 1u);
}

// ---- what ends the connection -------------------------------------------------------------------

class http_bad_framing : public ::testing::Test {
 protected:
  scripted_server server;
  void ends_with(const std::string& bytes, int status, const std::string& code) {
    SCOPED_TRACE(bytes.substr(0, 100));
    test_client client{server.port()};
    client.send(bytes);
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->field("connection"), "close");
    EXPECT_EQ(json::parse(answer->body)["code"], code);
    client.half_close();
    EXPECT_TRUE(client.closed());
    EXPECT_THAT(server.actors.commands(), IsEmpty());
  }
};

TEST_F(http_bad_framing, what_is_not_http_is_answered_and_closed) {
  for (const std::string bytes :
       {"nonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        "GET /v1/users/1 HTTP/1.1\r\nHost t\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", "GET /v1/users/1 HTTP/1.1\r\n\r\n",
        "GET /v1/users/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /v1/users/1 HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /v1/users/1 HTTP/1.1\r\nHost: localhost\r\nX-Note\t: a\r\n\r\n",
        "GET  /v1/users/1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/users/1 HTTP/1.1 \r\nHost: localhost\r\n\r\n",
        " GET /v1/users/1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "\xEF\xBB\xBFGET /v1/users/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"})
    ends_with(bytes, 400, "invalid_request");
}

TEST_F(http_bad_framing, a_line_that_ends_with_a_line_feed_alone_is_refused) {
  for (const std::string bytes : {"GET /v1/users/1 HTTP/1.1\nHost: localhost\r\n\r\n",
                                  "GET /v1/users/1 HTTP/1.1\r\nHost: localhost\n\r\n",
                                  "GET /v1/users/1 HTTP/1.1\r\nX-Note: a\nHost: localhost\r\n\r\n",
                                  "GET /v1/users/1 HTTP/1.1\r\nX-Note: a\rHost: localhost\r\n\r\n"})
    ends_with(bytes, 400, "invalid_request");
  ends_with("POST /v1/payments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n18\n{\"orderId\":3,\"userId\":4}\n0\n\n\r\n",
            400, "invalid_request");
}

TEST_F(http_bad_framing, nul_bytes_in_a_header_are_refused) {
  using namespace std::string_literals;
  for (const std::string& bytes : {"GET /v1/users/1\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"s,
                                   "GET\0 /v1/users/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"s,
                                   "GET /v1/users/1 HTTP/1.1\r\nHost: local\0host\r\n\r\n"s,
                                   "GET /v1/users/1 HTTP/1.1\r\nHost: localhost\r\nX\0: a\r\n\r\n"s,
                                   "GET /v1/users/1 HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n"s})
    ends_with(bytes, 400, "invalid_request");
}

TEST_F(http_bad_framing, requests_before_a_bad_one_are_answered_and_those_behind_it_are_not) {
  const std::string good = get_text("/v1/users/1", "X-Request-Id: good\r\n");
  test_client client{server.port()};
  client.send(good + good + "GET /v1/users/1 HTTP/1.1\r\nHost : localhost\r\n\r\n" +
              post_text("/v1/payments", payment));
  for (const int status : {200, 200, 400})
    EXPECT_EQ(client.receive()->status, status);
  client.half_close();
  EXPECT_TRUE(client.closed());
  EXPECT_THAT(server.actors.commands(), IsEmpty());
}

TEST_F(http_bad_framing, a_field_over_several_lines_is_refused) {
  for (const std::string folded :
       {"X-Note: a\r\n b\r\n", "X-Note: a\r\n\tb\r\n", "X-Note:\r\n b\r\n", "X-Note: a\r\n \r\n",
        "X-Note:\r\n \r\n", "Content-Type: application/json;\r\n charset=utf-8\r\n",
        "Transfer-Encoding:\r\n chunked\r\n"})
    ends_with("POST /v1/payments HTTP/1.1\r\nHost: localhost\r\n" + folded + "\r\n", 400,
              "invalid_request");
  ends_with("POST /v1/payments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
            "18\r\n{\"orderId\":3,\"userId\":4}\r\n0\r\nX-Note: a\r\n b\r\n\r\n",
            400, "invalid_request");
}

TEST_F(http_bad_framing, a_transfer_encoding_in_http_1_0_is_refused) {
  for (const std::string fields : {"", "Connection: keep-alive\r\n"})
    ends_with("POST /v1/payments HTTP/1.0\r\nContent-Type: application/json\r\n" + fields +
                  "Transfer-Encoding: chunked\r\n\r\n"
                  "18\r\n{\"orderId\":3,\"userId\":4}\r\n0\r\n\r\n",
              400, "invalid_request");
}

TEST_F(http_bad_framing, lengths_that_contradict_each_other_are_refused) {
  for (const std::string fields :
       {"Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: -5\r\n",
        "Content-Length: 5x\r\n", "Content-Length: 99999999999999999999999\r\n",
        "Content-Length: 5, 6\r\n", "Content-Length: 0x5\r\n", "Content-Length : 5\r\n",
        "Content-Length: \r\n", "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: \"chunked\"\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n"})
    ends_with("POST /v1/payments HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\nhello", 400,
              "invalid_request");
  for (const std::string size : {"zz", "-1", "+5", "", "10000000000000000"})
    ends_with(
        "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
            size + "\r\nhello\r\n0\r\n\r\n",
        400, "invalid_request");
}

TEST_F(http_bad_framing, a_body_over_the_limit_is_refused_by_its_length_alone) {
  ends_with("POST /v1/payments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 65537\r\n\r\n",
            413, "payload_too_large");
  ends_with(post_text("/v1/payments", std::string(500'000, ' ')), 413, "payload_too_large");
}

TEST_F(http_bad_framing, a_chunked_body_over_the_limit_is_refused_when_it_passes_it) {
  std::string bytes =
      "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
      "Content-Type: application/json\r\n\r\n";
  for (int chunk = 0; chunk < 20; ++chunk)
    bytes += "1000\r\n" + std::string(4096, ' ') + "\r\n";
  ends_with(bytes, 413, "payload_too_large");
}

TEST_F(http_bad_framing, a_header_over_the_limit_is_refused) {
  ends_with(get_text("/v1/users/1", "X-Long: " + std::string(20'000, 'x') + "\r\n"), 431,
            "header_too_large");
  ends_with("GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431,
            "header_too_large");
  std::string many;
  for (int n = 0; n < 3000; ++n)
    many += "X-" + std::to_string(n) + ": y\r\n";
  ends_with(get_text("/v1/users/1", many), 431, "header_too_large");
}

TEST_F(http_bad_input, a_name_in_a_query_comes_back_cut_and_in_utf_8) {
  const auto raw = refused_as(get_text("/v1/notifications?%ff=1"), 400, "invalid_request");
  EXPECT_THAT(fields_of(raw), ElementsAre("\xEF\xBF\xBD"));
  const auto name = std::string(2000, 'n');
  const auto cut = refused_as(get_text("/v1/notifications?" + name + "=1"), 400, "invalid_request");
  EXPECT_THAT(fields_of(cut), ElementsAre(std::string(64, 'n') + "..."));
}

} // namespace
} // namespace paymentd::http::testing
