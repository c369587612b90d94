// Goal: what is written is CSV by RFC 4180, and no spreadsheet takes a customer's words for a
// formula. Method: texts and entries, and the lines that they make.
#include "transfer/csv_text.hpp"

#include <gtest/gtest.h>

namespace paymentd::transfer {
namespace {

std::string text(std::string_view from) {
  std::string out;
  append_csv_text(out, from);
  return out;
}

TEST(csv_text, a_text_is_quoted_where_it_has_to_be) {
  EXPECT_EQ(text(""), "");
  EXPECT_EQ(text("a gift"), "a gift");
  EXPECT_EQ(text("a, b"), "\"a, b\"");
  EXPECT_EQ(text("say \"so\""), "\"say \"\"so\"\"\"");
  EXPECT_EQ(text("a\nb"), "\"a\nb\"");
  EXPECT_EQ(text("선물"), "선물");
}

TEST(csv_text, what_a_spreadsheet_would_compute_has_an_apostrophe_in_front) {
  EXPECT_EQ(text("=1+1"), "'=1+1");
  EXPECT_EQ(text("+1"), "'+1");
  EXPECT_EQ(text("-1"), "'-1");
  EXPECT_EQ(text("@A1"), "'@A1");
  EXPECT_EQ(text("\t=1"), "'\t=1");
  EXPECT_EQ(text("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
  EXPECT_EQ(text("1-1"), "1-1");
}

TEST(csv_text, an_entry_is_a_line_of_as_many_fields_as_the_header) {
  std::string out;
  append_csv_header(out);
  append_csv_line(out, {.id = {7},
                        .user = {3},
                        .sequence = 2,
                        .order = order_id{9},
                        .kind = entry_kind::payment,
                        .amount = {-500},
                        .balance_after = {1500},
                        .created_at = instant{std::chrono::milliseconds{1'700'000'000'123}},
                        .created_by = "shop"});
  append_csv_line(out, {.id = {8},
                        .user = {3},
                        .sequence = 3,
                        .order = std::nullopt,
                        .kind = entry_kind::charge,
                        .amount = {500},
                        .balance_after = {2000},
                        .created_at = instant{std::chrono::milliseconds{1'700'000'000'124}},
                        .reason = "=a, b",
                        .created_by = "-key"});
  EXPECT_EQ(out,
            "id,userId,sequence,orderId,kind,amount,balanceAfter,reason,createdBy,createdAt\r\n"
            "7,3,2,9,PAYMENT,-500,1500,,shop,2023-11-14T22:13:20.123Z\r\n"
            "8,3,3,,CHARGE,500,2000,\"'=a, b\",'-key,2023-11-14T22:13:20.124Z\r\n");
}

} // namespace
} // namespace paymentd::transfer
