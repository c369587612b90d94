// Goal: a request under an Idempotency-Key is done once, however often and by whichever process it
// is sent, and whatever dies meanwhile. Method: a thousand payments, charges and refunds in parts,
// each sent three times by each of two clients to two processes, until it has a success; SIGKILL
// for one process, an immediate stop for the server. Then the answers of a key are compared with
// each other and the ledger with what was asked.
#include "tests/end_to_end/postgres_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <random>

namespace paymentd::end_to_end {
namespace {

using http::testing::test_answer;
using http::testing::test_client;

struct request {
  std::string path;
  std::string body;
  std::string key;
};

/// The successes that were given for each key.
class successes {
 public:
  void note(const std::string& key, const test_answer& answer) {
    const std::lock_guard lock(guard_);
    of_[key].push_back(answer);
    ++count_;
  }
  std::size_t count() const { return count_; }
  /// Each key has `times` of them, all the same, and at most one that was not a replay.
  void expect_one_answer_a_key(std::size_t keys, std::size_t times) const {
    EXPECT_EQ(of_.size(), keys);
    for (const auto& [key, answers] : of_) {
      EXPECT_EQ(answers.size(), times) << key;
      std::set<std::string> different;
      for (const test_answer& each : answers)
        different.insert(std::to_string(each.status) + each.field("location") + each.body);
      EXPECT_EQ(different.size(), 1u) << key;
      EXPECT_LE(std::ranges::count(
                    answers, "", [](const auto& one) { return one.field("idempotent-replayed"); }),
                1)
          << key;
    }
  }

 private:
  mutable std::mutex guard_;
  std::map<std::string, std::vector<test_answer>> of_;
  std::atomic<std::size_t> count_{0};
};

/// Sends requests to the first of its servers, and to the next one where that is gone.
class persistent_client {
 public:
  explicit persistent_client(std::vector<std::uint16_t> ports) : ports_(std::move(ports)) {}

  /// Until there is a success. Nothing where something else than an outage is answered.
  std::optional<test_answer> send(const request& what) {
    for (;;) {
      const auto answer = try_once(what);
      if (answer && answer->status < 300)
        return answer;
      const bool may_pass = !answer || answer->status == 503 || answer->status == 504;
      EXPECT_TRUE(may_pass) << what.key << ' ' << answer->status << answer->body;
      if (!may_pass)
        return std::nullopt;
      wait_a_little();
    }
  }

 private:
  std::optional<test_answer> try_once(const request& what) {
    try {
      if (!client_)
        client_.emplace(ports_.front());
    } catch (const std::exception&) {
      std::ranges::rotate(ports_, ports_.begin() + 1);
      return std::nullopt;
    }
    auto answer = client_->post(what.path, what.body, "Idempotency-Key: \"" + what.key + "\"\r\n");
    if (!answer)
      client_.reset();
    return answer;
  }
  std::vector<std::uint16_t> ports_;
  std::optional<test_client> client_;
};

/// Payments of orders 1 to 400, two refunds in parts of each of 401 to 550, which are paid, and 300
/// charges.
std::vector<request> thousand_requests() {
  std::vector<request> all;
  for (std::int64_t id = 1; id <= 400; ++id)
    all.push_back({"/v1/payments", paying_clients::payment_of(id), "pay-" + std::to_string(id)});
  for (std::int64_t id = 401; id <= 550; ++id)
    for (const std::string part : {"1", "2"})
      all.push_back({"/v1/orders/" + std::to_string(id) + "/refund",
                     R"({"amount":)" + part + R"(,"reason":"a part"})",
                     "refund-" + std::to_string(id) + "-" + part});
  for (std::int64_t n = 1; n <= 300; ++n)
    all.push_back({"/v1/users/" + std::to_string(1 + n % users) + "/charges", R"({"amount":7})",
                   "charge-" + std::to_string(n)});
  return all;
}

TEST_F(postgres, a_request_under_a_key_is_done_once_while_a_process_and_then_the_server_die) {
  seed(700);
  const auto living = serve();
  const auto dying = serve();
  {
    auto client = living->client();
    ASSERT_EQ(pay_orders(client, 401, 700, users).size(), 300u);
  }
  constexpr std::size_t clients = 2;
  constexpr std::size_t times = 3;
  const std::vector<request> all = thousand_requests();
  successes given;
  std::vector<std::jthread> threads;
  for (std::size_t n = 0; n < clients; ++n)
    threads.emplace_back([&, n] {
      std::vector<std::uint16_t> ports{living->port(), dying->port()};
      std::ranges::rotate(ports, ports.begin() + static_cast<std::ptrdiff_t>(n));
      persistent_client client(ports);
      // Both are near the same request most of the time, so that they meet.
      for (const request& each : all)
        for (std::size_t time = 0; time < times; ++time)
          if (const auto answer = client.send(each))
            given.note(each.key, *answer);
    });
  ASSERT_TRUE(eventually([&] { return given.count() > 1'000; }));
  dying->process().signal(SIGKILL);
  const std::size_t before = given.count();
  ASSERT_TRUE(eventually([&] { return given.count() > before + 500; }));
  cluster.crash();
  cluster.start();
  threads.clear();
  given.expect_one_answer_a_key(all.size(), clients * times);
  const std::string of_kind = "select count(*) from paymentd.ledger_entries where kind = ";
  EXPECT_EQ(number(of_kind + "1"), 700);
  EXPECT_EQ(number(of_kind + "2"), 300);
  EXPECT_EQ(number("select count(*) from paymentd.orders where refunded = 3 and status = 1"), 150);
  EXPECT_EQ(number(of_kind + "0 and amount = 7"), 300);
  EXPECT_EQ(number("select count(*) from paymentd.idempotency_keys"), 600);
  EXPECT_EQ(number("select count(*) from paymentd.orders where pay_key is not null"), 400);
  expect_sound();
}

TEST(idempotency, a_charge_whose_answer_was_lost_with_the_process_is_given_again_after_a_restart) {
  const workplace place;
  ASSERT_EQ(place
                .run({"seed", "--set", "database.url=" + place.database_url(), "--users", "10",
                      "--orders", "1"})
                .exit_code,
            0);
  std::map<std::string, std::string> first;
  for (int life = 0; life < 4; ++life) {
    server_process server(place);
    persistent_client client({server.port()});
    for (int n = 0; n < 50; ++n) {
      const std::string key = std::to_string(n);
      const auto answer = client.send({"/v1/users/1/charges", R"({"amount":1})", key});
      ASSERT_TRUE(answer);
      EXPECT_EQ(first.try_emplace(key, answer->body).first->second, answer->body);
    }
    // One more that nobody hears of any more.
    auto unheard = server.client();
    unheard.send(http::testing::post_text("/v1/users/1/charges", R"({"amount":1})",
                                          "Idempotency-Key: unheard\r\n"));
    server.process().signal(SIGKILL);
    server.process().wait();
  }
  server_process server(place);
  persistent_client client({server.port()});
  EXPECT_TRUE(client.send({"/v1/users/1/charges", R"({"amount":1})", "unheard"}));
  EXPECT_EQ(place.number("select balance from users where id = 1"), 51);
  EXPECT_EQ(place.audit().exit_code, 0) << place.audit().output;
}

} // namespace
} // namespace paymentd::end_to_end
