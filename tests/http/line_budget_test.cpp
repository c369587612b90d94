// Goal: however often something fails, the log has a few lines a second, and the number of the
// others. Method: the budget alone, on a clock that the test moves.
#include "http/line_budget.hpp"

#include <gtest/gtest.h>

namespace paymentd::http {
namespace {

using namespace std::chrono_literals;

TEST(line_budget, a_flood_leaves_a_few_lines_a_second_and_the_number_of_the_others) {
  line_budget budget;
  steady_instant now{1h};
  for (int line = 0; line < line_budget::lines_a_second; ++line)
    EXPECT_EQ(budget.take(now), 0u);
  for (int line = 0; line < 1000; ++line)
    EXPECT_EQ(budget.take(now += 100us), std::nullopt);
  now += 1s;
  EXPECT_EQ(budget.take(now), 1000u);
  EXPECT_EQ(budget.take(now), 0u) << "told once";
}

} // namespace
} // namespace paymentd::http
