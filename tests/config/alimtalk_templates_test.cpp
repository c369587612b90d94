// Goal: templates for some orders come from the file as they should, take from [alimtalk] what they
// do not say, and every mistake in them is told with its line. Method: real files and whole error
// lines.
#include "config/settings.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using lines = std::vector<std::string>;

std::expected<settings, lines> loaded(const support::temporary_file& file, named_texts sets = {}) {
  return load({.file = file.path(), .environment = {}, .sets = std::move(sets)});
}

lines mistakes(const std::string& text, named_texts sets = {}) {
  const support::temporary_file file{text};
  const auto result = loaded(file, std::move(sets));
  lines all = result ? lines{} : result.error();
  for (std::string& line : all)
    if (line.starts_with(file.path()))
      line.erase(0, file.path().size());
  return all;
}

const std::string nhn = "[alimtalk]\nprovider = \"nhn\"\napp_key = \"a\"\nsecret_key = \"s\"\n"
                        "sender_key = \"k\"\ntemplate_code = \"PAID\"\n";

/// `name=text` of each parameter.
lines parameters_of(const alimtalk_template& of) {
  lines all;
  for (const templates::parameter& each : of.alimtalk.parameters.parameters())
    all.push_back(each.name + "=" + each.text);
  return all;
}

TEST(alimtalk_templates, have_what_they_say_and_the_rest_from_alimtalk) {
  const support::temporary_file file{nhn + R"(
fallback_from = "0212345678"
fallback_text = "결제 #{금액}"
[alimtalk.parameters]
"금액" = "{event.amount:won}"
[[alimtalk.template]]
when = "metadata.kind = gift"
template_code = "GIFT"
fallback = "lms"
fallback_title = "선물"
fallback_text = "#{받는분}님께 선물"
[alimtalk.template.parameters]
"받는분" = "{order.metadata.receiver|고객}"
"보낸분" = "{user.metadata.name}"
[[alimtalk.template]]
when = "metadata.lang=en"
template_code = "PAID_EN"
)"};
  const auto result = loaded(file, {{"alimtalk.max_excess", "14"}});
  ASSERT_TRUE(result) << result.error().front();
  ASSERT_EQ(result->alimtalk_templates.size(), 2u);
  const alimtalk_template& gift = result->alimtalk_templates[0];
  EXPECT_EQ(gift.when.text(), "metadata.kind = gift");
  EXPECT_EQ(gift.alimtalk.credentials.at("template_code").reveal(), "GIFT");
  EXPECT_EQ(gift.alimtalk.fallback, alimtalk_fallback::lms);
  EXPECT_EQ(gift.alimtalk.fallback_from, "0212345678");
  EXPECT_EQ(gift.alimtalk.fallback_title, "선물");
  EXPECT_EQ(gift.alimtalk.fallback_text, "#{받는분}님께 선물");
  EXPECT_THAT(parameters_of(gift),
              ElementsAre("받는분={order.metadata.receiver|고객}", "보낸분={user.metadata.name}"));
  const alimtalk_template& english = result->alimtalk_templates[1];
  EXPECT_EQ(english.alimtalk.credentials.at("template_code").reveal(), "PAID_EN");
  EXPECT_EQ(english.alimtalk.fallback, alimtalk_fallback::off);
  EXPECT_EQ(english.alimtalk.fallback_text, "결제 #{금액}");
  EXPECT_THAT(parameters_of(english), ElementsAre("금액={event.amount:won}"));
  EXPECT_EQ(english.alimtalk.max_excess, 14) << "also of --set";
  EXPECT_EQ(result->alimtalk.credentials.at("template_code").reveal(), "PAID");
}

TEST(alimtalk_templates, are_shown_so_that_they_can_be_loaded_again) {
  const support::temporary_file file{nhn + R"(
[alimtalk.parameters]
a = "{order.id}"
[[alimtalk.template]]
when = "metadata.size = 12\" x 5"
template_code = "BIG"
[alimtalk.template.parameters]
"b \"c\"" = "둘\n째"
[[alimtalk.template]]
when = "metadata.kind = gift"
template_code = "GIFT"
)"};
  const auto first = loaded(file);
  ASSERT_TRUE(first) << first.error().front();
  const std::string shown = effective(*first);
  const support::temporary_file again{shown};
  const auto second = loaded(again, {{"alimtalk.secret_key", "s"}});
  // A secret that is hidden cannot be read back; all else can.
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), ElementsAre(HasSubstr("alimtalk.secret_key")));
  std::string with_secret = shown;
  with_secret.replace(with_secret.find("***"), 3, "s");
  const support::temporary_file whole{with_secret};
  const auto third = loaded(whole);
  ASSERT_TRUE(third) << third.error().front();
  EXPECT_EQ(effective(*third), shown);
  ASSERT_EQ(third->alimtalk_templates.size(), 2u);
  EXPECT_EQ(third->alimtalk_templates[0].when.value(), "12\" x 5");
  EXPECT_THAT(parameters_of(third->alimtalk_templates[0]), ElementsAre("b \"c\"=둘\n째"));
}

TEST(alimtalk_templates, all_mistakes_are_told_at_once_with_their_lines) {
  EXPECT_THAT(
      mistakes("[[alimtalk.template]]\nwhen = \"kind = gift\"\ntemplate_code = \"a b\"\n"
               "fallback = \"mms\"\ncolour = \"red\"\nsecret_key = \"s\"\nparameters = 3\n"
               "[[alimtalk.template]]\nwhen = 7\n[alimtalk.template.parameters]\n"
               "a = \"{order.refrence}\"\nb = 3\n[[alimtalk.template]]\n"),
      ElementsAre(
          ":2: alimtalk.template.when: must be a condition on the order's metadata, such "
          "as metadata.kind = gift",
          ":3: alimtalk.template.template_code: must be at most 20 letters, digits, "
          "dashes, dots or _",
          ":4: alimtalk.template.fallback: must be off, sms or lms",
          ":5: alimtalk.template.colour: unknown key",
          ":6: alimtalk.template.secret_key: unknown key",
          ":7: alimtalk.template.parameters: must be a table, [alimtalk.template.parameters]",
          ":9: alimtalk.template.when: must be a text in UTF-8",
          StartsWith(":11: alimtalk.template.parameters.a: unknown field order.refrence"),
          ":12: alimtalk.template.parameters.b: must be a text, not 3",
          ":13: alimtalk.template.when: must be given"));
}

TEST(alimtalk_templates, have_a_code_for_the_provider_that_is_used) {
  const std::string gift = "[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n";
  EXPECT_THAT(mistakes(gift), IsEmpty()) << "the log knows no templates";
  EXPECT_THAT(mistakes(nhn + gift + "template_id = \"X\"\n"),
              ElementsAre(":7: alimtalk.template.template_code: must be given, because "
                          "alimtalk.provider is nhn"));
  EXPECT_THAT(mistakes(nhn + gift + "template_code = \"\"\n"), ElementsAre(HasSubstr("given")));
}

TEST(alimtalk_templates, have_a_condition_of_their_own) {
  const std::string one = "[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n"
                          "[[alimtalk.template]]\nwhen = \"metadata.kind = loan\"\n";
  EXPECT_THAT(mistakes(one), IsEmpty());
  EXPECT_THAT(mistakes(one + "[[alimtalk.template]]\nwhen = \"metadata.kind=gift\"\n"),
              ElementsAre(AllOf(HasSubstr(":5: alimtalk.template.when: is never asked, since the "
                                          "template of "),
                                HasSubstr(":1 has the same condition"))));
}

TEST(alimtalk_templates, are_16_at_the_most) {
  std::string many;
  for (int i = 0; i < 17; ++i)
    many += "[[alimtalk.template]]\nwhen = \"metadata.kind = " + std::to_string(i) + "\"\n";
  EXPECT_THAT(mistakes(many), ElementsAre(":33: alimtalk.template: there may be 16 at the most"));
}

TEST(alimtalk_templates, a_fallback_fits_its_kind_and_has_variables_of_its_template) {
  const std::string own = "[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n"
                          "fallback = \"sms\"\nfallback_text = \"#{받는분}#{금액}\"\n"
                          "[alimtalk.template.parameters]\n\"받는분\" = \"{user.id}\"\n";
  EXPECT_THAT(mistakes(own, {{"alimtalk.fallback_from", "0212345678"}}),
              ElementsAre(":1: alimtalk.template.fallback_text: has #{금액}, which is not in "
                          "[alimtalk.template.parameters]"));
  EXPECT_THAT(mistakes("[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n"
                       "fallback = \"sms\"\n",
                       {{"alimtalk.fallback_text", std::string(91, 'x')}}),
              ElementsAre(":1: alimtalk.fallback_from: must be given, because "
                          "alimtalk.template.fallback is sms",
                          ":1: alimtalk.template.fallback_text: must have at most 90 bytes in "
                          "EUC-KR, because alimtalk.template.fallback is sms, not 91 beside its "
                          "variables"));
  // A fault of [alimtalk] is told once.
  EXPECT_THAT(mistakes("[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n",
                       {{"alimtalk.fallback", "sms"}}),
              ElementsAre("alimtalk.fallback_from: must be given, because alimtalk.fallback is sms "
                          "(--set)"));
}

TEST(alimtalk_templates, a_single_table_or_a_set_is_told_how_to_be_written) {
  EXPECT_THAT(mistakes("[alimtalk.template]\nwhen = \"metadata.kind = gift\"\n"),
              ElementsAre(":1: alimtalk.template: each template is an [[alimtalk.template]] of its "
                          "own, in the file"));
  EXPECT_THAT(mistakes("", {{"alimtalk.template", "x"}}),
              ElementsAre("--set: alimtalk.template: each template is an [[alimtalk.template]] of "
                          "its own, in the file"));
}

} // namespace
} // namespace paymentd::config
