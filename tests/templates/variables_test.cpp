// Goal: the fallback's text says the same values as the template. Method: texts with variables that
// are there, that are not, and that are cut off.
#include "templates/variables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::templates {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class variables : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(plan_.set("주문번호", "{order.reference}"));
    ASSERT_TRUE(plan_.set("금액", "{order.finalAmount:won}"));
  }
  message_plan plan_;
  const std::vector<std::string> values_{"A-1", "10,000원"};
};

TEST_F(variables, are_filled_in_and_other_names_stand_as_they_are) {
  EXPECT_EQ(filled_in("주문 #{주문번호}: #{금액}", plan_, values_), "주문 A-1: 10,000원");
  EXPECT_EQ(filled_in("#{금액}#{금액}", plan_, values_), "10,000원10,000원");
  EXPECT_EQ(filled_in("#{no} #{ #{금액} #{금액", plan_, values_), "#{no} #{ 10,000원 #{금액");
  EXPECT_EQ(filled_in("", plan_, values_), "");
}

TEST_F(variables, leave_the_part_that_every_message_has) {
  EXPECT_EQ(fixed_part("주문 #{주문번호}: #{no}!", plan_), "주문 : #{no}!");
}

TEST_F(variables, that_are_no_parameters_are_named) {
  EXPECT_THAT(unknown_variables("#{주문번호} #{no} #{금액}#{또}", plan_), ElementsAre("no", "또"));
  EXPECT_THAT(unknown_variables("주문 #{금액", plan_), IsEmpty());
}

} // namespace
} // namespace paymentd::templates
