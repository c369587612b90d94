// A file with a given content for the time of a test, in the system's directory for such.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace paymentd::support {

class temporary_file {
 public:
  explicit temporary_file(const std::string& content)
      : path_((std::filesystem::temp_directory_path() / "paymentd-test-XXXXXX").string()) {
    const int opened = ::mkstemp(path_.data());
    if (opened < 0)
      throw std::runtime_error("no temporary file");
    ::close(opened);
    std::ofstream(path_) << content;
  }
  ~temporary_file() { std::filesystem::remove(path_); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

} // namespace paymentd::support
