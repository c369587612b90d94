// Goal: a list of providers comes from where it may, each of them is as if it were the only one,
// and all that one of them lacks is told. Method: real files and sets, and whole error lines.
#include "config/settings.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::config {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using lines = std::vector<std::string>;

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

settings good(const std::string& text, named_texts sets = {}) {
  const support::temporary_file file{text};
  auto result = load({.file = file.path(), .environment = {}, .sets = std::move(sets)});
  EXPECT_TRUE(result) << result.error().front();
  return result ? *std::move(result) : settings{};
}

const std::string credentials = "app_key = \"a\"\nsecret_key = \"s\"\nsender_key = \"k\"\n"
                                "template_code = \"PAID\"\napi_key = \"n\"\napi_secret = \"t\"\n"
                                "pf_id = \"p\"\ntemplate_id = \"KA\"\n";
const std::string both = "[alimtalk]\nprovider = [\"nhn\", \"solapi\"]\n" + credentials;

TEST(provider_chain, one_provider_is_no_list) {
  const settings one = good("[alimtalk]\nprovider = \"nhn\"\n" + credentials);
  EXPECT_EQ(one.alimtalk.provider, "nhn");
  EXPECT_THAT(one.alimtalk.next_providers, IsEmpty());
  EXPECT_EQ(by_provider(one).size(), 1u);
  const settings listed = good("[alimtalk]\nprovider = [\"nhn\"]\n" + credentials);
  EXPECT_EQ(listed.alimtalk.provider, "nhn");
  EXPECT_THAT(listed.alimtalk.next_providers, IsEmpty());
}

TEST(provider_chain, is_an_array_in_the_file_and_a_text_with_commas_elsewhere) {
  for (const settings& each :
       {good(both), good("[alimtalk]\n" + credentials, {{"alimtalk.provider", "nhn, solapi"}})}) {
    EXPECT_EQ(each.alimtalk.provider, "nhn");
    EXPECT_THAT(each.alimtalk.next_providers, ElementsAre("solapi"));
    EXPECT_EQ(each.alimtalk.failover_after, 5min);
  }
  EXPECT_EQ(good(both, {{"alimtalk.failover_after", "90s"}}).alimtalk.failover_after, 90s);
}

TEST(provider_chain, is_printed_so_that_it_can_be_loaded_again) {
  const settings first = good(both + "base_url = [\"http://127.0.0.1:1/\", \"\"]\n");
  const std::string printed = effective(first);
  EXPECT_THAT(printed, HasSubstr("\nprovider = [\"nhn\", \"solapi\"]\n"));
  EXPECT_THAT(printed, HasSubstr("\nbase_url = [\"http://127.0.0.1:1\", \"\"]\n"));
}

TEST(provider_chain, each_of_it_is_as_if_it_were_the_only_one) {
  const settings all = good(both + "base_url = [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]\n"
                                   "[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n"
                                   "template_code = \"GIFT\"\ntemplate_id = \"KAGIFT\"\n");
  const auto each = by_provider(all);
  ASSERT_EQ(each.size(), 2u);
  EXPECT_EQ(each[0].alimtalk.provider, "nhn");
  EXPECT_EQ(each[0].alimtalk.base_url, "http://127.0.0.1:1");
  EXPECT_EQ(each[1].alimtalk.provider, "solapi");
  EXPECT_EQ(each[1].alimtalk.base_url, "http://127.0.0.1:2");
  EXPECT_EQ(each[1].alimtalk_templates.at(0).alimtalk.provider, "solapi");
  for (const settings& one : each)
    EXPECT_THAT(one.alimtalk.next_providers, IsEmpty());
  EXPECT_EQ(by_provider(good(both))[1].alimtalk.base_url, "") << "its own";
}

TEST(provider_chain, has_no_log_no_none_no_stranger_and_nothing_twice) {
  for (const char* list : {"[\"nhn\", \"log\"]", "[\"none\", \"nhn\"]", "[\"nhn\", \"nhn\"]",
                           "[\"nhn\", \"NHN\"]", "[\"nhn\", \"\"]", "[]", "[\"nhn\", 1]"})
    EXPECT_THAT(mistakes("[alimtalk]\nprovider = " + std::string(list) + "\n" + credentials),
                ElementsAre(AllOf(StartsWith(":2: alimtalk.provider: must be log, nhn, "),
                                  HasSubstr("or a list of some of them, but for log and none"),
                                  EndsWith(", not an array"))))
        << list;
}

TEST(provider_chain, needs_the_credentials_of_each) {
  EXPECT_THAT(
      mistakes("[alimtalk]\nprovider = [\"nhn\", \"aligo\"]\naligo_api_key = \"a\"\n"
               "aligo_user_id = \"shop\"\naligo_sender_key = \"k\"\naligo_sender = \"0212345678\"\n"
               "app_key = \"a\"\nsecret_key = \"s\"\nsender_key = \"k\"\n"),
      ElementsAre(StartsWith("alimtalk.template_code: must be given, because alimtalk.provider is "
                             "nhn, aligo"),
                  StartsWith("alimtalk.aligo_template_code: must be given"),
                  StartsWith("alimtalk.template_text: must be given, because alimtalk.provider is "
                             "nhn, aligo")));
}

TEST(provider_chain, needs_an_address_of_each_or_of_none) {
  const std::string one = "base_url = \"http://127.0.0.1:1\"\n";
  EXPECT_THAT(mistakes(both + one),
              ElementsAre(HasSubstr("alimtalk.base_url: must be a list of 2, because "
                                    "alimtalk.provider is nhn, solapi")));
  EXPECT_THAT(mistakes("[alimtalk]\nbase_url = [\"\", \"http://127.0.0.1:1\"]\n"),
              ElementsAre(HasSubstr("alimtalk.base_url: must be a list of 1, because")));
}

TEST(provider_chain, each_template_has_the_code_of_each) {
  EXPECT_THAT(mistakes(both + "[[alimtalk.template]]\nwhen = \"metadata.kind = gift\"\n"
                              "template_code = \"GIFT\"\n"),
              ElementsAre(HasSubstr("template_id: must be given, because alimtalk.provider is nhn, "
                                    "solapi")));
}

TEST(provider_chain, tells_refunds_by_all_of_it_or_by_none) {
  EXPECT_FALSE(tells_refunds(good(both).alimtalk));
  EXPECT_TRUE(tells_refunds(good(both + "refund_template_code = \"BACK\"\n"
                                        "refund_template_id = \"KABACK\"\n")
                                .alimtalk));
  EXPECT_THAT(mistakes(both + "refund_template_code = \"BACK\"\n"),
              ElementsAre(HasSubstr("alimtalk.refund_template_id: must be given, because "
                                    "alimtalk.refund_template_code is and alimtalk.provider is "
                                    "nhn, solapi")));
  EXPECT_THAT(mistakes(both + "refund_template_id = \"KABACK\"\n"),
              ElementsAre(HasSubstr("alimtalk.refund_template_code: must be given, because "
                                    "alimtalk.refund_template_id is")));
}

} // namespace
} // namespace paymentd::config
