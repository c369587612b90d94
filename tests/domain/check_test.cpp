// Goal: a bug ends the process with a line that names it, and what holds costs nothing.
// Method: death tests.
#include "domain/check.hpp"
#include "domain/decide.hpp"
#include "domain/plan_delivery.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

TEST(check, what_holds_goes_on) {
  check(1 + 1 == 2, "sums add up");
}

TEST(check_death_test, what_does_not_hold_ends_the_process_and_says_where) {
  EXPECT_DEATH(check(false, "sums add up"),
               "check_test.cpp:[0-9]+: this must hold and does not: sums add up");
}

TEST(check_death_test, a_batch_is_decided_on_sorted_rows_alone) {
  snapshot state{};
  state.orders.resize(2);
  state.orders[0].id = {2};
  state.orders[1].id = {1};
  EXPECT_DEATH(decide({}, std::move(state), {}), "orders stand by rising id");
}

TEST(check_death_test, a_step_is_planned_on_entries_behind_the_cursor_alone) {
  delivery_step step;
  delivery_view view{.position = 5, .seen_to = 5};
  view.ahead.emplace_back().event.entry = {5};
  EXPECT_DEATH(plan_delivery(step, std::move(view), {}), "messages stand behind the cursor");
}

} // namespace
} // namespace paymentd
