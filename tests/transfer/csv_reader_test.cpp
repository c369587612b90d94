// Goal: CSV is read as RFC 4180 has it, wherever a file is cut into pieces, and a line that is none
// is told and passed by. Method: texts, each read in pieces of one byte, of three, and as a whole.
#include "transfer/csv_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::transfer {
namespace {

using testing::ElementsAre;

/// "1: a|b" for a record that begins on line 1, "2! why" for a line that is none.
std::vector<std::string> records(std::string_view text, std::size_t piece_size) {
  csv_reader reader([&] {
    const std::string_view piece = text.substr(0, piece_size);
    text.remove_prefix(piece.size());
    return piece;
  });
  std::vector<std::string> found;
  while (reader.next()) {
    std::string& line = found.emplace_back(std::to_string(reader.line()));
    if (!reader.fault().empty()) {
      line.append("! ").append(reader.fault());
      continue;
    }
    for (const std::string_view& field : reader.fields())
      line.append(&field == &reader.fields().front() ? ": " : "|").append(field);
  }
  EXPECT_FALSE(reader.next()) << "the end stays the end";
  return found;
}

void expect(std::string_view text, const std::vector<std::string>& wanted) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{3}, std::size_t{1 << 20}})
    EXPECT_EQ(records(text, size), wanted) << text << " in pieces of " << size;
}

TEST(csv_reader, fields_are_separated_by_commas_and_records_by_line_ends) {
  expect("a,b\nc,d\n", {"1: a|b", "2: c|d"});
  expect("a,b\r\nc,d\r\n", {"1: a|b", "2: c|d"});
  expect("a,b\nc,d", {"1: a|b", "2: c|d"});
  expect(",\n , x\n", {"1: |", "2:  | x"});
  expect("", {});
}

TEST(csv_reader, a_quoted_field_may_hold_commas_line_ends_and_doubled_quotes) {
  expect("\"a,\"\"b\"\"\",\"c\nd\"\ne,f\n", {"1: a,\"b\"|c\nd", "3: e|f"});
  expect("\"\",\"a\r\nb\"\r\n", {"1: |a\r\nb"});
  expect("x,\"y\"", {"1: x|y"});
}

TEST(csv_reader, empty_lines_are_passed_by_and_counted) {
  expect("\n\r\na\n\nb\n\n", {"3: a", "5: b"});
}

TEST(csv_reader, a_byte_order_mark_is_passed_by_at_the_beginning_alone) {
  EXPECT_THAT(records("\xEF\xBB\xBFid\n", 100), ElementsAre("1: id"));
  EXPECT_THAT(records("a\n\xEF\xBB\xBF", 100), ElementsAre("1: a", "2: \xEF\xBB\xBF"));
}

TEST(csv_reader, a_line_that_is_none_is_told_and_the_next_one_is_read) {
  expect("a\"b,c\nd\n", {"1! has a quote inside of a field that is not quoted", "2: d"});
  expect("\"a\"b,\"c\"\nd\n", {"1! has text behind a closing quote", "2: d"});
  expect("a\rb\nd\n", {"1! has CR without LF", "2: d"});
  expect("a\r,b\nd\n", {"1! has CR without LF", "2: d"});
  expect("a\nb,\"c\nd", {"1: a", "2! has a quote that is not closed before the end of the file"});
  expect("a\r", {"1! ends with CR alone"});
}

TEST(csv_reader, a_record_beyond_its_bounds_is_told) {
  const std::string fits(csv_record_bytes_max, 'x');
  expect(fits + "\nb\n", {"1: " + fits, "2: b"});
  expect(fits + "x\nb\n", {"1! is longer than 65536 bytes", "2: b"});
  // Within quotes the line goes on to the next line end.
  expect("\"" + fits + "\nx\"\nb\n", {"1! is longer than 65536 bytes", "3: b"});
  const std::string commas(csv_fields_max - 1, ',');
  expect(commas + "\nb\n", {"1: " + std::string(csv_fields_max - 1, '|'), "2: b"});
  expect(commas + ",\nb\n", {"1! has too many fields", "2: b"});
}

} // namespace
} // namespace paymentd::transfer
