// The conformance suite in test_db runs through the embedded store.
#include "tests/db/fresh_database.hpp"

namespace paymentd::db {
namespace {

class fresh_sqlite final : public fresh_database {
 public:
  std::string url() const override { return "sqlite:" + file().string(); }
  void raw(const std::string& sql) override { raw_sqlite(file(), sql); }

  std::unique_ptr<fresh_database> copy() const override {
    auto made = std::make_unique<fresh_sqlite>();
    raw_sqlite(file(), "vacuum into '" + made->file().string() + "'");
    return made;
  }

 private:
  std::filesystem::path file() const { return directory_.path() / "test.db"; }
  temporary_directory directory_;
};

} // namespace

std::vector<store_kind> all_stores() {
  return {{"sqlite", [] { return std::make_unique<fresh_sqlite>(); }}};
}

} // namespace paymentd::db
