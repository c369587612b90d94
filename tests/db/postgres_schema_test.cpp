// Goal: migrations are applied once and refuse what is not theirs, and whatever is wrong with an
// address, a server or a role is said in one line without secrets. Method: databases prepared by
// hand in the private cluster.
#include "db/postgres/schema.hpp"
#include "tests/db/postgres_fixture.hpp"

#include <thread>

namespace paymentd::db {
namespace {

using testing::HasSubstr;
using testing::Not;

class postgres_schema : public postgres_test {
 protected:
  void SetUp() override {} // nothing is migrated yet
  template <class T>
  static error error_of(const result<T>& given) {
    return given ? error{error_kind::unavailable, "no error"} : given.error();
  }
};

TEST_F(postgres_schema, two_that_migrate_at_once_apply_it_once) {
  int by_other = 0;
  int by_one = 0;
  {
    const std::jthread beside([&] { by_other = must(open("other")->migrate(start)); });
    by_one = must(open("one")->migrate(start));
  }
  EXPECT_EQ(by_one + by_other, postgres::newest_schema);
  must(open("one")->check_schema());
}

TEST_F(postgres_schema, a_missing_schema_is_said) {
  const auto what = error_of(open("one")->check_schema());
  EXPECT_EQ(what.kind, error_kind::broken);
  EXPECT_THAT(what.text, HasSubstr("run paymentd migrate"));
}

TEST_F(postgres_schema, a_newer_schema_is_refused) {
  must(open("one")->migrate(start));
  sql("insert into paymentd.schema_migrations values (99, now())");
  const auto migrating = error_of(open("one")->migrate(start));
  const auto checking = error_of(open("one")->check_schema());
  EXPECT_EQ(migrating.kind, error_kind::broken);
  EXPECT_THAT(migrating.text, HasSubstr("newer than this program"));
  EXPECT_THAT(checking.text, HasSubstr("newer than this program"));
}

TEST_F(postgres_schema, another_applications_tables_are_left_alone) {
  sql("create schema paymentd; create table paymentd.invoices (id int)");
  const auto migrating = error_of(open("one")->migrate(start));
  EXPECT_EQ(migrating.kind, error_kind::broken);
  EXPECT_THAT(migrating.text, HasSubstr("another application's tables (invoices"));
  EXPECT_THAT(error_of(open("one")->check_schema()).text, HasSubstr("another application's"));
}

TEST_F(postgres_schema, another_applications_tables_beside_do_no_harm) {
  sql("create table public.orders (id int); create table public.users (id int)");
  must(open("one")->migrate(start));
  const auto on = lane("one");
  must(on->settle(payable(*on, 3), start));
  EXPECT_EQ(paid_orders(), "3");
}

TEST_F(postgres_schema, a_role_without_rights_is_said) {
  sql("drop role if exists clerk; create role clerk login");
  std::string as_clerk = url();
  as_clerk.replace(as_clerk.find("user=postgres"), 13, "user=clerk");
  const auto migrating = error_of(open("one", as_clerk)->migrate(start));
  EXPECT_EQ(migrating.kind, error_kind::broken);
  EXPECT_THAT(migrating.text, HasSubstr("permission denied"));

  must(open("one")->migrate(start));
  const auto store = must(open("one", as_clerk)->connect());
  const auto taking = error_of(store->take_stream(start));
  EXPECT_EQ(taking.kind, error_kind::broken);
  EXPECT_THAT(taking.text, HasSubstr("this role may not use it"));
  sql("grant usage on schema paymentd to clerk");
  EXPECT_THAT(error_of(store->take_stream(start)).text, HasSubstr("the role lacks rights"));
}

TEST_F(postgres_schema, a_store_without_a_schema_says_so) {
  const auto store = must(open("one")->connect());
  const auto taking = error_of(store->take_stream(start));
  EXPECT_EQ(taking.kind, error_kind::broken);
  EXPECT_THAT(taking.text, HasSubstr("run paymentd migrate"));
}

TEST_F(postgres_schema, an_address_that_does_not_parse_is_refused_without_its_password) {
  const auto opened = open_database({.url = "postgresql://shop:hush@db:12%/x", .owner = "one"});
  const auto what = error_of(opened);
  EXPECT_EQ(what.kind, error_kind::broken);
  EXPECT_THAT(what.text, HasSubstr("does not parse"));
  EXPECT_THAT(what.text, Not(HasSubstr("hush")));
}

TEST_F(postgres_schema, an_address_is_refused_only_for_what_can_never_be) {
  for (const char* url :
       {"postgresql://db", "postgresql://db:1/x", "postgresql://db:65535/x",
        "postgresql://[::1]:5/x", "postgresql://a:1,b:2/x?target_session_attrs=read-write",
        "postgresql:///x?host=/a,/b", "postgresql://a,b/x?port=5432",
        "postgresql://a,b/x?port=,5433",
        "postgresql://db/x?sslmode=verify-full&connect_timeout=3&options=-c%20jit%3Doff",
        "postgresql://db/x?user=shop@example&channel_binding=require&gssencmode=disable"})
    EXPECT_TRUE(check_url(url)) << url;
  for (const char* url :
       {"postgresql://db:x/x", "postgresql://db:0/x", "postgresql://db:65536/x",
        "postgresql://db:-1/x", "postgresql://a,b/x?port=1,2,3",
        "postgresql://db/x?keepalives_idle=long", "postgresql://db/x?target_session_attrs=writable",
        "mysql://db/x", "postgresql://db/x?channel_binding=maybe",
        "postgresql://db/x?gssencmode=on"}) {
    EXPECT_EQ(kind_of(check_url(url)), error_kind::broken) << url;
    EXPECT_FALSE(open_database({.url = url, .owner = "one"})) << url;
  }
}

TEST_F(postgres_schema, a_parameter_that_there_is_not_is_named) {
  EXPECT_THAT(error_of(check_url("postgresql://db/x?sslmode=require&pool=5")).text,
              HasSubstr("a parameter pool, which there is not"));
  EXPECT_THAT(error_of(check_url("postgresql://shop:p?ss@db/x")).text, HasSubstr("before its @"));
  const auto odd = error_of(check_url("postgresql://db/x?sslmode=require&Hush%21=1")).text;
  EXPECT_THAT(odd, HasSubstr("a parameter that there is not"));
  EXPECT_THAT(odd, Not(HasSubstr("Hush")));
}

TEST_F(postgres_schema, a_server_that_is_not_there_is_unavailable_and_its_password_unsaid) {
  const auto database = must(
      open_database({.url = "postgresql://shop:hush@/x?host=/nowhere/at/all", .owner = "one"}));
  for (const auto& what : {error_of(database->connect()), error_of(database->check_schema()),
                           error_of(database->migrate(start))}) {
    EXPECT_EQ(what.kind, error_kind::unavailable);
    EXPECT_THAT(what.text, HasSubstr("/nowhere/at/all"));
    EXPECT_THAT(what.text, Not(HasSubstr("hush")));
    EXPECT_THAT(what.text, Not(HasSubstr("\n")));
  }
}

} // namespace
} // namespace paymentd::db
