// Goal: webhooks come from the file as they should, and every mistake in them is told with its line
// and without a secret. Method: real files and whole error lines.
#include "config/settings.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string secret_text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

std::expected<settings, std::vector<std::string>> loaded(const support::temporary_file& file) {
  return load({.file = file.path(), .environment = {}, .sets = {}});
}

std::vector<std::string> mistakes(const std::string& text) {
  const support::temporary_file file{text};
  const auto result = loaded(file);
  std::vector<std::string> lines = result ? std::vector<std::string>{} : result.error();
  for (std::string& line : lines)
    line.erase(0, file.path().size());
  return lines;
}

TEST(webhooks, are_read_with_their_defaults) {
  const support::temporary_file key{secret_text + "\n"};
  const support::temporary_file file{
      "[[webhook]]\nname = \"shop\"\nurl = \"https://shop.example/paid?a=b\"\n"
      "secret = \"" +
      secret_text +
      "\"\n"
      "[[webhook]]\nname = \"books-2\"\nurl = \"http://10.0.0.1:80\"\n"
      "secret_file = " +
      toml_text(key.path()) +
      "\n"
      "old_secret = \"whsec_AAAA\"\nevents = [\"refunds\"]\n"
      "allow_private_network = true\nca_file = \"/etc/ca.pem\"\n"
      "content_type = \"application/json\"\ntimeout = \"3s\"\nmax_in_flight = 1\n"
      "[http]\nthreads = 2\n"};
  const auto result = loaded(file);
  ASSERT_TRUE(result) << result.error().front();
  EXPECT_EQ(result->http.threads, 2);
  ASSERT_EQ(result->old_webhooks.size(), 2u);
  const webhook_settings& shop = result->old_webhooks[0];
  EXPECT_EQ(shop.name, "shop");
  EXPECT_EQ(shop.url, "https://shop.example/paid?a=b");
  EXPECT_EQ(shop.signing_secret.reveal(), secret_text);
  EXPECT_TRUE(shop.payments && !shop.refunds && !shop.allow_private_network);
  EXPECT_EQ(shop.ca_file, "");
  EXPECT_EQ(shop.content_type, "application/cloudevents+json");
  EXPECT_EQ(shop.timeout, 15s);
  EXPECT_EQ(shop.max_in_flight, 32);
  const webhook_settings& books = result->old_webhooks[1];
  EXPECT_EQ(books.signing_secret.reveal(), secret_text);
  EXPECT_EQ(books.old_secret.reveal(), "whsec_AAAA");
  EXPECT_TRUE(!books.payments && books.refunds && books.allow_private_network);
  EXPECT_EQ(books.ca_file, "/etc/ca.pem");
  EXPECT_EQ(books.content_type, "application/json");
  EXPECT_EQ(books.timeout, 3s);
  EXPECT_EQ(books.max_in_flight, 1);
}

TEST(webhooks, all_mistakes_are_told_at_once_with_their_lines) {
  EXPECT_THAT(mistakes("[[webhook]]\nname = \"Shop\"\nurl = \"ftp://h\"\nsecret = \"geheim\"\n"
                       "events = [\"charges\"]\nallow_private_network = 1\ntimeout = 5\n"
                       "max_in_flight = 0\ncolour = \"red\"\n[[webhook]]\n"),
              ElementsAre(":2: webhook.name: must be 1 to 40 of a-z, 0-9, - and _",
                          ":3: webhook.url: must be a URL that begins with http:// or https:// and "
                          "has no user and no #",
                          ":4: webhook.secret: must be whsec_ and 24 to 64 bytes in base64",
                          ":5: webhook.events: must be a list of \"payments\", \"refunds\" or both",
                          ":6: webhook.allow_private_network: must be true or false",
                          ":7: webhook.timeout: must be a duration from 10ms to 5m",
                          ":8: webhook.max_in_flight: must be a whole number from 1 to 256",
                          ":9: webhook.colour: unknown key", ":10: webhook.name: must be given",
                          ":10: webhook.url: must be given", ":10: webhook.secret: must be given"));
}

TEST(webhooks, have_a_name_of_their_own_and_one_secret) {
  const std::string one =
      "[[webhook]]\nname = \"a\"\nurl = \"http://h\"\nsecret = \"" + secret_text + "\"\n";
  EXPECT_THAT(mistakes(one + one),
              ElementsAre(":5: webhook.name: there is another webhook called a"));
  const support::temporary_file key{secret_text};
  EXPECT_THAT(mistakes(one + "secret_file = " + toml_text(key.path()) + "\n"),
              ElementsAre(":5: webhook.secret_file: must be given once, itself or as a file"));
  EXPECT_THAT(mistakes("[[webhook]]\nname = \"a\"\nurl = \"http://h\"\n"
                       "secret_file = \"/nonexistent\"\n"),
              ElementsAre(":4: webhook.secret_file: its file \"/nonexistent\" cannot be read: No "
                          "such file or directory"));
}

TEST(webhooks, are_16_at_the_most) {
  std::string many;
  for (int i = 0; i < 17; ++i)
    many += "[[webhook]]\nname = \"a" + std::to_string(i) + "\"\nurl = \"http://h\"\nsecret = \"" +
            secret_text + "\"\n";
  EXPECT_THAT(mistakes(many), ElementsAre(":65: webhook: there may be 16 at the most"));
}

TEST(webhooks, a_single_table_is_told_how_to_be_written) {
  EXPECT_THAT(mistakes("[webhook]\nname = \"a\"\n"),
              ElementsAre(":1: [webhook]: each webhook is an [[webhook]] of its own"));
}

TEST(webhooks, urls_and_secrets_that_cannot_be_are_refused) {
  for (const char* url : {"", "http://", "http:///x", "http://me:pw@h/", "http://h/#x",
                          "http://h/a b", "https://h/?***"})
    EXPECT_THAT(mistakes("[[webhook]]\nname = \"a\"\nurl = " + toml_text(url) + "\nsecret = \"" +
                         secret_text + "\"\n"),
                ElementsAre(HasSubstr(":3: webhook.url: must be a URL")))
        << url;
}

TEST(webhooks, are_printed_without_their_secrets_and_queries) {
  const support::temporary_file file{
      "[[webhook]]\nname = \"a\"\nurl = \"http://h/p?token=geheim\"\n"
      "secret = \"" +
      secret_text + "\"\nevents = [\"payments\", \"refunds\"]\n"};
  const std::string shown = effective(*loaded(file));
  EXPECT_THAT(shown, HasSubstr("\n[[webhook]]\nname = \"a\"\nurl = \"http://h/p?***\"\n"
                               "secret = \"***\"\nold_secret = \"\"\n"
                               "events = [\"payments\", \"refunds\"]\n"
                               "allow_private_network = false\nca_file = \"\"\n"
                               "content_type = \"application/cloudevents+json\"\n"
                               "timeout = \"15s\"\nmax_in_flight = 32\n"));
  EXPECT_THAT(shown, Not(HasSubstr("geheim")));
  EXPECT_THAT(shown, Not(HasSubstr(secret_text)));
}

} // namespace
} // namespace paymentd::config
