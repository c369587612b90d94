// Goal: a statement reads given rows as it would read a table, once, and walks through them while
// it searches the table that they are joined with. Method: a connection of its own, with a small
// table for what is read and the real schema for how it is searched.
#include "db/sqlite/connection.hpp"
#include "db/sqlite/sql.hpp"
#include "tests/db/conformance.hpp"

#include <string>
#include <vector>

namespace paymentd::db::sqlite {
namespace {

class given : public testing::Test {
 protected:
  std::string path() const { return (directory_.path() / "test.db").string(); }
  /// Its rows, each as the texts of its columns; "-" where one is NULL.
  static std::vector<std::string> texts_of(statement::rows rows, int columns) {
    std::vector<std::string> found;
    while (rows.next()) {
      std::string& row = found.emplace_back();
      for (int column = 0; column < columns; ++column)
        row.append(row.empty() ? "" : "|").append(rows.is_null(column) ? "-" : rows.text(column));
    }
    return found;
  }

  temporary_directory directory_;
  connection on_{path(), access::read_write};
  given_rows& given_ = on_.given();
};

TEST_F(given, each_type_of_value_arrives_as_it_was_given) {
  statement reads(on_,
                  "select typeof(c1), c1, typeof(c2), c2, typeof(c3), hex(c3), typeof(c4), c5, "
                  "c12 from given");
  given_.add(std::int64_t{-7}, std::string_view("가"), blob{"\x01\x02"}, std::nullopt,
             std::optional<won>(won{5}));
  EXPECT_EQ(texts_of(reads.query_on(given_), 9),
            std::vector<std::string>{"integer|-7|text|가|blob|0102|null|5|-"});
}

TEST_F(given, an_empty_text_is_a_text_and_not_null) {
  statement reads(on_, "select typeof(c1) from given");
  given_.add(std::string_view());
  EXPECT_EQ(texts_of(reads.query_on(given_), 1), std::vector<std::string>{"text"});
}

TEST_F(given, rows_come_in_the_order_in_which_they_were_added) {
  statement reads(on_, "select c1 from given");
  for (const int number : {3, 1, 2})
    given_.add(number);
  EXPECT_EQ(texts_of(reads.query_on(given_), 1), (std::vector<std::string>{"3", "1", "2"}));
}

TEST_F(given, one_execution_takes_the_rows) {
  statement reads(on_, "select c1 from given");
  given_.add(1);
  EXPECT_EQ(texts_of(reads.query_on(given_), 1).size(), 1);
  EXPECT_TRUE(texts_of(reads.query_on(given_), 1).empty());
  given_.add(2);
  EXPECT_EQ(texts_of(reads.query_on(given_), 1), std::vector<std::string>{"2"});
}

TEST_F(given, a_statement_is_not_executed_on_no_rows) {
  on_.exec("create table t (a integer)");
  statement adds(on_, "insert into t select 1 from (select 1) left join given");
  adds.run_on(given_);
  EXPECT_EQ(texts_of(statement(on_, "select a from t").query(), 1).size(), 0);
  given_.add(1);
  adds.run_on(given_);
  EXPECT_EQ(texts_of(statement(on_, "select a from t").query(), 1).size(), 1);
}

TEST_F(given, rows_after_a_failed_execution_are_the_next_ones_alone) {
  on_.exec("create table t (a integer check (a > 0)) strict");
  statement adds(on_, "insert into t select c1 from given");
  given_.add(1);
  given_.add(-1);
  EXPECT_THROW(adds.run_on(given_), SQLite::Exception);
  given_.add(2);
  adds.run_on(given_);
  EXPECT_EQ(texts_of(statement(on_, "select a from t").query(), 1), std::vector<std::string>{"2"});
}

TEST_F(given, a_row_that_breaks_a_constraint_ends_the_whole_transaction) {
  must(must(open_database({.url = "sqlite:" + path(), .owner = "test"}))->migrate(start));
  transactions with(on_);
  statement adds(on_, sql::add_entries);
  {
    transaction whole(with, transaction::kind::write);
    on_.exec("insert into users (id, phone, balance, last_sequence, created_at) "
             "values (1, '', 0, 0, 0)");
    for (const int sequence : {1, 1})
      given_.add(sequence, 1, sequence, std::nullopt, 0, 5, 5, 0);
    EXPECT_THROW(adds.run_on(given_), SQLite::Exception);
  }
  EXPECT_TRUE(texts_of(statement(on_, "select id from users").query(), 1).empty());
  EXPECT_NO_THROW(transaction(with, transaction::kind::write)) << "the next one can begin";
}

/// How SQLite executes a statement, line by line.
std::string plan_of(connection& on, const std::string& sql) {
  statement explains(on, ("explain query plan " + sql).c_str());
  std::string plan;
  auto rows = explains.query();
  while (rows.next())
    plan.append(rows.text(3)).append("\n");
  return plan;
}

TEST_F(given, the_rows_are_walked_through_and_the_table_is_searched) {
  must(must(open_database({.url = "sqlite:" + path(), .owner = "test"}))->migrate(start));
  for (const char* each : {sql::get_orders, sql::change_orders, sql::change_whole_orders})
    EXPECT_THAT(plan_of(on_, each), testing::MatchesRegex("SCAN given VIRTUAL TABLE INDEX 0:\n"
                                                          "SEARCH orders USING INTEGER PRIMARY "
                                                          "KEY \\(rowid=\\?\\)\n"));
  for (const char* each : {sql::get_balances, sql::change_users})
    EXPECT_THAT(plan_of(on_, each), testing::MatchesRegex("SCAN given VIRTUAL TABLE INDEX 0:\n"
                                                          "SEARCH users USING INTEGER PRIMARY "
                                                          "KEY \\(rowid=\\?\\)\n"));
  for (const char* each : {sql::add_entries, sql::put_deliveries})
    EXPECT_EQ(plan_of(on_, each), "SCAN given VIRTUAL TABLE INDEX 0:\n");
}

} // namespace
} // namespace paymentd::db::sqlite
