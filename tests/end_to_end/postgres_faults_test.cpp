// Goal: whatever fails in PostgreSQL, a client is told 201 only for what happened, 503 only where
// nothing did, and 504 for the rest; what was not sent yet is tried again within its time.
// Method: the real program on a cluster of the test's own, whose faults are real ones: a failover,
// a full disk, a deadlock, triggers that fail, a process and a server that stand still.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

class postgres_faults : public postgres {
 protected:
  using postgres::postgres;

  /// Has `fault` happen to the first `times` entries that are written.
  void fail_entries(const std::string& fault, int times, bool at_commit) const {
    present().sql(database, "create sequence paymentd.written");
    present().sql(database,
                  "create function paymentd.fail() returns trigger language plpgsql as $$ begin if "
                  "nextval('paymentd.written') <= " +
                      std::to_string(times) + " then " + fault + "; end if; return new; end $$");
    present().sql(database, std::string(at_commit ? "create constraint trigger fail after insert "
                                                    "on paymentd.ledger_entries deferrable "
                                                    "initially deferred "
                                                  : "create trigger fail before insert on "
                                                    "paymentd.ledger_entries ") +
                                "for each row execute function paymentd.fail()");
  }
  /// How many of the server's sessions are in this state.
  std::int64_t sessions_that_are(const std::string& state) const {
    return number("select count(*) from pg_stat_activity where application_name = 'paymentd' and " +
                  state);
  }
  static bool logs(server_process& server, const std::string& text) {
    return eventually([&] { return server.process().output().find(text) != std::string::npos; },
                      5s);
  }
  /// A payment of order 1 meets `fault` `times` and passes.
  void expect_passes_in_the_end(const std::string& fault, const std::string& state, int times,
                                bool at_commit) {
    seed(10);
    fail_entries(fault, times, at_commit);
    const auto server = serve();
    auto client = server->client();
    const auto answer = client.post("/v1/payments", paying_clients::payment_of(1));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 201) << answer->body;
    EXPECT_TRUE(logs(*server, state)) << server->process().output();
    expect_all_arrive_once(1);
  }
};

TEST_F(postgres_faults, a_serialization_failure_is_tried_again) {
  expect_passes_in_the_end("raise exception 'as the test wants' using errcode = '40001'", "40001",
                           3, false);
}

TEST_F(postgres_faults, a_serialization_failure_at_the_commit_is_tried_again) {
  expect_passes_in_the_end("raise exception 'as the test wants' using errcode = '40001'", "40001",
                           3, true);
}

TEST_F(postgres_faults, a_statement_that_times_out_is_tried_again) {
  expect_passes_in_the_end("perform pg_sleep(60)", "57014", 1, false);
}

TEST_F(postgres_faults, a_deadlock_with_a_stranger_is_tried_again) {
  seed(10);
  // Ours is the victim: the other session looks for a deadlock much later.
  cluster.sql(database, "alter database " + database + " set deadlock_timeout = '500ms'");
  const auto server = serve({"notification.lease=12s"});
  db::side_session other(cluster.url(database));
  other.sql("set deadlock_timeout = '60s'");
  other.sql("begin; select id from orders where id = 1 for update");
  auto client = server->client();
  ASSERT_TRUE(client.send(
      http::testing::post_text("/v1/payments", paying_clients::payment_of(1)))); // user, then order
  ASSERT_TRUE(eventually([&] { return one_waits_for_an_order(); }));
  other.send("select id from users where id = 2 for update");
  other.receive();
  other.sql("commit");
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201) << answer->body;
  EXPECT_TRUE(logs(*server, "40P01")) << server->process().output();
  expect_all_arrive_once(1);
}

TEST_F(postgres_faults, a_process_stopped_inside_a_transaction_does_not_freeze_the_others) {
  seed(210); // every tenth order is the same user's
  const auto stopped = serve();
  const auto living = serve();
  told answers;
  auto waiting = stopped->client();
  // It is stopped while it waits for the user, who is then free: it holds the order, the user and
  // its stream, and stands still. On a busy machine its wait can be over before it is stopped.
  int order = -9;
  for (bool holds = false; !holds;) {
    order += 10;
    ASSERT_LT(order, 200);
    db::side_session other(cluster.url(database));
    other.sql("begin; select id from users where id = 2 for update");
    ASSERT_TRUE(
        waiting.send(http::testing::post_text("/v1/payments", paying_clients::payment_of(order))));
    ASSERT_TRUE(eventually([&] { return one_waits_for_a_user(); }));
    stopped->process().signal(SIGSTOP);
    other.sql("rollback");
    ASSERT_TRUE(eventually([&] { return sessions_that_are("state = 'active'") == 0; }));
    holds = sessions_that_are("state = 'idle in transaction'") == 1;
    if (!holds) {
      stopped->process().signal(SIGCONT);
      const auto answer = waiting.receive();
      ASSERT_TRUE(answer);
      answers.note(order, *answer);
    }
  }
  auto client = living->client();
  auto answer = client.post("/v1/payments", paying_clients::payment_of(201)); // the same user
  // Until the server ends that transaction, the user's row is locked, and is said to be.
  ASSERT_TRUE(eventually([&] {
    if (answer && answer->body.find("row_locked") != std::string::npos)
      answer = client.post("/v1/payments", paying_clients::payment_of(201));
    return answer && answer->body.find("row_locked") == std::string::npos;
  }));
  EXPECT_EQ(answer->status, 201) << answer->body;
  answers.note(201, *answer);
  stopped->process().signal(SIGCONT);
  const auto late = waiting.receive();
  ASSERT_TRUE(late);
  answers.note(order, *late);
  expect_true(answers);
  EXPECT_TRUE(eventually([&] {
    return stopped->client().post("/v1/payments", paying_clients::payment_of(2))->status == 201;
  }));
  expect_all_arrive_once(paid());
}

/// Stops a process of the server, and lets it go on at the end.
class standstill {
 public:
  explicit standstill(int process) : process_(process) { ::kill(process_, SIGSTOP); }
  ~standstill() { ::kill(process_, SIGCONT); }
  standstill(const standstill&) = delete;
  standstill& operator=(const standstill&) = delete;

 private:
  int process_;
};

TEST_F(postgres_faults, while_no_connection_can_be_made_payments_are_refused_in_their_time) {
  seed(400);
  const auto server = serve({"database.lanes=1"});
  const std::vector<const server_process*> clients(8, server.get());
  told answers;
  {
    // The lane has its session by then, which is to be among those that end.
    http::testing::test_client operators(server->admin_port());
    ASSERT_TRUE(eventually([&] { return operators.get("/readyz")->status == 200; }));
    // A client that connects now is neither refused nor served.
    const auto sessions = cluster.sql(
        database, "select pid::text from pg_stat_activity where application_name = 'paymentd'");
    const standstill stopped(cluster.postmaster());
    for (const std::string& each : sessions)
      ::kill(std::stoi(each), SIGTERM);
    paying_clients load(clients, 400, answers);
    ASSERT_TRUE(eventually([&] { return answers.all().size() >= 16; }));
    load.stop();
    for (const auto& [id, answer] : answers.all()) {
      EXPECT_EQ(answer.status, 503) << id << answer.body;
      EXPECT_EQ(code_of(answer), "database_unavailable");
      EXPECT_NE(answer.field("retry-after"), "");
    }
  }
  EXPECT_EQ(paid(), 0);
  auto client = server->client();
  EXPECT_TRUE(eventually(
      [&] { return client.post("/v1/payments", paying_clients::payment_of(399))->status == 201; }));
  expect_all_arrive_once(1);
}

TEST_F(postgres_faults, a_stop_does_not_wait_for_a_server_that_stands_still) {
  seed(2);
  // A call of the store may take half of the lease: far longer than the stop.
  const auto server = serve({"notification.lease=60s", "database.lanes=1",
                             "http.request_timeout=500ms", "shutdown.timeout=100ms"});
  auto client = server->client();
  EXPECT_EQ(client.post("/v1/payments", paying_clients::payment_of(1))->status, 201);
  std::vector<std::unique_ptr<standstill>> stopped;
  for (const std::string& each : cluster.sql(
           database, "select pid::text from pg_stat_activity where application_name = 'paymentd'"))
    stopped.push_back(std::make_unique<standstill>(std::stoi(each)));
  EXPECT_GE(client.post("/v1/payments", paying_clients::payment_of(2))->status, 503);
  server->process().signal(SIGTERM);
  const auto end = server->process().wait(20s);
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_TRUE(logs(*server, "stopping took too long")) << server->process().output();
}

class postgres_failover : public postgres {
 protected:
  std::string url() const override {
    return "postgresql:///" + database + "?user=postgres&host=" + cluster.host() + "," +
           standby_.host() + "&target_session_attrs=read-write";
  }
  const db::postgres_cluster& present() const override { return failed_over_ ? standby_ : cluster; }

  db::postgres_cluster standby_{db::postgres_cluster::standby_of{cluster}};
  bool failed_over_ = false;
};

TEST_F(postgres_failover, to_a_promoted_standby_loses_nothing_that_was_answered) {
  seed(8'000);
  const auto one = serve();
  const auto other = serve();
  told answers;
  paying_clients load({one.get(), other.get(), one.get(), other.get()}, 8'000, answers);
  ASSERT_TRUE(eventually([&] { return answers.count(201) > 300; }));
  cluster.crash();
  standby_.promote();
  failed_over_ = true;
  const std::int64_t before = answers.count(201);
  EXPECT_TRUE(eventually([&] { return answers.count(201) > before + 300; }));
  load.stop();
  expect_true(answers);
  expect_all_arrive_once(paid());
}

/// A small disk in memory, seen by this process and its children alone; it goes with them.
class small_disk {
 public:
  explicit small_disk(const char* options) {
    if (::geteuid() != 0)
      why_not_ = "only root may mount the small file system that this fills";
    else if (::unshare(CLONE_NEWNS) != 0 ||
             ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
             ::mount("none", place_.path().c_str(), "tmpfs", 0, options) != 0)
      why_not_ = "this system mounts no file system for a test";
  }
  ~small_disk() {
    if (why_not_.empty())
      ::umount2(place_.path().c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  const std::filesystem::path& path() const { return place_.path(); }
  const std::string& why_not() const { return why_not_; }

  void fill() const {
    const int file = ::open((path() / "ballast").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const std::string page(4096, 'x');
    while (::write(file, page.data(), page.size()) > 0) {
    }
    ::close(file);
  }
  void make_room() const { std::filesystem::remove(path() / "ballast"); }

 private:
  workplace place_;
  std::string why_not_;
};

struct holds_a_disk {
  small_disk disk{"size=300m,mode=0755"};
};

class postgres_full_disk : private holds_a_disk, public postgres {
 protected:
  postgres_full_disk()
      : postgres(std::make_unique<db::postgres_cluster>(
            disk.path(), "min_wal_size = 32MB\nmax_wal_size = 48MB\n")) {}
  void SetUp() override {
    if (!disk.why_not().empty())
      GTEST_SKIP() << disk.why_not();
  }
  const small_disk& its_disk() const { return disk; }
};

TEST_F(postgres_full_disk, refuses_payments_while_it_lasts_and_loses_none) {
  seed(8'000);
  const auto server = serve();
  told answers;
  paying_clients load(std::vector<const server_process*>(4, server.get()), 8'000, answers);
  ASSERT_TRUE(eventually([&] { return answers.count(201) > 100; }));
  its_disk().fill();
  ASSERT_TRUE(eventually([&] { return answers.count(503) >= 8; }, 60s));
  its_disk().make_room();
  // The server itself may have given up where it could not write its log.
  if (::kill(cluster.postmaster(), 0) != 0)
    cluster.start();
  const std::int64_t before = answers.count(201);
  EXPECT_TRUE(eventually([&] { return answers.count(201) > before + 100; }));
  load.stop();
  EXPECT_TRUE(eventually([&] {
    return server->process().output().find("53100") != std::string::npos;
  })) << server->process().output();
  expect_true(answers);
  expect_all_arrive_once(paid());
}

} // namespace
} // namespace paymentd::end_to_end
