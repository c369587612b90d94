// Goal: a trace goes into the database and back as it was, nothing that a hand wrote there becomes
// one, and a call's traceparent is as W3C's standard has it. Method: the standard's own example,
// and bytes that are none.
#include "domain/trace_context.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

const trace_context example{.id = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92,
                                   0x9d, 0x0e, 0x0e, 0x47, 0x36},
                            .flags = 1};

TEST(trace_context, comes_back_from_its_bytes) {
  EXPECT_EQ(bytes_of(example).size(), 17u);
  EXPECT_EQ(trace_from_bytes(bytes_of(example)), example);
  EXPECT_TRUE(bytes_of(trace_context{}).empty());
  EXPECT_TRUE(trace_from_bytes({}).empty());
}

TEST(trace_context, other_bytes_are_none) {
  const std::string bytes{bytes_of(example)};
  EXPECT_TRUE(trace_from_bytes(bytes.substr(1)).empty());
  EXPECT_TRUE(trace_from_bytes(bytes + "x").empty());
  const trace_context no_id = trace_from_bytes(std::string(16, '\0') + '\x01');
  EXPECT_TRUE(no_id.empty());
  EXPECT_EQ(no_id, trace_context{});
}

TEST(trace_context, flags_that_are_reserved_are_not_passed_on) {
  EXPECT_EQ(trace_from_bytes(std::string{bytes_of(example)}.substr(0, 16) + '\xff').flags, 3);
}

TEST(trace_context, its_id_is_thirty_two_digits) {
  EXPECT_EQ(trace_id_text(example), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace_id_text({}), "");
}

TEST(trace_context, the_id_of_a_span_is_sixteen_digits_and_never_zero) {
  EXPECT_EQ(span_id_of(0x00f067aa0ba902b7), "00f067aa0ba902b7");
  EXPECT_EQ(span_id_of(0), "0000000000000001");
  EXPECT_EQ(span_id_of(~0ull), "ffffffffffffffff");
}

TEST(trace_context, a_traceparent_has_the_trace_the_span_and_the_flags) {
  EXPECT_EQ(traceparent_of(example, 0x00f067aa0ba902b7),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
}

} // namespace
} // namespace paymentd
