// Goal: the commands that take files over and give the ledger out do as docs/import.md says, from
// the file to the exit code, and beside a server that pays and sends. Method: the real program, on
// small files; the embedded database, and PostgreSQL beside a server with a message API.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

namespace paymentd::end_to_end {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string contents(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// A file in the workplace.
std::string write(const workplace& place, const std::string& name, const std::string& text) {
  const std::filesystem::path file = place.path() / name;
  std::ofstream(file, std::ios::binary) << text;
  return file.string();
}

/// An embedded database with two users who were imported.
class import : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({"migrate"}).exit_code, 0);
    const ended imported = run({"import", write(place, "users.csv",
                                                "reference,phone,balance\nu-1,010-1234-5678,5000\n"
                                                "u-2,,0\n")});
    ASSERT_EQ(imported.exit_code, 0) << imported.output;
    ASSERT_THAT(imported.output, StartsWith("2 users imported from "));
    user = std::to_string(place.number("select id from users where reference = 'u-1'"));
  }
  ended run(std::vector<std::string> words) {
    words.insert(words.end(), {"--set", "database.url=" + place.database_url()});
    return place.run(words);
  }
  std::string orders(const std::string& lines) {
    return write(place, "orders.csv", "userId,totalAmount,status,createdAt\n" + lines);
  }
  std::int64_t count(const std::string& table) {
    return place.number("select count(*) from " + table);
  }

  workplace place;
  std::string user;
};

TEST_F(import, orders_are_taken_over_once_and_the_ledger_adds_up) {
  const std::string file = orders(user + ",1200,PAID,2024-02-29T10:00:00+09:00\n" + user +
                                  ",800,REFUNDED,2024-03-01\n" + user + ",100,,\n");
  const ended first = run({"import", file});
  EXPECT_EQ(first.exit_code, 0) << first.output;
  EXPECT_THAT(first.output, StartsWith("3 orders imported from "));
  const ended again = run({"import", file});
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_THAT(again.output, HasSubstr("was imported before, at "));
  EXPECT_EQ(count("orders"), 3);
  EXPECT_EQ(place.number("select balance from users where id = " + user), 5000);
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

TEST_F(import, references_and_metadata_are_what_the_api_finds_and_gives) {
  const std::string file = write(place, "orders.csv",
                                 "reference,userReference,totalAmount,metadata\n"
                                 "o-1,u-2,100,\"{ \"\"shop\"\": \"\"Seoul \\u00e9\"\" }\"\n");
  ASSERT_EQ(run({"import", file}).exit_code, 0);
  const ended bad = run({"import", write(place, "bad.csv",
                                         "userReference,totalAmount,metadata\nu-2,1,[]\n"
                                         "u-2,1,{}\nu-2,1,\"{},\"\"metadata\"\":{}\"\n")});
  EXPECT_THAT(bad.output, HasSubstr(":2: metadata: must be a JSON object of strings"));
  EXPECT_THAT(bad.output, HasSubstr(":4: metadata: must be a JSON object of strings"));
  EXPECT_THAT(bad.output, HasSubstr(": 2 faults; nothing was imported"));
  server_process server(place);
  auto client = server.client();
  const auto found = nlohmann::json::parse(client.get("/v1/orders?reference=o-1")->body)["items"];
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]["metadata"], (nlohmann::json{{"shop", "Seoul \u00e9"}}));
  const auto owner = nlohmann::json::parse(client.get("/v1/users?reference=u-2")->body)["items"];
  EXPECT_EQ(found[0]["userId"], owner.at(0)["id"]);
  EXPECT_EQ(owner.at(0)["phone"], nullptr);
}

TEST_F(import, every_fault_is_told_by_its_line_and_nothing_is_imported) {
  const std::string file = orders(user + ",-1,PAID,\n" + user + ",100,GONE,\n" + user + ",100,,\n");
  const ended result = run({"import", file});
  EXPECT_EQ(result.exit_code, 1);
  const std::string begin = "paymentd: " + file;
  EXPECT_EQ(result.output,
            begin + ":2: totalAmount: must be a whole number from 0 to 9007199254740991\n" + begin +
                ":3: status: must be PENDING, PAID, CANCELLED or REFUNDED\n" + begin +
                ": 2 faults; nothing was imported\n");
  EXPECT_EQ(count("orders"), 0);
  const ended unknown = run({"import", orders("1,100,,\n" + user + ",100,,\n")});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.output, HasSubstr(":2: userId: no user has this id\n"));
  EXPECT_EQ(count("orders"), 0);
}

TEST_F(import, what_cannot_be_read_or_has_no_database_is_one_line) {
  const workplace other;
  for (const auto& [words, line] :
       std::initializer_list<std::pair<std::vector<std::string>, std::string>>{
           {{"import", "/nowhere/orders.csv"}, "cannot read /nowhere/orders.csv: No such file"},
           {{"import", "/dev/null"}, "/dev/null is not a file"},
           {{"import", write(place, "empty.csv", "")}, ":1: the file is empty"}}) {
    const ended result = run(words);
    EXPECT_EQ(result.exit_code, 1) << line;
    EXPECT_THAT(result.output, HasSubstr(line));
  }
  const ended result =
      other.run({"import", orders(""), "--set", "database.url=" + other.database_url()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("paymentd migrate"));
}

TEST_F(import, it_is_refused_beside_a_server_on_the_embedded_database) {
  const server_process server(place);
  const ended result = run({"import", orders(user + ",100,,\n")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("is in use by process"));
  EXPECT_EQ(count("orders"), 0);
}

TEST_F(import, the_ledger_is_exported_as_csv_and_as_json_lines_beside_a_server) {
  ASSERT_EQ(run({"import", orders(user + ",1200,PAID,2024-02-29\n")}).exit_code, 0);
  server_process server(place);
  auto client = server.client();
  ASSERT_EQ(client.post("/v1/users/" + user + "/charges", R"({"amount":7,"reason":"=1+1, or so"})")
                ->status,
            201);
  const std::string csv = (place.path() / "ledger.csv").string();
  const ended to_file =
      run({"export", "entries", "--from", "2026-01-01", "--to", "2100-01-01", "--output", csv});
  EXPECT_EQ(to_file.exit_code, 0) << to_file.output;
  EXPECT_EQ(to_file.output, "paymentd: 4 ledger entries from 2026-01-01T00:00:00.000Z to "
                            "2100-01-01T00:00:00.000Z, 5007 won in all\n");
  const std::string text = contents(csv);
  EXPECT_THAT(text, StartsWith("id,userId,sequence,orderId,kind,amount,balanceAfter,reason,"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 5);
  EXPECT_THAT(text, HasSubstr(",CHARGE,1200,6200,import,"));
  EXPECT_THAT(text, HasSubstr(",PAYMENT,-1200,5000,import,"));
  EXPECT_THAT(text, HasSubstr(",CHARGE,7,5007,\"'=1+1, or so\","));
  EXPECT_FALSE(std::filesystem::exists(csv + ".part"));
  const auto mode = std::filesystem::status(csv).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);

  const std::string lines = (place.path() / "ledger.jsonl").string();
  ASSERT_EQ(run({"export", "entries", "--from", "2026-01-01", "--to", "2100-01-01", "--format",
                 "jsonl", "--output", lines})
                .exit_code,
            0);
  const auto items =
      nlohmann::json::parse(client.get("/v1/users/" + user + "/entries?limit=100")->body)["items"];
  std::istringstream read(contents(lines));
  std::vector<nlohmann::json> exported;
  for (std::string line; std::getline(read, line);)
    exported.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(exported.size(), items.size());
  for (const auto& each : items)
    EXPECT_THAT(exported, testing::Contains(each)) << "as the API gives it";
}

TEST_F(import, an_export_that_cannot_be_is_told) {
  const auto export_of = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"export", "entries"});
    return run(words);
  };
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--from", "yesterday", "--to", "2026-01-01"},
           {"--from", "2026-01-01", "--to", "2026-13-01"},
           {"--from", "2026-01-01", "--to", "2026-01-01"},
           {"--from", "2026-01-01"},
           {"--from", "2026-01-01", "--to", "2026-02-01", "--format", "xml"}})
    EXPECT_EQ(export_of(words).exit_code, 2) << words.back();
  const ended nowhere =
      export_of({"--from", "2026-01-01", "--to", "2026-02-01", "--output", "/nowhere/ledger.csv"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(nowhere.output, HasSubstr("cannot write /nowhere/ledger.csv: "));
  program full({"/bin/sh", "-c",
                R"("$0" export entries --from 2026-01-01 --to 2100-01-01 --set "$1" > /dev/full)",
                PAYMENTD_PROGRAM, "database.url=" + place.database_url()},
               place.path() / "output");
  EXPECT_EQ(full.wait().exit_code, 1);
}

class import_on_postgres : public postgres {};

TEST_F(import_on_postgres, orders_are_taken_over_beside_a_server_that_tells_of_none_of_them) {
  seed(20);
  const auto server = serve();
  auto client = server->client();
  std::string lines = "userId,totalAmount,status\n";
  for (int i = 0; i < 300; ++i)
    lines += std::to_string(1 + i % users) + ",10," + (i % 3 == 0 ? "PENDING" : "PAID") + "\n";
  told answers;
  {
    paying_clients paying({server.get()}, 20, answers);
    const ended imported =
        place.run({"import", write(place, "orders.csv", lines), "--set", url_set()});
    EXPECT_EQ(imported.exit_code, 0) << imported.output;
  }
  EXPECT_EQ(number("select count(*) from paymentd.orders"), 320);
  const auto pending = number("select min(id) from paymentd.orders where status = 0 and id > 20");
  const auto owner =
      number("select user_id from paymentd.orders where id = " + std::to_string(pending));
  const nlohmann::json payment{{"orderId", pending}, {"userId", owner}};
  EXPECT_EQ(client.post("/v1/payments", payment.dump())->status, 201);
  expect_true(answers);
  expect_all_arrive_once(answers.count(201) + 1);
  const ended exported =
      place.run({"export", "entries", "--from", "2026-01-01", "--to", "2100-01-01", "--output",
                 (place.path() / "all.csv").string(), "--set", url_set()});
  EXPECT_EQ(exported.exit_code, 0) << exported.output;
  const auto entries = number("select count(*) from paymentd.ledger_entries");
  EXPECT_THAT(exported.output, StartsWith("paymentd: " + std::to_string(entries) + " ledger"));
  EXPECT_THAT(exported.output,
              EndsWith(std::to_string(number("select sum(balance) from paymentd.users")) +
                       " won in all\n"));
}

TEST_F(import_on_postgres, a_file_that_two_import_at_once_is_imported_once) {
  seed(0);
  std::string lines = "userId,totalAmount,status\n";
  for (int i = 0; i < 3000; ++i)
    lines += std::to_string(1 + i % users) + ",10,PAID\n";
  const std::string file = write(place, "orders.csv", lines);
  const std::vector<std::string> command{PAYMENTD_PROGRAM, "import", file, "--set", url_set()};
  program one(command, place.path() / "one");
  program other(command, place.path() / "other");
  const ended first = one.wait();
  const ended second = other.wait();
  EXPECT_EQ(first.exit_code, 0) << first.output;
  EXPECT_EQ(second.exit_code, 0) << second.output;
  EXPECT_NE(first.output.find("3000 orders imported from") == std::string::npos,
            second.output.find("3000 orders imported from") == std::string::npos)
      << first.output << second.output;
  EXPECT_EQ(number("select count(*) from paymentd.orders"), 3000);
  expect_sound();
}

} // namespace
} // namespace paymentd::end_to_end
