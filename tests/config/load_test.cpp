// Goal: settings come from where they should, and every mistake is told, all at once, with its
// place and without a secret. Method: real files, given environments and --set pairs; whole error
// lines.
#include "config/registry.hpp"
#include "domain/utf8.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace paymentd::config {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using errors = std::vector<std::string>;

/// The settings of what must load.
settings good(const sources& from) {
  auto loaded = load(from);
  if (!loaded)
    throw std::runtime_error{loaded.error().front()};
  return *std::move(loaded);
}

/// The errors of what must not.
errors bad(const sources& from) {
  auto loaded = load(from);
  return loaded ? errors{} : loaded.error();
}

sources sets(named_texts all) {
  return {.file = {}, .environment = {}, .sets = std::move(all)};
}
sources environment(named_texts all) {
  return {.file = {}, .environment = std::move(all), .sets = {}};
}
sources file(const support::temporary_file& of) {
  return {.file = of.path(), .environment = {}, .sets = {}};
}

TEST(load, without_any_source_the_defaults_are_in_force_and_in_bounds) {
  const settings loaded = good({});
  EXPECT_EQ(effective(loaded), effective(settings{}));
  EXPECT_EQ(loaded.http.listen, (address{"127.0.0.1", 8080}));
  EXPECT_EQ(loaded.database.max_batch, 512);
  EXPECT_EQ(loaded.notification.max_age, 24h);
  // Each default is one that could have been given.
  for (const auto& each : registry()) {
    std::string shown = each.show(settings{});
    if (each.type == toml_type::text)
      shown = shown.substr(1, shown.size() - 2);
    settings taken;
    EXPECT_TRUE(each.set(taken, shown)) << each.key;
  }
}

TEST(load, a_later_source_wins_over_an_earlier_one) {
  const support::temporary_file text{
      "[http]\nthreads = 1\nmax_connections = 1\nmax_body_bytes = 2000\n"};
  const settings loaded = good({.file = text.path(),
                                .environment = {{"PAYMENTD_HTTP_THREADS", "2"},
                                                {"PAYMENTD_HTTP_MAX_CONNECTIONS", "2"},
                                                {"PATH", "/bin"}},
                                .sets = {{"http.threads", "3"}}});
  EXPECT_EQ(loaded.http.max_body_bytes, 2000);
  EXPECT_EQ(loaded.http.max_connections, 2);
  EXPECT_EQ(loaded.http.threads, 3);
}

TEST(load, the_last_set_of_a_key_wins) {
  EXPECT_EQ(good(sets({{"http.threads", "3"}, {"http.threads", "4"}})).http.threads, 4);
}

TEST(load, every_setting_can_be_given_by_its_variable) {
  EXPECT_EQ(variable_of("alimtalk.secret_key"), "PAYMENTD_ALIMTALK_SECRET_KEY");
  named_texts all;
  for (const auto& each : registry()) {
    std::string shown = each.show(settings{});
    if (each.type == toml_type::text)
      shown = shown.substr(1, shown.size() - 2);
    all.emplace_back(each.variable(), shown);
  }
  EXPECT_EQ(effective(good(environment(all))), effective(settings{}));
}

TEST(load, every_kind_of_value_is_taken_from_the_file) {
  const support::temporary_file text{R"([http]
listen = "[::1]:0"
request_timeout = "250ms"
[alimtalk]
provider = "nhn"
base_url = "http://127.0.0.1:9090/"
app_key = "app"
secret_key = "s3cret!"
sender_key = "sender"
template_code = "12345678901234567890"
[notification]
backoff_factor = 3
backoff_jitter = 0.5
[log]
level = "warn"
requests = 0.25
)"};
  const settings loaded = good(file(text));
  EXPECT_EQ(loaded.http.listen, (address{"::1", 0}));
  EXPECT_EQ(loaded.http.request_timeout, 250ms);
  EXPECT_EQ(loaded.alimtalk.provider, "nhn");
  EXPECT_EQ(loaded.alimtalk.base_url, "http://127.0.0.1:9090"); // no slash at the end
  EXPECT_EQ(loaded.alimtalk.credentials.at("secret_key").reveal(), "s3cret!");
  EXPECT_EQ(loaded.alimtalk.credentials.at("template_code").reveal(), "12345678901234567890");
  EXPECT_EQ(loaded.notification.backoff.factor, 3.0);
  EXPECT_EQ(loaded.notification.backoff.jitter, 0.5);
  EXPECT_EQ(loaded.log.level, log_level::warn);
  EXPECT_EQ(loaded.log.requests, (request_lines{.errors = true, .part = 0.25}));
}

TEST(load, a_setting_that_is_a_word_or_a_number_takes_both_from_the_file) {
  const auto requests = [](const std::string& value) {
    const support::temporary_file text{"[log]\nrequests = " + value + "\n"};
    return good(file(text)).log.requests;
  };
  EXPECT_EQ(requests("\"off\""), request_lines{});
  EXPECT_EQ(requests("\"0.5\"").part, 0.5);
  EXPECT_EQ(requests("1").part, 1.0);
  const support::temporary_file wrong{"[log]\nrequests = true\n"};
  EXPECT_THAT(bad(file(wrong)), ElementsAre(HasSubstr("log.requests: must be off, errors, all")));
}

TEST(load, all_mistakes_of_all_sources_are_told_at_once) {
  const support::temporary_file text{"[http]\nthreads = 999\n\nlistn = \"x\"\n"};
  const std::string name = text.path();
  EXPECT_THAT(
      bad({.file = text.path(),
           .environment = {{"PAYMENTD_LOG_LEVEL", "loud"}},
           .sets = {{"http.max_connections", "many"}, {"notification.backoff_max", "100ms"}}}),
      ElementsAre(
          name + ":2: http.threads: must be a whole number from 0 to 256, not 999",
          name + ":4: http.listn: unknown key; did you mean http.listen?",
          "PAYMENTD_LOG_LEVEL: log.level: must be trace, debug, info, warn or error, not \"loud\"",
          "--set: http.max_connections: must be a whole number from 1 to 1000000, not \"many\"",
          "notification.backoff_min: must be at most notification.backoff_max, 100ms, not 200ms "
          "(--set)"));
}

TEST(load, bounds_include_their_ends_and_nothing_beyond) {
  for (const auto& [key, text] : named_texts{{"alimtalk.max_recipients", "1"},
                                             {"alimtalk.max_recipients", "1000"},
                                             {"notification.backoff_jitter", "0"},
                                             {"notification.backoff_jitter", "1"},
                                             {"shutdown.timeout", "100ms"},
                                             {"shutdown.timeout", "10m"}})
    EXPECT_TRUE(load(sets({{key, text}}))) << key << "=" << text;
  for (const auto& [key, text] : named_texts{{"alimtalk.max_recipients", "0"},
                                             {"alimtalk.max_recipients", "1001"},
                                             {"alimtalk.max_recipients", ""},
                                             {"alimtalk.max_recipients", "4294967297"},
                                             {"notification.backoff_jitter", "-0.1"},
                                             {"notification.backoff_jitter", "1.1"},
                                             {"notification.backoff_jitter", "nan"},
                                             {"notification.backoff_factor", "0.9"},
                                             {"shutdown.timeout", "99ms"},
                                             {"shutdown.timeout", "11m"},
                                             {"alimtalk.template_code", "123456789012345678901"},
                                             {"alimtalk.app_key", "a/../b"},
                                             {"alimtalk.secret_key", "a\r\nX-Evil: 1"},
                                             {"alimtalk.provider", "NHN"},
                                             {"alimtalk.fallback_from", "02-1234"},
                                             {"alimtalk.fallback_text", "bad \xC0\x80"},
                                             {"alimtalk.fallback_text", "bell \a"},
                                             {"alimtalk.base_url", "ftp://h"},
                                             {"alimtalk.base_url", "http://"},
                                             {"alimtalk.base_url", "http://me:pw@h"},
                                             {"database.url", "mysql://h/db"},
                                             {"database.url", "sqlite:"},
                                             {"database.url", "paymentd.db"}})
    EXPECT_THAT(bad(sets({{key, text}})),
                ElementsAre(AllOf(StartsWith("--set: " + key + ": must be "))))
        << key << "=" << text;
}

TEST(load, a_value_of_the_wrong_toml_type_is_told_with_its_line) {
  const support::temporary_file text{
      "[http]\nthreads = \"4\"\nlisten = 8080\nmax_connections = true\n"
      "idle_timeout = 1.5\nmax_body_bytes = [1]\n"
      "[http.header_timeout]\nseconds = 3\n"};
  EXPECT_THAT(bad(file(text)),
              ElementsAre(AllOf(HasSubstr(":2: http.threads: "), EndsWith(", not \"4\"")),
                          AllOf(HasSubstr(":3: http.listen: "), EndsWith(", not 8080")),
                          AllOf(HasSubstr(":4: http.max_connections: "), EndsWith("a boolean")),
                          AllOf(HasSubstr(":5: http.idle_timeout: "), EndsWith(", not 1.5")),
                          AllOf(HasSubstr(":6: http.max_body_bytes: "), EndsWith("an array")),
                          AllOf(HasSubstr(":7: http.header_timeout: "), EndsWith("a table"))));
}

TEST(load, unknown_keys_and_sections_are_errors_that_suggest_the_near_one) {
  const support::temporary_file text{
      "threads = 1\n[htp]\nthreads = 1\n[quite.another]\nthing = 1\n"};
  const std::string name = text.path();
  EXPECT_THAT(
      bad({.file = text.path(), .environment = {}, .sets = {{"alimtalk.secret", "x"}}}),
      testing::UnorderedElementsAre(
          name + ":1: threads: unknown key; did you mean http.threads?",
          name + ":2: [htp]: unknown section; did you mean http?",
          name + ":4: [quite]: unknown section",
          AllOf(StartsWith("--set: alimtalk.secret: unknown key"), Not(HasSubstr("\"x\"")))));
}

TEST(load, unknown_variables_are_errors_but_those_of_others_are_not) {
  EXPECT_THAT(bad(environment({{"PAYMENTD_HTTP_LISTN", "x"}})),
              ElementsAre("PAYMENTD_HTTP_LISTN: unknown variable; did you mean "
                          "PAYMENTD_HTTP_LISTEN?"));
  EXPECT_THAT(bad(environment({{"PAYMENTD_HTTP_PORT", "80"}})), testing::SizeIs(1));
  // Kubernetes sets these for a service called paymentd; the others are not ours at all.
  EXPECT_TRUE(load(environment({{"PAYMENTD_SERVICE_HOST", "10.0.0.1"},
                                {"PAYMENTD_SERVICE_PORT", "80"},
                                {"PAYMENTD_SERVICE_PORT_HTTP", "80"},
                                {"PAYMENTD_PORT", "tcp://10.0.0.1:80"},
                                {"PAYMENTD_PORT_80_TCP_ADDR", "10.0.0.1"},
                                {"HTTP_LISTEN", "x"}})));
}

TEST(load, the_file_may_be_named_by_the_environment) {
  const support::temporary_file by_name{"[http]\nthreads = 1\n"};
  const support::temporary_file by_argument{"[http]\nthreads = 2\n"};
  const named_texts variables{{"PAYMENTD_CONFIG", by_name.path()}};
  EXPECT_EQ(good(environment(variables)).http.threads, 1);
  EXPECT_EQ(good({.file = by_argument.path(), .environment = variables, .sets = {}}).http.threads,
            2);
}

TEST(load, a_file_that_cannot_be_read_is_one_line_beside_the_other_mistakes) {
  const support::temporary_file text{""};
  const auto missing = text.path() + ".not";
  EXPECT_THAT(bad({.file = missing, .environment = {}, .sets = {{"log.level", "loud"}}}),
              ElementsAre(missing + ": cannot be read: No such file or directory",
                          StartsWith("--set: log.level: ")));
  EXPECT_THAT(bad({.file = std::filesystem::path(text.path()).parent_path(),
                   .environment = {},
                   .sets = {}}),
              ElementsAre(EndsWith(": cannot be read: Is a directory")));
}

TEST(load, a_file_that_is_no_toml_is_told_with_its_line_and_brings_no_further_errors) {
  const support::temporary_file text{"[alimtalk]\nprovider = \"nhn\"\napp_key = \n"};
  // app_key and the others are not asked for: they may well stand in the file.
  EXPECT_THAT(bad({.file = text.path(), .environment = {}, .sets = {{"alimtalk.provider", "nhn"}}}),
              ElementsAre(StartsWith(text.path() + ":3: ")));
}

TEST(load, a_secret_can_be_read_from_a_file_without_its_last_newline) {
  const support::temporary_file unix_line{"geheim\n"};
  const support::temporary_file windows_line{"geheim\r\n"};
  const support::temporary_file no_line{"geheim"};
  for (const auto* each : {&unix_line, &windows_line, &no_line}) {
    const std::string path = each->path();
    const support::temporary_file text{"[alimtalk]\nsecret_key_file = " + toml_text(path) + "\n"};
    for (const auto& from : {file(text), sets({{"alimtalk.secret_key_file", path}}),
                             environment({{"PAYMENTD_ALIMTALK_SECRET_KEY_FILE", path}})})
      EXPECT_EQ(good(from).alimtalk.credentials.at("secret_key").reveal(), "geheim");
  }
  const support::temporary_file url{"postgresql://me:pw@h/db\n"};
  EXPECT_EQ(good(sets({{"database.url_file", url.path()}})).database.url.reveal(),
            "postgresql://me:pw@h/db");
}

TEST(load, a_secrets_file_that_is_missing_or_bad_is_an_error_that_shows_no_secret) {
  const support::temporary_file two_lines{"geheim\ngeheim\n"};
  EXPECT_THAT(bad(sets({{"alimtalk.secret_key_file", "/nonexistent/key"}})),
              ElementsAre("--set: alimtalk.secret_key: its file \"/nonexistent/key\" cannot be "
                          "read: No such file or directory"));
  EXPECT_THAT(bad(sets({{"alimtalk.secret_key_file", two_lines.path()}})),
              ElementsAre(AllOf(HasSubstr("must be at most 500"), Not(HasSubstr("geheim")))));
}

TEST(load, only_secrets_can_be_given_as_files) {
  EXPECT_THAT(bad(sets({{"log.level_file", "x"}})), ElementsAre(HasSubstr("unknown key")));
}

TEST(load, a_secret_is_given_in_one_way_by_one_source) {
  const support::temporary_file key{"from the file"};
  const support::temporary_file text{
      "[alimtalk]\nsecret_key = \"a\"\nsecret_key_file = " + toml_text(key.path()) + "\n"};
  EXPECT_THAT(bad(file(text)), Contains(HasSubstr(":2: alimtalk.secret_key: must not be given")));
}

TEST(load, no_error_shows_a_secret) {
  const support::temporary_file text{"[alimtalk]\nsecret_key = 7777777\n[database]\n"
                                     "url = \"mysql://me:geheim@h\"\n"};
  for (const auto& from :
       {file(text), sets({{"alimtalk.secret_key", "geheim geheim"}, {"database.url", "geheim"}}),
        sets({{"alimtalk.secret_kye", "geheim"}}),
        environment({{"PAYMENTD_ALIMTALK_SECRET", "geheim"}})}) {
    const errors lines = bad(from);
    EXPECT_FALSE(lines.empty());
    EXPECT_THAT(lines, Not(Contains(HasSubstr("geheim"))));
    EXPECT_THAT(lines, Not(Contains(HasSubstr("7777777"))));
  }
  EXPECT_THAT(split_set("alimtalk.secret_key:geheim").error(), Not(HasSubstr("geheim")));
}

TEST(load, every_error_is_one_line_however_odd_the_value) {
  for (const auto& from : {sets({{"log.level", "a\nb"}}), sets({{"a\nb", "c"}}),
                           sets({{"log.level", std::string(10'000, 'x')}})}) {
    const errors lines = bad(from);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines.front().find('\n'), std::string::npos);
    EXPECT_LT(lines.front().size(), 300u);
  }
  const support::temporary_file section{"[\"a\\nb\"]\n"};
  EXPECT_THAT(bad(file(section)), ElementsAre(HasSubstr(R"("a\u000Ab")")));
}

TEST(load, a_long_value_is_cut_between_two_characters) {
  for (const std::string before : {"", "x", "xx"}) {
    std::string value = before;
    for (int n = 0; n < 40; ++n)
      value += "원"; // of three bytes
    const errors lines = bad(sets({{"log.level", value}}));
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_TRUE(is_utf8(lines.front())) << lines.front();
    EXPECT_THAT(lines.front(), HasSubstr("원\"..."));
  }
}

TEST(load, only_loopback_addresses_are_listened_on_by_the_api) {
  EXPECT_THAT(
      bad(sets({{"http.listen", "0.0.0.0:8080"}})),
      ElementsAre("--set: http.listen: must be a loopback address (127.0.0.1 or [::1]), not "
                  "\"0.0.0.0:8080\": other addresses need API keys, in "
                  "http.api_keys_file"));
  EXPECT_TRUE(load(sets({{"http.listen", "0.0.0.0:8080"}, {"http.api_keys_file", "keys.json"}})));
  EXPECT_TRUE(load(sets({{"http.listen", "[::1]:8080"}})));
  EXPECT_TRUE(load(sets({{"admin.listen", "0.0.0.0:8081"}})));
}

TEST(load, the_two_listeners_do_not_share_an_address) {
  EXPECT_THAT(bad(sets({{"admin.listen", "127.0.0.1:8080"}})),
              ElementsAre("--set: admin.listen: must not be the same as http.listen"));
  EXPECT_TRUE(load(sets({{"http.listen", "127.0.0.1:0"}, {"admin.listen", "127.0.0.1:0"}})));
}

TEST(load, nhn_needs_its_keys_and_names_all_that_are_missing) {
  EXPECT_THAT(
      bad(sets({{"alimtalk.provider", "nhn"}, {"alimtalk.sender_key", "s"}})),
      ElementsAre(
          "alimtalk.app_key: must be given, because alimtalk.provider is nhn (--set)",
          "alimtalk.secret_key: must be given, because alimtalk.provider is nhn (--set)",
          "alimtalk.template_code: must be given, because alimtalk.provider is nhn (--set)"));
}

TEST(load, solapi_needs_its_keys_and_names_all_that_are_missing) {
  const support::temporary_file key{"geheim\n"};
  EXPECT_THAT(
      bad(sets({{"alimtalk.provider", "solapi"}, {"alimtalk.pf_id", "PF1"}})),
      ElementsAre(
          "alimtalk.api_key: must be given, because alimtalk.provider is solapi (--set)",
          "alimtalk.api_secret: must be given, because alimtalk.provider is solapi (--set)",
          "alimtalk.template_id: must be given, because alimtalk.provider is solapi (--set)"));
  const settings loaded = good(sets({{"alimtalk.provider", "solapi"},
                                     {"alimtalk.api_key", "NCS1"},
                                     {"alimtalk.api_secret_file", key.path()},
                                     {"alimtalk.pf_id", "PF1"},
                                     {"alimtalk.template_id", "KA01TP2301260851307"}}));
  EXPECT_EQ(loaded.alimtalk.provider, "solapi");
  EXPECT_EQ(loaded.alimtalk.credentials.at("api_secret").reveal(), "geheim");
}

TEST(load, nats_is_a_list_of_servers_of_one_scheme) {
  const settings loaded =
      good(sets({{"nats.urls", "nats://a:4222, nats://b.example,nats://[::1]:1"},
                 {"nats.name", "shop"},
                 {"nats.stream", "PAY"},
                 {"nats.subject", "shop.payments.v1"},
                 {"nats.events", "refunds,payments"},
                 {"nats.user", "me"},
                 {"nats.password", "ge:heim"}}));
  EXPECT_THAT(loaded.nats.urls, ElementsAre("nats://a:4222", "nats://b.example", "nats://[::1]:1"));
  EXPECT_EQ(loaded.nats.events, (told_events{.payments = true, .refunds = true}));
  EXPECT_EQ(loaded.nats.password.reveal(), "ge:heim");
  EXPECT_TRUE(load(sets({{"nats.urls", "tls://a"}, {"nats.ca_file", "ca.pem"}})));
  for (const auto& [key, text] :
       named_texts{{"nats.urls", "a:4222"},
                   {"nats.urls", "http://a"},
                   {"nats.urls", "nats://"},
                   {"nats.urls", "nats://:4222"},
                   {"nats.urls", "nats://a:0"},
                   {"nats.urls", "nats://a:65536"},
                   {"nats.urls", "nats://a:"},
                   {"nats.urls", "nats://[::1"},
                   {"nats.urls", "nats://a/b"},
                   {"nats.urls", "nats://me:pw@a"},
                   {"nats.urls", "nats://a,,nats://b"},
                   {"nats.urls", "nats://a,tls://b"},
                   {"nats.urls", "nats://1,nats://2,nats://3,nats://4,nats://5,nats://6,nats://7,"
                                 "nats://8,nats://9"},
                   {"nats.name", "Shop"},
                   {"nats.name", std::string(41, 'a')},
                   {"nats.stream", ""},
                   {"nats.stream", "a.b"},
                   {"nats.subject", ""},
                   {"nats.subject", ".a"},
                   {"nats.subject", "a."},
                   {"nats.subject", "a..b"},
                   {"nats.subject", "a.*"},
                   {"nats.subject", "a.>"},
                   {"nats.events", ""},
                   {"nats.events", "charges"},
                   {"nats.events", "payments,payments"},
                   {"nats.user", "a\"b"},
                   {"nats.user", "a b"},
                   {"nats.token", "a\\b"},
                   {"nats.token", "***"},
                   {"nats.timeout", "9ms"},
                   {"nats.max_in_flight", "257"}})
    EXPECT_THAT(bad(sets({{key, text}})),
                ElementsAre(AllOf(StartsWith("--set: " + key + ": must be "))))
        << key << "=" << text;
}

TEST(load, nats_is_logged_in_to_in_one_way) {
  EXPECT_THAT(
      bad(sets({{"nats.credentials_file", "a.creds"}, {"nats.token", "geheim"}})),
      ElementsAre("--set: nats.token: must not be given beside nats.credentials_file (--set)"));
  EXPECT_THAT(bad(sets({{"nats.user", "me"}})),
              ElementsAre("nats.password: must be given, because nats.user is (--set)"));
  EXPECT_THAT(bad(sets({{"nats.password", "geheim"}})),
              ElementsAre("nats.user: must be given, because nats.password is (--set)"));
  EXPECT_THAT(
      bad(sets({{"nats.urls", "nats://a"}, {"nats.ca_file", "ca.pem"}})),
      ElementsAre(
          "--set: nats.urls: must begin with tls://, because nats.ca_file is given (--set)"));
  const support::temporary_file token{"geheim\n"};
  EXPECT_EQ(good(sets({{"nats.token_file", token.path()}})).nats.token.reveal(), "geheim");
}

TEST(load, sens_and_aligo_need_their_keys_and_the_text_of_the_template) {
  EXPECT_THAT(
      bad(sets({{"alimtalk.provider", "sens"}, {"alimtalk.sens_access_key", "A"}})),
      ElementsAre(
          "alimtalk.sens_secret_key: must be given, because alimtalk.provider is sens (--set)",
          "alimtalk.sens_service_id: must be given, because alimtalk.provider is sens (--set)",
          "alimtalk.sens_channel: must be given, because alimtalk.provider is sens (--set)",
          "alimtalk.sens_template_code: must be given, because alimtalk.provider is sens (--set)",
          "alimtalk.template_text: must be given, because alimtalk.provider is sens (--set)"));
  EXPECT_THAT(
      bad(sets({{"alimtalk.provider", "aligo"}, {"alimtalk.aligo_user_id", "shop"}})),
      ElementsAre(
          "alimtalk.aligo_api_key: must be given, because alimtalk.provider is aligo (--set)",
          "alimtalk.aligo_sender_key: must be given, because alimtalk.provider is aligo (--set)",
          "alimtalk.aligo_sender: must be given, because alimtalk.provider is aligo (--set)",
          "alimtalk.aligo_template_code: must be given, because alimtalk.provider is aligo (--set)",
          "alimtalk.template_text: must be given, because alimtalk.provider is aligo (--set)"));
}

/// With all that SENS needs but the text.
sources sens(named_texts more) {
  named_texts all{{"alimtalk.provider", "sens"},
                  {"alimtalk.sens_access_key", "A"},
                  {"alimtalk.sens_secret_key", "geheim"},
                  {"alimtalk.sens_service_id", "ncp:kkobizmsg:kr:1234567:shop"},
                  {"alimtalk.sens_channel", "@상점"},
                  {"alimtalk.sens_template_code", "PAID"}};
  all.insert(all.end(), more.begin(), more.end());
  return sets(std::move(all));
}

TEST(load, a_credential_that_is_a_text_may_have_more_than_a_token) {
  const settings loaded = good(sens({{"alimtalk.template_text", "결제 완료"}}));
  EXPECT_EQ(loaded.alimtalk.credentials.at("sens_channel").reveal(), "@상점");
  EXPECT_THAT(effective(loaded), Not(HasSubstr("geheim")));
  EXPECT_THAT(bad(sens({{"alimtalk.template_text", "x"}, {"alimtalk.sens_channel", "@a\nb"}})),
              ElementsAre(HasSubstr("alimtalk.sens_channel: must be at most 100 bytes of UTF-8 "
                                    "without control characters")));
}

TEST(load, a_whole_text_and_its_buttons_have_the_parameters_and_no_others) {
  EXPECT_TRUE(load(sens({{"alimtalk.template_text", "결제 #{amount}"}}))) << "the standard ones";
  const named_texts parameters{{"alimtalk.parameters.주문번호", "{order.reference}"},
                               {"alimtalk.parameters.금액", "{event.amount:won}"}};
  const auto with = [&](named_texts more) {
    more.insert(more.end(), parameters.begin(), parameters.end());
    return sens(std::move(more));
  };
  EXPECT_TRUE(load(with({{"alimtalk.template_text", "주문 #{주문번호}\n결제 #{금액}"}})));
  EXPECT_TRUE(load(with({{"alimtalk.template_text", "결제 #{금액}"},
                         {"alimtalk.template_buttons", "WL | 보기 | https://a.kr/#{주문번호}"}})));
  EXPECT_THAT(
      bad(with(
          {{"alimtalk.template_text", "주문 #{주문번호} #{amount}"},
           {"alimtalk.template_buttons", "WL | 보기 | https://a.kr/#{주문} | https://b.kr/#{x}"}})),
      ElementsAre(
          "--set: alimtalk.template_text: has #{amount}, which is not in [alimtalk.parameters]",
          "--set: alimtalk.template_buttons: has #{주문}, which is not in [alimtalk.parameters]",
          "--set: alimtalk.template_buttons: has #{x}, which is not in [alimtalk.parameters]",
          "alimtalk.parameters: #{금액} stands neither in the template's text nor in a link of its "
          "buttons nor in the fallback"));
}

TEST(load, a_whole_text_has_at_most_1000_characters_beside_its_variables) {
  std::string words;
  for (int i = 0; i < 1000; ++i)
    words += "가";
  EXPECT_TRUE(load(sens({{"alimtalk.template_text", words + "#{amount}"}})));
  EXPECT_THAT(bad(sens({{"alimtalk.template_text", words + "#{amount}!"}})),
              ElementsAre("--set: alimtalk.template_text: must have at most 1000 characters, not "
                          "1001 beside its variables"));
}

TEST(load, bad_buttons_are_told_whoever_sends) {
  EXPECT_THAT(bad(sets({{"alimtalk.template_buttons", "AC | 채널 추가\nWL | 보기"}})),
              ElementsAre("--set: alimtalk.template_buttons: line 2: a WL must have a link"));
}

/// The parameters as `name=text`, in their order.
std::vector<std::string> parameters_of(const settings& loaded) {
  std::vector<std::string> all;
  for (const auto& each : loaded.alimtalk.parameters.parameters())
    all.push_back(each.name + "=" + each.text);
  return all;
}

TEST(load, parameters_of_a_template_come_from_the_file_in_its_order_and_from_set) {
  const support::temporary_file text{"[alimtalk]\nprovider = \"log\"\n[alimtalk.parameters]\n"
                                     "\"주문번호\" = \"{order.reference}\"\n"
                                     "\"고객명\" = \"{user.metadata.name|고객}\"\n"
                                     "plain = \"둘\\n째 {{줄}}\"\n"};
  EXPECT_THAT(parameters_of(good(file(text))),
              ElementsAre("주문번호={order.reference}", "고객명={user.metadata.name|고객}",
                          "plain=둘\n째 {{줄}}"));
  EXPECT_THAT(parameters_of(good({.file = text.path(),
                                  .environment = {},
                                  .sets = {{"alimtalk.parameters.plain", "1"},
                                           {"alimtalk.parameters.금액", "{event.amount:won}"}}})),
              ElementsAre("주문번호={order.reference}", "고객명={user.metadata.name|고객}",
                          "plain=1", "금액={event.amount:won}"));
  EXPECT_THAT(parameters_of(good({})), testing::IsEmpty());
}

TEST(load, a_fault_of_a_parameter_is_told_with_its_place_and_name) {
  const support::temporary_file text{"[alimtalk.parameters]\n"
                                     "\"주문번호\" = \"{order.referense}\"\n"
                                     "\"금액\" = \"{order.finalAmount:krw}\"\n"
                                     "\"환불\" = \"{refund.amount:won}\"\n"
                                     "a = \"{order.id\"\n"
                                     "b = 3\n"
                                     "\"#{c}\" = \"x\"\n"
                                     "d = { e = \"x\" }\n"};
  const std::string at = text.path() + ":";
  EXPECT_THAT(
      bad(file(text)),
      ElementsAre(
          StartsWith(at +
                     "2: alimtalk.parameters.주문번호: unknown field order.referense; there are"),
          at + "3: alimtalk.parameters.금액: unknown format krw of order.finalAmount; an amount "
               "takes "
               "won or number",
          at + "4: alimtalk.parameters.환불: refund.amount belongs to messages about refunds",
          StartsWith(at + "5: alimtalk.parameters.a: has a { without its }"),
          at + "6: alimtalk.parameters.b: must be a text, not 3",
          StartsWith(at + "7: alimtalk.parameters.#{c}: the variable's name must stand without"),
          at + "8: alimtalk.parameters.d: must be a text, not a table"));
  EXPECT_THAT(bad(sets({{"alimtalk.parameters.a", "}"}})),
              ElementsAre(StartsWith("--set: alimtalk.parameters.a: has a } without its {")));
  EXPECT_THAT(bad(sets({{"alimtalk.parameters.a", "\xC0\x80"}})),
              ElementsAre(EndsWith("must be UTF-8")));
  EXPECT_THAT(bad(sets({{"alimtalk.parameters", "x"}})), ElementsAre(HasSubstr("unknown key")));
}

TEST(load, there_are_at_most_40_parameters) {
  named_texts all;
  for (int i = 1; i <= 40; ++i)
    all.emplace_back("alimtalk.parameters.v" + std::to_string(i), "x");
  EXPECT_TRUE(load(sets(all)));
  all.emplace_back("alimtalk.parameters.more", "x");
  EXPECT_THAT(bad(sets(all)),
              ElementsAre("--set: alimtalk.parameters.more: there may be 40 at the most"));
}

TEST(load, a_fallback_names_no_variable_that_is_not_there) {
  named_texts given{{"alimtalk.fallback", "lms"},
                    {"alimtalk.fallback_from", "0212345678"},
                    {"alimtalk.fallback_title", "#{고객명}님"},
                    {"alimtalk.fallback_text", "주문 #{orderId} #{고객명}"},
                    {"alimtalk.parameters.고객명", "{user.metadata.name}"}};
  EXPECT_THAT(bad(sets(given)),
              ElementsAre("--set: alimtalk.fallback_text: has #{orderId}, which is not in "
                          "[alimtalk.parameters]"));
  given[3].second = "#{고객명}";
  EXPECT_TRUE(load(sets(given)));
  given.pop_back();
  EXPECT_TRUE(load(sets(given))); // without the table, as before
}

TEST(load, a_fallback_is_no_longer_than_its_kind) {
  const auto with = [](const std::string& kind, const std::string& text) {
    return sets({{"alimtalk.fallback", kind},
                 {"alimtalk.fallback_from", "0212345678"},
                 {"alimtalk.fallback_text", text}});
  };
  std::string words; // 44 Korean characters, 88 bytes in EUC-KR
  for (int i = 0; i < 44; ++i)
    words += "가";
  EXPECT_TRUE(load(with("sms", words + "ab#{amount}#{time}")));
  EXPECT_THAT(bad(with("sms", words + "abc#{amount}")),
              ElementsAre("--set: alimtalk.fallback_text: must have at most 90 bytes in EUC-KR, "
                          "because alimtalk.fallback is sms, not 91 beside its variables (--set)"));
  EXPECT_TRUE(load(with("lms", words + "abc#{amount}")));
  EXPECT_TRUE(load(with("off", words + "abc#{amount}")));
  EXPECT_TRUE(load(with("lms", std::string(2000, 'x'))));
  EXPECT_THAT(bad(with("lms", std::string(2001, 'x'))),
              ElementsAre(HasSubstr("at most 2000 bytes")));
}

TEST(load, a_fallback_needs_the_number_that_it_comes_from) {
  EXPECT_THAT(bad(sets({{"alimtalk.fallback", "sms"}})),
              ElementsAre("alimtalk.fallback_from: must be given, because alimtalk.fallback is sms "
                          "(--set)"));
  const settings loaded = good(sets({{"alimtalk.fallback", "lms"},
                                     {"alimtalk.fallback_from", "0212345678"},
                                     {"alimtalk.fallback_text", "주문 #{orderId}\n#{amount}"}}));
  EXPECT_EQ(loaded.alimtalk.fallback, alimtalk_fallback::lms);
  EXPECT_EQ(loaded.alimtalk.fallback_text, "주문 #{orderId}\n#{amount}");
}

TEST(load, a_stop_is_announced_for_less_than_it_may_take) {
  EXPECT_EQ(good(sets({{"shutdown.drain_delay", "9999ms"}})).shutdown.drain_delay.count(), 9999);
  EXPECT_THAT(
      bad(sets({{"shutdown.drain_delay", "10s"}})),
      ElementsAre("--set: shutdown.drain_delay: must be shorter than shutdown.timeout, 10s, not "
                  "10s"));
}

TEST(load, what_was_delivered_is_kept_for_as_long_as_its_results_are_asked_about) {
  EXPECT_THAT(bad(sets({{"notification.retention", "1h"}, {"notification.results_poll", "21m"}})),
              ElementsAre("--set: notification.retention: must be at least three times "
                          "notification.results_poll, 21m, not 1h (--set)"));
}

TEST(load, fewer_may_wait_than_fit_into_a_batch) {
  EXPECT_EQ(good(sets({{"database.max_pending", "100"}})).database.max_pending, 100);
}

TEST(load, a_conflict_with_a_value_that_was_not_taken_is_not_told) {
  EXPECT_THAT(bad(sets({{"notification.backoff_max", "0ms"}, {"notification.backoff_min", "1m"}})),
              ElementsAre(StartsWith("--set: notification.backoff_max: must be a duration")));
}

TEST(load, both_schemes_of_postgresql_mean_the_same) {
  EXPECT_EQ(good(sets({{"database.url", "postgres://h/db"}})).database.url.reveal(),
            "postgresql://h/db");
}

TEST(load, a_set_is_a_key_and_a_value_with_any_further_equals_signs) {
  EXPECT_EQ(split_set("a.b=c=d"), (std::pair<std::string, std::string>{"a.b", "c=d"}));
  EXPECT_EQ(split_set("a.b="), (std::pair<std::string, std::string>{"a.b", ""}));
  EXPECT_EQ(split_set("a.b").error(), "--set \"a.b\": must be section.key=value");
  EXPECT_FALSE(split_set("=c"));
  EXPECT_FALSE(split_set(""));
}

TEST(load, the_process_environment_is_read) {
  ASSERT_EQ(setenv("PAYMENTD_HTTP_THREADS", "7", 1), 0);
  const auto all = process_environment();
  unsetenv("PAYMENTD_HTTP_THREADS");
  EXPECT_THAT(all, Contains(std::pair<std::string, std::string>{"PAYMENTD_HTTP_THREADS", "7"}));
  EXPECT_EQ(good(environment(all)).http.threads, 7);
}

} // namespace
} // namespace paymentd::config
