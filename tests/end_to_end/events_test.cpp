// Goal: clients that follow the events of two processes on one PostgreSQL database see each of them
// once, in whichever process they ask, while one is killed, another one comes, and they themselves
// come and go. Method: real processes under a load of payments and refunds; clients that resume
// with the last id that they saw, by turns at each process. Then what they saw is compared with the
// ledger.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <atomic>
#include <csignal>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;
using http::testing::get_text;
using http::testing::test_client;
using nlohmann::json;

/// The events that one client saw, in their order.
class seen {
 public:
  void note(const json& event) {
    ids_.push_back(event["id"]);
    count_ = ids_.size();
  }
  /// Any thread; the rest once its client has ended.
  std::size_t count() const { return count_; }
  void expect_each_once(const std::vector<std::string>& ledger) const {
    const std::set<std::string> different(ids_.begin(), ids_.end());
    EXPECT_EQ(different.size(), ids_.size()) << "something was seen twice";
    std::vector<std::string> missing;
    const std::set<std::string> all(ledger.begin(), ledger.end());
    std::ranges::set_difference(all, different, std::back_inserter(missing));
    EXPECT_EQ(missing, std::vector<std::string>{}) << "the last seen is " << ids_.back();
    EXPECT_EQ(different.size(), all.size());
  }

 private:
  std::vector<std::string> ids_;
  std::atomic<std::size_t> count_{0};
};

/// The ports of the processes that may be asked; some of them may be gone.
class addresses {
 public:
  void add(std::uint16_t port) {
    const std::lock_guard lock(guard_);
    ports_.push_back(port);
  }
  std::uint16_t at(std::size_t turn) const {
    const std::lock_guard lock(guard_);
    return ports_[turn % ports_.size()];
  }

 private:
  mutable std::mutex guard_;
  std::vector<std::uint16_t> ports_;
};

/// One connection: reads events until it ends, or `most` of them came. Gives the last id.
std::string read_stream(test_client& client, std::string last, std::size_t most, seen& into,
                        const std::stop_token& stop) {
  client.send(get_text("/v1/events?from=start",
                       last.empty() ? std::string{} : "Last-Event-ID: " + last + "\r\n"));
  const auto head = client.receive();
  if (!head || head->status != 200)
    return last;
  for (std::size_t got = 0; got < most && !stop.stop_requested();) {
    auto block = client.read_until("\n\n", 200ms);
    if (!block) {
      if (client.ended(1ms))
        break;
      continue;
    }
    std::string id;
    while (!block->empty()) {
      const std::string line = block->substr(0, block->find('\n'));
      block->erase(0, line.size() + 1);
      if (line.starts_with("id: "))
        id = line.substr(4);
      if (line.starts_with("data: ")) {
        into.note(json::parse(line.substr(6)));
        ++got;
      }
    }
    last = id.empty() ? last : id;
  }
  return last;
}

/// A client that follows until it is stopped: now here, now there.
void follow(const addresses& servers, std::size_t own, seen& into, const std::stop_token& stop) {
  std::string last;
  for (std::size_t turn = own; !stop.stop_requested(); ++turn) {
    try {
      test_client client(servers.at(turn));
      // Some stay for long, others hardly begin.
      last = read_stream(client, last, 10 + 300 * (turn % 7), into, stop);
    } catch (const std::exception&) {
      wait_a_little(); // that one is gone
    }
  }
}

/// One that polls, likewise.
void poll(const addresses& servers, seen& into, const std::stop_token& stop) {
  std::string from = "start";
  for (std::size_t turn = 0; !stop.stop_requested(); ++turn) {
    try {
      test_client client(servers.at(turn));
      client.send(get_text("/v1/events?limit=100&cursor=" + from, "Accept: application/json\r\n"));
      const auto answer = client.receive();
      if (!answer || answer->status != 200)
        continue;
      const json page = json::parse(answer->body);
      for (const json& each : page["items"])
        into.note(each);
      from = page["nextCursor"];
    } catch (const std::exception&) {
      wait_a_little();
    }
  }
}

TEST_F(postgres, clients_see_each_event_once_while_processes_come_and_go) {
  constexpr std::int64_t orders = 3'000;
  constexpr std::size_t followers = 5;
  seed(orders);
  auto dying = serve();
  const auto living = serve();
  addresses servers;
  servers.add(dying->port());
  servers.add(living->port());
  std::vector<seen> saw(followers + 1);
  std::vector<std::jthread> clients;
  for (std::size_t i = 0; i < followers; ++i)
    clients.emplace_back([&, i](const std::stop_token& stop) { follow(servers, i, saw[i], stop); });
  clients.emplace_back([&](const std::stop_token& stop) { poll(servers, saw.back(), stop); });

  told answers;
  auto paying = std::make_unique<paying_clients>(
      std::vector<const server_process*>{living.get(), dying.get(), living.get(), dying.get()},
      orders, answers);
  ASSERT_TRUE(eventually([&] { return answers.count(201) > 300 && saw[0].count() > 100; }));
  dying->process().signal(SIGKILL);
  dying->process().wait();
  const auto next = serve(); // writes a stream of its own, or takes the dead one's over
  servers.add(next->port());
  {
    auto client = next->client();
    for (std::int64_t order = 1; order <= 100; ++order)
      client.post("/v1/orders/" + std::to_string(order) + "/refund", R"({"amount":1})");
  }
  ASSERT_TRUE(eventually([&] { return answers.count(201) > 900; }));
  paying->stop();

  const auto ledger =
      cluster.sql(database, "select id::text from paymentd.ledger_entries where kind in (1, 2)");
  ASSERT_GT(ledger.size(), 900u);
  EXPECT_TRUE(eventually([&] {
    return std::ranges::all_of(saw,
                               [&](const seen& each) { return each.count() >= ledger.size(); });
  }));
  clients.clear();
  EXPECT_GT(number("select count(*) from paymentd.streams"), 1);
  for (const seen& each : saw)
    each.expect_each_once(ledger);
}

TEST_F(postgres, a_stop_is_not_held_up_by_those_who_follow) {
  const auto server = serve();
  auto client = server->client();
  client.send(get_text("/v1/events"));
  ASSERT_EQ(client.receive()->status, 200);
  ASSERT_TRUE(client.read_until("\n\n"));
  server->process().signal(SIGTERM);
  EXPECT_EQ(server->process().wait(8s).exit_code, 0); // a drain would wait 10 s for a request
  EXPECT_TRUE(client.closed());
}

} // namespace
} // namespace paymentd::end_to_end
