// Goal: a request is served for the key that it carries, within that key's scopes and rate, and for
// nothing else; a key file is taken as a whole or not at all. Method: the file's text with each
// mistake, the ring with a clock of the test's own, and real requests to a server with keys.
#include "http/keys/key_file.hpp"
#include "http/keys/key_ring.hpp"
#include "http/router.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <fstream>
#include <set>
#include <sstream>

namespace paymentd::http::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

api_key key_named(const std::string& name, const std::string& text, std::string_view scopes) {
  return {.name = name,
          .scopes = parse_scopes(scopes).value(),
          .hash = net::sha256(text),
          .rate = 0,
          .created_at = noon,
          .expires_at = std::nullopt,
          .revoked_at = std::nullopt};
}

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream all;
  all << std::ifstream(file).rdbuf();
  return all.str();
}

TEST(api_keys, scopes_are_words_with_commas_and_no_others) {
  EXPECT_EQ(to_string(parse_scopes("pay,read").value()), "read,pay");
  EXPECT_EQ(to_string(parse_scopes("operate,refund,charge,pay,read,read").value()),
            "read,pay,charge,refund,operate");
  for (const auto* text : {"", ",", "Pay", "pay read", "pay,,read", "none", "all", " pay"})
    EXPECT_FALSE(parse_scopes(text)) << text;
}

TEST(api_keys, a_new_key_is_long_and_like_no_other) {
  std::set<std::string> made;
  for (int n = 0; n < 1000; ++n) {
    const std::string text = make_key_text();
    EXPECT_EQ(text.size(), 44u);
    EXPECT_TRUE(text.starts_with("pmd_"));
    EXPECT_EQ(
        text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 4),
        std::string::npos);
    EXPECT_TRUE(made.insert(text).second);
  }
}

TEST(api_keys, a_file_is_read_as_it_was_written) {
  std::vector<api_key> keys{key_named("shop", "a", "pay,read"), key_named("ops-1", "b", "operate")};
  keys[0].rate = 500;
  keys[1].expires_at = noon + 1h;
  keys[1].revoked_at = noon + 1ms;
  const std::string text = keys_text(keys);
  EXPECT_EQ(parse_keys(text).value(), keys);
  EXPECT_TRUE(text.ends_with("}\n"));
  EXPECT_THAT(parse_keys(R"({"version":1,"keys":[]})").value(), IsEmpty());
}

TEST(api_keys, a_file_with_any_mistake_is_refused_as_a_whole) {
  const std::string good = R"({"name":"shop","scopes":["pay"],"sha256":")" + std::string(64, 'a') +
                           R"(","createdAt":"2026-01-31T00:00:00Z"})";
  const auto file_of = [](const std::string& keys) {
    return R"({"version":1,"keys":[)" + keys + "]}";
  };
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return file_of(text);
  };
  ASSERT_TRUE(parse_keys(file_of(good)));
  for (const std::string& text :
       std::vector<std::string>{"",
                                "{",
                                "[]",
                                "null",
                                R"({"keys":[]})",
                                R"({"version":2,"keys":[]})",
                                R"({"version":1})",
                                R"({"version":1,"keys":{}})",
                                file_of(good + "," + good),
                                file_of("1"),
                                file_of("{}"),
                                changed("shop", "Shop"),
                                changed("shop", ""),
                                changed("shop", std::string(41, 'a')),
                                changed(R"("pay")", R"("all")"),
                                changed(R"(["pay"])", "[]"),
                                changed(R"(["pay"])", R"("pay")"),
                                changed("aa", "a"),
                                changed("aa", "AA"),
                                changed("aa", "g0"),
                                changed("2026", "26"),
                                changed(R"("name")", R"("rate":0,"name")"),
                                changed(R"("name")", R"("rate":1.5,"name")"),
                                changed(R"("name")", R"("rate":1000001,"name")"),
                                changed(R"("name")", R"("rate":"5","name")"),
                                changed(R"("name")", R"("expires":"2026-01-31T00:00:00Z","name")"),
                                changed(R"("name")", R"("expiresAt":5,"name")"),
                                changed(R"("name")", R"("revokedAt":"soon","name")")})
    EXPECT_FALSE(parse_keys(text)) << text;
}

TEST(api_keys, a_fault_of_a_file_is_one_line_whatever_stands_in_it) {
  for (const std::string text :
       {"\"\xff\n", "{\n\x01", "nonsense\n\n", R"({"version":1,"keys":[{"a\nb":1}]})",
        R"({"version":1,"keys":[{"name":"a","scopes":["p\nay"]}]})"}) {
    const std::string fault = parse_keys(text).error();
    EXPECT_EQ(fault.find('\n'), std::string::npos) << fault;
    EXPECT_EQ(fault.find('\xff'), std::string::npos) << fault;
    EXPECT_LT(fault.size(), 300u);
  }
}

TEST(api_keys, a_change_replaces_the_file_and_a_refused_one_leaves_it) {
  const support::temporary_directory place;
  const auto file = place.path() / "keys.json";
  EXPECT_THAT(read_keys(file).error(), HasSubstr("cannot be read"));
  const auto add = [&](const std::string& name) {
    return change_keys(file, [&](auto& keys) -> std::expected<void, std::string> {
      keys.push_back(key_named(name, name, "read"));
      return {};
    });
  };
  ASSERT_TRUE(add("one"));
  struct stat about{};
  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u); // a hash is no secret, yet nobody else's business
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  ASSERT_TRUE(add("two"));
  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0640u); // the server may read it by its group
  const std::string before = text_of(file);
  const auto refused = change_keys(file, [](auto& keys) -> std::expected<void, std::string> {
    keys.clear();
    return std::unexpected("no");
  });
  EXPECT_EQ(refused.error(), "no");
  EXPECT_EQ(text_of(file), before);
  EXPECT_EQ(read_keys(file)->size(), 2u);
}

TEST(api_keys, a_broken_file_is_never_written_over) {
  const support::temporary_directory place;
  const auto file = place.path() / "keys.json";
  std::ofstream(file) << "{";
  EXPECT_FALSE(change_keys(file, [](auto&) -> std::expected<void, std::string> { return {}; }));
  EXPECT_EQ(text_of(file), "{");
  std::ofstream(file) << std::string(key_file_bytes_max + 1, ' ');
  EXPECT_THAT(read_keys(file).error(), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(read_keys(place.path()).error(), HasSubstr("is not a file"));
}

TEST(rate_limit, so_many_at_once_and_then_so_many_a_second) {
  rate_limit limit;
  steady_instant now{100s};
  for (int n = 0; n < 5; ++n)
    EXPECT_FALSE(limit.take(now, 10, 5)) << n;
  EXPECT_EQ(limit.take(now, 10, 5), 100ms);
  EXPECT_EQ(limit.take(now + 60ms, 10, 5), 40ms);
  EXPECT_FALSE(limit.take(now + 100ms, 10, 5));
  EXPECT_TRUE(limit.take(now + 100ms, 10, 5));
  EXPECT_FALSE(limit.at_rest(now + 599ms));
  EXPECT_TRUE(limit.at_rest(now + 600ms));
  now += 1h; // what was not used is not saved up
  for (int n = 0; n < 5; ++n)
    EXPECT_FALSE(limit.take(now, 10, 5)) << n;
  EXPECT_TRUE(limit.take(now, 10, 5));
}

class key_ring_test : public ::testing::Test {
 protected:
  key_ring_test() {
    std::vector<api_key> keys{
        key_named("shop", "pmd_shop", "pay,read"), key_named("old", "pmd_old", "pay"),
        key_named("gone", "pmd_gone", "pay"), key_named("slow", "pmd_slow", "pay")};
    keys[1].expires_at = noon;
    keys[2].revoked_at = noon;
    keys[3].rate = 2;
    ring.put(keys);
  }
  problem ask(std::string_view authorization, scope needs = scope::pay, std::uint8_t from = 1) {
    address_bytes address{};
    address[0] = 0x20; // no mapped IPv4 address
    address[1] = from;
    auto objection = ring.objection_to({.authorization = authorization,
                                        .repeated = false,
                                        .needs = needs,
                                        .from = address,
                                        .now = now,
                                        .wall_now = wall_now},
                                       last);
    return objection.value_or(problem{.code = served});
  }
  static constexpr auto served = problem_code::internal_error; // which it never is
  key_ring ring;
  remembered_key last;
  steady_instant now{100s};
  instant wall_now = noon;
};

TEST_F(key_ring_test, a_key_in_force_is_served_within_its_scopes) {
  EXPECT_EQ(ask("Bearer pmd_shop").code, served);
  EXPECT_EQ(last.key->key.name, "shop");
  EXPECT_EQ(ask("bearer  pmd_shop", scope::read).code, served);
  EXPECT_EQ(ask("Bearer pmd_shop", scope::none).code, served);
  const problem lacking = ask("Bearer pmd_shop", scope::refund);
  EXPECT_EQ(lacking.code, problem_code::forbidden);
  EXPECT_EQ(lacking.missing_scope, scope::refund);
  EXPECT_EQ(lacking.challenge,
            R"(Bearer realm="paymentd", error="insufficient_scope", scope="refund")");
}

TEST_F(key_ring_test, all_else_is_unauthorized_and_says_why) {
  EXPECT_EQ(ask("").challenge, R"(Bearer realm="paymentd")");
  for (const auto& [authorization, why] : std::vector<std::pair<std::string, std::string>>{
           {"", "wants an API key"},
           {"pmd_shop", "wants an API key"},
           {"Bearer", "wants an API key"},
           {"Bearer   ", "wants an API key"},
           {"Basic pmd_shop", "wants an API key"},
           {"Bearer pmd_sho", "no such API key"},
           {"Bearer pmd_shop ", "no such API key"},
           {"Bearer pmd_shopp", "no such API key"},
           {"Bearer PMD_SHOP", "no such API key"},
           {"Bearer " + std::string(1000, 'x'), "no such API key"},
           {"Bearer pmd_old", "has expired"},
           {"Bearer pmd_gone", "was revoked"}}) {
    const problem refused = ask(authorization);
    EXPECT_EQ(refused.code, problem_code::unauthorized) << authorization;
    EXPECT_THAT(refused.detail, HasSubstr(why));
  }
}

TEST_F(key_ring_test, a_refusal_names_the_key_that_is_known_and_no_other) {
  EXPECT_EQ(ask("Bearer pmd_shop", scope::refund).api_key, "shop");
  EXPECT_EQ(ask("Bearer pmd_gone").api_key, "gone");
  EXPECT_EQ(ask("Bearer pmd_old").api_key, "old");
  EXPECT_EQ(ask("").api_key, ""); // though the connection had sent one
  EXPECT_EQ(ask("Bearer pmd_none").api_key, "");
}

TEST_F(key_ring_test, a_key_is_good_until_the_millisecond_it_expires) {
  wall_now = noon - 1ms;
  EXPECT_EQ(ask("Bearer pmd_old").code, served);
  wall_now = noon; // on the same connection
  EXPECT_EQ(ask("Bearer pmd_old").code, problem_code::unauthorized);
}

TEST_F(key_ring_test, new_keys_count_from_the_next_request_of_a_connection) {
  EXPECT_EQ(ask("Bearer pmd_shop").code, served);
  ring.put({key_named("next", "pmd_next", "pay")});
  EXPECT_EQ(ask("Bearer pmd_shop").code, problem_code::unauthorized);
  EXPECT_EQ(ask("Bearer pmd_next").code, served);
}

TEST_F(key_ring_test, a_key_above_its_rate_waits_and_new_keys_do_not_give_it_back) {
  EXPECT_EQ(ask("Bearer pmd_slow").code, served);
  EXPECT_EQ(ask("Bearer pmd_slow").code, served);
  const problem above = ask("Bearer pmd_slow");
  EXPECT_EQ(above.code, problem_code::rate_limited);
  EXPECT_EQ(above.retry_after, 1s);
  api_key same = key_named("slow", "pmd_slow", "pay");
  same.rate = 2;
  ring.put({same});
  EXPECT_EQ(ask("Bearer pmd_slow").code, problem_code::rate_limited);
  now += 500ms;
  EXPECT_EQ(ask("Bearer pmd_slow").code, served);
}

TEST_F(key_ring_test, an_address_that_fails_too_often_is_told_so_and_a_good_key_passes_from_it) {
  for (int n = 0; n < key_ring::failures_at_once; ++n)
    EXPECT_EQ(ask("Bearer guess").code, problem_code::unauthorized) << n;
  EXPECT_EQ(ask("Bearer guess").code, problem_code::rate_limited);
  EXPECT_EQ(ask("").code, problem_code::rate_limited);
  EXPECT_EQ(ask("Bearer pmd_shop").code, served);
  EXPECT_EQ(ask("Bearer guess", scope::pay, 2).code, problem_code::unauthorized); // another address
  now += 1s;
  EXPECT_EQ(ask("Bearer guess").code, problem_code::unauthorized);
  EXPECT_EQ(ask("Bearer guess").code, problem_code::rate_limited);
}

TEST_F(key_ring_test, addresses_are_counted_with_a_bound_and_forgotten) {
  const auto fail_from = [&](std::size_t number, std::uint8_t last_byte = 0) {
    address_bytes address{};
    address[0] = 0x20;
    address[5] = static_cast<std::uint8_t>(number >> 8);
    address[6] = static_cast<std::uint8_t>(number);
    address[15] = last_byte;
    return ring
        .objection_to({.authorization = "Bearer guess",
                       .repeated = false,
                       .needs = scope::pay,
                       .from = address,
                       .now = now,
                       .wall_now = wall_now},
                      last)
        ->code;
  };
  // A customer has a whole network of IPv6 addresses.
  for (std::uint8_t n = 0; n < key_ring::failures_at_once; ++n)
    EXPECT_EQ(fail_from(0, n), problem_code::unauthorized);
  EXPECT_EQ(fail_from(0, 99), problem_code::rate_limited);
  for (std::size_t n = 1; n < key_ring::addresses_max; ++n)
    ASSERT_EQ(fail_from(n), problem_code::unauthorized);
  EXPECT_EQ(fail_from(key_ring::addresses_max), problem_code::rate_limited);
  now += 10s;
  EXPECT_EQ(fail_from(key_ring::addresses_max), problem_code::unauthorized);
}

class http_keys : public ::testing::Test {
 protected:
  http_keys() {
    std::vector<api_key> keys{key_named("shop", "pmd_shop", "pay,read"),
                              key_named("slow", "pmd_slow", "read")};
    keys[1].rate = 1;
    ring.put(keys);
  }
  static std::string with(const std::string& key) {
    return "Authorization: Bearer " + key + "\r\n";
  }
  test_answer ask(const std::string& bytes) {
    client.send(bytes);
    return client.receive().value();
  }
  key_ring ring;
  scripted_server server{{.keys = &ring}};
  test_client client{server.port()};
};

TEST_F(http_keys, a_call_needs_a_key_and_its_scope) {
  const std::string body = R"({"orderId":1,"userId":1})";
  const test_answer none = ask(post_text("/v1/payments", body));
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.field("www-authenticate"), R"(Bearer realm="paymentd")");
  EXPECT_EQ(nlohmann::json::parse(none.body)["code"], "unauthorized");
  EXPECT_EQ(ask(post_text("/v1/payments", body, with("pmd_sho"))).status, 401);
  EXPECT_THAT(server.actors.commands(), IsEmpty());
  EXPECT_EQ(ask(post_text("/v1/payments", body, with("pmd_shop"))).status, 201); // one connection
  const test_answer lacking = ask(post_text("/v1/orders/1/refund", "{}", with("pmd_shop")));
  EXPECT_EQ(lacking.status, 403);
  EXPECT_EQ(nlohmann::json::parse(lacking.body)["missingScope"], "refund");
  EXPECT_EQ(server.actors.commands().size(), 1u);
}

TEST_F(http_keys, every_call_of_the_api_needs_one_scope_and_no_other_will_do) {
  for (const route& each : public_routes()) {
    if (each.needs == scope::none) {
      EXPECT_TRUE(each.path == "/openapi.json" || each.path == "/docs") << each.path;
      continue;
    }
    std::string path{each.path};
    if (const auto mark = path.find('{'); mark != std::string::npos)
      path.replace(mark, path.find('}') + 1 - mark, path[mark + 1] == 'i' ? "1" : "alimtalk-1");
    ring.put({key_named("all", "pmd_all", "read,pay,charge,refund,operate")});
    const auto ask_with = [&](const std::string& fields) {
      // As JSON: a stream would not end.
      const std::string more = fields + "Accept: application/json\r\n";
      return ask(each.method == http_method::get
                     ? get_text(path, more)
                     : post_text(path, "{}", fields, std::string{name_of(each.method)}))
          .status;
    };
    const int refused = ask_with({});
    EXPECT_TRUE(refused == 401 || refused == 429) << path; // 429 once many have failed
    EXPECT_NE(ask_with(with("pmd_all")), 403) << path;
    for (const scope given : all_scopes) {
      ring.put({key_named("one", "pmd_one", name_of(given))});
      EXPECT_EQ(ask_with(with("pmd_one")) == 403, given != each.needs) << path;
    }
  }
}

TEST_F(http_keys, a_stranger_does_not_learn_which_paths_there_are) {
  EXPECT_EQ(ask(get_text("/v1/nothing")).status, 401);
  EXPECT_EQ(ask("DELETE /v1/payments HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 401);
  EXPECT_EQ(ask(get_text("/v1/nothing", with("pmd_shop"))).status, 404);
}

TEST_F(http_keys, two_keys_in_one_request_are_none) {
  EXPECT_EQ(ask(get_text("/v1/users/1", with("pmd_shop") + with("pmd_shop"))).status, 401);
}

TEST_F(http_keys, a_key_is_revoked_in_the_middle_of_a_connection) {
  EXPECT_EQ(ask(get_text("/v1/users/1", with("pmd_shop"))).status, 200);
  ring.put({});
  EXPECT_EQ(ask(get_text("/v1/users/1", with("pmd_shop"))).status, 401);
}

TEST_F(http_keys, a_key_that_expires_or_is_revoked_is_refused_in_the_middle_of_a_connection) {
  const std::string request = get_text("/v1/users/1", with("pmd_shop"));
  const auto refused_because = [&](const std::string& why) {
    const test_answer answer = ask(request);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.field("www-authenticate"),
              R"(Bearer realm="paymentd", error="invalid_token")");
    EXPECT_EQ(nlohmann::json::parse(answer.body)["detail"], why);
  };
  api_key key = key_named("shop", "pmd_shop", "read");
  EXPECT_EQ(ask(request).status, 200);
  key.expires_at = noon; // which has long been
  ring.put({key});
  refused_because("This API key has expired.");
  key.expires_at = std::nullopt;
  ring.put({key});
  EXPECT_EQ(ask(request).status, 200);
  key.revoked_at = noon;
  ring.put({key});
  refused_because("This API key was revoked.");
  ring.put({key_named("shop", "pmd_shop", "pay")});
  EXPECT_EQ(ask(request).status, 403);
}

TEST_F(http_keys, a_key_above_its_rate_is_told_when_to_come_again) {
  EXPECT_EQ(ask(get_text("/v1/users/1", with("pmd_slow"))).status, 200);
  test_answer again = ask(get_text("/v1/users/1", with("pmd_slow")));
  for (int n = 0; n < 1000 && again.status == 200; ++n) // more than a second may have passed
    again = ask(get_text("/v1/users/1", with("pmd_slow")));
  EXPECT_EQ(again.status, 429);
  EXPECT_EQ(again.field("retry-after"), "1");
}

TEST_F(http_keys, operators_need_none) {
  test_client operators{server.admin_port()};
  EXPECT_EQ(operators.get("/healthz")->status, 200);
}

} // namespace
} // namespace paymentd::http::testing
