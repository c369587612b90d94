// Goal: the example file and the effective print say what is so: every setting, its default, and no
// secret. Method: the shipped file is held against the code, and what is printed is loaded again.
#include "config/registry.hpp"
#include "config/roff.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace paymentd::config {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The bytes of a file of the source tree.
std::string shipped(const std::string& path) {
  std::ifstream file{PAYMENTD_SOURCE_DIR "/" + path, std::ios::binary};
  std::stringstream read;
  read << file.rdbuf();
  return read.str();
}

TEST(print, the_shipped_example_is_what_the_code_says) {
  EXPECT_EQ(shipped("config/paymentd.toml"), example());
}

TEST(print, the_shipped_page_of_the_settings_is_what_the_code_says) {
  EXPECT_EQ(shipped("docs/configuration.md"), settings_document())
      << "write it anew: paymentd manual configuration.md > docs/configuration.md";
}

TEST(print, the_page_of_the_settings_has_every_setting_and_says_which_are_secret) {
  const std::string page = settings_document();
  for (const auto& each : registry()) {
    const auto at = page.find("\n### " + each.key + "\n\n");
    ASSERT_NE(at, page.npos) << each.key;
    const std::string part = page.substr(at + 1, page.find("\n#", at + 1) - at - 1);
    EXPECT_THAT(part, HasSubstr("\n- Default: `" + each.show(settings{}) + "`\n"));
    EXPECT_THAT(part, HasSubstr("\n- Environment: `" + each.variable() + "`\n"));
    EXPECT_EQ(part.find("`" + each.key + "_file`") != part.npos, each.is_secret) << part;
  }
  for (const char* table : {"\n    [alimtalk.parameters]\n", "\n    [alimtalk.refund_parameters]\n",
                            "\n    [[alimtalk.template]]\n"})
    EXPECT_THAT(page, HasSubstr(table));
  // Marks of Markdown are read as they stand.
  EXPECT_THAT(page, HasSubstr("visible ASCII characters, not \\*\\*\\*\n"));
  EXPECT_THAT(page, HasSubstr("without \" and \\\\, not"));
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

TEST(print, the_man_page_has_every_setting_with_its_sentence_and_bounds) {
  const std::string page = settings_page("1.2.3");
  EXPECT_TRUE(page.starts_with(".TH PAYMENTD.TOML 5 \"\" \"paymentd 1.2.3\""));
  const auto has = [&](std::string text) {
    for (const auto& [from, to] : {std::pair{"\\", "\\e"}, {"-", "\\-"}, {"'", "\\(aq"}})
      for (std::size_t at = 0; (at = text.find(from, at)) != text.npos;
           at += std::string_view{to}.size())
        text.replace(at, 1, to);
    EXPECT_THAT(page, HasSubstr(text));
  };
  for (const auto& each : registry()) {
    has("\n" + each.sentence + "\n");
    has("\nValue: " + each.takes + "\n");
    EXPECT_THAT(page, HasSubstr("\\fB" + each.name() + "\\fR = ")) << each.key;
  }
  EXPECT_THAT(page, HasSubstr("[alimtalk.refund_parameters]"));
  EXPECT_THAT(page, HasSubstr("[[alimtalk.template]]"));
}

TEST(print, a_line_of_a_man_page_is_no_request_and_keeps_its_marks) {
  EXPECT_EQ(roff_line(".TH 'a' \\ -b `c` ^~"),
            "\\&.TH \\(aqa\\(aq \\e \\-b \\(gac\\(ga \\(ha\\(ti\n");
}

TEST(print, keys_are_those_of_the_settings) {
  const auto keys = setting_keys();
  EXPECT_EQ(keys.size(), registry().size());
  EXPECT_THAT(keys, testing::Contains("http.listen"));
}

TEST(print, the_effective_print_can_be_loaded_again) {
  const auto first = load({.file = {},
                           .environment = {},
                           .sets = {{"http.listen", "[::1]:9"},
                                    {"notification.backoff_jitter", "0.125"},
                                    {"database.url", "sqlite:a \"b\".db"},
                                    {"alimtalk.timeout", "1500ms"},
                                    {"alimtalk.template_text", "[주문완료]\n#{주문번호} \"a\""},
                                    {"alimtalk.template_buttons", "AC | 채널 추가\nDS | 배송"},
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
                                     {"nats.user", "me"},
                                     {"nats.password", "geheim"},
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
