// The common part of the tests of PostgreSQL alone: a migrated database in the program's cluster,
// lanes of several processes on it, and a user with orders.
#pragma once

#include "tests/db/conformance.hpp"
#include "tests/support/postgres_cluster.hpp"

#include <cstring>

namespace paymentd::db {

class postgres_test : public testing::Test {
 protected:
  using milliseconds = std::chrono::milliseconds;

  void SetUp() override { must(open("setup")->migrate(start)); }

  postgres_cluster& cluster() { return postgres_cluster::shared(); }
  std::string url() { return cluster().url(name_); }
  std::vector<std::string> sql(const std::string& text) { return cluster().sql(name_, text); }

  std::unique_ptr<database> open(const std::string& owner) { return open(owner, url()); }
  std::unique_ptr<database> open(const std::string& owner, const std::string& url) {
    return must(open_database({.url = url, .owner = owner, .lease = lease_}));
  }
  /// A lane with its stream, as a process of its own would have it.
  std::unique_ptr<store> lane(const std::string& owner) { return lane(owner, url()); }
  std::unique_ptr<store> lane(const std::string& owner, const std::string& url) {
    auto made = must(open(owner, url)->connect());
    must(made->take_stream(start));
    return made;
  }

  /// One user with `count` orders of 100 won each and the money for all of them.
  std::vector<command> payable(store& on, int count) {
    const auto who = std::get<user>(
        must(on.settle(std::vector<command>{create_user{"01012345678", {1'000'000'000}}}, start))
            .at(0));
    const std::vector<command> creates(static_cast<std::size_t>(count),
                                       create_order{who.id, {100}, {0}, std::nullopt});
    std::vector<command> pays;
    for (const auto& made : must(on.settle(creates, start)))
      pays.emplace_back(pay{std::get<order>(made).id, who.id});
    return pays;
  }

  /// As many payments of whose messages "alimtalk" was to be told, and which have FAILED.
  std::vector<entry_id> failed_messages(store& on, int count) {
    delivery_step step;
    step.subscriber = must(on.subscribe("alimtalk", true, false, start)).id;
    must(on.settle(payable(on, count), start));
    const std::vector<std::string> names{"alimtalk"};
    const std::vector written{on.lease().stream};
    step.stream = must(on.lease_deliveries(names, written, 1, start)).at(0).stream;
    step.open_max = 1;
    step.messages_max = count;
    const claim all = must(on.deliver(step, start)).claims.at(0);
    step.open_max = 0;
    step.ended = {end_as(all, delivery_status::failed)};
    must(on.deliver(step, start));
    return entries_of(all);
  }
  /// That the message of an entry be tried again, under a key of its own.
  static delivery_retry retry_under_key(entry_id entry) {
    delivery_retry made{{"alimtalk", entry}};
    made.key.emplace().body = entry.value;
    std::memcpy(made.key->digest.data(), &entry.value, sizeof entry.value);
    return made;
  }

  std::string paid_orders() {
    return sql("select count(*) from paymentd.orders where status = 1").at(0);
  }
  std::vector<std::string> breaches() {
    std::vector<std::string> lines;
    must(open("audit")->audit([&](std::string_view line) { lines.emplace_back(line); }));
    return lines;
  }
  /// All leases are over, as if their owners had died some time ago; but this one's.
  void end_leases(const std::string& but = "") {
    sql("update paymentd.streams set lease_until = now() - interval '1 s' where owner <> '" + but +
        "'");
    sql("update paymentd.processes set lease_until = now() - interval '1 s' where owner <> '" +
        but + "'");
  }

  const std::string name_ = cluster().create_database();
  milliseconds lease_{4000}; // its limits are the shortest that there are
};

} // namespace paymentd::db
