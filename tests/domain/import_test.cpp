// Goal: an imported order has the ledger entries that its status asks for, and its user's balance
// is after them as it was before. Method: orders in each status; their entries, one by one.
#include "domain/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr instant now{std::chrono::milliseconds{1'800'000'000'000}};

/// An order of 1,000 won with a discount of 200.
order made(order_status status, std::int64_t refunded = 0) {
  order what{};
  what.id = {5};
  what.owner = {3};
  what.total = {1000};
  what.discount = {200};
  what.status = status;
  what.refunded = {refunded};
  return what;
}

/// "PAYMENT -800 → 200", for a user with 200 won and 4 entries; the entries begin at 70.
std::vector<std::string> entries_of(order& what) {
  std::vector<ledger_entry> entries;
  name_imported_entries(what, {70});
  append_imported_entries(what, {200}, 4, {70}, now, entries);
  EXPECT_EQ(std::ssize(entries), entries_of_import(what));
  std::vector<std::string> told;
  for (std::int64_t i = 0; const ledger_entry& each : entries) {
    EXPECT_EQ(each.id.value, 70 + i);
    EXPECT_EQ(each.sequence, 5 + i++);
    EXPECT_EQ(each.user, what.owner);
    EXPECT_EQ(each.created_at, now);
    EXPECT_EQ(each.reason, "import");
    const bool of_order = each.kind == entry_kind::payment || each.kind == entry_kind::refund;
    EXPECT_EQ(each.order, of_order ? std::optional(what.id) : std::nullopt);
    if (each.kind == entry_kind::payment) {
      EXPECT_EQ(what.payment_entry, each.id);
    }
    if (each.kind == entry_kind::refund) {
      EXPECT_EQ(what.refund_entry, each.id);
      EXPECT_EQ(each.refunded_after, what.refunded);
    }
    told.push_back(std::string(to_string(each.kind)) + " " + std::to_string(each.amount.value) +
                   " → " + std::to_string(each.balance_after.value));
  }
  return told;
}

TEST(import, an_order_that_was_never_paid_brings_no_entries) {
  for (const auto status : {order_status::pending, order_status::cancelled}) {
    order what = made(status);
    EXPECT_THAT(entries_of(what), IsEmpty());
    EXPECT_EQ(what.payment_entry, std::nullopt);
  }
}

TEST(import, a_paid_order_brings_what_it_cost_and_its_payment) {
  order what = made(order_status::paid);
  EXPECT_THAT(entries_of(what), ElementsAre("CHARGE 800 → 1000", "PAYMENT -800 → 200"));
  EXPECT_EQ(what.refund_entry, std::nullopt);
}

TEST(import, what_was_refunded_is_in_the_balance_already) {
  order part = made(order_status::paid, 300);
  EXPECT_THAT(entries_of(part), ElementsAre("CHARGE 800 → 1000", "PAYMENT -800 → 200",
                                            "REFUND 300 → 500", "WITHDRAWAL -300 → 200"));
  order all = made(order_status::refunded, 800);
  EXPECT_THAT(entries_of(all), ElementsAre("CHARGE 800 → 1000", "PAYMENT -800 → 200",
                                           "REFUND 800 → 1000", "WITHDRAWAL -800 → 200"));
}

TEST(import, an_order_of_nothing_has_its_payment_alone) {
  order paid = made(order_status::paid);
  paid.discount = paid.total;
  EXPECT_THAT(entries_of(paid), ElementsAre("PAYMENT 0 → 200"));
  order refunded = made(order_status::refunded);
  refunded.discount = refunded.total;
  EXPECT_THAT(entries_of(refunded), ElementsAre("PAYMENT 0 → 200", "REFUND 0 → 200"));
}

TEST(import, entries_have_the_moments_before_the_import_512_in_each_millisecond) {
  using std::chrono::milliseconds;
  EXPECT_EQ(imported_entry_time(0, 1, now), now);
  EXPECT_EQ(imported_entry_time(1024, 1025, now), now);
  EXPECT_EQ(imported_entry_time(513, 1025, now), now);
  EXPECT_EQ(imported_entry_time(512, 1025, now), now - milliseconds{1});
  EXPECT_EQ(imported_entry_time(0, 1025, now), now - milliseconds{2});
}

TEST(import, a_balance_is_one_charge) {
  user who{};
  EXPECT_EQ(entries_of_import(who), 0);
  who.balance = {1};
  EXPECT_EQ(entries_of_import(who), 1);
}

} // namespace
} // namespace paymentd
