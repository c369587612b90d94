// Goal: the example file and the effective print say what is so: every setting, its default, and no
// secret. Method: the shipped file is held against the code, and what is printed is loaded again.
#include "config/registry.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace paymentd::config {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(print, the_shipped_example_is_what_the_code_says) {
  std::ifstream file{PAYMENTD_SOURCE_DIR "/config/paymentd.toml", std::ios::binary};
  std::stringstream shipped;
  shipped << file.rdbuf();
  EXPECT_EQ(shipped.str(), example());
}

TEST(print, the_example_with_every_line_taken_in_gives_the_defaults) {
  std::string text;
  std::istringstream lines{example()};
  int taken = 0;
  for (std::string line; std::getline(lines, line);) {
    const bool is_key = line.starts_with("#") && line.size() > 1 && line[1] >= 'a';
    taken += is_key ? 1 : 0;
    text += (is_key ? line.substr(1) : line) + "\n";
  }
  EXPECT_EQ(taken, static_cast<int>(registry().size()));
  const support::temporary_file file{text};
  const auto loaded = load({.file = file.path(), .environment = {}, .sets = {}});
  ASSERT_TRUE(loaded) << loaded.error().front();
  EXPECT_EQ(effective(*loaded), effective(settings{}));
}

TEST(print, the_effective_print_can_be_loaded_again) {
  const auto first = load({.file = {},
                           .environment = {},
                           .sets = {{"http.listen", "[::1]:9"},
                                    {"notification.backoff_jitter", "0.125"},
                                    {"database.url", "sqlite:a \"b\".db"},
                                    {"alimtalk.timeout", "1500ms"},
                                    {"alimtalk.parameters.주문번호", "{order.reference}"},
                                    {"alimtalk.parameters.a \"b\"", "둘\n째 \\ {{}}"},
                                    {"log.format", "json"}}});
  ASSERT_TRUE(first) << first.error().front();
  const support::temporary_file file{effective(*first)};
  const auto second = load({.file = file.path(), .environment = {}, .sets = {}});
  ASSERT_TRUE(second) << second.error().front();
  EXPECT_EQ(effective(*second), effective(*first));
  EXPECT_EQ(second->database.url.reveal(), "sqlite:a \"b\".db");
  EXPECT_EQ(second->alimtalk.timeout.count(), 1500);
  ASSERT_EQ(second->alimtalk.parameters.parameters().size(), 2u);
  EXPECT_EQ(second->alimtalk.parameters.parameters()[1].text, "둘\n째 \\ {{}}");
}

TEST(print, secrets_are_hidden) {
  const auto loaded = load({.file = {},
                            .environment = {},
                            .sets = {{"alimtalk.secret_key", "geheim"},
                                     {"database.url", "postgresql://me:geheim@h/db"}}});
  ASSERT_TRUE(loaded) << loaded.error().front();
  EXPECT_EQ(loaded->alimtalk.credentials.at("secret_key").reveal(), "geheim");
  EXPECT_EQ(loaded->database.url.reveal(), "postgresql://me:geheim@h/db");
  EXPECT_THAT(effective(*loaded), Not(HasSubstr("geheim")));
  EXPECT_THAT(effective(*loaded), HasSubstr("secret_key = \"***\""));
  EXPECT_THAT(effective(*loaded), HasSubstr("url = \"postgresql://me:***@h/db\""));
}

TEST(print, a_hidden_secret_that_is_pasted_back_is_refused) {
  EXPECT_FALSE(load({.file = {}, .environment = {}, .sets = {{"alimtalk.secret_key", "***"}}}));
  EXPECT_FALSE(
      load({.file = {}, .environment = {}, .sets = {{"database.url", "postgresql://a:***@h/d"}}}));
}

TEST(print, every_setting_has_a_section_a_sentence_and_bounds) {
  for (const auto& each : registry()) {
    EXPECT_EQ(std::ranges::count(each.key, '.'), 1) << each.key;
    EXPECT_TRUE(each.sentence.ends_with('.')) << each.key;
    EXPECT_FALSE(each.takes.empty()) << each.key;
  }
}

} // namespace
} // namespace paymentd::config
