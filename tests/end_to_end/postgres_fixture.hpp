// The common part of the end-to-end tests on PostgreSQL: a cluster of the test's own with a seeded
// database, real paymentd processes on it, a message API in this process, and a comparison of what
// clients were told with what is there.
#pragma once

#include "tests/end_to_end/server_process.hpp"
#include "tests/support/postgres_cluster.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

namespace paymentd::end_to_end {

/// Of the seed: order i belongs to user 1 + i % users.
inline constexpr std::int64_t users = 10;

/// The answers to clients for each order that they paid, each once.
class told {
 public:
  void note(std::int64_t order, const http::testing::test_answer& answer) {
    const std::lock_guard lock(guard_);
    answers_.insert_or_assign(order, answer);
  }
  std::map<std::int64_t, http::testing::test_answer> all() const {
    const std::lock_guard lock(guard_);
    return answers_;
  }
  /// How many were answered with this status.
  std::int64_t count(int status) const {
    const std::lock_guard lock(guard_);
    return std::ranges::count_if(answers_,
                                 [&](const auto& one) { return one.second.status == status; });
  }

 private:
  mutable std::mutex guard_;
  std::map<std::int64_t, http::testing::test_answer> answers_;
};

/// Clients that pay order after order, each its own, until they are stopped or have paid all.
class paying_clients {
 public:
  paying_clients(std::vector<const server_process*> servers, std::int64_t orders, told& into) {
    const auto count = std::ssize(servers);
    for (std::int64_t i = 0; i < count; ++i)
      threads_.emplace_back(
          [=, &into, server = servers[static_cast<std::size_t>(i)]](const std::stop_token& stop) {
            auto client = server->client();
            for (std::int64_t id = i + 1; id <= orders && !stop.stop_requested(); id += count) {
              const auto answer = client.post("/v1/payments", payment_of(id));
              if (!answer)
                return; // the server is gone
              into.note(id, *answer);
            }
          });
  }
  static std::string payment_of(std::int64_t order) {
    return nlohmann::json{{"orderId", order}, {"userId", 1 + order % users}}.dump();
  }
  /// Ends them after the answers that they wait for.
  void stop() {
    for (std::jthread& each : threads_)
      each.request_stop();
    threads_.clear();
  }

 private:
  std::vector<std::jthread> threads_;
};

class postgres : public ::testing::Test {
 protected:
  explicit postgres(
      std::unique_ptr<db::postgres_cluster> own = std::make_unique<db::postgres_cluster>())
      : cluster_(std::move(own)) {}

  /// Where paymentd finds its database.
  virtual std::string url() const { return cluster.url(database); }
  /// The cluster that is asked what is there.
  virtual const db::postgres_cluster& present() const { return cluster; }

  void seed(std::int64_t orders) {
    const ended seeded =
        place.run({"seed", "--set", url_set(), "--users", std::to_string(users), "--orders",
                   std::to_string(orders), "--balance", "1000000", "--amount", "10"});
    ASSERT_EQ(seeded.exit_code, 0) << seeded.output;
  }
  std::string url_set() const { return "database.url=" + url(); }

  std::unique_ptr<server_process> serve(const std::vector<std::string>& more = {}) {
    auto sets = sent_to(api);
    sets.push_back(url_set());
    sets.emplace_back("notification.lease=2s");
    sets.insert(sets.end(), more.begin(), more.end());
    return std::make_unique<server_process>(place, sets);
  }
  std::int64_t number(const std::string& sql) const {
    return std::stoll(present().sql(database, sql).at(0));
  }
  std::int64_t paid() const {
    return number("select count(*) from paymentd.orders where status = 1");
  }
  std::int64_t delivered() const {
    return number("select count(*) from paymentd.deliveries where status = 1");
  }
  void expect_sound() {
    const ended audit = place.run({"audit", "--set", url_set()});
    EXPECT_EQ(audit.exit_code, 0) << audit.output;
  }
  /// Every payment's message was accepted, once.
  void expect_all_arrive_once(std::int64_t count) {
    ASSERT_TRUE(eventually([&] { return delivered() == count; })) << delivered() << " of " << count;
    EXPECT_EQ(api.accepted(), static_cast<std::uint64_t>(count));
    EXPECT_EQ(api.distinct(), static_cast<std::uint64_t>(count));
    expect_sound();
  }
  /// The ids of the PAID orders, as text.
  std::set<std::string> paid_ids() const {
    const auto rows =
        present().sql(database, "select id::text from paymentd.orders where status = 1");
    return {rows.begin(), rows.end()};
  }
  /// Each of `answered` is PAID.
  void expect_paid(const std::vector<std::int64_t>& answered) const {
    const auto there = paid_ids();
    for (const std::int64_t id : answered)
      EXPECT_TRUE(there.contains(std::to_string(id))) << id;
  }
  /// 201 only where it happened, 503 only where nothing did, 504 `outcome_unknown` for the rest.
  void expect_true(const told& answers) const {
    const auto there = paid_ids();
    for (const auto& [id, answer] : answers.all()) {
      const bool is_paid = there.contains(std::to_string(id));
      if (answer.status == 201)
        EXPECT_TRUE(is_paid) << id;
      else if (answer.status == 503)
        EXPECT_FALSE(is_paid) << id << answer.body;
      else
        EXPECT_EQ(code_of(answer), "outcome_unknown") << id << answer.body;
    }
  }
  static std::string code_of(const http::testing::test_answer& answer) {
    return nlohmann::json::parse(answer.body).value("code", std::string{});
  }
  /// Whether a session of paymentd waits for the lock of a row in such a statement.
  bool one_waits_for_a_user() const { return one_waits_in("from users"); }
  bool one_waits_for_an_order() const { return one_waits_in("update orders"); }

 private:
  bool one_waits_in(const std::string& statement) const {
    return number("select count(*) from pg_stat_activity where application_name = 'paymentd' and "
                  "wait_event_type = 'Lock' and query like '%" +
                  statement + "%'") > 0;
  }

  std::unique_ptr<db::postgres_cluster> cluster_;

 protected:
  db::postgres_cluster& cluster = *cluster_;
  std::string database = cluster.create_database();
  workplace place;
  providers::fake_alimtalk api;
};

} // namespace paymentd::end_to_end
