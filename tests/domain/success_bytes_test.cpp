// Goal: what is kept for an idempotency key comes back as it was, and nothing else is taken for it.
// Method: round trips with extreme values, and every prefix of good bytes.
#include "domain/success_bytes.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

const instant at{std::chrono::milliseconds{1'763'787'843'021}};

std::vector<success> examples() {
  const entry_id last{safe_integer_max};
  return {
      user{.id = {1}, .phone = "01012345678", .balance = {0}, .last_sequence = 0, .created_at = at},
      user{.id = {safe_integer_max},
           .phone = "",
           .balance = won_max,
           .last_sequence = safe_integer_max,
           .created_at = instant{}},
      order{.id = {1},
            .owner = {2},
            .coupon = std::nullopt,
            .total = {12'000},
            .discount = {2'000},
            .status = order_status::pending,
            .payment_entry = std::nullopt,
            .refund_entry = std::nullopt,
            .created_at = at,
            .updated_at = at},
      order{.id = {safe_integer_max},
            .owner = {safe_integer_max},
            .coupon = coupon_id{safe_integer_max},
            .total = won_max,
            .discount = won_max,
            .status = order_status::refunded,
            .payment_entry = last,
            .refund_entry = last,
            .created_at = at,
            .updated_at = at + std::chrono::milliseconds{1},
            .refunded = won_max},
      ledger_entry{.id = {1},
                   .user = {2},
                   .sequence = 3,
                   .order = std::nullopt,
                   .kind = entry_kind::charge,
                   .amount = {1},
                   .balance_after = {1},
                   .created_at = at},
      ledger_entry{.id = last,
                   .user = {safe_integer_max},
                   .sequence = safe_integer_max,
                   .order = order_id{safe_integer_max},
                   .kind = entry_kind::payment,
                   .amount = -won_max,
                   .balance_after = won_max,
                   .created_at = instant{std::chrono::milliseconds{-1}},
                   .reason = "환불"},
  };
}

TEST(success_bytes, a_success_comes_back_as_it_was) {
  for (const success& each : examples()) {
    const std::string bytes = to_bytes(each);
    EXPECT_EQ(success_from_bytes(bytes), each);
    EXPECT_LT(bytes.size(), 120u);
  }
}

TEST(success_bytes, what_is_cut_short_or_goes_on_is_none) {
  for (const success& each : examples()) {
    const std::string bytes = to_bytes(each);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(success_from_bytes(std::string_view(bytes).substr(0, size))) << size;
    EXPECT_FALSE(success_from_bytes(bytes + '\0'));
  }
  EXPECT_FALSE(success_from_bytes("x"));
  EXPECT_FALSE(success_from_bytes("u" + std::string(100, '\xff')));
}

} // namespace
} // namespace paymentd
