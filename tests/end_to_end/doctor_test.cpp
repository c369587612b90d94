// Goal: `paymentd doctor` says in one line what would keep a server from its work and what to do,
// gives 0 only where nothing is wrong, and starts and changes nothing. Method: the real program,
// with files, a database and a message API that each have one fault.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace paymentd::end_to_end {
namespace {

using testing::HasSubstr;
using testing::Not;

class doctor : public testing::Test {
 protected:
  ended run(const std::vector<std::string>& sets = {}) const {
    std::vector<std::string> words{"doctor", "--set", "database.url=" + place_.database_url()};
    for (const std::string& each : sets)
      words.insert(words.end(), {"--set", each});
    return place_.run(words);
  }
  /// The one line of a database and settings that have one fault.
  std::string fault(const std::vector<std::string>& sets) const {
    const ended result = run(sets);
    EXPECT_EQ(result.exit_code, 1) << result.output;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
    EXPECT_THAT(result.output, HasSubstr("; "));
    return result.output;
  }
  std::filesystem::path file(const std::string& name, const std::string& text,
                             std::filesystem::perms rights) const {
    const auto path = place_.path() / name;
    std::ofstream(path) << text;
    std::filesystem::permissions(path, rights);
    return path;
  }

  static constexpr auto for_owner =
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  static constexpr auto for_all = for_owner | std::filesystem::perms::others_read;
  const workplace place_;
};

TEST_F(doctor, nothing_is_wrong_before_the_first_start_and_beside_a_server) {
  const ended before = run();
  EXPECT_EQ(before.exit_code, 0) << before.output;
  EXPECT_EQ(before.output, "nothing is wrong\n");
  EXPECT_FALSE(std::filesystem::exists(place_.path() / "paymentd.db")) << "it makes no database";
  server_process server(place_);
  const ended beside = run();
  EXPECT_EQ(beside.exit_code, 0) << beside.output;
}

TEST_F(doctor, settings_that_cannot_be_loaded_are_bad_usage) {
  EXPECT_EQ(run({"http.treads=1"}).exit_code, 2);
}

TEST_F(doctor, files_that_everybody_may_read_are_found) {
  const ended made = place_.run({"keys", "create", "shop", "--scopes", "read", "--set",
                                 "http.api_keys_file=" + (place_.path() / "keys.json").string()});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  const std::string keys = "http.api_keys_file=" + (place_.path() / "keys.json").string();
  EXPECT_EQ(run({keys}).exit_code, 0) << run({keys}).output;
  std::filesystem::permissions(place_.path() / "keys.json", for_all);
  EXPECT_THAT(fault({keys}), HasSubstr("http.api_keys_file: everybody on this machine may read"));

  const auto secret = file("secret", "hush", for_all);
  EXPECT_THAT(fault({"alimtalk.secret_key_file=" + secret.string()}),
              testing::AllOf(HasSubstr("chmod o= " + secret.string()), Not(HasSubstr("hush"))));

  const std::string toml =
      "[alimtalk]\nsecret_key = \"hush\"\n[database]\nurl = \"" + place_.database_url() + "\"\n";
  const auto settings = file("paymentd.toml", toml, for_all);
  const ended open = place_.run({"doctor", "--config", settings.string()});
  EXPECT_EQ(open.exit_code, 1);
  EXPECT_THAT(open.output, HasSubstr("--config: everybody on this machine may read"));
  std::filesystem::permissions(settings, for_owner);
  EXPECT_EQ(place_.run({"doctor", "--config", settings.string()}).exit_code, 0);
}

TEST_F(doctor, files_that_are_not_there_or_hold_nothing_in_force_are_found) {
  EXPECT_THAT(fault({"http.api_keys_file=/nowhere/at/all.json"}),
              HasSubstr("/nowhere/at/all.json"));
  const auto none = file("none.json", R"({"version":1,"keys":[]})", for_owner);
  EXPECT_THAT(fault({"http.api_keys_file=" + none.string()}), HasSubstr("no key is in force"));
  EXPECT_THAT(fault({"http.tls_certificate=/nowhere/a.pem", "http.tls_private_key=/nowhere/a.key"}),
              HasSubstr("http.tls_certificate: "));
}

TEST_F(doctor, a_message_api_that_does_not_answer_as_it_should_is_found) {
  providers::fake_alimtalk api;
  auto nhn = sent_to(api);
  EXPECT_EQ(run(nhn).exit_code, 0) << run(nhn).output;
  api.set_behaviour({.status = 403});
  EXPECT_THAT(fault(nhn), HasSubstr("alimtalk.provider: nhn: "));
  api.set_behaviour({});
  nhn.push_back("alimtalk.base_url=http://127.0.0.1:" + std::to_string(free_port()));
  EXPECT_THAT(fault(nhn), HasSubstr("alimtalk.provider: nhn: "));
  EXPECT_EQ(api.accepted(), 0u) << "no message is sent";
}

TEST_F(doctor, a_secret_that_the_message_api_does_not_know_is_found_and_not_said) {
  providers::fake_alimtalk api;
  const auto solapi = [&](const std::string& secret) {
    return std::vector<std::string>{
        "alimtalk.provider=solapi",  "alimtalk.base_url=" + api.base_url(),
        "alimtalk.api_key=key",      "alimtalk.pf_id=channel",
        "alimtalk.template_id=PAID", "alimtalk.api_secret=" + secret};
  };
  EXPECT_EQ(run(solapi("secret")).exit_code, 0) << run(solapi("secret")).output;
  EXPECT_THAT(fault(solapi("hush")),
              testing::AllOf(HasSubstr("alimtalk.provider: solapi: "), Not(HasSubstr("hush"))));
}

class postgres_doctor : public postgres {
 protected:
  postgres_doctor() : postgres(std::make_unique<db::postgres_cluster>(true)) {}
};

TEST_F(postgres_doctor, a_database_on_a_server_is_looked_at_too) {
  seed(1);
  const ended well = place.run({"doctor", "--set", url_set()});
  EXPECT_EQ(well.exit_code, 0) << well.output;
  cluster.sql(database, "alter role postgres set synchronous_commit = off");
  const ended not_well = place.run({"doctor", "--set", url_set()});
  EXPECT_EQ(not_well.exit_code, 1);
  EXPECT_THAT(not_well.output, HasSubstr("alter role postgres set synchronous_commit = on"));
}

} // namespace
} // namespace paymentd::end_to_end
