// The conformance suite in test_postgres runs through the PostgreSQL store, each test on a database
// of its own in one private cluster.
#include "tests/db/fresh_database.hpp"
#include "tests/support/postgres_cluster.hpp"

namespace paymentd::db {
namespace {

class fresh_postgres final : public fresh_database {
 public:
  std::string url() const override { return postgres_cluster::shared().url(name_); }

  void raw(const std::string& sql) override {
    side_session on(url());
    // Rows that the schema's own checks would refuse are to be found by the audit too.
    for (const auto& drop :
         on.sql("select format('alter table %s drop constraint %I', conrelid::regclass, conname) "
                "from pg_constraint where contype = 'c' and connamespace = "
                "to_regnamespace('paymentd')"))
      on.sql(drop);
    on.sql(sql);
  }

  std::unique_ptr<fresh_database> copy() const override {
    auto made = std::make_unique<fresh_postgres>();
    postgres_cluster::shared().copy_database(name_, made->name_);
    return made;
  }

 private:
  const std::string name_ = postgres_cluster::shared().create_database();
};

} // namespace

std::vector<store_kind> all_stores() {
  return {{"postgres", [] { return std::make_unique<fresh_postgres>(); }}};
}

} // namespace paymentd::db
