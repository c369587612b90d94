// Goal: a file of users or orders is read as its header says, and every fault is told with its
// line, its column and what would fit. Method: small files, good ones and a table of bad lines.
#include "transfer/import_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::transfer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr instant now{std::chrono::milliseconds{1'800'000'000'000}};

/// Takes what is in braces.
std::optional<std::string> metadata(std::string_view text) {
  if (text == "{}")
    return "";
  return text.starts_with('{') ? std::optional(std::string(text)) : std::nullopt;
}

/// A file, read to its end.
struct file {
  std::optional<import_kind> kind;
  std::vector<imported_user> users;
  std::vector<imported_order> orders;
  std::vector<std::string> faults; // "2: balance: must be …"
  std::int64_t fault_count = 0;

  explicit file(std::string_view text) {
    import_reader reader(
        [&text] {
          const std::string_view all = text;
          text = {};
          return all;
        },
        now, metadata);
    kind = reader.read_header();
    if (kind == import_kind::users)
      while (const imported_user* row = reader.next_user())
        users.push_back(*row);
    if (kind == import_kind::orders)
      while (const imported_order* row = reader.next_order())
        orders.push_back(*row);
    for (const import_fault& each : reader.faults().told)
      faults.push_back(std::to_string(each.line) + ": " + each.column + ": " + each.message);
    fault_count = reader.faults().count;
  }
};

instant at(std::int64_t seconds) {
  return instant{std::chrono::seconds{seconds}};
}

TEST(import_reader, users_are_read_by_the_names_of_the_header) {
  const file read("balance,createdAt,phone,reference,metadata\n"
                  "5000,2023-11-14T22:13:20Z,+82 10-1234-5678,u-1,\"{\"\"a\"\":\"\"b\"\"}\"\n"
                  ",,,,{}\n");
  EXPECT_EQ(read.kind, import_kind::users);
  EXPECT_THAT(read.faults, IsEmpty());
  ASSERT_THAT(read.users, SizeIs(2));
  EXPECT_EQ(read.users[0].line, 2);
  EXPECT_EQ(read.users[0].what.phone, "01012345678");
  EXPECT_EQ(read.users[0].what.balance, won{5000});
  EXPECT_EQ(read.users[0].what.last_sequence, 1);
  EXPECT_EQ(read.users[0].what.created_at, at(1'700'000'000));
  EXPECT_EQ(read.users[0].what.updated_at, at(1'700'000'000));
  EXPECT_EQ(read.users[0].what.reference, "u-1");
  EXPECT_EQ(read.users[0].what.metadata, R"({"a":"b"})");
  EXPECT_EQ(read.users[1].what.phone, "");
  EXPECT_EQ(read.users[1].what.reference, "");
  EXPECT_EQ(read.users[1].what.metadata, "");
  EXPECT_EQ(read.users[1].what.balance, won{0});
  EXPECT_EQ(read.users[1].what.last_sequence, 0);
  EXPECT_EQ(read.users[1].what.created_at, now);
}

TEST(import_reader, orders_are_read_with_their_status_and_their_own_times) {
  const file read(
      "userId,couponId,totalAmount,discountAmount,status,refundedAmount,createdAt,updatedAt\n"
      "7,3,1000,200,PAID,300,2023-11-14T22:13:20+09:00,2023-11-15T00:00:00Z\n"
      "7,,1000,200,REFUNDED,,2023-11-14,\n"
      "8,,1000,,,,,\n");
  EXPECT_EQ(read.kind, import_kind::orders);
  EXPECT_THAT(read.faults, IsEmpty());
  ASSERT_THAT(read.orders, SizeIs(3));
  const order& first = read.orders[0].what;
  EXPECT_EQ(first.owner, user_id{7});
  EXPECT_EQ(first.coupon, coupon_id{3});
  EXPECT_EQ(first.total, won{1000});
  EXPECT_EQ(first.discount, won{200});
  EXPECT_EQ(first.status, order_status::paid);
  EXPECT_EQ(first.refunded, won{300});
  EXPECT_EQ(first.created_at, at(1'700'000'000 - 9 * 3600));
  EXPECT_EQ(first.updated_at, at(1'700'006'400));
  EXPECT_EQ(read.orders[1].what.refunded, won{800});
  EXPECT_EQ(read.orders[1].what.created_at, at(1'699'920'000));
  EXPECT_EQ(read.orders[1].what.updated_at, at(1'699'920'000)) << "that of its creation";
  EXPECT_EQ(read.orders[2].what.status, order_status::pending);
  EXPECT_EQ(read.orders[2].what.discount, won{0});
  EXPECT_EQ(read.orders[2].what.created_at, now);
}

TEST(import_reader, the_user_of_an_order_is_told_by_id_or_by_reference) {
  const file read("userId,userReference,totalAmount,reference,metadata\n"
                  "7,,10,o-1,{a}\n"
                  ",u-1,10,,\n"
                  "7,u-1,10,,\n"
                  ",,10,,\n"
                  ",u 1,10,o 1,a\n");
  ASSERT_THAT(read.orders, SizeIs(2));
  EXPECT_EQ(read.orders[0].what.owner, user_id{7});
  EXPECT_EQ(read.orders[0].user_reference, "");
  EXPECT_EQ(read.orders[0].what.reference, "o-1");
  EXPECT_EQ(read.orders[0].what.metadata, "{a}");
  EXPECT_EQ(read.orders[1].what.owner, user_id{});
  EXPECT_EQ(read.orders[1].user_reference, "u-1");
  EXPECT_THAT(read.faults,
              ElementsAre("4: userReference: must be empty where userId is not",
                          "5: userId: is missing",
                          "6: reference: must be 1 to 64 visible ASCII characters",
                          "6: userReference: must be 1 to 64 visible ASCII characters",
                          "6: metadata: must be a JSON object of strings, within the bounds of "
                          "docs/api.md"));
}

TEST(import_reader, a_header_that_cannot_be_used_is_told) {
  EXPECT_THAT(file("").faults,
              ElementsAre("1: : the file is empty; its first line names the columns"));
  EXPECT_THAT(file("totalAmount\n1\n").faults,
              ElementsAre("1: userId: is missing, and userReference too"));
  EXPECT_THAT(file("phone,phone,id\n").faults,
              ElementsAre("1: phone: is named twice", "1: id: is no column of users"));
  EXPECT_THAT(file("phone,\x1b[31m\n").faults, ElementsAre("1: : column 2 is no column of users"));
  EXPECT_THAT(file("pho\"ne\n").faults,
              ElementsAre("1: : has a quote inside of a field that is not quoted"));
}

TEST(import_reader, each_line_that_does_not_fit_is_told_and_the_others_are_read) {
  const std::string money = "must be a whole number from 0 to 9007199254740991";
  const file users("phone,balance,createdAt\n"
                   "0101234,1,\n"
                   "01012345678,-1,tomorrow\n"
                   "01012345678\n"
                   "01012345678,1e3,2100-01-01\n"
                   "01012345678,9007199254740992,1969-12-31\n"
                   "01012345678,+1,\n"
                   "01012345678, 1,\n"
                   "01012345678,1,\n");
  const std::string phone =
      "must be a Korean mobile number of 10 or 11 digits, such as 01012345678";
  const std::string time = "must be a time as RFC 3339 has it, such as 2026-01-31T09:30:00+09:00";
  EXPECT_THAT(users.faults,
              ElementsAre("2: phone: " + phone, "3: balance: " + money, "3: createdAt: " + time,
                          "4: : has 1 fields, the header has 3", "5: balance: " + money,
                          "5: createdAt: must be from 1970 to now", "6: balance: " + money,
                          "6: createdAt: must be from 1970 to now", "7: balance: " + money,
                          "8: balance: " + money));
  EXPECT_THAT(users.users, SizeIs(1));
}

TEST(import_reader, an_order_that_contradicts_itself_is_told) {
  const std::string header =
      "userId,totalAmount,discountAmount,status,refundedAmount,createdAt,updatedAt\n";
  const std::vector<std::pair<std::string, std::string>> cases{
      {",10,,,,,", "userId: is missing"},
      {"0,10,,,,,", "userId: must be a whole number from 1 to 9007199254740991"},
      {"1,,,,,,", "totalAmount: is missing"},
      {"1,10,11,,,,", "discountAmount: must not be more than totalAmount"},
      {"1,10,,paid,,,", "status: must be PENDING, PAID, CANCELLED or REFUNDED"},
      {"1,10,,PENDING,1,,", "refundedAmount: must be 0 of an order that was not paid"},
      {"1,10,,CANCELLED,10,,", "refundedAmount: must be 0 of an order that was not paid"},
      {"1,10,,PAID,10,,",
       "refundedAmount: must be less than was paid, 10, of an order that is PAID"},
      {"1,10,,REFUNDED,9,,",
       "refundedAmount: must be all that was paid, 10, of an order that is REFUNDED"},
      {"1,10,,,,2020-01-02,2020-01-01", "updatedAt: must not be before createdAt"},
  };
  for (const auto& [line, fault] : cases) {
    const file read(header + line + "\n");
    EXPECT_THAT(read.faults, ElementsAre("2: " + fault)) << line;
    EXPECT_THAT(read.orders, IsEmpty()) << line;
  }
  for (const char* line : {"1,0,,PAID,0,,", "1,10,10,REFUNDED,,,", "1,10,,PAID,9,,"})
    EXPECT_THAT(file(header + line + "\n").faults, IsEmpty()) << line;
}

TEST(import_reader, the_first_twenty_faults_are_told_and_all_are_counted) {
  std::string text = "phone\n";
  for (int i = 0; i < 25; ++i)
    text += "x\n";
  const file read(text);
  EXPECT_THAT(read.faults, SizeIs(20));
  EXPECT_EQ(read.fault_count, 25);
}

} // namespace
} // namespace paymentd::transfer
