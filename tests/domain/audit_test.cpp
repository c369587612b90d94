// Goal: of a database that is all wrong, an audit keeps a few short lines and the whole count.
// Method: breaches of every length and with every byte are added to a result.
#include "domain/audit.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

TEST(audit_result, the_first_breaches_are_kept_and_all_are_counted) {
  audit_result found;
  for (int i = 1; i <= 1000; ++i)
    add_breach(found, "breach " + std::to_string(i));
  EXPECT_EQ(found.breaches, 1000);
  EXPECT_EQ(found.first_breaches,
            (std::vector<std::string>{"breach 1", "breach 2", "breach 3", "breach 4", "breach 5"}));
}

TEST(audit_result, a_text_is_kept_up_to_its_bound) {
  const std::string whole(breach_bytes_max, 'x');
  EXPECT_EQ(kept_breach(whole), whole);
  EXPECT_EQ(kept_breach(whole + "y"), std::string(breach_bytes_max - 3, 'x') + "...");
  EXPECT_EQ(kept_breach(std::string(100'000, 'x')).size(), breach_bytes_max);
  EXPECT_EQ(kept_breach(""), "");
}

TEST(audit_result, a_text_is_cut_between_characters) {
  for (std::size_t before = breach_bytes_max - 8; before <= breach_bytes_max; ++before) {
    const std::string kept = kept_breach(std::string(before, 'x') + "원원원원");
    EXPECT_LE(kept.size(), breach_bytes_max);
    EXPECT_TRUE(kept.ends_with("...")) << kept;
    const std::string_view left = std::string_view(kept).substr(0, kept.size() - 3);
    const auto xs = std::min(before, left.size());
    EXPECT_EQ((left.size() - xs) % std::string_view("원").size(), 0U) << before;
  }
  // Bytes that are no text end somewhere, too.
  EXPECT_LE(kept_breach(std::string(1000, '\x80')).size(), breach_bytes_max);
}

TEST(audit_result, a_text_is_one_line_without_control_characters) {
  using namespace std::string_view_literals;
  EXPECT_EQ(kept_breach("a\nb\tc\0d\x7f"
                        "e"sv),
            "a b c d e");
}

} // namespace
} // namespace paymentd
