// Goal: a traceparent is read exactly as W3C's standard has it, so that no broken one gets into the
// log, and a span's id is never zero. Method: the standard's own examples, and each of its rules
// broken once.
#include "http/trace_context.hpp"

#include <gtest/gtest.h>

namespace paymentd::http {
namespace {

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(trace_context, a_traceparent_gives_its_trace_and_the_span_that_asked) {
  const auto read = parse_traceparent(good);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(read->parent_id, "00f067aa0ba902b7");
}

TEST(trace_context, a_later_version_is_read_by_the_parts_that_are_known) {
  for (const std::string more : {"", "-", "-what-the-future-brings"})
    EXPECT_TRUE(parse_traceparent("cc" + good.substr(2) + more)) << more;
  EXPECT_FALSE(parse_traceparent("cc" + good.substr(2) + "x"));
  EXPECT_FALSE(parse_traceparent("cc" + good.substr(2, 40)));
}

TEST(trace_context, a_traceparent_that_breaks_a_rule_is_none) {
  const auto changed = [](std::size_t at, std::string_view to) {
    std::string text = good;
    return text.replace(at, to.size(), to);
  };
  for (const std::string& broken :
       {std::string{}, good.substr(1), good + "-", good + "0", changed(0, "ff"), changed(0, "0x"),
        changed(0, "0A"), changed(2, "_"), changed(35, "0"), changed(52, "_"), changed(3, "4BF9"),
        changed(3, "g"), changed(3, std::string(32, '0')), changed(36, "Z"),
        changed(36, std::string(16, '0')), changed(53, "0G"), changed(53, " 1")})
    EXPECT_FALSE(parse_traceparent(broken)) << broken;
}

TEST(trace_context, the_id_of_a_span_is_sixteen_digits_and_never_zero) {
  EXPECT_EQ(span_id_of(0x00f067aa0ba902b7), "00f067aa0ba902b7");
  EXPECT_EQ(span_id_of(0), "0000000000000001");
  EXPECT_EQ(span_id_of(~0ull), "ffffffffffffffff");
}

} // namespace
} // namespace paymentd::http
