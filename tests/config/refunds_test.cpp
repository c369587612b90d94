// Goal: the settings of messages about refunds come from where they may, stand in the places of
// those about payments, and contradictions between them are told. Method: real files and sets, and
// whole error lines.
#include "config/settings.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using lines = std::vector<std::string>;

std::expected<settings, lines> loaded(const std::string& text, named_texts sets = {}) {
  const support::temporary_file file{text};
  return load({.file = file.path(), .environment = {}, .sets = std::move(sets)});
}

settings good(const std::string& text, named_texts sets = {}) {
  auto result = loaded(text, std::move(sets));
  EXPECT_TRUE(result) << result.error().front();
  return result ? *std::move(result) : settings{};
}

/// Each without the name of the file before it.
lines mistakes(const std::string& text, named_texts sets = {}) {
  const support::temporary_file file{text};
  const auto result = load({.file = file.path(), .environment = {}, .sets = std::move(sets)});
  lines all = result ? lines{} : result.error();
  for (std::string& line : all)
    if (line.starts_with(file.path()))
      line.erase(0, file.path().size());
  return all;
}

const std::string nhn = "[alimtalk]\nprovider = \"nhn\"\napp_key = \"a\"\nsecret_key = \"s\"\n"
                        "sender_key = \"k\"\ntemplate_code = \"PAID\"\n";

const std::string sens =
    "[alimtalk]\nprovider = \"sens\"\nsens_access_key = \"a\"\nsens_secret_key = \"s\"\n"
    "sens_service_id = \"i\"\nsens_channel = \"@c\"\nsens_template_code = \"PAID\"\n"
    "template_text = \"결제\"\ntemplate_buttons = \"AC | 채널 추가\"\n";
const std::string sens_back = sens + "refund_sens_template_code = \"BACK\"\n";

lines parameters_of(const alimtalk_settings& of) {
  lines all;
  for (const templates::parameter& each : of.parameters.parameters())
    all.push_back(each.name + "=" + each.text);
  return all;
}

TEST(refunds, are_told_where_there_is_a_template_for_them) {
  EXPECT_FALSE(tells_refunds(good(nhn).alimtalk));
  EXPECT_TRUE(tells_refunds(good(nhn + "refund_template_code = \"BACK\"\n").alimtalk));
  EXPECT_FALSE(tells_refunds(good(nhn + "refund_template_id = \"X\"\n").alimtalk))
      << "another provider's";
  const settings off = good(nhn + "refund_template_code = \"BACK\"\nrefunds = \"off\"\n");
  EXPECT_FALSE(tells_refunds(off.alimtalk));
  EXPECT_TRUE(has_refund_template(off.alimtalk)) << "for those from before";
  // The log has no templates: it tells of refunds where that is asked for.
  EXPECT_FALSE(tells_refunds(good("").alimtalk));
  EXPECT_TRUE(tells_refunds(good("", {{"alimtalk.refunds", "on"}}).alimtalk));
}

TEST(refunds, that_are_on_need_a_template) {
  EXPECT_THAT(mistakes(nhn + "refunds = \"on\"\n"),
              ElementsAre(HasSubstr("alimtalk.refund_template_code: must be given, because "
                                    "alimtalk.refunds is on and alimtalk.provider is nhn")));
  EXPECT_THAT(mistakes(nhn + "refunds = \"yes\"\n"),
              ElementsAre(":7: alimtalk.refunds: must be auto, on or off, not \"yes\""));
}

TEST(refunds, have_their_own_template_parameters_and_fallback) {
  const settings all = good(nhn + R"(
refund_template_code = "BACK"
fallback = "lms"
fallback_from = "0212345678"
fallback_title = "결제"
fallback_text = "#{금액} 결제"
refund_fallback_title = "환불"
refund_fallback_text = "#{환불금액} 환불"
[alimtalk.parameters]
"금액" = "{event.amount:won}"
[alimtalk.refund_parameters]
"환불금액" = "{refund.amount:won}"
)",
                            {{"alimtalk.refund_parameters.사유", "{refund.reason|없음}"}});
  const alimtalk_settings refunds = refund_settings(all.alimtalk);
  EXPECT_EQ(refunds.credentials.at("template_code").reveal(), "BACK");
  EXPECT_EQ(refunds.credentials.at("app_key").reveal(), "a");
  EXPECT_THAT(parameters_of(refunds),
              ElementsAre("환불금액={refund.amount:won}", "사유={refund.reason|없음}"));
  EXPECT_EQ(refunds.fallback, alimtalk_fallback::lms);
  EXPECT_EQ(refunds.fallback_title, "환불");
  EXPECT_EQ(refunds.fallback_text, "#{환불금액} 환불");
  EXPECT_THAT(parameters_of(all.alimtalk), ElementsAre("금액={event.amount:won}"));
}

TEST(refunds, have_the_parameters_of_payments_where_they_have_none_and_never_their_fallback) {
  const settings all = good(nhn + "fallback_text = \"paid\"\n[alimtalk.parameters]\n"
                                  "a = \"{event.status}\"\n");
  const alimtalk_settings refunds = refund_settings(all.alimtalk);
  EXPECT_THAT(parameters_of(refunds), ElementsAre("a={event.status}"));
  EXPECT_EQ(refunds.fallback_text, "");
  EXPECT_TRUE(refunds.credentials.at("template_code").empty());
}

TEST(refunds, a_fallback_that_does_not_fit_is_told_by_its_own_names) {
  EXPECT_THAT(mistakes(nhn + "fallback = \"sms\"\nfallback_from = \"0212345678\"\n"
                             "refund_fallback_text = \"#{금액}\"\n[alimtalk.refund_parameters]\n"
                             "\"환불금액\" = \"{refund.amount}\"\n"),
              ElementsAre(HasSubstr("alimtalk.refund_fallback_text: has #{금액}, which is not in "
                                    "[alimtalk.refund_parameters]")));
  EXPECT_THAT(
      mistakes(nhn + "fallback = \"sms\"\nrefund_fallback_text = \"" + std::string(91, 'x') +
               "\"\n"),
      ElementsAre(
          HasSubstr("alimtalk.fallback_from: must be given"),
          HasSubstr("alimtalk.refund_fallback_text: must have at most 90 bytes in EUC-KR")));
}

TEST(refunds, of_a_provider_that_wants_whole_texts_have_their_own_text_and_buttons) {
  EXPECT_FALSE(tells_refunds(good(sens).alimtalk));
  const settings all = good(sens_back + R"(
refund_template_text = "환불 #{환불금액}"
refund_template_buttons = "WL | 보기 | https://a.kr/#{번호}"
[alimtalk.refund_parameters]
"환불금액" = "{refund.amount:won}"
"번호" = "{order.id}"
)");
  EXPECT_TRUE(tells_refunds(all.alimtalk));
  const alimtalk_settings refunds = refund_settings(all.alimtalk);
  EXPECT_EQ(refunds.credentials.at("sens_template_code").reveal(), "BACK");
  EXPECT_EQ(refunds.template_text, "환불 #{환불금액}");
  EXPECT_EQ(refunds.template_buttons, "WL | 보기 | https://a.kr/#{번호}");
  EXPECT_EQ(all.alimtalk.template_text, "결제");
  const settings without = good(sens_back + "refund_template_text = \"환불\"\n");
  EXPECT_EQ(refund_settings(without.alimtalk).template_buttons, "")
      << "those of [alimtalk] are another template's";
}

TEST(refunds, a_whole_text_and_the_code_of_its_template_need_each_other) {
  EXPECT_THAT(mistakes(sens_back),
              ElementsAre(HasSubstr("alimtalk.refund_template_text: must be given, because "
                                    "alimtalk.refund_sens_template_code is")));
  EXPECT_THAT(mistakes(sens + "refund_template_text = \"환불\"\n"),
              ElementsAre(HasSubstr("alimtalk.refund_sens_template_code: must be given, because "
                                    "alimtalk.refund_template_text is")));
  EXPECT_THAT(mistakes(sens + "refunds = \"on\"\n"),
              ElementsAre(HasSubstr("alimtalk.refund_sens_template_code: must be given, because "
                                    "alimtalk.refunds is on")));
  EXPECT_THAT(mistakes(nhn + "refund_template_text = \"환불\"\n"), IsEmpty())
      << "it knows the text by the template";
}

TEST(refunds, a_whole_text_that_does_not_fit_is_told_by_its_own_names) {
  const std::string own = "[alimtalk.refund_parameters]\n\"환불금액\" = \"{refund.amount:won}\"\n";
  EXPECT_THAT(
      mistakes(sens_back + "refund_template_text = \"환불 #{금액}\"\n" +
               "refund_template_buttons = \"WL | 보기 | https://a.kr/#{번호}\"\n" + own),
      ElementsAre(HasSubstr("alimtalk.refund_template_text: has #{금액}, which is not in "
                            "[alimtalk.refund_parameters]"),
                  HasSubstr("alimtalk.refund_template_buttons: has #{번호}, which is not in "
                            "[alimtalk.refund_parameters]"),
                  HasSubstr("alimtalk.refund_parameters: #{환불금액} stands neither in the "
                            "template's text nor in a link of its buttons nor in the fallback")));
  EXPECT_THAT(
      mistakes(sens_back + "refund_template_text = \"" + std::string(1001, 'x') + "\"\n"),
      ElementsAre(HasSubstr("alimtalk.refund_template_text: must have at most 1000 characters")));
  EXPECT_THAT(
      mistakes(nhn + "refund_template_buttons = \"WL | 보기\"\n"),
      ElementsAre(HasSubstr("alimtalk.refund_template_buttons: line 1: a WL must have a link")));
  EXPECT_THAT(mistakes(sens_back + "refund_template_text = \"#{환불금액}\"\n" + own +
                       "[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n"
                       "event = \"refund\"\nsens_template_code = \"GIFT_BACK\"\n"
                       "template_text = \"#{금액}\"\n"),
              ElementsAre(":14: alimtalk.template.template_text: has #{금액}, which is not in "
                          "[alimtalk.refund_parameters]"));
}

TEST(refunds, a_fault_of_a_parameter_is_told_with_its_name) {
  EXPECT_THAT(mistakes("[alimtalk.refund_parameters]\na = \"{refund.amout}\"\n"
                       "[alimtalk.parameters]\nb = \"{refund.amount}\"\n"),
              ElementsAre(HasSubstr(":2: alimtalk.refund_parameters.a: unknown field refund.amout"),
                          ":4: alimtalk.parameters.b: refund.amount belongs to messages about "
                          "refunds"));
}

TEST(refunds, a_template_for_some_orders_may_be_for_refunds) {
  const settings all = good(nhn + R"(
refund_template_code = "BACK"
refund_fallback_text = "#{a}"
[alimtalk.refund_parameters]
a = "{refund.amount}"
[[alimtalk.template]]
when = "metadata.kind = gift"
template_code = "GIFT_PAID"
[[alimtalk.template]]
template_code = "GIFT_BACK"
when = "metadata.kind = gift"
event = "refund"
[alimtalk.template.parameters]
b = "{refund.reason}"
)");
  ASSERT_EQ(all.alimtalk_templates.size(), 2u);
  EXPECT_EQ(all.alimtalk_templates[0].about, entry_kind::payment);
  const alimtalk_template& back = all.alimtalk_templates[1];
  EXPECT_EQ(back.about, entry_kind::refund);
  EXPECT_EQ(back.alimtalk.credentials.at("template_code").reveal(), "GIFT_BACK");
  EXPECT_THAT(parameters_of(back.alimtalk), ElementsAre("b={refund.reason}"));
  EXPECT_EQ(back.alimtalk.fallback_text, "#{a}") << "that of refunds";
  // They can be loaded again as they are shown.
  std::string shown = effective(all);
  shown.replace(shown.find("***"), 3, "s");
  EXPECT_EQ(effective(good(shown)), shown);
}

TEST(refunds, a_template_for_some_refunds_needs_one_for_all_others) {
  const std::string own = "[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n"
                          "event = \"refund\"\ntemplate_code = \"GIFT_BACK\"\n";
  EXPECT_THAT(mistakes(nhn + own),
              ElementsAre(":7: alimtalk.template.event: is refund, but [alimtalk] has no template "
                          "for the refunds of all other orders"));
  EXPECT_THAT(mistakes(nhn + "refunds = \"off\"\n" + own), IsEmpty());
  EXPECT_THAT(mistakes(nhn + "[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n"
                             "event = \"refunds\"\ntemplate_code = \"GIFT_BACK\"\n"),
              ElementsAre(":9: alimtalk.template.event: must be payment or refund"));
}

} // namespace
} // namespace paymentd::config
