// Goal: an examination of a PostgreSQL database finds settings and rights that are wrong, names all
// rights that the store needs and no other, and changes nothing. Method: roles and databases
// prepared by hand, and a store that works under the rights that were named.
#include "db/examination.hpp"
#include "tests/db/postgres_fixture.hpp"

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class postgres_examination : public postgres_test {
 protected:
  void SetUp() override {
    postgres_test::SetUp();
    sql("create role " + clerk_ + " login");
  }

  std::string url_as_clerk() { return as_clerk(url()); }
  std::string as_clerk(std::string url) const {
    return url.replace(url.find("user=postgres"), 13, "user=" + clerk_);
  }
  static std::vector<finding> all_found(const std::string& url) {
    return examine({.url = url, .lease = 4s, .now = [] {
                      return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
                    }});
  }
  /// But for the durability that the cluster of the tests has given up.
  static std::vector<std::string> found(const std::string& url) {
    std::vector<std::string> lines;
    for (const finding& each : all_found(url))
      if (!each.wrong.starts_with("the server's fsync"))
        lines.push_back(each.wrong + "; " + each.remedy);
    return lines;
  }
  void let_clerk_read() {
    sql("grant usage on schema paymentd to " + clerk_ +
        "; grant select on all tables in schema paymentd to " + clerk_);
  }

  const std::string clerk_ = "clerk_of_" + name_; // roles are the whole cluster's
};

TEST_F(postgres_examination, an_audit_by_a_role_that_may_only_read_is_made_and_not_noted) {
  let_clerk_read();
  const auto on = open("audit", url_as_clerk());
  const auto found = must(on->audit([](std::string_view) {}));
  EXPECT_EQ(found.breaches, 0);
  const auto noted = on->note_audit(found);
  ASSERT_FALSE(noted);
  EXPECT_THAT(noted.error().text, HasSubstr("permission denied"));
  EXPECT_EQ(noted.error().text.find('\n'), std::string::npos);
  EXPECT_EQ(sql("select count(*) from paymentd.audits"), std::vector<std::string>{"0"});
  sql("grant insert, update on paymentd.audits to " + clerk_);
  must(on->note_audit(found));
  EXPECT_EQ(sql("select count(*) from paymentd.audits"), std::vector<std::string>{"2"});
}

TEST_F(postgres_examination, an_audit_of_a_read_only_database_is_made_and_not_noted) {
  sql("alter database " + name_ + " set default_transaction_read_only = on");
  const auto on = open("audit");
  const auto found = must(on->audit([](std::string_view) {}));
  const auto noted = on->note_audit(found);
  ASSERT_FALSE(noted);
  EXPECT_THAT(noted.error().text, HasSubstr("read-only"));
  EXPECT_EQ(sql("select count(*) from paymentd.audits"), std::vector<std::string>{"0"});
}

TEST_F(postgres_examination, a_role_without_rights_is_told_step_by_step) {
  EXPECT_THAT(found(url_as_clerk()),
              ElementsAre(HasSubstr("grant usage on schema paymentd to " + clerk_)));
  sql("grant usage on schema paymentd to " + clerk_);
  EXPECT_THAT(found(url_as_clerk()),
              ElementsAre(HasSubstr("grant select on paymentd.schema_migrations to " + clerk_)));
  sql("grant select on paymentd.schema_migrations to " + clerk_);
  EXPECT_THAT(
      found(url_as_clerk()),
      ElementsAre(testing::AllOf(HasSubstr("the role " + clerk_ + " lacks rights"),
                                 HasSubstr("select on orders"), HasSubstr("update on users"))));
}

TEST_F(postgres_examination, the_rights_that_are_named_are_enough_for_the_store) {
  let_clerk_read();
  std::string asked;
  for (const finding& each : all_found(url_as_clerk()))
    if (const auto at = each.wrong.find("in the schema paymentd: "); at != std::string::npos)
      asked = each.wrong.substr(at + std::string_view{"in the schema paymentd: "}.size());
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(asked.find("delete on ledger_entries"), std::string::npos) << asked;
  for (std::size_t at = 0; at < asked.size();) {
    const auto end = std::min(asked.find(", ", at), asked.size());
    const std::string one = asked.substr(at, end - at); // "insert on users"
    const auto on = one.find(" on ");
    sql("grant " + one.substr(0, on) + " on paymentd." + one.substr(on + 4) + " to " + clerk_);
    at = end + 2;
  }
  EXPECT_THAT(found(url_as_clerk()), IsEmpty());
  const auto works = lane("clerk", url_as_clerk());
  const auto failed = failed_messages(*works, 3);
  const auto again = retry_under_key(failed[0]);
  must(works->retry(std::span(&again, 1), start));
  must(works->forget_keys(start + 1h));
  must(works->settle(payable(*works, 2), start + 1min));
  const auto who = must(works->subscribe("alimtalk", true, false, start)).id;
  const std::vector<std::string> names{"alimtalk"};
  const std::vector written{works->lease().stream};
  must(works->prune({.subscriber = who,
                     .stream = must(works->lease_deliveries(names, written, 1, start)).at(0).stream,
                     .after = 0,
                     .before = start + 1h,
                     .looked_at_max = 500},
                    start + 1min));
  must(works->begin_results(
      {.subscriber = "alimtalk", .to = start + 2min, .span_min = 1s, .span_max = 1h, .lease = 1min},
      start + 2min));
  must(works->set_kinds("alimtalk", true, true));
  const webhook hook{.name = "shop", .url = "https://shop.example", .secret = "whsec_first"};
  EXPECT_TRUE(must(works->take_over_webhook(hook, start)));
  must(works->settle(payable(*works, 1), start + 2min));
  for (const webhook_request& each : std::initializer_list<webhook_request>{
           update_webhook{.name = "shop", .payments = true, .refunds = false},
           replay_webhook{"shop", start}, delete_webhook{"shop"}}) {
    must(works->change_webhook(each, start + 3min));
    must(works->tend_webhooks(start + 3min));
  }
  EXPECT_THAT(breaches(), IsEmpty());
}

TEST_F(postgres_examination, settings_of_the_role_that_do_harm_are_found) {
  sql("alter role postgres set synchronous_commit = off");
  sql("alter role postgres set statement_timeout = '3s'");
  sql("alter role postgres set default_transaction_read_only = on");
  const auto lines = found(url());
  side_session on(url());
  on.sql("set default_transaction_read_only = off"); // from the next transaction on
  on.sql("alter role postgres reset all");
  EXPECT_THAT(lines, ElementsAre(HasSubstr("default_transaction_read_only is on"),
                                 HasSubstr("synchronous_commit is off"),
                                 HasSubstr("statement_timeout is 3s")));
  EXPECT_THAT(found(url()), IsEmpty());
}

TEST_F(postgres_examination, an_encoding_that_cannot_hold_every_name_is_found) {
  sql("create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'");
  EXPECT_THAT(found(cluster().url("latin")), ElementsAre(HasSubstr("encoding is LATIN1")));
}

TEST_F(postgres_examination, a_role_that_may_not_make_the_schema_is_found) {
  const std::string empty = cluster().create_database();
  EXPECT_THAT(found(as_clerk(cluster().url(empty))),
              ElementsAre(HasSubstr("grant create on database " + empty)));
}

TEST_F(postgres_examination, a_role_that_may_not_upgrade_the_schema_is_found) {
  let_clerk_read();
  sql("delete from paymentd.schema_migrations where version > 1");
  EXPECT_THAT(found(url_as_clerk()),
              ElementsAre(HasSubstr("the role " + clerk_ + " cannot upgrade")));
}

TEST_F(postgres_examination, a_server_that_is_not_there_is_one_line_without_its_password) {
  const auto lines = found("postgresql://shop:hush@/x?host=/nowhere/at/all");
  ASSERT_THAT(lines, testing::SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("/nowhere/at/all"));
  EXPECT_THAT(lines[0], testing::Not(HasSubstr("hush")));
}

} // namespace
} // namespace paymentd::db
