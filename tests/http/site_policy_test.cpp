// Goal: no page of another site can make a call through a browser near this server, and every other
// client can. Method: each combination of Host, Origin and Sec-Fetch-Site that a browser, a proxy
// or an attacker sends, to the rule itself and, for each kind, over a socket.
#include "http/site_policy.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::http::testing {
namespace {

const site_policy here{.checks_host = true, .hosts = {"shop.example", "[2001:db8::1]"}};

/// The status that a request is refused with; 0 where it is served.
int refused(const request_site& from, const site_policy& policy = here) {
  const auto objection = objection_to(from, policy);
  if (!objection)
    return 0;
  return objection->code == problem_code::misdirected_request ? 421 : 403;
}

TEST(site_policy, a_host_has_to_name_this_machine_or_what_the_settings_name) {
  for (const auto* host :
       {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:8080", "127.9.8.7", "[::1]",
        "[::1]:8080", "shop.localhost:1", "shop.example", "SHOP.example:443", "[2001:db8::1]:80"})
    EXPECT_EQ(refused({.host = host}), 0) << host;
  for (const auto* host :
       {"evil.example", "127.0.0.1.evil.example", "127.evil", "localhost.evil.example",
        "evillocalhost", "10.0.0.1", "[::2]", "shop.example.evil", "sub.shop.example", "[::1"})
    EXPECT_EQ(refused({.host = host}), 421) << host;
}

TEST(site_policy, a_client_of_http_1_0_needs_no_host) {
  EXPECT_EQ(refused({}), 0);
}

TEST(site_policy, beyond_loopback_any_host_may_be_meant) {
  EXPECT_EQ(refused({.host = "evil.example"}, {}), 0);
}

TEST(site_policy, a_page_may_call_its_own_origin_alone) {
  const auto from = [](std::string_view origin, std::string_view host = "localhost:8080") {
    return refused({.host = host, .origin = origin, .changes = true});
  };
  EXPECT_EQ(from("http://localhost:8080"), 0);
  EXPECT_EQ(from("https://LOCALHOST:8080"), 0); // a proxy took TLS off
  EXPECT_EQ(from("https://shop.example"), 0);   // the settings name it
  EXPECT_EQ(from("https://shop.example:8443"), 0);
  EXPECT_EQ(from("http://localhost:9999"), 403); // another server of this machine
  EXPECT_EQ(from("http://evil.example"), 403);
  EXPECT_EQ(from("null"), 403);
  EXPECT_EQ(from("localhost:8080"), 403);
  EXPECT_EQ(from("http://"), 403);
}

TEST(site_policy, a_browser_that_names_no_origin_tells_by_its_metadata) {
  for (const auto& [site, status] : std::vector<std::pair<std::string, int>>{
           {"same-origin", 0}, {"none", 0}, {"same-site", 403}, {"cross-site", 403}})
    EXPECT_EQ(refused({.host = "localhost", .fetch_site = site, .changes = true}), status) << site;
}

TEST(site_policy, what_changes_nothing_may_be_read_from_a_link) {
  EXPECT_EQ(refused({.host = "localhost", .fetch_site = "cross-site"}), 0);
  EXPECT_EQ(refused({.host = "localhost", .origin = "http://evil.example"}), 0);
}

class http_site : public ::testing::Test {
 protected:
  std::string code_of(std::uint16_t port, const std::string& bytes) {
    test_client client{port};
    client.send(bytes);
    const auto answer = client.receive();
    if (!answer || answer->status < 400)
      return answer ? "served" : "no answer";
    return nlohmann::json::parse(answer->body)["code"];
  }
  std::string refund_with(const std::string& fields) {
    return code_of(server.port(), "POST /v1/orders/3/refund HTTP/1.1\r\n" + fields + "\r\n");
  }
  scripted_server server{{.allowed_hosts = {"shop.example"}}};
};

TEST_F(http_site, a_foreign_page_can_refund_and_cancel_nothing) {
  const std::string host = "Host: 127.0.0.1:8080\r\n";
  EXPECT_EQ(refund_with(host + "Origin: http://evil.example\r\n"), "forbidden");
  EXPECT_EQ(refund_with(host + "Sec-Fetch-Site: cross-site\r\n"), "forbidden");
  EXPECT_EQ(refund_with("Host: evil.example\r\n"), "misdirected_request");
  EXPECT_EQ(refund_with(host + host), "invalid_request");
  EXPECT_THAT(server.actors.commands(), ::testing::IsEmpty());
  EXPECT_EQ(refund_with(host), "served");
  EXPECT_EQ(refund_with(host + "Origin: http://127.0.0.1:8080\r\n"), "served");
  EXPECT_EQ(refund_with("Host: shop.example\r\nOrigin: https://shop.example\r\n"), "served");
}

TEST_F(http_site, an_absolute_target_is_the_host) {
  const auto get = [&](const std::string& target, const std::string& host) {
    return code_of(server.port(), "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  };
  EXPECT_EQ(get("http://evil.example/v1/users/1", "localhost"), "misdirected_request");
  EXPECT_EQ(get("HTTP://localhost/v1/users/1", "evil.example"), "served");
}

TEST_F(http_site, the_operators_listener_is_as_careful) {
  EXPECT_EQ(code_of(server.admin_port(), "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
            "misdirected_request");
  EXPECT_EQ(code_of(server.admin_port(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            "served");
  EXPECT_EQ(code_of(server.admin_port(), "GET /healthz HTTP/1.0\r\n\r\n"), "served");
}

TEST_F(http_site, nothing_may_be_kept_by_a_cache) {
  test_client client{server.port()};
  for (const auto* path : {"/v1/users/1", "/v1/users/x", "/none"})
    EXPECT_EQ(client.get(path).value().field("cache-control"), "no-store") << path;
  test_client admin{server.admin_port()};
  EXPECT_EQ(admin.get("/healthz").value().field("cache-control"), "no-store");
}

} // namespace
} // namespace paymentd::http::testing
