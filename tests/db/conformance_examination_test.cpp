// Goal: an examination finds what is wrong with a database, and nothing where all is well, and it
// changes nothing. Method: a database is examined as it is, without a schema, with one of a later
// release, and by a clock that is wrong.
#include "db/examination.hpp"
#include "tests/db/conformance.hpp"

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

instant real_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

class examining : public conformance {
 protected:
  /// All that is wrong, but for the durability that the cluster of the tests has given up.
  std::vector<std::string> found(bool migrates = true, std::chrono::hours behind = 0h) {
    return found_at(fresh_->url(), migrates, behind);
  }
  static std::vector<std::string> found_at(const std::string& url, bool migrates = true,
                                           std::chrono::hours behind = 0h) {
    std::vector<std::string> lines;
    for (const finding& each :
         examine({.url = url, .lease = 4s, .migrates = migrates, .now = [behind] {
                    return real_now() - behind;
                  }})) {
      EXPECT_EQ((each.wrong + each.remedy).find('\n'), std::string::npos) << each.wrong;
      EXPECT_FALSE(each.remedy.empty()) << each.wrong;
      if (!each.wrong.starts_with("the server's fsync"))
        lines.push_back(each.wrong + "; " + each.remedy);
    }
    return lines;
  }
  bool is_sqlite() const { return GetParam().name == "sqlite"; }
};

TEST_P(examining, nothing_is_found_in_a_database_that_is_served) {
  paid_orders(3);
  EXPECT_THAT(found(), IsEmpty());
  EXPECT_THAT(found(false), IsEmpty());
  EXPECT_THAT(breaches(), IsEmpty());
}

TEST_P(examining, a_database_without_a_schema_is_wrong_only_where_nobody_makes_one) {
  const auto other = GetParam().make();
  EXPECT_THAT(found_at(other->url()), IsEmpty());
  EXPECT_THAT(found_at(other->url(), false), ElementsAre(HasSubstr("run paymentd migrate")));
  EXPECT_FALSE(must(open_database({.url = other->url(), .owner = "test"}))->check_schema())
      << "an examination makes none";
}

TEST_P(examining, a_schema_of_a_later_release_is_found) {
  fresh_->raw(is_sqlite() ? "pragma user_version = 99"
                          : "insert into paymentd.schema_migrations values (99, now())");
  EXPECT_THAT(found(), ElementsAre(testing::AllOf(HasSubstr("newer than this program"),
                                                  HasSubstr("install the release that made it"))));
}

TEST_P(examining, a_schema_of_an_earlier_release_is_found_where_nobody_upgrades_it) {
  fresh_->raw(is_sqlite() ? "pragma user_version = 1"
                          : "delete from paymentd.schema_migrations where version > 1");
  EXPECT_THAT(found(), IsEmpty());
  EXPECT_THAT(found(false), ElementsAre(HasSubstr("run paymentd migrate")));
}

TEST_P(examining, another_applications_tables_are_found) {
  const auto other = GetParam().make();
  other->raw(is_sqlite() ? "create table invoices (id integer)"
                         : "create schema paymentd; create table paymentd.invoices (id int)");
  EXPECT_THAT(found_at(other->url()), ElementsAre(HasSubstr("another application's")));
}

TEST_P(examining, a_clock_that_is_behind_is_found) {
  now_ = real_now();
  new_user(1'000);
  EXPECT_THAT(found(true, 2h), ElementsAre(HasSubstr("clock")));
}

INSTANTIATE_TEST_SUITE_P(stores, examining, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
