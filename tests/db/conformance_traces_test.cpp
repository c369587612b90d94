// Goal: the trace of a request is with its message wherever that is read: ahead of the cursor, in a
// claim that another process left, in a retry, and on a page of events. Method: both stores;
// payments and refunds with and without a trace in one batch, delivered over a restart and after a
// hand has changed what is stored.
#include "tests/db/conformance.hpp"

namespace paymentd::db {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class traces : public conformance {
 protected:
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }

  static trace_context trace(std::uint8_t byte, std::uint8_t flags = 1) {
    trace_context made{.id = {}, .flags = flags};
    made.id.fill(byte); // 0 is a byte of it as any other
    made.id.front() = 0;
    return made;
  }
  static command traced(command what, const trace_context& by) {
    what.trace = by;
    return what;
  }
  static std::vector<trace_context> of(const claim& what) {
    std::vector<trace_context> all;
    for (const message& each : what.messages)
      all.push_back(each.event.trace);
    return all;
  }
};

TEST_P(traces, are_with_the_messages_of_their_requests) {
  const auto who = subscribe("hook", true, true);
  const auto owner = new_user(1000);
  const auto first = new_order(owner.id, 100);
  const auto second = new_order(owner.id, 100);
  const auto third = new_order(owner.id, 100);
  settle({traced(pay{first.id, owner.id}, trace(1)), pay{second.id, owner.id},
          traced(refund{first.id, won{40}, "a part"}, trace(2, 0)),
          traced(charge{owner.id, won{7}}, trace(3)),
          traced(create_order{owner.id, won{5}, won{0}, std::nullopt, true}, trace(4, 3))});
  settle({pay{third.id, owner.id}}); // a batch without any
  const trace_context none;
  const auto opened = deliver(step(who, 1)).claims.at(0);
  EXPECT_THAT(of(opened), ElementsAre(trace(1), none, trace(2, 0), trace(4, 3), none));
  EXPECT_EQ(opened.messages[2].event.reason, "a part");
  EXPECT_EQ(opened.messages[2].event.refund, won{40});
}

TEST_P(traces, are_read_by_another_process_and_with_a_retry) {
  const auto who = subscribe();
  const auto owner = new_user(1000);
  const auto bought = new_order(owner.id, 100);
  settle({traced(pay{bought.id, owner.id}, trace(1))});
  deliver(step(who, 1));
  reopen();
  const auto left = open_claims(who);
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_THAT(of(left[0]), ElementsAre(trace(1)));
  auto ending = step(who);
  ending.ended = {end_as(left[0], delivery_status::pending, now_)};
  deliver(ending);
  const auto again = deliver(step(who, 1));
  ASSERT_THAT(again.claims, SizeIs(1));
  EXPECT_THAT(of(again.claims[0]), ElementsAre(trace(1)));
  EXPECT_EQ(again.claims[0].messages[0].attempts, 1);
}

TEST_P(traces, with_the_users_words_all_columns_stand_in_their_places) {
  const auto who = subscribe();
  reads_user_ = true;
  reopen();
  const auto owner =
      settle_one<user>(create_user{"01012345678", {1000}, "member-2", R"({"name":"kim"})"});
  settle({traced(pay{new_order(owner.id, 100).id, owner.id}, trace(1))});
  const auto opened = deliver(step(who, 1)).claims.at(0);
  EXPECT_THAT(of(opened), ElementsAre(trace(1)));
  EXPECT_EQ(opened.messages[0].event.user_reference, "member-2");
  EXPECT_EQ(opened.messages[0].event.user_metadata, R"({"name":"kim"})");
}

TEST_P(traces, of_a_repeat_under_the_same_key_change_nothing) {
  const auto who = subscribe();
  const auto owner = new_user(1000);
  command payment = traced(pay{new_order(owner.id, 100).id, owner.id}, trace(1));
  payment.key = idempotency_key{.digest = {7}, .body = 1};
  settle({payment});
  payment.trace = trace(2);
  EXPECT_TRUE(std::holds_alternative<replayed>(settle({payment}).at(0)));
  EXPECT_THAT(of(deliver(step(who, 1)).claims.at(0)), ElementsAre(trace(1)));
}

TEST_P(traces, that_a_hand_has_changed_into_something_else_are_none) {
  const auto who = subscribe();
  const auto owner = new_user(1000);
  settle({traced(pay{new_order(owner.id, 100).id, owner.id}, trace(1))});
  fresh_->raw(GetParam().name == "sqlite"
                  ? "update ledger_entries set trace = x'0102'"
                  : "update paymentd.ledger_entries set trace = '\\x0102'::bytea");
  pass_memory();
  const auto opened = deliver(step(who, 1)).claims.at(0);
  EXPECT_THAT(of(opened), ElementsAre(trace_context{}));
  EXPECT_EQ(opened.messages[0].event.user, owner.id);
}

INSTANTIATE_TEST_SUITE_P(stores, traces, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
