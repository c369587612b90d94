// Goal: /readyz says 503, and names the part, as soon as payments would get 503, though reads are
// still answered; and 200 again once they would be taken. Method: the real program on both stores,
// and each database made unable to write behind its back, while no client calls.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <sys/socket.h>

#include <csignal>
#include <netinet/in.h>
#include <optional>
#include <unistd.h>

namespace paymentd::end_to_end {
namespace {

class operators_view {
 public:
  explicit operators_view(std::uint16_t port) : client_(port) {}
  /// Of the settlement part; empty where there was no answer.
  std::string settlement() {
    const auto answer = client_.get("/readyz");
    if (!answer)
      return {};
    const auto told = nlohmann::json::parse(answer->body);
    const std::string part = told.at("parts").at("settlement");
    EXPECT_EQ(answer->status, part == "ok" ? 200 : 503) << answer->body;
    EXPECT_EQ(told["parts"]["reads"], "ok");
    return part;
  }
  bool becomes(const std::string& what) {
    return eventually([&] { return settlement() == what; });
  }
  /// The metric's value, which needs no /readyz to be asked.
  bool metric() {
    const auto page = client_.get("/metrics").value().body;
    return page.find("\npaymentd_ready{part=\"settlement\"} 1\n") != std::string::npos;
  }

 private:
  http::testing::test_client client_;
};

TEST(readiness, a_foreign_lock_on_the_file_shows_while_nobody_pays) {
  const workplace place;
  server_process server(place);
  operators_view operators(server.admin_port());
  ASSERT_TRUE(operators.becomes("ok"));
  EXPECT_TRUE(operators.metric());
  std::optional<foreign_lock> lock(place);
  EXPECT_TRUE(operators.becomes("unavailable"));
  EXPECT_FALSE(operators.metric());
  EXPECT_EQ(http::testing::test_client(server.admin_port()).get("/healthz")->status, 200);
  lock.reset();
  EXPECT_TRUE(operators.becomes("ok"));
  EXPECT_TRUE(operators.metric());
}

TEST(readiness, health_is_told_before_the_database_answers) {
  // It takes the connection and says nothing.
  const int database = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::listen(database, 1), 0);
  sockaddr_in at{};
  socklen_t size = sizeof at;
  ASSERT_EQ(::getsockname(database, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const workplace place;
  const auto port = free_port();
  program server({PAYMENTD_PROGRAM, "serve", "--set", "http.listen=127.0.0.1:0", "--set",
                  "admin.listen=127.0.0.1:" + std::to_string(port), "--set",
                  "database.url=postgresql://x@127.0.0.1:" + std::to_string(ntohs(at.sin_port)) +
                      "/x?sslmode=disable&gssencmode=disable"},
                 place.path() / "output");
  const auto status = [port](const char* path) {
    try {
      const auto answer = http::testing::test_client(port).get(path);
      return answer ? answer->status : 0;
    } catch (const std::runtime_error&) { // nobody listens yet
      return 0;
    }
  };
  EXPECT_TRUE(eventually([&] { return status("/healthz") == 200; }));
  EXPECT_EQ(status("/readyz"), 503);
  EXPECT_EQ(server.output(), "") << "the first try at the database has not ended";
  server.signal(SIGKILL);
  server.wait();
  ::close(database);
}

TEST_F(postgres, readiness_ends_where_the_server_takes_no_write) {
  const auto server = serve();
  operators_view operators(server->admin_port());
  ASSERT_TRUE(operators.becomes("ok"));
  cluster.sql(database, "alter system set default_transaction_read_only = on");
  cluster.sql(database, "select pg_reload_conf()");
  EXPECT_TRUE(operators.becomes("unavailable"));
  cluster.sql(database, "alter system reset default_transaction_read_only");
  cluster.sql(database, "select pg_reload_conf()");
  EXPECT_TRUE(operators.becomes("ok"));
}

TEST_F(postgres, readiness_ends_where_the_standby_is_gone) {
  const auto server = serve();
  operators_view operators(server->admin_port());
  ASSERT_TRUE(operators.becomes("ok"));
  cluster.sql(database, "alter system set synchronous_standby_names = 'nobody'");
  cluster.sql(database, "select pg_reload_conf()");
  EXPECT_TRUE(operators.becomes("unavailable"));
  cluster.sql(database, "alter system reset synchronous_standby_names");
  cluster.sql(database, "select pg_reload_conf()");
  EXPECT_TRUE(operators.becomes("ok"));
}

} // namespace
} // namespace paymentd::end_to_end
