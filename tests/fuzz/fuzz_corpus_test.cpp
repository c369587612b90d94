// Goal: no bytes that once brought the program down, or reached a new corner of it, do harm again.
// Method: each fuzz target is run on every file of its corpus, which scripts/fuzz.sh has found, and
// looks whether what must hold holds.
#include "fuzz/target.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace paymentd::fuzz {
namespace {

std::filesystem::path corpus() {
  return std::filesystem::path{PAYMENTD_SOURCE_DIR} / "fuzz" / "corpus";
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& each : std::filesystem::directory_iterator{folder})
    files.push_back(each.path());
  std::ranges::sort(files);
  return files;
}

std::string bytes_of(const std::filesystem::path& file) {
  std::stringstream all;
  all << std::ifstream(file, std::ios::binary).rdbuf();
  return all.str();
}

class fuzz_corpus : public ::testing::TestWithParam<target> {};

TEST_P(fuzz_corpus, does_no_harm) {
  const auto files = files_in(corpus() / GetParam().name);
  ASSERT_FALSE(files.empty());
  for (const auto& file : files) {
    SCOPED_TRACE(file);
    EXPECT_NO_THROW(GetParam().run(bytes_of(file)));
  }
  EXPECT_NO_THROW(GetParam().run({}));
}

INSTANTIATE_TEST_SUITE_P(, fuzz_corpus, ::testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(fuzz_corpora, are_of_targets_that_there_are) {
  for (const auto& folder : files_in(corpus()))
    EXPECT_TRUE(std::ranges::count(targets(), folder.filename().string(), &target::name) == 1)
        << folder;
}

TEST(fuzz_corpora, are_small) {
  constexpr std::uintmax_t bytes_max = 64 * 1024;
  for (const target& each : targets())
    for (const auto& file : files_in(corpus() / each.name))
      EXPECT_LE(std::filesystem::file_size(file), bytes_max) << file;
}

} // namespace
} // namespace paymentd::fuzz
