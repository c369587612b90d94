// Goal: processes on one database that are restarted one after the other, behind a proxy and under
// load, lose no request. Method: two real processes behind a real haproxy, set up by
// the file of docs/proxies.md, with shorter times; clients that pay over it, and count what is not
// 201.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;

const std::filesystem::path haproxy = "/usr/sbin/haproxy";

/// `text` with `to` in the place of `from`, which has to be there.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  if (at == text.npos)
    throw std::runtime_error("docs/proxies.md no longer has: " + from);
  return text.replace(at, from.size(), to);
}

std::string at_ports(const server_process& of) {
  return "127.0.0.1:" + std::to_string(of.port()) + " check port " +
         std::to_string(of.admin_port()) + "\n";
}

/// The file of docs/proxies.md, at the ports of this test, without TLS, for any user and any
/// limit of open files.
std::string configuration(std::uint16_t front, const server_process& one,
                          const server_process& two) {
  std::ifstream file(PAYMENTD_SOURCE_DIR "/docs/proxies.md");
  std::stringstream page;
  page << file.rdbuf();
  const std::string begin = "```haproxy\n";
  const std::string text = page.str();
  const auto from = text.find(begin);
  if (from == text.npos)
    throw std::runtime_error("docs/proxies.md has no file of haproxy");
  std::string found = text.substr(from + begin.size());
  found.resize(found.find("```"));
  found =
      with(found, "  log /dev/log local0\n  user haproxy\n  group haproxy\n  maxconn 4000\n", "");
  found = with(found, "bind 10.0.0.5:443 ssl crt /etc/haproxy/shop.pem",
               "bind 127.0.0.1:" + std::to_string(front));
  found = with(found, "inter 500ms", "inter 100ms");
  found = with(found, "127.0.0.1:8080 check port 8081\n", at_ports(one));
  return with(found, "127.0.0.1:8090 check port 8091\n", at_ports(two));
}

/// Clients that pay order after order at one port, each order once.
class load {
 public:
  load(std::uint16_t port, std::int64_t orders) {
    constexpr int clients = 4;
    for (int i = 0; i < clients; ++i)
      threads_.emplace_back([this, port, orders](const std::stop_token& stop) {
        auto client = std::make_unique<http::testing::test_client>(port);
        while (!stop.stop_requested()) {
          const std::int64_t order = ++next_;
          if (order > orders)
            return;
          const auto answer = client->post("/v1/payments", paying_clients::payment_of(order));
          ++(answer && answer->status == 201 ? paid_ : lost_);
          if (!answer)
            client = std::make_unique<http::testing::test_client>(port);
        }
      });
  }
  std::int64_t paid() const { return paid_; }
  std::int64_t lost() const { return lost_; }
  void stop() {
    for (std::jthread& each : threads_)
      each.request_stop();
    threads_.clear();
  }

 private:
  std::atomic<std::int64_t> next_{0}, paid_{0}, lost_{0};
  std::vector<std::jthread> threads_;
};

/// Whether this process has had a payment to settle.
bool has_worked(const server_process& server) {
  const auto page = http::testing::test_client(server.admin_port()).get("/metrics");
  return page && page->body.find("\npaymentd_commands_total 0\n") == std::string::npos;
}

TEST_F(postgres, a_rolling_restart_behind_a_proxy_loses_no_request) {
  ASSERT_TRUE(std::filesystem::exists(haproxy)) << "install what scripts/packages.txt names";
  constexpr std::int64_t orders = 100'000;
  seed(orders);
  std::array servers{serve({"shutdown.drain_delay=1s"}), serve({"shutdown.drain_delay=1s"})};
  const std::uint16_t front = free_port();
  const std::filesystem::path settings = place.path() / "haproxy.cfg";
  std::ofstream(settings) << configuration(front, *servers[0], *servers[1]);
  program proxy({haproxy.string(), "-db", "-f", settings.string()}, place.path() / "haproxy.log");
  ASSERT_TRUE(eventually([&] {
    try {
      const auto answer = http::testing::test_client(front).get("/v1/users/1");
      return answer && answer->status == 200;
    } catch (const std::runtime_error&) {
      return false;
    }
  })) << proxy.output();
  load clients(front, orders);
  for (int restarts = 0; restarts < 4; ++restarts) {
    // The proxy knows again of the one that was restarted before.
    ASSERT_TRUE(eventually([&] { return has_worked(*servers[0]) && has_worked(*servers[1]); }))
        << proxy.output();
    auto& server = servers[static_cast<std::size_t>(restarts % 2)];
    const std::string port = std::to_string(server->port());
    const std::string admin_port = std::to_string(server->admin_port());
    server->process().signal(SIGTERM);
    EXPECT_EQ(server->process().wait().exit_code, 0);
    server = serve({"shutdown.drain_delay=1s", "http.listen=127.0.0.1:" + port,
                    "admin.listen=127.0.0.1:" + admin_port});
  }
  ASSERT_TRUE(eventually([&] { return has_worked(*servers[1]); }));
  clients.stop();
  EXPECT_EQ(clients.lost(), 0);
  EXPECT_GT(clients.paid(), 0);
  EXPECT_EQ(paid(), clients.paid());
  expect_sound();
}

} // namespace
} // namespace paymentd::end_to_end
