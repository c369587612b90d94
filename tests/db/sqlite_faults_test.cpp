// Goal: a commit that fails is `unavailable` only when nothing can have happened, and otherwise in
// doubt until it is resolved. Method: a layer under SQLite lets writes or syncs of the log fail;
// and since a failed sync is about what a crash would leave, copies of the files are opened as if
// the process had died there.
#include "tests/db/conformance.hpp"

#include <atomic>
#include <sqlite3.h>
#include <thread>

namespace paymentd::db {
namespace {

namespace fs = std::filesystem;

// ---- the failing disk: SQLite's own file layer with two of the log's methods exchanged
// -----------

std::atomic<bool> writes_fail = false;
std::atomic<bool> syncs_fail = false;
std::atomic<bool> locks_fail = false;
sqlite3_vfs* real_disk = nullptr;
sqlite3_vfs failing_disk;
const sqlite3_io_methods* real_methods = nullptr;
sqlite3_io_methods failing_log;
sqlite3_io_methods failing_database;

int write_log(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
  return writes_fail ? SQLITE_FULL : real_methods->xWrite(file, bytes, size, at);
}

int sync_log(sqlite3_file* file, int flags) {
  return syncs_fail ? SQLITE_IOERR_FSYNC : real_methods->xSync(file, flags);
}

int lock_log(sqlite3_file* file, int offset, int count, int flags) {
  return locks_fail ? SQLITE_IOERR_SHMLOCK : real_methods->xShmLock(file, offset, count, flags);
}

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
  const int code = real_disk->xOpen(real_disk, name, file, flags, out);
  if (code != SQLITE_OK || (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) == 0)
    return code;
  const bool log = (flags & SQLITE_OPEN_WAL) != 0;
  real_methods = file->pMethods;
  auto& failing = log ? failing_log : failing_database;
  failing = *real_methods;
  if (log) {
    failing.xWrite = write_log;
    failing.xSync = sync_log;
  } else {
    failing.xShmLock = lock_log;
  }
  file->pMethods = &failing;
  return code;
}

class sqlite_faults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    real_disk = sqlite3_vfs_find(nullptr);
    failing_disk = *real_disk;
    failing_disk.zName = "failing";
    failing_disk.xOpen = open_file;
    sqlite3_vfs_register(&failing_disk, 1);
  }
  static void TearDownTestSuite() { sqlite3_vfs_unregister(&failing_disk); }

  void SetUp() override {
    database_ = must(open_database({.url = url(directory_.path()), .owner = "test"}));
    must(database_->migrate(start));
    must(database_->seed(
        {.users = 10, .orders = 100'000, .spread = 0, .balance = {1'000'000}, .amount = {1}},
        start));
    lane_ = must(database_->connect());
    must(lane_->take_stream(start));
  }
  void TearDown() override {
    writes_fail = false;
    syncs_fail = false;
    locks_fail = false;
    EXPECT_EQ(must(database_->audit([](std::string_view line) { ADD_FAILURE() << line; })).breaches,
              0);
  }

  static std::string url(const fs::path& in) { return "sqlite:" + (in / "test.db").string(); }
  static std::vector<command> pay_for(std::int64_t id) { return {pay{{id}, {1 + id % 10}}}; }
  static bool is_paid(read_store& at, std::int64_t id) {
    const std::vector<query> queries{get_order{{id}}};
    return std::get<order>(must(at.read(queries)).at(0)).status == order_status::paid;
  }
  // Whether the order would be paid if the process died now and the database were opened again.
  bool is_paid_after_a_crash(std::int64_t id) const {
    const temporary_directory crashed;
    for (const char* name : {"test.db", "test.db-wal"})
      fs::copy_file(directory_.path() / name, crashed.path() / name);
    const auto again = must(open_database({.url = url(crashed.path()), .owner = "test"}));
    EXPECT_EQ(must(again->audit([](std::string_view line) { ADD_FAILURE() << line; })).breaches, 0);
    const auto reader = must(again->connect_reader());
    return is_paid(*reader, id);
  }

  temporary_directory directory_;
  std::unique_ptr<database> database_;
  std::unique_ptr<store> lane_;
};

TEST_F(sqlite_faults, a_full_disk_is_unavailable_and_nothing_happened) {
  writes_fail = true;
  EXPECT_EQ(kind_of(lane_->settle(pay_for(1), start)), error_kind::unavailable);
  EXPECT_FALSE(is_paid(*lane_, 1));
  EXPECT_FALSE(is_paid_after_a_crash(1));
  writes_fail = false;
  EXPECT_TRUE(lane_->settle(pay_for(1), start));
  EXPECT_TRUE(is_paid_after_a_crash(1));
}

TEST_F(sqlite_faults, a_failed_sync_is_in_doubt_since_a_crash_could_bring_it_back) {
  must(lane_->settle(pay_for(1), start));
  syncs_fail = true;
  EXPECT_EQ(kind_of(lane_->settle(pay_for(2), start)), error_kind::in_doubt);
  EXPECT_FALSE(is_paid(*lane_, 2)) << "this process sees it rolled back";
  EXPECT_TRUE(is_paid_after_a_crash(2)) << "and the next one would see it committed";
  EXPECT_EQ(kind_of(lane_->settle(pay_for(3), start)), error_kind::in_doubt)
      << "nothing goes on before it is resolved";
}

TEST_F(sqlite_faults, resolving_shuts_out_what_was_in_doubt) {
  must(lane_->settle(pay_for(1), start));
  const auto before = lane_->lease();
  syncs_fail = true;
  EXPECT_EQ(kind_of(lane_->settle(pay_for(2), start)), error_kind::in_doubt);
  EXPECT_EQ(kind_of(lane_->resolve(start)), error_kind::unavailable) << "the disk still fails";
  syncs_fail = false;
  EXPECT_EQ(must(lane_->resolve(start)), std::nullopt);
  EXPECT_GT(lane_->lease().epoch, before.epoch);
  EXPECT_FALSE(is_paid_after_a_crash(2));
  EXPECT_TRUE(std::holds_alternative<order>(must(lane_->settle(pay_for(2), start)).at(0)));
  EXPECT_TRUE(is_paid_after_a_crash(2));
}

TEST_F(sqlite_faults, a_commit_that_came_back_is_found_by_resolving) {
  must(lane_->settle(pay_for(1), start));
  syncs_fail = true;
  EXPECT_EQ(kind_of(lane_->settle(pay_for(2), start)), error_kind::in_doubt);
  // The connection is lost as well: opening it anew reads the log as a new process would.
  locks_fail = true;
  EXPECT_EQ(kind_of(lane_->ping()), error_kind::unavailable);
  syncs_fail = false;
  locks_fail = false;
  const auto outcomes = must(lane_->resolve(start));
  ASSERT_TRUE(outcomes);
  EXPECT_EQ(std::get<order>(outcomes->at(0)).status, order_status::paid);
  EXPECT_TRUE(is_paid(*lane_, 2));
  EXPECT_TRUE(std::holds_alternative<refused>(must(lane_->settle(pay_for(2), start)).at(0)));
}

TEST_F(sqlite_faults, what_was_given_up_in_doubt_is_never_a_later_batchs_outcome) {
  must(lane_->settle(pay_for(1), start));
  syncs_fail = true;
  EXPECT_EQ(kind_of(lane_->settle(pay_for(2), start)), error_kind::in_doubt);
  syncs_fail = false;
  must(lane_->take_stream(start)); // the lane could not resolve it, and begins anew
  const auto outcomes = must(lane_->settle(pay_for(3), start));
  EXPECT_EQ(std::get<order>(outcomes.at(0)).id, order_id{3});
  EXPECT_TRUE(is_paid(*lane_, 3));
}

TEST_F(sqlite_faults, an_epoch_that_another_ended_tells_what_became_of_a_batch) {
  must(lane_->settle(pay_for(1), start));
  syncs_fail = true;
  EXPECT_EQ(kind_of(lane_->settle(pay_for(2), start)), error_kind::in_doubt);
  syncs_fail = false;
  auto other = must(database_->connect());
  must(other->take_stream(start));
  EXPECT_EQ(must(lane_->resolve(start)), std::nullopt);
  EXPECT_EQ(kind_of(lane_->settle(pay_for(2), start)), error_kind::fenced);
  EXPECT_TRUE(other->settle(pay_for(2), start)) << "resolving took nothing from its new owner";
}

TEST_F(sqlite_faults, a_delivery_in_doubt_is_told_by_the_open_claims) {
  const auto who = must(lane_->subscribe("alimtalk", true, false, start)).id;
  must(lane_->settle(pay_for(1), start));
  delivery_step step;
  step.subscriber = who;
  step.stream = lane_->lease();
  step.open_max = 1;
  syncs_fail = true;
  EXPECT_EQ(kind_of(lane_->deliver(step, start)), error_kind::in_doubt);
  syncs_fail = false;
  EXPECT_EQ(must(lane_->resolve(start)), std::nullopt) << "no batch was in doubt";
  EXPECT_EQ(must(lane_->open_claims(who, lane_->lease(), start)).size(), 0u);
  step.stream = lane_->lease();
  EXPECT_EQ(must(lane_->deliver(step, start)).claims.size(), 1u);
}

TEST_F(sqlite_faults, the_log_stays_bounded_while_readers_read) {
  constexpr std::uintmax_t log_bytes_max = 192u << 20;
  constexpr int payments = 50'000;
  constexpr int batch_size = 250;
  std::atomic<bool> stop = false;
  std::jthread reads([&] {
    const auto reader = must(database_->connect_reader());
    std::int64_t id = 0;
    while (!stop)
      is_paid(*reader, 1 + ++id % payments);
  });
  std::uintmax_t largest = 0;
  for (int first = 1; first < payments; first += batch_size) {
    std::vector<command> batch;
    for (int id = first; id < first + batch_size; ++id)
      batch.push_back(pay_for(id)[0]);
    must(lane_->settle(batch, start));
    largest = std::max(largest, fs::file_size(directory_.path() / "test.db-wal"));
  }
  stop = true;
  EXPECT_LT(largest, log_bytes_max);
  RecordProperty("log_bytes", std::to_string(largest));
}

} // namespace
} // namespace paymentd::db
