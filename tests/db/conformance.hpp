// The common part of the tests of every store: a migrated database, a lane with its stream, and
// short ways to settle, deliver and audit.
#pragma once

#include "db/recent_events.hpp"
#include "tests/db/fresh_database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::db {

inline constexpr instant start{std::chrono::milliseconds{1'700'000'000'000}};

/// The value, or a test failure that tells the error.
template <class T>
T must(result<T> given) {
  if (!given)
    throw std::runtime_error("error " + std::to_string(static_cast<int>(given.error().kind)) +
                             ": " + given.error().text);
  if constexpr (!std::is_void_v<T>)
    return *std::move(given);
}

template <class T>
std::optional<error_kind> kind_of(const result<T>& given) {
  return given ? std::nullopt : std::optional(given.error().kind);
}

class conformance : public testing::TestWithParam<store_kind> {
 protected:
  void SetUp() override;

  std::unique_ptr<database> open(const std::string& owner = "test");
  /// Lets go of every connection and opens the database anew, as a restart would.
  void reopen();

  std::vector<outcome> settle(const std::vector<command>& batch);
  template <class Outcome>
  Outcome settle_one(const command& one) {
    return std::get<Outcome>(settle({one}).at(0));
  }
  user new_user(std::int64_t balance);
  order new_order(user_id owner, std::int64_t total, std::int64_t discount = 0);
  /// A user with as many orders, all paid in one batch.
  std::vector<order> paid_orders(int count);
  template <class Found, class Query>
  Found read(Query asked) {
    const std::vector<query> queries{asked};
    return std::get<Found>(must(lane_->read(queries)).at(0));
  }

  /// The connection that delivers: the lane's where the store has one writer.
  store& deliverer() { return *lane_; }
  subscriber_id subscribe(const std::string& name = "alimtalk", bool payments = true,
                          bool refunds = false);
  /// The lease under which a subscriber is told of what the lane wrote.
  stream_lease delivers(subscriber_id subscriber);
  delivery_step step(subscriber_id subscriber, int open_max = 0, int messages_max = 1000);
  delivery_answer deliver(const delivery_step& step) {
    return must(deliverer().deliver(step, now_));
  }
  std::vector<claim> open_claims(subscriber_id subscriber) {
    return must(deliverer().open_claims(subscriber, delivers(subscriber), now_));
  }

  /// Goes on at a time at which the events of what was settled are read again, not remembered.
  void pass_memory() { now_ += 2 * recent_events::kept_for; }

  std::vector<std::string> breaches();

  std::unique_ptr<fresh_database> fresh_;
  std::unique_ptr<database> database_;
  std::unique_ptr<store> lane_;
  std::map<subscriber_id, std::string> names_; // of subscribers
  instant now_ = start;
  bool reads_user_ = false; // of what `open` and `reopen` open
};

/// Results of all messages of a claim.
ended_claim end_as(const claim& of, delivery_status status, instant next_attempt = {});
std::vector<entry_id> entries_of(const claim& of);

inline std::string name_of_store(const testing::TestParamInfo<store_kind>& info) {
  return info.param.name;
}

} // namespace paymentd::db
