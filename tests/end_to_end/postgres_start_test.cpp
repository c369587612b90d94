// Goal: a start on a PostgreSQL database that cannot be served from is one clear line, and what can
// be set right while paymentd runs is waited for. Method: the real program, and databases and roles
// prepared by hand.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <algorithm>

namespace paymentd::end_to_end {
namespace {

class postgres_start : public postgres {
 protected:
  /// The one line with which a start as `role` ends.
  std::string refusal(const std::string& role = "postgres", const std::string& more = "",
                      const std::string& command = "serve") const {
    std::vector<std::string> arguments = {command,
                                          "--set",
                                          "database.url=" + url_as(role),
                                          "--set",
                                          "http.listen=127.0.0.1:0",
                                          "--set",
                                          "admin.listen=127.0.0.1:0"};
    if (!more.empty())
      arguments.insert(arguments.end(), {"--set", more});
    const ended result = place.run(arguments);
    EXPECT_EQ(result.exit_code, 1) << result.output;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
    return result.output;
  }
  std::string url_as(const std::string& role) const {
    std::string changed = url();
    changed.replace(changed.find("user=postgres"), 13, "user=" + role);
    return changed;
  }
  void sql(const std::string& text) const { cluster.sql(database, text); }
  static bool says(const std::string& line, const std::string& what) {
    return line.find(what) != std::string::npos;
  }
};

TEST_F(postgres_start, what_stands_against_it_is_one_line_and_exit_1) {
  const auto missing = refusal("postgres", "database.migrations=off");
  EXPECT_TRUE(says(missing, "run paymentd migrate")) << missing;

  sql("create role clerk login");
  for (const char* command : {"serve", "migrate"}) {
    const auto no_rights = refusal("clerk", "", command);
    EXPECT_TRUE(says(no_rights, "permission denied") && says(no_rights, "lacks rights"))
        << no_rights;
  }

  sql("create schema paymentd; create table paymentd.invoices (id int)");
  for (const char* mode : {"auto", "off"}) {
    const auto foreign = refusal("postgres", std::string("database.migrations=") + mode);
    EXPECT_TRUE(says(foreign, "another application's tables (invoices")) << foreign;
  }
  sql("drop schema paymentd cascade");

  seed(1);
  const auto no_access = refusal("clerk", "database.migrations=off");
  EXPECT_TRUE(says(no_access, "may not use it") || says(no_access, "lacks rights")) << no_access;
  sql("insert into paymentd.schema_migrations values (99, now())");
  const auto newer = refusal();
  EXPECT_TRUE(says(newer, "newer than this program")) << newer;
}

TEST_F(postgres_start,
       a_role_that_may_read_but_not_write_is_said_and_rights_given_later_are_enough) {
  seed(10);
  sql("create role clerk login; grant usage on schema paymentd to clerk; "
      "grant select on all tables in schema paymentd to clerk");
  const auto server = serve({"database.url=" + url_as("clerk"), "database.migrations=off"});
  auto client = server->client();
  const auto refused = client.post("/v1/payments", paying_clients::payment_of(1));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503) << refused->body;
  EXPECT_EQ(code_of(*refused), "database_unavailable");
  EXPECT_TRUE(says(server->process().output(), "the role lacks rights"))
      << server->process().output();
  sql("grant all on all tables in schema paymentd to clerk; "
      "grant all on all sequences in schema paymentd to clerk");
  EXPECT_TRUE(eventually(
      [&] { return client.post("/v1/payments", paying_clients::payment_of(1))->status == 201; }));
  expect_all_arrive_once(1);
}

} // namespace
} // namespace paymentd::end_to_end
