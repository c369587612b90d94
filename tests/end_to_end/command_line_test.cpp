// Goal: what is wrong at the start is said in one clear line and by the exit code, and `audit`
// finds what is wrong in the database. Method: the real program with each mistake, and a database
// changed behind its back.
#include "tests/end_to_end/server_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace paymentd::end_to_end {
namespace {

std::ptrdiff_t lines(const std::string& text) {
  return std::ranges::count(text, '\n');
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
  EXPECT_EQ(place.run({}).exit_code, 2);
  EXPECT_EQ(place.run({"sreve"}).exit_code, 2);
  EXPECT_EQ(place.run({"seed", "--users", "-1", "--orders", "1"}).exit_code, 2);
  EXPECT_EQ(place.run({"--help"}).exit_code, 0);
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
        "postgresql://shop:1#hush@127.0.0.1:1/x", "postgresql://?password=p@hush",
        "postgresql://127.0.0.1:1/x?password=hush@1"}) {
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
  client.post("/v1/users", R"({"phone":"01012345678","balance":50000})");
  client.post("/v1/orders", R"({"userId":1,"totalAmount":12000})");
  ASSERT_EQ(client.post("/v1/payments", R"({"orderId":1,"userId":1})")->status, 201);
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
  place.execute("update users set balance = balance + 1 where id = 1");
  const ended result = place.audit();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("user 1"), std::string::npos) << result.output;
}

} // namespace
} // namespace paymentd::end_to_end
