// The payment that the tests of templates tell of.
#pragma once

#include "domain/event.hpp"

namespace paymentd::templates {

/// 2026-11-22 23:05:59 in Korea, a Sunday.
inline constexpr instant evening_in_korea =
    std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + std::chrono::hours{14} +
    std::chrono::minutes{5} + std::chrono::seconds{59};

inline payment_event example_event() {
  return {.entry = {17},
          .order = {1},
          .user = {2},
          .phone = "01012345678",
          .coupon = coupon_id{7},
          .total = {12'000},
          .discount = {2'000},
          .ordered_at = evening_in_korea - std::chrono::minutes{1},
          .at = evening_in_korea,
          .reference = "A-1001",
          .metadata = R"({"title":"커피 원두 1kg","gift":"","a.b-c_d":"\"인용\"\n둘째 줄"})",
          .user_reference = "member-2",
          .user_metadata = R"({"name":"홍길동"})"};
}

} // namespace paymentd::templates
