// Goal: what is kept for an idempotency key comes back as it was, and nothing else is taken for it.
// Method: round trips with extreme values, and every prefix of good bytes.
#include "domain/success_bytes.hpp"

#include <gtest/gtest.h>

#include <limits>

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
           .created_at = instant{},
           .updated_at = at,
           .reference = "shop-7",
           .metadata = R"({"이름":"김"})"},
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
            .refunded = won_max,
            .reference = std::string(reference_max, '~'),
            .metadata = std::string(metadata_bytes_max, 'x')},
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
                   .reason = "환불",
                   .created_by = "shop"},
  };
}

std::vector<delivery> retried_ones() {
  return {
      delivery{.subscriber = "alimtalk",
               .entry = {1},
               .order = {2},
               .status = delivery_status::pending,
               .attempts = 3,
               .last_error = "-1006 잘못된 번호",
               .provider_message_id = "",
               .next_attempt = at,
               .created_at = at,
               .updated_at = at},
      delivery{.subscriber = std::string(64, 'a'),
               .entry = {safe_integer_max},
               .order = {safe_integer_max},
               .status = delivery_status::failed,
               .attempts = std::numeric_limits<int>::max(),
               .last_error = std::string(500, 'x'),
               .provider_message_id = "m-1",
               .next_attempt = std::nullopt,
               .created_at = instant{},
               .updated_at = at,
               .delivered_at = instant{},
               .channel = message_channel::sms},
      delivery{.subscriber = "alimtalk",
               .entry = {1},
               .order = {2},
               .last_error = "a",
               .provider_message_id = "",
               .next_attempt = std::nullopt,
               .created_at = at,
               .updated_at = at,
               .tries = {{.at = at,
                          .took = std::chrono::milliseconds{30},
                          .outcome = try_outcome::outage,
                          .detail = "연결 거부"},
                         {.at = at, .outcome = try_outcome::undelivered, .detail = "3018"}}},
  };
}

std::size_t texts_of(const delivery& of) {
  std::size_t bytes = of.last_error.size();
  for (const delivery_try& each : of.tries)
    bytes += each.detail.size();
  return bytes;
}

TEST(success_bytes, bytes_of_the_release_before_are_read) {
  // id 1, phone "010", balance 2, sequence 3, created at 4 ms: numbers are doubled.
  const std::string user_bytes{'u', 2, 6, '0', '1', '0', 4, 6, 8};
  const instant created{std::chrono::milliseconds{4}};
  EXPECT_EQ(success_from_bytes(user_bytes), success(user{.id = {1},
                                                         .phone = "010",
                                                         .balance = {2},
                                                         .last_sequence = 3,
                                                         .created_at = created,
                                                         .updated_at = created}));
  // id, user, sequence, order (none), kind CHARGE, amount, balance, time, reason "x"
  const std::string entry_bytes{'e', 2, 4, 6, 0, 0, 8, 10, 8, 2, 'x'};
  EXPECT_EQ(success_from_bytes(entry_bytes), success(ledger_entry{.id = {1},
                                                                  .user = {2},
                                                                  .sequence = 3,
                                                                  .order = std::nullopt,
                                                                  .kind = entry_kind::charge,
                                                                  .amount = {4},
                                                                  .balance_after = {5},
                                                                  .created_at = created,
                                                                  .reason = "x"}));
  // id, user, coupon (none), total, discount, status PENDING, entries (none), times, refunded
  const std::string order_bytes{'o', 2, 4, 0, 10, 2, 0, 0, 0, 8, 8, 0};
  EXPECT_EQ(success_from_bytes(order_bytes), success(order{.id = {1},
                                                           .owner = {2},
                                                           .coupon = std::nullopt,
                                                           .total = {5},
                                                           .discount = {1},
                                                           .status = order_status::pending,
                                                           .payment_entry = std::nullopt,
                                                           .refund_entry = std::nullopt,
                                                           .created_at = created,
                                                           .updated_at = created}));
}

TEST(success_bytes, a_success_comes_back_as_it_was) {
  EXPECT_EQ(success_from_bytes(to_bytes(noted{})), success{noted{}});
  for (const success& each : examples()) {
    const std::string bytes = to_bytes(each);
    EXPECT_EQ(success_from_bytes(bytes), each);
    EXPECT_LT(bytes.size(), 200u + metadata_bytes_max);
  }
}

TEST(success_bytes, a_retried_delivery_comes_back_as_it_was_and_is_no_success) {
  for (const delivery& each : retried_ones()) {
    const std::string bytes = to_bytes(each);
    EXPECT_EQ(delivery_from_bytes(bytes), each);
    EXPECT_FALSE(success_from_bytes(bytes));
    EXPECT_LT(bytes.size(), 200u + texts_of(each));
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(delivery_from_bytes(std::string_view(bytes).substr(0, size))) << size;
    EXPECT_FALSE(delivery_from_bytes(bytes + '\0'));
  }
  for (const success& each : examples())
    EXPECT_FALSE(delivery_from_bytes(to_bytes(each)));
}

TEST(success_bytes, bytes_of_a_retried_delivery_are_read_by_later_releases) {
  // subscriber "a", entry, order, status PENDING, attempts, last error "x", no provider's id, next
  // attempt (given), created, updated, not delivered, no channel
  const std::string bytes{'D', 2, 'a', 2, 4, 0, 6, 2, 'x', 0, 2, 8, 6, 8, 0, 0};
  const instant now{std::chrono::milliseconds{4}};
  EXPECT_EQ(delivery_from_bytes(bytes), (delivery{.subscriber = "a",
                                                  .entry = {1},
                                                  .order = {2},
                                                  .status = delivery_status::pending,
                                                  .attempts = 3,
                                                  .last_error = "x",
                                                  .provider_message_id = "",
                                                  .next_attempt = now,
                                                  .created_at = now - std::chrono::milliseconds{1},
                                                  .updated_at = now}));
}

TEST(success_bytes, the_tries_of_a_retried_delivery_stand_behind_the_rest_as_far_as_there_are_any) {
  // As above, then one try: at 4 ms, took 5 ms, PERMANENT, "y"
  std::string bytes{'T', 2, 'a', 2, 4, 0, 6, 2, 'x', 0, 2, 8, 6, 8, 0, 0, 2, 8, 10, 2, 2, 'y'};
  const auto read = delivery_from_bytes(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->attempts, 3);
  EXPECT_EQ(read->tries, (std::vector{delivery_try{.at = instant{std::chrono::milliseconds{4}},
                                                   .took = std::chrono::milliseconds{5},
                                                   .outcome = try_outcome::permanent,
                                                   .detail = "y"}}));
  EXPECT_EQ(to_bytes(*read), bytes);
  bytes[19] = 0;
  EXPECT_FALSE(delivery_from_bytes(bytes)) << "there is no such outcome";
  bytes[19] = 14;
  EXPECT_FALSE(delivery_from_bytes(bytes)) << "nor this one";
  delivery many = *read;
  many.tries.resize(tries_max + 1);
  EXPECT_FALSE(delivery_from_bytes(to_bytes(many))) << "more than are kept";
}

webhook shown_webhook() {
  return {.name = "shop",
          .url = "https://shop.example/hook?a=b",
          .payments = false,
          .enabled = false,
          .max_in_flight = 256,
          .max_per_second = 100'000,
          .secret = "whsec_c2VjcmV0",
          .content_type = "application/json",
          .failing_since = at,
          .paused_at = at + std::chrono::milliseconds{1},
          .created_at = instant{},
          .updated_at = at,
          .replaying = true};
}

TEST(success_bytes, of_a_webhook_all_comes_back_that_its_answer_shows) {
  const auto read = [](const webhook& what, bool with_secret) {
    const auto bytes = to_bytes(
        webhook_success(webhook_shown{std::make_shared<const webhook>(what), with_secret}));
    EXPECT_FALSE(success_from_bytes(bytes) || delivery_from_bytes(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(webhook_success_from_bytes(std::string_view(bytes).substr(0, size))) << size;
    EXPECT_FALSE(webhook_success_from_bytes(bytes + '\0'));
    return std::get<webhook_shown>(webhook_success_from_bytes(bytes).value());
  };
  webhook what = shown_webhook();
  EXPECT_EQ(*read(what, true).what, what);
  EXPECT_TRUE(read(what, true).with_secret);
  what.secret.clear();
  EXPECT_EQ(*read(shown_webhook(), false).what, what) << "a secret that is not shown is not kept";
  EXPECT_FALSE(read(shown_webhook(), false).with_secret);
  what.old_secrets = {{"whsec_old", at}};
  EXPECT_TRUE(read(what, true).what->old_secrets.empty());
  for (const webhook_success& each :
       {webhook_success(webhook_done{}), webhook_success(webhook_done{.replayed = true})})
    EXPECT_EQ(webhook_success_from_bytes(to_bytes(each)), webhook_success(webhook_done{}));
  EXPECT_FALSE(webhook_success_from_bytes("w "));
}

TEST(success_bytes, bytes_of_a_webhook_are_read_by_later_releases) {
  // name "a", URL "b", payments, no refunds, enabled, 1 at once, 2 a second, type "c", not failing,
  // paused at 4 ms, not replaying, created at 3 ms, updated at 4 ms, secret "d"
  const std::string bytes{'W', 2, 'a', 2, 'b', 2, 0, 2, 2, 4, 2, 'c', 0, 2, 8, 0, 6, 8, 2, 'd'};
  const auto read = webhook_success_from_bytes(bytes);
  ASSERT_TRUE(read);
  const instant now{std::chrono::milliseconds{4}};
  EXPECT_EQ(*std::get<webhook_shown>(*read).what,
            (webhook{.name = "a",
                     .url = "b",
                     .payments = true,
                     .refunds = false,
                     .max_in_flight = 1,
                     .max_per_second = 2,
                     .secret = "d",
                     .content_type = "c",
                     .paused_at = now,
                     .created_at = now - std::chrono::milliseconds{1},
                     .updated_at = now}));
  EXPECT_EQ(to_bytes(*read), bytes);
  std::string bad = bytes;
  bad[2] = '\n';
  EXPECT_FALSE(webhook_success_from_bytes(bad)) << "no webhook has that name";
  bad = bytes;
  bad[5] = 4;
  EXPECT_FALSE(webhook_success_from_bytes(bad)) << "neither true nor false";
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

TEST(success_bytes, an_amount_or_a_time_out_of_bounds_is_none) {
  const auto with = [](won total, std::int64_t ms) {
    order of;
    of.id = {1};
    of.owner = {2};
    of.total = total;
    of.created_at = instant{std::chrono::milliseconds{ms}};
    return to_bytes(of);
  };
  constexpr std::int64_t last_ms = 253'402'300'799'999; // of the year 9999
  EXPECT_TRUE(success_from_bytes(with(won_max, last_ms)));
  EXPECT_FALSE(success_from_bytes(with({safe_integer_max + 1}, last_ms)));
  EXPECT_FALSE(success_from_bytes(with({-safe_integer_max - 1}, last_ms)));
  EXPECT_FALSE(success_from_bytes(with(won_max, last_ms + 1)));
  EXPECT_FALSE(success_from_bytes(with(won_max, std::numeric_limits<std::int64_t>::min())));
}

TEST(success_bytes, a_subscriber_whose_name_is_none_is_none) {
  delivery of;
  for (const auto* good : {"alimtalk", "shop-2_hook"}) {
    of.subscriber = good;
    EXPECT_TRUE(delivery_from_bytes(to_bytes(of))) << good;
  }
  for (const auto* bad : {"", "a\"b", "A", "주문"}) {
    of.subscriber = bad;
    EXPECT_FALSE(delivery_from_bytes(to_bytes(of))) << bad;
  }
}

TEST(success_bytes, a_status_a_kind_or_a_channel_that_there_is_not_is_none) {
  const auto with_status = [](int number) {
    order of;
    of.status = static_cast<order_status>(number);
    return to_bytes(of);
  };
  const auto with_kind = [](int number) {
    ledger_entry of;
    of.kind = static_cast<entry_kind>(number);
    return to_bytes(of);
  };
  const auto with_channel = [](int number) {
    delivery of;
    of.subscriber = "alimtalk";
    of.channel = static_cast<message_channel>(number);
    return to_bytes(of);
  };
  const auto with_delivery_status = [](int number) {
    delivery of;
    of.subscriber = "alimtalk";
    of.status = static_cast<delivery_status>(number);
    return to_bytes(of);
  };
  EXPECT_TRUE(delivery_from_bytes(with_channel(2)));
  EXPECT_TRUE(delivery_from_bytes(with_delivery_status(2)));
  for (const int none : {3, 255}) {
    EXPECT_FALSE(delivery_from_bytes(with_channel(none))) << none;
    EXPECT_FALSE(delivery_from_bytes(with_delivery_status(none))) << none;
  }
  EXPECT_TRUE(success_from_bytes(with_status(3)));
  EXPECT_TRUE(success_from_bytes(with_kind(3)));
  for (const int none : {4, 255}) {
    EXPECT_FALSE(success_from_bytes(with_status(none))) << none;
    EXPECT_FALSE(success_from_bytes(with_kind(none))) << none;
  }
}

} // namespace
} // namespace paymentd
