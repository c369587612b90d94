// Goal: the man pages and the completions say all that the command line takes, since it gives them
// itself, and --version says the commit. Method: the real program, and bash, which completes words.
#include "tests/end_to_end/server_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

namespace paymentd::end_to_end {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string document(const workplace& place, const std::string& name) {
  const ended result = place.run({"manual", name});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return result.output;
}

/// The names of the commands that --help shows.
std::vector<std::string> commands_of(const workplace& place) {
  static const std::regex line(R"(\n  ([a-z]+) +[a-z])");
  const std::string help = place.run({"--help"}).output;
  const std::string below = help.substr(help.find("Subcommands:"));
  std::vector<std::string> names;
  for (std::sregex_iterator at(below.begin(), below.end(), line), end; at != end; ++at)
    names.push_back((*at)[1]);
  return names;
}

TEST(manual, the_man_page_has_every_command_and_its_options) {
  const workplace place;
  const std::string page = document(place, "paymentd.1");
  const auto commands = commands_of(place);
  ASSERT_THAT(commands, testing::IsSupersetOf({"serve", "doctor", "keys", "export"}));
  for (const std::string& each : commands)
    EXPECT_THAT(page, HasSubstr("\n.SS \"paymentd " + each)) << each;
  for (const char* part :
       {"paymentd keys create NAME \\-\\-scopes SCOPES", "\\fB\\-\\-all\\-failed\\fR",
        "\\fB\\-\\-spread\\fR \\fIINT\\fR", "\\fB\\-\\-config\\fR \\fIFILE\\fR"})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_THAT(page, Not(HasSubstr("paymentd manual")));
}

TEST(manual, it_is_no_command_for_users_and_knows_its_documents) {
  const workplace place;
  EXPECT_THAT(commands_of(place), Not(testing::Contains("manual")));
  EXPECT_EQ(place.run({"manual", "paymentd.9"}).exit_code, 2);
  EXPECT_THAT(document(place, "paymentd.toml.5"), HasSubstr(".TH PAYMENTD.TOML 5"));
  EXPECT_TRUE(document(place, "configuration.md").starts_with("# Configuration\n"));
  EXPECT_TRUE(document(place, "zsh").starts_with("#compdef paymentd\n"));
}

TEST(manual, bash_completes_commands_options_and_settings) {
  const workplace place;
  std::ofstream(place.path() / "completion") << document(place, "bash");
  const auto completed = [&](const std::string& words) {
    program bash({"/bin/bash", "-c",
                  "source \"$0\"; compopt() { :; }; COMP_WORDS=(paymentd " + words +
                      "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _paymentd; "
                      "printf '%s ' \"${COMPREPLY[@]}\"",
                  (place.path() / "completion").string()},
                 place.path() / "output");
    const std::string all = bash.wait().output;
    std::filesystem::remove(place.path() / "output");
    return all;
  };
  EXPECT_EQ(completed("doc"), "doctor ");
  EXPECT_EQ(completed("keys cr"), "create ");
  EXPECT_EQ(completed("keys create --sc"), "--scopes ");
  EXPECT_EQ(completed("export entries --format c"), "csv ");
  EXPECT_EQ(completed("serve --set http.tls_p"), "http.tls_private_key= ");
  EXPECT_EQ(completed("--config x.toml mig"), "migrate ");
}

TEST(manual, the_version_has_the_commit) {
  const workplace place;
  const std::string version = place.run({"--version"}).output;
  EXPECT_TRUE(
      std::regex_match(version, std::regex(R"(\d+\.\d+\.\d+ \(commit ([0-9a-f]{12}|unknown)\)\n)")))
      << version;
}

} // namespace
} // namespace paymentd::end_to_end
