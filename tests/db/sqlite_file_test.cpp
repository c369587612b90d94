// Goal: the embedded store opens only what is its own, one process at a time, and says in one line
// why not. Method: files that are something else, and a second opener beside the first.
#include "db/embedded_file.hpp"
#include "tests/db/conformance.hpp"

#include <fstream>
#include <sqlite3.h>
#include <sstream>
#include <sys/fsuid.h>
#include <unistd.h>

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
  auto lane = must(first->connect());
  auto second = must(open(path()));
  const auto refused = second->connect();
  ASSERT_FALSE(refused);
  expect_line(refused.error(), "is in use by process " + std::to_string(::getpid()));
  EXPECT_FALSE(second->migrate(start));
  EXPECT_FALSE(second->seed({}, start));
  first.reset();
  EXPECT_FALSE(second->connect()) << "the lane's own store still writes";
  lane.reset();
  EXPECT_TRUE(second->connect());
}

TEST_F(sqlite_file, a_second_writer_is_refused_whatever_name_it_has_for_the_file) {
  auto first = migrated();
  auto lane = must(first->connect());
  const auto link = directory_.path() / "link.db";
  const auto twin = directory_.path() / "twin.db";
  std::filesystem::create_symlink(path(), link);
  std::filesystem::create_hard_link(path(), twin);
  for (const auto& name : {link, twin}) {
    const auto refused = must(open(name.string()))->connect();
    ASSERT_FALSE(refused) << name;
    expect_line(refused.error(), "is in use by");
  }
}

TEST_F(sqlite_file, only_its_owner_may_read_it) {
  auto made = migrated();
  auto lane = must(made->connect());
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
  auto lane = must(made->connect());
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
  const auto reader = must(must(open(copy.string()))->connect_reader());
  const std::vector<query> asked{get_user{{1}}};
  EXPECT_EQ(std::get<user>(must(reader->read(asked)).at(0)).balance, won{5});
}

TEST_F(sqlite_file, nothing_is_committed_to_a_file_that_was_removed_or_replaced) {
  auto made = migrated();
  auto lane = must(made->connect());
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
  auto lane = must(first->connect());
  must(lane->take_stream(start));
  auto second = must(open(path()));
  EXPECT_TRUE(second->connect_reader());
  EXPECT_TRUE(second->check_schema());
  EXPECT_EQ(must(second->audit([](std::string_view) {})).breaches, 0);
}

TEST_F(sqlite_file, a_database_without_a_schema_says_to_migrate) {
  auto made = must(open(path()));
  for (const auto& given : {made->check_schema()}) {
    ASSERT_FALSE(given);
    expect_line(given.error(), "run paymentd migrate");
  }
  EXPECT_FALSE(made->connect());
  EXPECT_FALSE(made->audit([](std::string_view) {}));
  EXPECT_FALSE(std::filesystem::exists(path())) << "looking must not make a file";
  EXPECT_GT(must(made->migrate(start)), 0);
  EXPECT_EQ(must(made->migrate(start)), 0);
  EXPECT_TRUE(made->connect());
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
  EXPECT_FALSE(made->connect());
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
  auto first = must(made->connect());
  must(first->take_stream(start));
  auto second = must(made->connect());
  must(second->take_stream(start));
  EXPECT_EQ(kind_of(first->settle({}, start)), error_kind::fenced);
  EXPECT_TRUE(second->settle({}, start));
  must(first->take_stream(start));
  EXPECT_TRUE(first->settle({}, start));
}

TEST_F(sqlite_file, a_stream_that_is_used_up_is_followed_by_the_next_and_its_rest_is_delivered) {
  auto made = migrated();
  auto lane = must(made->connect());
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
  EXPECT_EQ(must(made->audit([](std::string_view line) { ADD_FAILURE() << line; })).breaches, 0);
}

class backup : public sqlite_file {
 protected:
  std::string copy() const { return (directory_.path() / "copy.db").string(); }
  std::string url() const { return "sqlite:" + path(); }
  static std::int64_t breaches_in(const std::string& file) {
    auto opened = must(open_database({.url = "sqlite:" + file, .owner = "test"}));
    return must(opened->audit([](std::string_view) {})).breaches;
  }
  std::int64_t users_in(const std::string& file) {
    EXPECT_EQ(breaches_in(file), 0);
    sqlite3* raw = nullptr;
    sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> on(raw, &sqlite3_close);
    std::int64_t count = -1;
    sqlite3_exec(
        raw, "select count(*) from users",
        [](void* to, int, char** values, char**) {
          *static_cast<std::int64_t*>(to) = std::stoll(values[0]);
          return 0;
        },
        &count, nullptr);
    return count;
  }
};

TEST_F(backup, of_a_database_in_use_has_what_was_committed_and_nothing_beside_it) {
  auto made = migrated();
  auto lane = must(made->connect());
  must(lane->take_stream(start));
  for (int i = 0; i < 20; ++i)
    must(lane->settle(std::vector<command>{create_user{"01012345678", {5}}}, start));
  const std::int64_t size = must(back_up(url(), copy()));
  EXPECT_EQ(size, static_cast<std::int64_t>(std::filesystem::file_size(copy())));
  must(lane->settle(std::vector<command>{create_user{"01012345678", {5}}}, start));
  EXPECT_EQ(users_in(copy()), 20);
  std::size_t files = 0;
  for (const auto& each : std::filesystem::directory_iterator(directory_.path()))
    files += each.path().filename().string().starts_with("copy") ? 1 : 0;
  EXPECT_EQ(files, 1u);
  EXPECT_EQ(std::filesystem::status(copy()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(backup, writes_over_nothing_and_leaves_nothing_unfinished) {
  auto made = migrated();
  std::ofstream(copy()) << "something else";
  const auto refused = back_up(url(), copy());
  ASSERT_FALSE(refused);
  expect_line(refused.error(), "exists already");
  EXPECT_EQ(std::filesystem::file_size(copy()), 14u);
  std::filesystem::remove(copy());
  std::filesystem::create_symlink(path(), copy());
  EXPECT_FALSE(back_up(url(), copy()));
  EXPECT_FALSE(back_up(url(), path())) << "onto itself";
  EXPECT_FALSE(back_up(url(), (directory_.path() / "none" / "copy.db").string()));
  EXPECT_FALSE(back_up("sqlite:" + (directory_.path() / "none.db").string(), copy() + "2"));
  std::ofstream(directory_.path() / "text.db") << std::string(10'000, 'x');
  EXPECT_FALSE(back_up("sqlite:" + (directory_.path() / "text.db").string(), copy() + "2"));
  EXPECT_FALSE(std::filesystem::exists(copy() + "2"));
  for (const auto& each : std::filesystem::directory_iterator(directory_.path()))
    EXPECT_EQ(each.path().string().find("unfinished"), std::string::npos) << each.path();
}

TEST_F(backup, where_nothing_may_be_written_is_audited_all_the_same) {
  {
    auto made = migrated();
    auto lane = must(made->connect());
    must(lane->take_stream(start));
    must(lane->settle(std::vector<command>{create_user{"01012345678", {5}}}, start));
  }
  const auto place = directory_.path() / "a ?#% place";
  std::filesystem::create_directory(place);
  std::filesystem::copy_file(path(), place / "copy.db"); // after a clean stop: no log
  using std::filesystem::perms;
  std::filesystem::permissions(directory_.path(), perms::all);
  std::filesystem::permissions(place / "copy.db", perms::all);
  std::filesystem::permissions(
      place, perms::all & ~(perms::owner_write | perms::group_write | perms::others_write));
  const auto nobody = 65534u;
  const int before = ::setfsuid(nobody); // root may write anywhere
  EXPECT_EQ(breaches_in((place / "copy.db").string()), 0);
  ::setfsuid(static_cast<uid_t>(before));
  std::filesystem::permissions(place, perms::all);
  EXPECT_FALSE(std::filesystem::exists(place / "copy.db-shm")) << "nothing could be written";
  EXPECT_EQ(users_in((place / "copy.db").string()), 1);
}

// ---- the result of an audit is noted in the database that is served, and in no copy of it
// --------

class audit_of_a_file : public sqlite_file {
 protected:
  static std::string bytes_of(const std::string& file) {
    std::ostringstream all;
    all << std::ifstream(file, std::ios::binary).rdbuf();
    return all.str();
  }
  /// As `paymentd audit` does it.
  static result<void> audit_and_note(const std::string& file) {
    auto opened = must(open_database({.url = "sqlite:" + file, .owner = "test"}));
    auto found = must(opened->audit([](std::string_view) {}));
    EXPECT_EQ(found.breaches, 0);
    found.began_at = start;
    return opened->note_audit(found);
  }
  static noted_audits known_in(const std::string& file) {
    auto opened = must(open_database({.url = "sqlite:" + file, .owner = "test"}));
    const std::vector<query> asked{get_audits{}};
    return std::get<noted_audits>(must(must(opened->connect_reader())->read(asked)).at(0));
  }
  /// A database with a user, after a clean stop.
  void leave_one() {
    auto made = migrated();
    auto lane = must(made->connect());
    must(lane->take_stream(start));
    must(lane->settle(std::vector<command>{create_user{"01012345678", {5}}}, start));
  }
  /// An audit of the file has its outcome, is not noted for this reason, and changes no byte.
  void expect_untouched(const std::string& file, const std::string& reason) {
    const std::string before = bytes_of(file);
    const auto noted = audit_and_note(file);
    ASSERT_FALSE(noted);
    expect_line(noted.error(), reason);
    EXPECT_EQ(bytes_of(file), before);
    EXPECT_FALSE(std::filesystem::exists(file + ".lock"));
  }
};

TEST_F(audit_of_a_file, that_is_served_or_was_is_noted) {
  leave_one();
  must(audit_and_note(path()));
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal")) << "one file is the database";
  EXPECT_EQ(known_in(path()).last->began_at, start);
  auto served = must(open(path()));
  const auto lane = must(served->connect());
  must(lane->take_stream(start));
  must(audit_and_note(path()));
  must(lane->settle(std::vector<command>{create_user{"01012345678", {5}}}, start));
  EXPECT_TRUE(known_in(path()).last_clean);
  const auto link = (directory_.path() / "link.db").string();
  std::filesystem::create_symlink(path(), link);
  must(audit_and_note(link));
}

TEST_F(audit_of_a_file, that_is_a_copy_changes_nothing_in_it) {
  leave_one();
  const std::string copied = (directory_.path() / "copied.db").string();
  std::filesystem::copy_file(path(), copied);
  expect_untouched(copied, "is a copy");
  const std::string backed_up = (directory_.path() / "backup.db").string();
  must(back_up("sqlite:" + path(), backed_up));
  expect_untouched(backed_up, "is a copy");
  EXPECT_FALSE(std::filesystem::exists(backed_up + "-wal")) << "it needs no log to be read";
}

TEST_F(audit_of_a_file, that_was_copied_with_its_whole_directory_changes_nothing_in_it) {
  leave_one();
  const temporary_directory elsewhere;
  const auto copied = elsewhere.path() / "snapshot";
  std::filesystem::copy(directory_.path(), copied, std::filesystem::copy_options::recursive);
  const std::string file = (copied / "test.db").string();
  ASSERT_TRUE(std::filesystem::exists(file + ".lock"));
  const std::string before = bytes_of(file);
  const auto noted = audit_and_note(file);
  ASSERT_FALSE(noted);
  expect_line(noted.error(), "is a copy");
  EXPECT_EQ(bytes_of(file), before);

  std::filesystem::rename(directory_.path() / "test.db", directory_.path() / "moved.db");
  std::filesystem::rename(directory_.path() / "test.db.lock", directory_.path() / "moved.db.lock");
  must(audit_and_note((directory_.path() / "moved.db").string())); // it is the same file
}

TEST_F(audit_of_a_file, that_was_removed_meanwhile_makes_none_anew) {
  leave_one();
  auto opened = must(open(path()));
  audit_result found = must(opened->audit([](std::string_view) {}));
  found.began_at = start;
  std::filesystem::rename(path(), directory_.path() / "gone.db");
  EXPECT_FALSE(opened->note_audit(found));
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(audit_of_a_file, that_is_read_only_is_not_noted_by_root_either) {
  leave_one();
  using std::filesystem::perms;
  std::filesystem::permissions(path(), perms::owner_read);
  const std::string before = bytes_of(path());
  const auto noted = audit_and_note(path());
  ASSERT_FALSE(noted);
  EXPECT_THAT(noted.error().text, testing::AnyOf(testing::HasSubstr("is read-only"),
                                                 testing::HasSubstr("cannot write")));
  EXPECT_EQ(bytes_of(path()), before);
  std::filesystem::permissions(path(), perms::owner_read | perms::owner_write);
  must(audit_and_note(path()));
}

TEST_F(audit_of_a_file, that_another_writer_holds_for_long_is_not_noted) {
  leave_one();
  sqlite3* raw = nullptr;
  sqlite3_open_v2(path().c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> on(raw, &sqlite3_close);
  sqlite3_exec(raw, "begin immediate", nullptr, nullptr, nullptr);
  EXPECT_EQ(kind_of(audit_and_note(path())), error_kind::unavailable);
  sqlite3_exec(raw, "rollback", nullptr, nullptr, nullptr);
  must(audit_and_note(path()));
}

TEST_F(sqlite_file, one_that_may_not_be_written_is_named_before_it_is_waited_for) {
  migrated();
  using std::filesystem::perms;
  constexpr auto nobody_writes = perms::owner_read | perms::group_read | perms::others_read;
  std::filesystem::permissions(directory_.path(), perms::all);
  std::filesystem::permissions(path(), nobody_writes);
  EXPECT_TRUE(check_writable("postgresql://nowhere/none"));
  const uid_t before = ::geteuid();
  constexpr uid_t nobody = 65534; // root may write anywhere
  const auto as_nobody = [&](const std::string& file) {
    EXPECT_EQ(before == 0 ? ::seteuid(nobody) : 0, 0);
    auto may = check_writable("sqlite:" + file);
    EXPECT_EQ(before == 0 ? ::seteuid(before) : 0, 0);
    return may;
  };
  EXPECT_TRUE(as_nobody((directory_.path() / "new.db").string()));
  const auto refused = as_nobody(path());
  ASSERT_FALSE(refused);
  expect_line(refused.error(), "cannot write the database");
  std::filesystem::permissions(directory_.path(), nobody_writes | perms::owner_exec |
                                                      perms::group_exec | perms::others_exec);
  EXPECT_FALSE(as_nobody((directory_.path() / "new.db").string()));
  std::filesystem::permissions(directory_.path(), perms::all);
}

TEST_F(sqlite_file, a_log_that_a_reader_keeps_from_starting_anew_has_a_bound) {
  constexpr std::int64_t bound = 32 << 20;
  auto made =
      must(open_database({.url = "sqlite:" + path(), .owner = "t", .log_bytes_max = bound}));
  must(made->migrate(start));
  auto lane = must(made->connect());
  must(lane->take_stream(start));
  sqlite3* raw = nullptr;
  sqlite3_open_v2(path().c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> reader(raw, &sqlite3_close);
  ASSERT_EQ(sqlite3_exec(raw, "begin; select count(*) from users", nullptr, nullptr, nullptr),
            SQLITE_OK);
  const std::vector<command> batch(1000, create_user{"01012345678", {5}});
  std::optional<error> refused;
  for (int i = 0; i < 2000 && !refused; ++i)
    if (auto settled = lane->settle(batch, start); !settled)
      refused = settled.error();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->kind, error_kind::unavailable);
  EXPECT_NE(refused->text.find("reached its bound of 32 MB"), std::string::npos) << refused->text;
  EXPECT_LT(std::filesystem::file_size(path() + "-wal"), 2 * bound);
  EXPECT_FALSE(lane->settle(batch, start)) << "as long as the reader is there";
  sqlite3_exec(raw, "commit", nullptr, nullptr, nullptr);
  EXPECT_TRUE(lane->settle(batch, start)) << "and no longer";
}

TEST_F(sqlite_file, a_file_that_was_replaced_is_told_at_once) {
  std::string told;
  auto made = must(open_database({.url = "sqlite:" + path(),
                                  .owner = "t",
                                  .lost = [&](const std::string& why) { told = why; }}));
  must(made->migrate(start));
  auto lane = must(made->connect());
  must(lane->take_stream(start));
  std::filesystem::rename(path(), path() + ".away");
  const std::vector<command> one{create_user{"01012345678", {5}}};
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (told.empty() && std::chrono::steady_clock::now() < until)
    static_cast<void>(lane->settle(one, start));
  EXPECT_NE(told.find("was removed or replaced"), std::string::npos) << told;
}

} // namespace
} // namespace paymentd::db
