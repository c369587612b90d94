// Goal: an operator makes, limits and revokes keys while the server runs, and no key is anywhere
// but in its holder's hands. Method: the real program, its command and its file.
#include "tests/end_to_end/server_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace paymentd::end_to_end {
namespace {

using http::testing::get_text;
using http::testing::post_text;
using ::testing::HasSubstr;
using ::testing::Not;

class keys : public ::testing::Test {
 protected:
  ended run(std::vector<std::string> words) {
    words.insert(words.end(), {"--set", set()});
    return place.run(std::move(words));
  }
  /// The key alone: the first line, without the one that explains it.
  std::string create(std::vector<std::string> words) {
    words.insert(words.begin(), {"keys", "create"});
    const ended made = run(std::move(words));
    EXPECT_EQ(made.exit_code, 0) << made.output;
    const auto at = made.output.find("pmd_");
    return made.output.substr(at, made.output.find('\n', at) - at);
  }
  std::string set() const { return "http.api_keys_file=" + file.string(); }
  static int status(http::testing::test_client& client, const std::string& key) {
    client.send(get_text("/v1/orders/1", "Authorization: Bearer " + key + "\r\n"));
    const auto answer = client.receive();
    return answer ? answer->status : 0;
  }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(file).rdbuf();
    return all.str();
  }
  workplace place;
  std::filesystem::path file = place.path() / "keys.json";
};

TEST_F(keys, are_made_used_and_revoked_while_the_server_runs) {
  const std::string shop = create({"shop", "--scopes", "read,charge"});
  server_process server(place, {set()});
  auto client = server.client();
  EXPECT_EQ(status(client, shop), 404); // it may look, and there is no order
  const std::string fields = "Authorization: Bearer " + shop + "\r\n";
  client.send(post_text("/v1/users", R"({"phone":"01012345678"})", fields));
  EXPECT_EQ(client.receive()->status, 201);
  client.send(post_text("/v1/payments", R"({"orderId":1,"userId":1})", fields));
  EXPECT_EQ(client.receive()->status, 403);

  const std::string late = create({"late", "--scopes", "read", "--expires", "90d"});
  // By the log, not by requests: of many that are refused some have no line.
  const auto in_force = [&](const std::string& number) {
    const std::string line = "API keys were read anew: " + number + " in force";
    return eventually([&] { return server.process().output().find(line) != std::string::npos; });
  };
  EXPECT_TRUE(in_force("2"));
  EXPECT_EQ(status(client, late), 404);
  EXPECT_EQ(run({"keys", "revoke", "shop"}).exit_code, 0);
  EXPECT_TRUE(in_force("1"));
  EXPECT_EQ(status(client, shop), 401);
  EXPECT_EQ(status(client, late), 404);

  const std::string list = run({"keys", "list"}).output;
  EXPECT_THAT(list, HasSubstr("shop"));
  EXPECT_THAT(list, HasSubstr("revoked"));
  EXPECT_THAT(list, HasSubstr("in force"));
  server.process().signal(SIGTERM);
  const std::string log = server.process().wait().output;
  for (const std::string& key : {shop, late}) {
    EXPECT_THAT(log, Not(HasSubstr(key)));
    EXPECT_THAT(list, Not(HasSubstr(key)));
    EXPECT_THAT(text(), Not(HasSubstr(key)));
  }
  for (const auto* line : {"403 forbidden from 127.0.0.1 with the API key shop: The API key shop "
                           "lacks the scope pay.",
                           "401 unauthorized from 127.0.0.1 with the API key shop: This API key "
                           "was revoked."})
    EXPECT_THAT(log, HasSubstr(line));
}

TEST_F(keys, of_a_broken_file_stay_out_of_force_and_the_old_ones_in) {
  const std::string shop = create({"shop", "--scopes", "read"});
  const std::string good = text();
  server_process server(place, {set()});
  auto client = server.client();
  const auto said = [&](const std::string& what) {
    return eventually([&] { return server.process().output().find(what) != std::string::npos; });
  };
  std::ofstream(file) << "{\"version\":1,";
  EXPECT_TRUE(said("the API keys stay as they were: " + file.string()));
  EXPECT_EQ(status(client, shop), 404);
  std::filesystem::remove(file);
  EXPECT_TRUE(said("cannot be read"));
  server.process().signal(SIGHUP);
  EXPECT_TRUE(said("SIGHUP: reading files anew"));
  EXPECT_EQ(status(client, shop), 404);
  std::ofstream(file) << good;
  EXPECT_TRUE(said("API keys were read anew: 1 in force"));
  EXPECT_EQ(status(client, shop), 404);
}

TEST_F(keys, let_the_server_listen_beyond_loopback_which_it_refuses_without) {
  const std::vector<std::string> anywhere{"serve", "--set", "http.listen=0.0.0.0:0"};
  const ended refused = place.run(anywhere);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.output, HasSubstr("other addresses need API keys"));
  const std::string shop = create({"shop", "--scopes", "read"});
  server_process server(place, {set(), "http.listen=0.0.0.0:0"});
  auto client = server.client();
  EXPECT_EQ(status(client, shop), 404);
  EXPECT_EQ(status(client, "none"), 401);
}

TEST_F(keys, are_checked_before_the_start) {
  const ended none = run({"serve"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.output, HasSubstr("http.api_keys_file: " + file.string() + ": cannot be read"));
  std::ofstream(file) << "[]";
  EXPECT_EQ(run({"serve"}).exit_code, 2);
}

TEST_F(keys, have_names_that_are_never_given_again) {
  create({"shop", "--scopes", "read"});
  EXPECT_EQ(run({"keys", "revoke", "shop"}).exit_code, 0);
  EXPECT_EQ(run({"keys", "revoke", "shop"}).exit_code, 0); // again changes nothing
  const std::string before = text();
  EXPECT_EQ(run({"keys", "create", "shop", "--scopes", "read"}).exit_code, 1);
  EXPECT_EQ(run({"keys", "revoke", "nobody"}).exit_code, 1);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"keys", "create", "Shop", "--scopes", "read"},
        {"keys", "create", "other", "--scopes", "all"},
        {"keys", "create", "other"},
        {"keys", "create", "other", "--scopes", "read", "--rate", "0"},
        {"keys", "create", "other", "--scopes", "read", "--expires", "1w"},
        {"keys", "create", "other", "--scopes", "read", "--expires", "0d"},
        {"keys"}})
    EXPECT_EQ(run(words).exit_code, 2);
  EXPECT_EQ(place.run({"keys", "list"}).exit_code, 2); // no file is named
  EXPECT_EQ(text(), before);
}

} // namespace
} // namespace paymentd::end_to_end
