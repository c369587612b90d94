// Goal: the embedded store opens only what is its own, one process at a time, and says in one line
// why not. Method: files that are something else, and a second opener beside the first.
#include "tests/db/conformance.hpp"

#include <fstream>
#include <sqlite3.h>

namespace paymentd::db {
namespace {

class sqlite_file : public testing::Test {
 protected:
  std::string path() const { return (directory_.path() / "test.db").string(); }
  result<std::unique_ptr<database>> open(const std::string& at) {
    return open_database({.url = "sqlite:" + at, .owner = "test"});
  }
  std::unique_ptr<database> migrated() {
    auto made = must(open(path()));
    must(made->migrate(start));
    return made;
  }
  static void expect_line(const error& given, const std::string& part) {
    EXPECT_EQ(given.kind, error_kind::broken);
    EXPECT_THAT(given.text, testing::HasSubstr(part));
    EXPECT_EQ(given.text.find('\n'), std::string::npos);
  }

  temporary_directory directory_;
};

TEST_F(sqlite_file, a_second_writer_is_refused_until_the_first_is_gone) {
  auto first = migrated();
  auto lane = must(first->connect(database::role::lane));
  auto second = must(open(path()));
  const auto refused = second->connect(database::role::lane);
  ASSERT_FALSE(refused);
  expect_line(refused.error(), "is in use by process " + std::to_string(::getpid()));
  EXPECT_FALSE(second->migrate(start));
  EXPECT_FALSE(second->seed({}, start));
  first.reset();
  EXPECT_FALSE(second->connect(database::role::lane)) << "the lane's own store still writes";
  lane.reset();
  EXPECT_TRUE(second->connect(database::role::lane));
}

TEST_F(sqlite_file, a_second_writer_is_refused_whatever_name_it_has_for_the_file) {
  auto first = migrated();
  auto lane = must(first->connect(database::role::lane));
  const auto link = directory_.path() / "link.db";
  const auto twin = directory_.path() / "twin.db";
  std::filesystem::create_symlink(path(), link);
  std::filesystem::create_hard_link(path(), twin);
  for (const auto& name : {link, twin}) {
    const auto refused = must(open(name.string()))->connect(database::role::lane);
    ASSERT_FALSE(refused) << name;
    expect_line(refused.error(), "is in use by");
  }
}

TEST_F(sqlite_file, only_its_owner_may_read_it) {
  auto made = migrated();
  auto lane = must(made->connect(database::role::lane));
  must(lane->take_stream(start));
  for (const auto& each : std::filesystem::directory_iterator(directory_.path())) {
    const auto rights = std::filesystem::status(each).permissions();
    EXPECT_EQ(rights & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
              std::filesystem::perms::none)
        << each.path();
  }
}

TEST_F(sqlite_file, after_a_clean_end_the_one_file_is_the_database) {
  auto made = migrated();
  auto lane = must(made->connect(database::role::lane));
  must(lane->take_stream(start));
  must(lane->settle(std::vector<command>{create_user{"01012345678", {5}}}, start));
  // Another connection is open, so that none of ours closes last.
  sqlite3* opened = nullptr;
  sqlite3_open_v2(path().c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> other(opened, &sqlite3_close);
  ASSERT_EQ(sqlite3_exec(opened, "select * from users", nullptr, nullptr, nullptr), SQLITE_OK);
  lane.reset();
  made.reset();
  const auto copy = directory_.path() / "copy.db";
  std::filesystem::copy_file(path(), copy);
  const auto reader = must(must(open(copy.string()))->connect(database::role::reader));
  const std::vector<query> asked{get_user{{1}}};
  EXPECT_EQ(std::get<user>(must(reader->read(asked)).at(0)).balance, won{5});
}

TEST_F(sqlite_file, nothing_is_committed_to_a_file_that_was_removed_or_replaced) {
  auto made = migrated();
  auto lane = must(made->connect(database::role::lane));
  must(lane->take_stream(start));
  std::filesystem::rename(path(), directory_.path() / "gone.db");
  result<std::vector<outcome>> settled = lane->settle({}, start);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (settled && std::chrono::steady_clock::now() < until) // it looks once a second
    settled = lane->settle({}, start);
  ASSERT_FALSE(settled);
  expect_line(settled.error(), "removed or replaced");
}

TEST_F(sqlite_file, readers_and_audits_need_no_lock) {
  auto first = migrated();
  auto lane = must(first->connect(database::role::lane));
  must(lane->take_stream(start));
  auto second = must(open(path()));
  EXPECT_TRUE(second->connect(database::role::reader));
  EXPECT_TRUE(second->check_schema());
  EXPECT_EQ(must(second->audit([](std::string_view) {})), 0);
}

TEST_F(sqlite_file, a_database_without_a_schema_says_to_migrate) {
  auto made = must(open(path()));
  for (const auto& given : {made->check_schema()}) {
    ASSERT_FALSE(given);
    expect_line(given.error(), "run paymentd migrate");
  }
  EXPECT_FALSE(made->connect(database::role::lane));
  EXPECT_FALSE(made->audit([](std::string_view) {}));
  EXPECT_FALSE(std::filesystem::exists(path())) << "looking must not make a file";
  EXPECT_GT(must(made->migrate(start)), 0);
  EXPECT_EQ(must(made->migrate(start)), 0);
  EXPECT_TRUE(made->connect(database::role::lane));
}

TEST_F(sqlite_file, another_applications_database_is_refused) {
  raw_sqlite(path(), "create table notes (text text)");
  const auto opened = open(path());
  ASSERT_FALSE(opened);
  expect_line(opened.error(), "another application's");
}

TEST_F(sqlite_file, another_application_id_is_refused) {
  raw_sqlite(path(), "pragma application_id = 4711");
  ASSERT_FALSE(open(path()));
}

TEST_F(sqlite_file, a_newer_schema_is_refused) {
  migrated();
  raw_sqlite(path(), "pragma user_version = 99");
  auto made = must(open(path()));
  const auto checked = made->check_schema();
  ASSERT_FALSE(checked);
  expect_line(checked.error(), "newer than this program (schema 99");
  const auto again = made->migrate(start);
  ASSERT_FALSE(again);
  expect_line(again.error(), "newer");
  EXPECT_FALSE(made->connect(database::role::lane));
}

TEST_F(sqlite_file, what_is_no_database_is_refused) {
  std::ofstream(path()) << std::string(8192, 'x');
  const auto opened = open(path());
  ASSERT_FALSE(opened);
  expect_line(opened.error(), "not a database");
}

TEST_F(sqlite_file, a_directory_and_a_missing_one_are_refused) {
  expect_line(open(directory_.path().string()).error(), "not a file");
  expect_line(open((directory_.path() / "none" / "x.db").string()).error(), "no directory");
  expect_line(open("").error(), "no path");
}

TEST_F(sqlite_file, an_unknown_scheme_is_refused_without_showing_what_follows) {
  const auto opened = open_database({.url = "oracle://me:secret@host/db", .owner = "test"});
  ASSERT_FALSE(opened);
  expect_line(opened.error(), "oracle");
  EXPECT_THAT(opened.error().text, testing::Not(testing::HasSubstr("secret")));
}

TEST_F(sqlite_file, taking_the_stream_anew_fences_the_one_before) {
  auto made = migrated();
  auto first = must(made->connect(database::role::lane));
  must(first->take_stream(start));
  auto second = must(made->connect(database::role::lane));
  must(second->take_stream(start));
  EXPECT_EQ(kind_of(first->settle({}, start)), error_kind::fenced);
  EXPECT_TRUE(second->settle({}, start));
  must(first->take_stream(start));
  EXPECT_TRUE(first->settle({}, start));
}

TEST_F(sqlite_file, a_stream_that_is_used_up_is_followed_by_the_next_and_its_rest_is_delivered) {
  auto made = migrated();
  auto lane = must(made->connect(database::role::lane));
  const auto old = must(lane->take_stream(start));
  const auto who = must(lane->subscribe("alimtalk", true, false, start)).id;
  const std::vector<command> batch{create_user{"01012345678", {100}},
                                   create_order{{1}, {10}, {0}, std::nullopt}, pay{{1}, {1}}};
  must(lane->settle(std::span(batch).first(1), start));
  must(lane->settle(std::span(batch).subspan(1, 1), start));
  must(lane->settle(std::span(batch).subspan(2, 1), start));
  raw_sqlite(path(), "update streams set next = (1 << 41) - 1");
  const std::vector<command> two{charge{{1}, {1}}, charge{{1}, {1}}};
  EXPECT_EQ(kind_of(lane->settle(two, start)), error_kind::fenced);
  EXPECT_EQ(must(lane->take_stream(start)).stream, stream_id{old.stream.value + 1});
  EXPECT_TRUE(lane->settle(two, start));

  const std::vector<std::string> names{"alimtalk"};
  const auto left = must(lane->lease_deliveries(names, {}, 4, start));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].stream.stream, old.stream);
  EXPECT_EQ(must(lane->lease_deliveries(names, {}, 4, start)), left);
  delivery_step step;
  step.subscriber = who;
  step.stream = left[0].stream;
  step.open_max = 1;
  step.ended = {end_as(must(lane->deliver(step, start)).claims.at(0), delivery_status::delivered)};
  must(lane->deliver(step, start));
  EXPECT_EQ(must(made->audit([](std::string_view line) { ADD_FAILURE() << line; })), 0);
}

} // namespace
} // namespace paymentd::db
