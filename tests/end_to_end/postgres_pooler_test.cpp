// Goal: behind a pooler that keeps a session together paymentd works, and behind one that does not
// it says in one line what to set. Method: a real PgBouncer before a cluster of the test's own, in
// both of its modes.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <csignal>
#include <fstream>
#include <pwd.h>
#include <unistd.h>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

const std::filesystem::path pgbouncer = "/usr/sbin/pgbouncer";

class postgres_pooler : public postgres {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(pgbouncer)) << "install what scripts/packages.txt names";
  }

  void pool(const std::string& mode) {
    using std::filesystem::perms;
    std::filesystem::create_directory(directory_);
    std::ofstream(directory_ / "users.txt") << "\"postgres\" \"\"\n";
    std::ofstream(directory_ / "pgbouncer.ini")
        << "[databases]\n* = host=" << cluster.socket().parent_path().string()
        << " user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = "
        << directory_.string()
        << "\nauth_type = trust\nauth_file = " << (directory_ / "users.txt").string()
        << "\npool_mode = " << mode << "\n";
    std::vector<std::string> words{pgbouncer.string(), (directory_ / "pgbouncer.ini").string()};
    if (::geteuid() == 0) { // it refuses to run as root
      const passwd* const who = ::getpwnam("postgres");
      ASSERT_NE(who, nullptr);
      std::filesystem::permissions(place.path(), perms::all);
      ASSERT_EQ(::chown(directory_.c_str(), who->pw_uid, who->pw_gid), 0);
      words.insert(words.begin() + 1, {"-u", "postgres"});
    }
    pooler_ = std::make_unique<program>(words, place.path() / "pgbouncer.log");
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(directory_ / ".s.PGSQL.6432"); }))
        << pooler_->output();
  }

  std::string url() const override {
    return pooler_ ? "postgresql:///" + database +
                         "?user=postgres&port=6432&host=" + directory_.string()
                   : postgres::url();
  }

 private:
  const std::filesystem::path directory_ = place.path() / "pool";
  std::unique_ptr<program> pooler_;
};

TEST_F(postgres_pooler, in_session_mode_payments_and_messages_go_on_as_without_it) {
  seed(200);
  pool("session");
  const auto server = serve();
  auto client = server->client();
  ASSERT_EQ(pay_orders(client, 1, 200, users).size(), 200u);
  expect_all_arrive_once(200);
}

TEST_F(postgres_pooler, in_transaction_mode_a_line_says_what_to_set) {
  seed(20);
  pool("transaction");
  const auto server = serve();
  auto client = server->client();
  // Each connection may be given another server process at each transaction.
  const auto told = [&] {
    static_cast<void>(client.post("/v1/payments", R"({"orderId":1,"userId":2})"));
    static_cast<void>(client.get("/v1/orders/1"));
    return server->process().output().find("pool_mode = session") != std::string::npos;
  };
  EXPECT_TRUE(eventually(told)) << server->process().output();
}

} // namespace
} // namespace paymentd::end_to_end
