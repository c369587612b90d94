// Goal: what is wrong at the start is said in one clear line and by the exit code, and `audit`
// finds what is wrong in the database. Method: the real program with each mistake, and a database
// changed behind its back.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace paymentd::end_to_end {
namespace {

std::ptrdiff_t lines(const std::string& text) {
  return std::ranges::count(text, '\n');
}

/// Or what goes with one: its lock, its log.
bool has_database(const workplace& place) {
  return std::ranges::any_of(
      std::filesystem::directory_iterator(place.path()),
      [](const auto& each) { return each.path().filename().string().starts_with("paymentd.db"); });
}

std::vector<std::string> serve(const workplace& place, const std::string& set) {
  return {"serve",
          "--set",
          "database.url=" + place.database_url(),
          "--set",
          "http.listen=127.0.0.1:0",
          "--set",
          "admin.listen=127.0.0.1:0",
          "--set",
          set};
}

TEST(command_line, an_unknown_setting_stops_the_start_with_a_line_that_names_it) {
  const workplace place;
  const ended result = place.run(serve(place, "http.lisen=127.0.0.1:1"));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(lines(result.output), 1) << result.output;
  EXPECT_NE(result.output.find("http.lisen"), std::string::npos) << result.output;
}

TEST(command_line, bad_usage_exits_2) {
  const workplace place;
  EXPECT_EQ(place.run({"backup"}).exit_code, 2);
  const ended elsewhere =
      place.run({"backup", "x.db", "--set", "database.url=postgresql://127.0.0.1:1/none"});
  EXPECT_EQ(elsewhere.exit_code, 2);
  EXPECT_NE(elsewhere.output.find("pg_dump"), std::string::npos) << elsewhere.output;
  EXPECT_EQ(place.run({}).exit_code, 2);
  EXPECT_EQ(place.run({"sreve"}).exit_code, 2);
  EXPECT_EQ(place.run({"seed", "--users", "-1", "--orders", "1"}).exit_code, 2);
  EXPECT_EQ(place.run({"--help"}).exit_code, 0);
}

TEST(command_line, a_word_that_nobody_knows_is_named_without_what_may_be_a_secret) {
  const workplace place;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"bogus"},
                                                {"--bogus"},
                                                {"seed", "--bogus"},
                                                {"bogus=hush"},
                                                {"serve", "bogus://shop:hush@db"}}) {
    const ended result = place.run(words);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(lines(result.output), 1) << result.output;
    EXPECT_NE(result.output.find("bogus"), std::string::npos) << result.output;
    EXPECT_EQ(result.output.find("hush"), std::string::npos) << result.output;
  }
}

TEST(command_line, a_word_that_is_nearly_right_is_suggested) {
  const workplace place;
  const auto says = [&](const std::vector<std::string>& words, const std::string& line) {
    const ended result = place.run(words);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.output, "paymentd: " + line + "\n");
  };
  says({"sevre"}, "unknown argument sevre; did you mean serve?");
  says({"serve", "--confg=hush"}, "unknown argument --confg; did you mean --config?");
  says({"notifications", "rety"}, "unknown argument rety; did you mean retry?");
  says({"bogus"}, "unknown argument bogus; --help tells what there is");
}

TEST(command_line, settings_may_stand_before_and_behind_the_command) {
  const workplace place;
  const std::filesystem::path file = place.path() / "paymentd.toml";
  std::ofstream(file) << "[http]\nmax_body_bytes = 2048\nthreads = 3\n";
  const ended result = place.run({"--config", file.string(), "--set", "http.threads=4", "--set",
                                  "log.level=warn", "config", "--set", "http.threads=5"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  for (const char* line : {"max_body_bytes = 2048", "threads = 5", "level = \"warn\""})
    EXPECT_NE(result.output.find(line), std::string::npos) << result.output;
}

TEST(command_line, every_line_of_an_error_begins_with_the_name_of_the_program) {
  const workplace place;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{},
        {"seed", "--users", "-1", "--orders", "1"},
        {"seed"},
        {"serve", "--config"},
        {"serve", "--config", "/nowhere/at/all.toml"},
        {"serve", "--set", "http.treads=1", "--set", "log.level=loud"},
        {"audit", "--set", "database.url=postgresql:///x?host=/nowhere"}}) {
    const ended result = place.run(words);
    EXPECT_NE(result.exit_code, 0);
    std::istringstream lines(result.output);
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count)
      EXPECT_TRUE(line.starts_with("paymentd: ")) << line;
    EXPECT_GT(count, 0);
  }
}

TEST(command_line, a_seed_that_cannot_be_is_refused_before_there_is_a_database) {
  const workplace place;
  for (const std::vector<std::string>& numbers :
       {std::vector<std::string>{"--users", "2", "--orders", "1", "--spread", "0"},
        {"--users", "2", "--orders", "1", "--spread", "3"},
        {"--users", "0", "--orders", "1"},
        {"--users", "2", "--orders", "-1"}}) {
    std::vector<std::string> words{"seed", "--set", "database.url=" + place.database_url()};
    words.insert(words.end(), numbers.begin(), numbers.end());
    EXPECT_EQ(place.run(words).exit_code, 2) << numbers.back();
  }
  EXPECT_FALSE(has_database(place));
}

TEST(command_line, output_that_cannot_be_written_is_a_failure) {
  const workplace place;
  for (const char* word : {"config", "--version"}) {
    program command({"/bin/sh", "-c", R"("$0" "$1" > /dev/full)", PAYMENTD_PROGRAM, word},
                    place.path() / "output");
    EXPECT_EQ(command.wait().exit_code, 1) << word;
  }
}

TEST(command_line, a_retry_without_a_database_makes_none) {
  const workplace place;
  const ended result = place.run(
      {"notifications", "retry", "--all-failed", "--set", "database.url=" + place.database_url()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("paymentd migrate"), std::string::npos) << result.output;
  EXPECT_FALSE(has_database(place));
}

TEST(command_line, what_serve_would_refuse_of_a_provider_or_a_webhook_config_refuses_too) {
  const workplace place;
  const std::filesystem::path file = place.path() / "paymentd.toml";
  const auto refused = [&](const std::string& toml, const std::string& line) {
    std::ofstream(file) << toml;
    for (const char* command : {"config", "serve"}) {
      const ended result = place.run({command, "--config", file.string()});
      EXPECT_EQ(result.exit_code, 2) << command;
      EXPECT_EQ(lines(result.output), 1) << result.output;
      EXPECT_NE(result.output.find(line), std::string::npos) << result.output;
      EXPECT_EQ(result.output.find("hush"), std::string::npos) << result.output;
    }
  };
  const std::string shop = "[[webhook]]\nname = \"shop\"\nurl = \"http://h\"\nsecret = ";
  refused("\n" + shop + "\"whsec_hush\"\n",
          "paymentd.toml:2: webhook.secret: must be 24 to 64 bytes in base64 after whsec_ "
          "(webhook shop)");
  refused(shop + "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\nold_secret = \"whsec_hush\"\n",
          "paymentd.toml:1: webhook.old_secret: ");
  refused("[alimtalk]\nprovider = \"nhn\"\nbase_url = \"http://h:99999\"\napp_key = \"a\"\n"
          "secret_key = \"hush\"\nsender_key = \"a\"\ntemplate_code = \"a\"\n",
          "alimtalk.base_url: a URL's port must be a number from 1 to 65535");
}

TEST(command_line, a_port_in_use_is_one_line_and_exit_1) {
  const workplace place;
  const workplace other;
  server_process server(place);
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  const ended result = other.run({"serve", "--set", "database.url=" + other.database_url(), "--set",
                                  "http.listen=" + address, "--set", "admin.listen=127.0.0.1:0"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find(address), std::string::npos) << result.output;
}

TEST(command_line, a_database_that_cannot_be_opened_is_one_line_and_exit_1) {
  const workplace place;
  const ended result = place.run({"serve", "--set", "database.url=sqlite:/nowhere/at/all.db"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(lines(result.output), 1) << result.output;
  EXPECT_NE(result.output.find("/nowhere/at/all.db"), std::string::npos) << result.output;
}

TEST(command_line,
     an_address_that_names_no_database_is_one_line_that_names_the_setting_and_exit_2) {
  const workplace place;
  for (const char* url :
       {"postgresql://shop:hush@db:12%/x", "postgresql://shop:hush@db/x?nonsense=1",
        "postgresql://shop:hush@db:99999/x", "postgresql://shop:hush@db:0/x",
        "postgresql://shop:hush@a,b/x?port=1,2,3",
        "postgresql://shop:hush@db/x?connect_timeout=soon",
        "postgresql://shop:hush@db/x?sslmode=please", "postgresql://shop:p@hush@127.0.0.1:1/x",
        "postgresql://shop:1/hush@127.0.0.1:1/x", "postgresql://shop:1?hush@127.0.0.1:1/x",
        "postgresql://shop:1#hush@127.0.0.1:1/x", "postgresql://?password=p@hush"}) {
    for (const char* command : {"serve", "audit", "migrate", "config"}) {
      const ended result = place.run({command, "--set", std::string("database.url=") + url});
      EXPECT_EQ(result.exit_code, 2) << url;
      EXPECT_EQ(lines(result.output), 1) << result.output;
      EXPECT_NE(result.output.find("database.url"), std::string::npos) << result.output;
      EXPECT_EQ(result.output.find("hush"), std::string::npos) << result.output;
    }
  }
}

TEST(command_line, a_second_process_on_the_same_file_is_refused) {
  const workplace place;
  server_process server(place);
  const ended result = place.run(serve(place, "log.level=warn"));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(lines(result.output), 1) << result.output;
}

TEST(command_line, audit_is_clean_beside_a_server_and_finds_a_breach_put_in_by_hand) {
  const workplace place;
  server_process server(place);
  auto client = server.client();
  const auto id_of = [](const auto& answer) {
    return nlohmann::json::parse(answer.value().body)["id"];
  };
  const auto user = id_of(client.post("/v1/users", R"({"phone":"01012345678","balance":50000})"));
  const auto order = id_of(
      client.post("/v1/orders", nlohmann::json{{"userId", user}, {"totalAmount", 12000}}.dump()));
  ASSERT_EQ(
      client.post("/v1/payments", nlohmann::json{{"orderId", order}, {"userId", user}}.dump())
          ->status,
      201);
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
  place.execute("update users set balance = balance + 1");
  const ended result = place.audit();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("user " + user.dump()), std::string::npos) << result.output;
}

TEST(command_line, the_result_of_an_audit_is_shown_by_the_server_beside_it) {
  const workplace place;
  server_process server(place);
  http::testing::test_client operators(server.admin_port());
  const auto shown = [&] {
    return nlohmann::json::parse(operators.get("/console/api/audit").value().body);
  };
  ASSERT_EQ(server.client().post("/v1/users", R"({"phone":"01012345678","balance":50000})")->status,
            201);
  EXPECT_EQ(shown(), (nlohmann::json{{"last", nullptr}, {"lastClean", nullptr}}));

  const ended clean = place.audit();
  EXPECT_EQ(clean.exit_code, 0) << clean.output;
  EXPECT_EQ(lines(clean.output), 1) << clean.output;
  const auto first = shown();
  EXPECT_EQ(first["last"]["breaches"], 0);
  EXPECT_EQ(first["last"]["entries"], 1); // the charge
  EXPECT_EQ(first["last"]["orders"], 0);
  EXPECT_GE(first["last"]["tookMs"], 0);
  EXPECT_NE(first["last"]["version"].get<std::string>().find("commit"), std::string::npos);
  EXPECT_EQ(first["lastClean"], first["last"]);

  place.execute("update users set balance = balance + 1");
  EXPECT_EQ(place.audit().exit_code, 1);
  const auto second = shown();
  EXPECT_EQ(second["last"]["breaches"], 1);
  EXPECT_NE(second["last"]["firstBreaches"][0].get<std::string>().find("the balance is"),
            std::string::npos);
  EXPECT_EQ(second["lastClean"], first["last"]);
  EXPECT_EQ(server.client().post("/v1/users", R"({"phone":"01012345678"})")->status, 201)
      << "it goes on";
}

TEST(command_line, an_audit_of_a_copy_says_in_a_line_that_it_was_not_noted) {
  const workplace place;
  const std::string copy = (place.path() / "copy.db").string();
  ASSERT_EQ(place.run({"migrate", "--set", "database.url=" + place.database_url()}).exit_code, 0);
  ASSERT_EQ(place.run({"backup", copy, "--set", "database.url=" + place.database_url()}).exit_code,
            0);
  const ended result = place.run({"audit", "--set", "database.url=sqlite:" + copy});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(lines(result.output), 2) << result.output;
  EXPECT_NE(result.output.find("paymentd: every invariant holds; the result was not noted: "),
            std::string::npos)
      << result.output;
}

} // namespace
} // namespace paymentd::end_to_end
