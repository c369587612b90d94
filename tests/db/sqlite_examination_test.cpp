// Goal: an examination of the embedded database finds rights and places that are wrong. Method:
// files and directories prepared by hand.
#include "db/examination.hpp"
#include "tests/db/conformance.hpp"

#include <fstream>

namespace paymentd::db {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class sqlite_examination : public testing::Test {
 protected:
  std::filesystem::path path() const { return directory_.path() / "test.db"; }
  std::vector<std::string> found(const std::filesystem::path& at) const {
    std::vector<std::string> lines;
    for (const finding& each :
         examine({.url = "sqlite:" + at.string(), .now = [] { return start; }}))
      lines.push_back(each.wrong + "; " + each.remedy);
    return lines;
  }
  void migrate() const {
    must(
        must(open_database({.url = "sqlite:" + path().string(), .owner = "test"}))->migrate(start));
  }

  temporary_directory directory_;
};

TEST_F(sqlite_examination, a_file_that_everybody_may_read_is_found) {
  migrate();
  EXPECT_THAT(found(path()), IsEmpty());
  std::filesystem::permissions(path(), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_THAT(found(path()), ElementsAre(HasSubstr("chmod o=")));
}

TEST_F(sqlite_examination, a_place_that_is_none_is_found) {
  EXPECT_THAT(found(directory_.path() / "nowhere" / "test.db"),
              ElementsAre(HasSubstr("there is no directory")));
  EXPECT_THAT(found(directory_.path()), ElementsAre(HasSubstr("it is not a file")));
}

TEST_F(sqlite_examination, a_file_that_is_no_database_is_found) {
  std::ofstream(path()) << "this is a letter, and as long as a page of it has to be";
  EXPECT_THAT(found(path()), ElementsAre(HasSubstr("cannot open the database")));
}

TEST_F(sqlite_examination, a_log_that_a_reader_has_kept_is_found) {
  migrate();
  std::ofstream{path().string() + "-wal"}.close();
  std::filesystem::resize_file(path().string() + "-wal", std::uintmax_t{300} << 20);
  EXPECT_THAT(found(path()), ElementsAre(HasSubstr("-wal has 300 MB")));
}

} // namespace
} // namespace paymentd::db
