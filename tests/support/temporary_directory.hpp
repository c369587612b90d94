// Files for the time of a test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace paymentd::support {

/// A directory of its own, in `parent`; removed with all that is in it.
class temporary_directory {
 public:
  explicit temporary_directory(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "paymentd-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error("cannot make a temporary directory in " + parent.string());
    path_ = name;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// In memory where the system has it: for what is not about what a disk keeps.
inline std::filesystem::path memory_directory() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
}

/// A file with this content, in a directory of its own.
class temporary_file {
 public:
  explicit temporary_file(std::string_view content) {
    std::ofstream(directory_.path() / "file", std::ios::binary) << content;
  }
  std::string path() const { return (directory_.path() / "file").string(); }

 private:
  temporary_directory directory_;
};

} // namespace paymentd::support
