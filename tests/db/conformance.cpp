#include "tests/db/conformance.hpp"

namespace paymentd::db {

void conformance::SetUp() {
  fresh_ = GetParam().make();
  database_ = open();
  must(database_->migrate(now_));
  lane_ = must(database_->connect());
  must(lane_->take_stream(now_));
}

std::unique_ptr<database> conformance::open(const std::string& owner) {
  return must(open_database({.url = fresh_->url(), .owner = owner, .reads_user = reads_user_}));
}

void conformance::reopen() {
  lane_.reset();
  database_.reset();
  database_ = open();
  lane_ = must(database_->connect());
  must(lane_->take_stream(now_));
}

std::vector<outcome> conformance::settle(const std::vector<command>& batch) {
  return must(lane_->settle(batch, now_));
}

user conformance::new_user(std::int64_t balance) {
  return settle_one<user>(create_user{"01012345678", {balance}});
}

order conformance::new_order(user_id owner, std::int64_t total, std::int64_t discount) {
  return settle_one<order>(create_order{owner, {total}, {discount}, std::nullopt});
}

std::vector<order> conformance::paid_orders(int count) {
  const auto owner = new_user(1'000'000);
  const std::vector<command> creates(static_cast<std::size_t>(count),
                                     create_order{owner.id, {100}, {0}, std::nullopt});
  std::vector<command> pays;
  for (const auto& made : settle(creates))
    pays.emplace_back(pay{std::get<order>(made).id, owner.id});
  std::vector<order> paid;
  for (const auto& one : settle(pays))
    paid.push_back(std::get<order>(one));
  return paid;
}

subscriber_id conformance::subscribe(const std::string& name, bool payments, bool refunds) {
  const auto id = must(deliverer().subscribe(name, payments, refunds, now_)).id;
  names_[id] = name;
  return id;
}

stream_lease conformance::delivers(subscriber_id subscriber) {
  std::vector<std::string> names;
  for (const auto& [id, name] : names_)
    names.push_back(name);
  const std::vector written{lane_->lease().stream};
  for (const auto& each : must(deliverer().lease_deliveries(names, written, 100, now_)))
    if (each.subscriber == names_[subscriber] && each.stream.stream == written[0])
      return each.stream;
  return lane_->lease();
}

delivery_step conformance::step(subscriber_id subscriber, int open_max, int messages_max) {
  delivery_step made;
  made.subscriber = subscriber;
  made.stream = delivers(subscriber);
  made.open_max = open_max;
  made.messages_max = messages_max;
  return made;
}

std::vector<std::string> conformance::breaches() {
  std::vector<std::string> lines;
  const auto found =
      must(database_->audit([&](std::string_view line) { lines.emplace_back(line); }));
  EXPECT_EQ(found.breaches, std::ssize(lines));
  return lines;
}

ended_claim end_as(const claim& of, delivery_status status, instant next_attempt) {
  ended_claim ended{of.id, {}};
  for (const auto& one : of.messages) {
    delivery_result result;
    result.entry = one.event.entry;
    result.status = status;
    result.attempts = one.attempts + 1;
    if (status == delivery_status::delivered)
      result.provider_message_id = "message-" + std::to_string(one.event.entry.value);
    else
      result.last_error = "refused";
    result.next_attempt = next_attempt;
    ended.results.push_back(result);
  }
  return ended;
}

std::vector<entry_id> entries_of(const claim& of) {
  std::vector<entry_id> entries;
  for (const auto& one : of.messages)
    entries.push_back(one.event.entry);
  return entries;
}

} // namespace paymentd::db
