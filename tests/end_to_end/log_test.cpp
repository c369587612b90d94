// Goal: what an operator looks for stands in the log, under names that stay: a request that was
// answered 503, a message that is FAILED. Method: the real program with either format, and its
// lines read back; a stranger's lock on the database makes 503s, a bad number a FAILED message.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

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

class stranger {
 public:
  explicit stranger(const std::filesystem::path& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &connection_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(connection_, "begin immediate", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~stranger() { sqlite3_close(connection_); }
  stranger(const stranger&) = delete;
  stranger& operator=(const stranger&) = delete;

 private:
  sqlite3* connection_ = nullptr;
};

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
  sets.insert(sets.end(), {"log.format=json", "http.request_timeout=200ms"});
  server_process server(place, sets);
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 3, 10).size(), 3u);
  ASSERT_TRUE(eventually(
      [&] { return place.number("select count(*) from deliveries where status = 2") == 1; }));
  {
    const stranger locks(place.path() / "paymentd.db");
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
      EXPECT_NE(line["message"].get<std::string>().find("FAILED"), std::string::npos);
    }
  }
  EXPECT_TRUE(found_request);
  EXPECT_TRUE(found_failed);
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
