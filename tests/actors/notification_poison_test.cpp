// Goal: one message that the API cannot take, or that has lost its order, is FAILED with its
// reason, and those beside it are DELIVERED within the same second, whichever answer comes first.
// Method: as notification_failure_test; answers may take their time.
#include "actors/payment_success.hpp"
#include "failing_delivery.hpp"

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;
using providers::call;
using providers::failure;
using providers::failure_class;

class notification_poison_test : public failing_delivery {
 public:
  /// Lets time pass while every answer takes `latency`, until all is stored; gives how long it
  /// took.
  std::chrono::milliseconds pass_until_all_stored(const std::vector<entry_id>& entries,
                                                  std::chrono::milliseconds latency,
                                                  bool latest_first) {
    constexpr auto step = 1ms;
    const instant since = fixture.on.time();
    provider.hold_answers = true;
    fixture.run();
    const auto stored = [&](entry_id each) { return fixture.store->results.contains(each); };
    while (!std::ranges::all_of(entries, stored) && fixture.on.time() - since < 20s) {
      provider.release_after(latency, latest_first);
      fixture.pass(step, step);
    }
    provider.hold_answers = false;
    while (provider.waiting() > 0)
      provider.release();
    fixture.run();
    return fixture.on.time() - since;
  }
};

TEST_F(notification_poison_test, among_1000_it_is_failed_and_the_others_delivered_in_a_second) {
  fixture.options.delivery.linger = 20ms;
  start_warm();
  for (const auto kind : {failure_class::permanent, failure_class::outage})
    for (const bool latest_first : {false, true})
      for (const std::size_t which : {0u, 400u, 999u}) {
        SCOPED_TRACE(testing::Message() << "class " << static_cast<int>(kind) << ", latest first "
                                        << latest_first << ", message " << which);
        auto paid = fixture.pay(1000);
        const entry_id bad = paid[which];
        provider.on_send = [&](const call& what) {
          if (!has(what, bad))
            return treatment{};
          failure refused = failing(kind, "400 bad parameter");
          refused.refused_content = true;
          return treatment{.accept = false, .says = refused};
        };
        const auto took = pass_until_all_stored(paid, 20ms, latest_first);
        EXPECT_LT(took, 1s);
        EXPECT_EQ(fixture.result_of(bad).status, delivery_status::failed);
        EXPECT_EQ(fixture.result_of(bad).last_error, "400 bad parameter");
        std::erase(paid, bad);
        EXPECT_TRUE(fixture.all_delivered_once(paid));
        EXPECT_TRUE(fixture.status().child_lives);
        provider.on_send = nullptr;
        fixture.pass(2s);
      }
}

TEST_F(notification_poison_test, named_by_the_api_it_is_failed_in_the_one_call_of_all) {
  start_warm();
  auto paid = fixture.pay(1000);
  const entry_id bad = paid[400];
  fail_recipient(bad, failing(failure_class::permanent, "-5000 bad number"));
  EXPECT_LT(pass_until_all_stored(paid, 20ms, false), 1s);
  EXPECT_EQ(provider.sent.size(), 1u);
  EXPECT_EQ(fixture.result_of(bad).status, delivery_status::failed);
  std::erase(paid, bad);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_poison_test,
       lone_messages_that_a_gateway_refuses_are_delivered_once_it_is_mended) {
  start_warm();
  provider.on_send = [](const call&) {
    failure page = failing(failure_class::outage, "HTTP 400 <html>");
    page.refused_content = true;
    return treatment{.accept = false, .says = page};
  };
  std::vector<entry_id> paid;
  for (int i = 0; i < 40; ++i) {
    paid.push_back(fixture.pay(1).front());
    fixture.pass(500ms);
  }
  EXPECT_EQ(fixture.counters->failed, 0u);
  provider.on_send = nullptr;
  fixture.pass(5min);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.counters->failed, 0u);
}

TEST_F(notification_poison_test, a_lone_message_that_is_refused_after_others_passed_is_failed) {
  start_warm();
  const entry_id bad = fixture.pay(1).front();
  provider.on_send = [&](const call& what) {
    failure refused = failing(failure_class::outage, "-4711 on no list");
    refused.refused_content = true;
    return has(what, bad) ? treatment{.accept = false, .says = refused} : treatment{};
  };
  fixture.pass(2s);
  EXPECT_FALSE(fixture.store->results.contains(bad)) << "it may be the API's fault";
  const auto good = fixture.pay(1);
  fixture.pass(2s);
  EXPECT_TRUE(fixture.all_delivered_once(good));
  EXPECT_EQ(fixture.result_of(bad).status, delivery_status::failed);
}

TEST_F(notification_poison_test, one_poisoned_message_among_8_is_found_by_halving) {
  start_warm();
  auto paid = fixture.pay(8);
  provider.on_send = [&](const call& what) {
    if (!has(what, paid[5]))
      return treatment{};
    failure refused = failing(failure_class::permanent, "400 bad parameter");
    refused.refused_content = true;
    return treatment{.accept = false, .says = refused};
  };
  fixture.run();
  EXPECT_EQ(fixture.result_of(paid[5]).status, delivery_status::failed);
  EXPECT_EQ(fixture.result_of(paid[5]).last_error, "400 bad parameter");
  EXPECT_TRUE(fixture.status().child_lives);
  paid.erase(paid.begin() + 5);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_poison_test, poison_in_the_only_claim_of_a_cold_start_is_found_too) {
  fixture.options.delivery.probe_messages = 100;
  fixture.start();
  auto paid = fixture.pay(1000);
  provider.on_send = [&](const call& what) {
    if (!has(what, paid[77]))
      return treatment{};
    failure refused = failing(failure_class::outage, "400 bad parameter");
    refused.refused_content = true;
    return treatment{.accept = false, .says = refused};
  };
  fixture.pass(1s);
  EXPECT_EQ(fixture.result_of(paid[77]).status, delivery_status::failed);
  paid.erase(paid.begin() + 77);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_poison_test, a_call_that_breaks_the_api_does_not_block_the_others) {
  fixture.options.delivery.messages_max = 4;
  start_warm();
  const auto poisoned = fixture.pay(4);
  provider.on_send = [&](const call& what) {
    if (!has(what, poisoned[2]))
      return treatment{};
    return treatment{.accept = false, .says = failing(failure_class::outage, "500")};
  };
  fixture.run();
  std::vector<entry_id> paid;
  for (int i = 0; i < 60; ++i) {
    for (const entry_id each : fixture.pay(2))
      paid.push_back(each);
    fixture.pass(2s);
  }
  for (const entry_id each : paid)
    EXPECT_EQ(fixture.store->times_delivered[each], 1);
  provider.on_send = nullptr;
  fixture.pass(1200s, 1s);
  EXPECT_TRUE(fixture.all_delivered_once(poisoned));
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_poison_test, a_message_whose_order_is_gone_is_failed_and_nobody_waits) {
  start_warm();
  for (const std::size_t count : {1u, 5u, 40u}) {
    auto paid = fixture.pay(static_cast<int>(count), false);
    const entry_id gone = paid[count / 2];
    fixture.store->lost.insert(gone);
    fixture.tell(payment_success{fixture.stream, paid.back()});
    fixture.pass(3s);
    EXPECT_EQ(fixture.result_of(gone).status, delivery_status::failed);
    EXPECT_EQ(fixture.result_of(gone).last_error, "its order is gone");
    std::erase(paid, gone);
    EXPECT_TRUE(fixture.all_delivered_once(paid));
    EXPECT_EQ(provider.times_accepted(gone), 0);
  }
  EXPECT_EQ(fixture.status().restarts, 0u);
}

TEST_F(notification_poison_test, what_was_sent_before_its_order_was_gone_is_looked_up) {
  start_warm();
  provider.hold_answers = true;
  auto paid = fixture.pay(4);
  fixture.run();
  fixture.store->lost.insert(paid[1]);
  ASSERT_TRUE(fixture.kill());
  provider.hold_answers = false;
  fixture.pass(25min, 100ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid)) << "the provider has had it";
}

} // namespace
} // namespace paymentd::actors::test
