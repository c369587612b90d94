// A file that lives as long as a test needs it, in a directory of its own. For tests of settings.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace paymentd::config {

class scratch_file {
 public:
  explicit scratch_file(std::string_view text) {
    std::string name = (std::filesystem::temp_directory_path() / "paymentd-config-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw std::filesystem::filesystem_error{"mkdtemp", name,
                                              std::error_code{errno, std::generic_category()}};
    directory_ = name;
    std::ofstream{path(), std::ios::binary} << text;
  }
  ~scratch_file() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;

  std::filesystem::path path() const { return directory_ / "paymentd.toml"; }

 private:
  std::filesystem::path directory_;
};

} // namespace paymentd::config
