// Goal: every file that holds a secret is known, so that its rights can be looked at, and no other
// one is. Method: settings' files with secrets in each place where one may stand.
#include "config/settings.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> files_of(const sources& from) {
  std::vector<std::string> all;
  for (const secret_file& each : secret_files(from))
    all.push_back(each.setting + " " + each.file.string());
  return all;
}

std::vector<std::string> files_in(const support::temporary_file& file) {
  return files_of({.file = file.path(), .environment = {}, .sets = {}});
}

TEST(secret_files, a_file_without_a_secret_is_none) {
  const support::temporary_file file{"[http]\nthreads = 2\n[database]\nurl = \"sqlite:a.db\"\n"
                                     "[alimtalk]\napp_key = \"app\"\nsecret_key = \"\"\n"};
  EXPECT_THAT(files_in(file), IsEmpty());
}

TEST(secret_files, the_settings_file_is_one_where_a_secret_stands_in_it) {
  for (const std::string text : {"[alimtalk]\nsecret_key = \"hush\"\n",
                                 "[database]\nurl = \"postgresql://shop:hush@db/x\"\n",
                                 "[[webhook]]\nname = \"a\"\nsecret = \"whsec_hush\"\n",
                                 "[[webhook]]\nname = \"a\"\nold_secret = \"whsec_hush\"\n"}) {
    const support::temporary_file file{text};
    EXPECT_THAT(files_in(file), ElementsAre("--config " + file.path())) << text;
  }
}

TEST(secret_files, files_that_settings_name_are_found_in_every_source) {
  const support::temporary_file file{"[alimtalk]\nsecret_key_file = \"/a\"\n"
                                     "[[webhook]]\nname = \"a\"\nsecret_file = \"/b\"\n"};
  EXPECT_THAT(files_of({.file = file.path(),
                        .environment = {{"PAYMENTD_ALIMTALK_API_SECRET_FILE", "/c"},
                                        {"PAYMENTD_ALIMTALK_API_SECRET", "hush"}},
                        .sets = {{"database.url_file", "/d"}, {"http.api_keys_file", "/e"}}}),
              ElementsAre("alimtalk.secret_key_file /a", "webhook.secret_file /b",
                          "alimtalk.api_secret_file /c", "database.url_file /d"));
}

TEST(secret_files, the_environment_may_name_the_settings_file) {
  const support::temporary_file file{"[alimtalk]\nsecret_key = \"hush\"\n"};
  EXPECT_THAT(files_of({.file = {}, .environment = {{"PAYMENTD_CONFIG", file.path()}}, .sets = {}}),
              ElementsAre("--config " + file.path()));
}

} // namespace
} // namespace paymentd::config
