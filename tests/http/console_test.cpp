// Goal: the console is served whole, may load nothing of others, makes only its own calls, shows no
// whole phone, and its calls need a key with `operate` wherever there are keys, and always beyond
// loopback. Method: a real server in front of actors that answer by script; its files are read as
// they are served.
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include "http/keys/key_ring.hpp"
#include "http/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <regex>
#include <set>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view api = "/console/api/";

api_key key_with(const std::string& text, std::string_view scopes) {
  api_key made;
  made.name = "console";
  made.scopes = parse_scopes(scopes).value();
  made.hash = net::sha256(text);
  made.created_at = noon;
  return made;
}

/// The paths of the files: all that needs no key and begins with /console/.
std::vector<std::string> files() {
  std::vector<std::string> all;
  for (const route& each : admin_routes())
    if (each.path.starts_with("/console/") && !each.path.starts_with(api))
      all.emplace_back(each.path);
  return all;
}

/// The calls, each with something in the place of {id} or {name}.
struct console_request {
  http_method method;
  std::string path;
};
std::vector<console_request> calls() {
  std::vector<console_request> all;
  for (const route& each : admin_routes()) {
    std::string path{each.path};
    if (!path.starts_with(api))
      continue;
    if (const auto mark = path.find('{'); mark != path.npos)
      path.replace(mark, path.find('}') + 1 - mark, path[mark + 1] == 'i' ? "1" : "alimtalk-1");
    all.push_back({each.method, path});
  }
  return all;
}

class http_console : public ::testing::Test {
 protected:
  explicit http_console(server_options options = {}) : server(std::move(options)) {}
  test_answer ask(const std::string& bytes) {
    client.send(bytes);
    return client.receive().value();
  }
  test_answer ask(const console_request& what, const std::string& fields = {}) {
    // A body that each of them reads: to change a webhook, to replay, or none.
    const std::string body = what.method == http_method::patch ? R"({"enabled":false})"
                             : what.path.ends_with("/replay") ? R"({"from":"2025-11-22T00:00:00Z"})"
                                                              : "{}";
    return ask(what.method == http_method::get
                   ? get_text(what.path, fields)
                   : post_text(what.path, body, fields, std::string{name_of(what.method)}));
  }
  std::string text_of(const std::string& path) { return ask(get_text(path)).body; }

  scripted_server server;
  test_client client{server.admin_port()};
};

TEST_F(http_console, each_file_is_served_with_its_type) {
  for (const std::string& path : files()) {
    const test_answer answer = ask(get_text(path));
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_THAT(answer.body, Not(IsEmpty())) << path;
    const std::string type = path.ends_with(".js")    ? "text/javascript; charset=utf-8"
                             : path.ends_with(".css") ? "text/css; charset=utf-8"
                             : path.ends_with(".svg") ? "image/svg+xml"
                                                      : "text/html; charset=utf-8";
    EXPECT_EQ(answer.field("content-type"), type) << path;
  }
  EXPECT_GT(files().size(), 10u);
}

TEST_F(http_console, the_page_may_load_this_server_s_files_alone) {
  for (const std::string& path : files()) {
    const test_answer answer = ask(get_text(path));
    const std::string policy = answer.field("content-security-policy");
    for (const auto* part : {"default-src 'none'", "script-src 'self'", "style-src 'self'",
                             "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
                             "frame-ancestors 'none'", "require-trusted-types-for 'script'"})
      EXPECT_THAT(policy, HasSubstr(part)) << path;
    EXPECT_THAT(policy, Not(HasSubstr("unsafe"))) << path;
    EXPECT_EQ(answer.field("x-content-type-options"), "nosniff") << path;
    EXPECT_EQ(answer.field("referrer-policy"), "same-origin") << path;
    EXPECT_EQ(answer.field("cross-origin-resource-policy"), "same-origin") << path;
    EXPECT_EQ(answer.field("cache-control"), "no-store") << path;
  }
  EXPECT_EQ(ask(get_text("/readyz")).field("content-security-policy"), "");
}

TEST_F(http_console, files_are_read_and_nothing_else) {
  for (const std::string& path : files()) {
    for (const auto* method : {"POST", "PATCH", "DELETE"}) {
      const test_answer answer = ask(post_text(path, "{}", {}, method));
      EXPECT_EQ(answer.status, 405) << method << " " << path;
      EXPECT_EQ(answer.field("allow"), "GET, HEAD") << path;
    }
    client.send("HEAD " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto head = client.receive(true);
    ASSERT_TRUE(head) << path;
    EXPECT_EQ(head->status, 200) << path;
    EXPECT_EQ(head->field("content-length"), std::to_string(text_of(path).size())) << path;
  }
}

TEST_F(http_console, its_address_leads_to_the_page) {
  const test_answer answer = ask(get_text("/console"));
  EXPECT_EQ(answer.status, 308);
  EXPECT_EQ(answer.field("location"), "console/");
  EXPECT_EQ(test_client{server.port()}.get("/console/")->status, 404); // clients have none
}

TEST_F(http_console, all_that_the_page_names_is_there) {
  const std::regex name(R"re((?:from|src|href)(?:=| )"(?:\./)?([a-z]+\.(?:js|css|svg))")re");
  std::set<std::string> named{"index.html"};
  for (const std::string& path : files()) {
    const std::string text = text_of(path);
    for (std::sregex_iterator at(text.begin(), text.end(), name), none; at != none; ++at) {
      named.insert((*at)[1]);
      EXPECT_EQ(ask(get_text("/console/" + (*at)[1].str())).status, 200)
          << path << ": " << at->str();
    }
  }
  EXPECT_EQ(named.size(), files().size()) << "a file that nothing names";
}

TEST_F(http_console, no_file_leads_elsewhere_or_makes_html_of_a_text) {
  const std::regex elsewhere(R"re((https?:)?//[a-z0-9-]+\.[a-z])re", std::regex::icase);
  const std::regex html(
      R"re(\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|)re"
      R"re(setHTML|srcdoc|createContextualFragment)\b|new Function|javascript:)re");
  for (const std::string& path : files()) {
    std::string text = text_of(path);
    // The name of SVG is no address, though it looks like one.
    for (const std::string svg = "http://www.w3.org/2000/svg"; text.find(svg) != text.npos;)
      text.erase(text.find(svg), svg.size());
    EXPECT_FALSE(std::regex_search(text, elsewhere)) << path;
    EXPECT_FALSE(std::regex_search(text, html)) << path;
    EXPECT_THAT(text, Not(HasSubstr("document.cookie"))) << path;
  }
}

TEST_F(http_console, on_loopback_without_keys_its_calls_are_answered) {
  EXPECT_GT(calls().size(), 10u);
  for (const console_request& each : calls())
    EXPECT_LT(ask(each).status, 300) << name_of(each.method) << " " << each.path;
}

TEST_F(http_console, it_makes_no_call_that_moves_money) {
  for (const auto* path :
       {"/console/api/payments", "/console/api/orders/1/refund", "/console/api/orders/1/cancel",
        "/console/api/users/1/charges", "/console/api/users/1/withdrawals", "/v1/payments"})
    EXPECT_EQ(ask(post_text(path, R"({"orderId":1,"userId":1})")).status, 404) << path;
  EXPECT_EQ(ask(post_text("/console/api/orders", "{}")).status, 405);
  EXPECT_EQ(ask(post_text("/console/api/users/1", "{}", {}, "PATCH")).status, 405);
  EXPECT_THAT(server.actors.commands(), IsEmpty());
}

TEST_F(http_console, a_phone_is_masked) {
  const std::string whole = test_client{server.port()}.get("/v1/users/1")->body;
  ASSERT_THAT(whole, HasSubstr("01012345678"));
  EXPECT_EQ(json::parse(text_of("/console/api/users/1"))["phone"], "010****5678");
  const json page = json::parse(text_of("/console/api/users?phone=01012345678"));
  ASSERT_EQ(page["items"].size(), 1u);
  EXPECT_EQ(page["items"][0]["phone"], "010****5678");
  for (const console_request& each : calls())
    EXPECT_THAT(ask(each).body, Not(HasSubstr("01012345678"))) << each.path;
}

TEST_F(http_console, a_thing_that_is_not_there_is_told_as_to_clients) {
  server.actors.look_up = [](const query&) -> actors::answer_reply {
    return paymentd::answer{not_found{}};
  };
  for (const auto& [path, code] : {std::pair{"users/1", "user_not_found"},
                                   {"orders/1", "order_not_found"},
                                   {"notifications/alimtalk-1", "not_found"}}) {
    const test_answer answer = ask(get_text(std::string{api} + path));
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(json::parse(answer.body)["code"], code);
  }
}

TEST_F(http_console, the_last_audits_are_shown_or_that_there_was_none) {
  EXPECT_EQ(json::parse(text_of("/console/api/audit")),
            (json{{"last", nullptr}, {"lastClean", nullptr}}));
  noted_audits known;
  known.last_clean = audit_result{.began_at = noon, .version = "1.2.3"};
  known.last = audit_result{.began_at = noon + std::chrono::hours{1},
                            .took = std::chrono::milliseconds{1234},
                            .entries = safe_integer_max,
                            .orders = 7,
                            .breaches = 12,
                            .first_breaches = {"user 1: the \"balance\"", "<b>two</b> \xff"},
                            .version = "1.2.4 (commit 0123456789ab)"};
  server.actors.look_up = [&](const query& what) -> actors::answer_reply {
    EXPECT_TRUE(std::holds_alternative<get_audits>(what));
    return paymentd::answer{known};
  };
  const test_answer answer = ask(get_text("/console/api/audit"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("content-type"), "application/json");
  const json shown = json::parse(answer.body);
  EXPECT_EQ(shown["last"],
            (json{{"beganAt", "2025-11-22T06:04:03.021Z"},
                  {"tookMs", 1234},
                  {"entries", safe_integer_max},
                  {"orders", 7},
                  {"breaches", 12},
                  {"firstBreaches", {"user 1: the \"balance\"", "<b>two</b> \ufffd"}},
                  {"version", "1.2.4 (commit 0123456789ab)"}}));
  EXPECT_EQ(shown["lastClean"]["firstBreaches"], json::array());
  EXPECT_EQ(shown["lastClean"]["version"], "1.2.3");
  server.actors.look_up = [](const query&) -> actors::answer_reply {
    return std::unexpected(actors::no_outcome::database_unavailable);
  };
  EXPECT_EQ(ask(get_text("/console/api/audit")).status, 503);
  EXPECT_EQ(test_client{server.port()}.get("/console/api/audit")->status, 404); // clients have none
}

TEST_F(http_console, a_page_of_another_site_makes_no_change_and_no_other_name_leads_here) {
  int retries = 0;
  server.actors.retry = [&](const delivery_retry& what) {
    ++retries;
    return some_delivery(what.which, delivery_status::pending);
  };
  const std::string path = "/console/api/notifications/alimtalk-1/retry";
  for (const auto* field : {"Origin: https://evil.example\r\n", "Origin: null\r\n",
                            "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"})
    EXPECT_EQ(ask(post_text(path, "{}", field)).status, 403) << field;
  for (const auto* target : {"/console/", "/console/api/users/1"})
    EXPECT_EQ(ask("GET " + std::string{target} + " HTTP/1.1\r\nHost: evil.example\r\n\r\n").status,
              421);
  EXPECT_EQ(retries, 0);
  EXPECT_EQ(
      ask(post_text(path, "{}", "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n"))
          .status,
      202);
  EXPECT_EQ(retries, 1);
}

struct held_keys {
  key_ring ring;
};

/// The keys first, since they outlive the server.
class console_keys : private held_keys, public http_console {
 protected:
  console_keys() : http_console({.keys = &ring}) {}
  void put(const std::vector<api_key>& keys) { ring.put(keys); }
  static std::string with(const std::string& key) {
    return "Authorization: Bearer " + key + "\r\n";
  }
};

TEST_F(console_keys, where_there_are_keys_each_call_needs_operate_and_no_file_does) {
  put({key_with("pmd_ops", "operate"), key_with("pmd_other", "read,pay,charge,refund")});
  for (const console_request& each : calls()) {
    const int refused = ask(each).status;
    EXPECT_TRUE(refused == 401 || refused == 429) << each.path; // 429 once many have failed
    const test_answer lacking = ask(each, with("pmd_other"));
    EXPECT_EQ(lacking.status, 403) << each.path;
    EXPECT_EQ(json::parse(lacking.body)["missingScope"], "operate") << each.path;
    EXPECT_LT(ask(each, with("pmd_ops")).status, 300) << each.path;
  }
  for (const std::string& path : files())
    EXPECT_EQ(ask(get_text(path)).status, 200) << path;
  for (const auto* path : {"/healthz", "/readyz"})
    EXPECT_EQ(ask(get_text(path)).status, 200) << path;
}

class console_beyond : public http_console {
 protected:
  console_beyond() : http_console({.admin_listen = "0.0.0.0:0"}) {}
};

TEST_F(console_beyond, beyond_loopback_its_calls_are_closed_where_there_are_no_keys) {
  for (const console_request& each : calls()) {
    const int refused = ask(each, "Authorization: Bearer pmd_any\r\n").status;
    EXPECT_TRUE(refused == 401 || refused == 429) << each.path;
  }
  EXPECT_THAT(server.actors.commands(), IsEmpty());
  EXPECT_EQ(ask(get_text("/console/")).status, 200);
  EXPECT_EQ(ask(get_text("/healthz")).status, 200);
}

} // namespace
} // namespace paymentd::http::testing
