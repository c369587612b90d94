// The settings' file. It is read from memory, by way of the name that the system gives to it.
#include "fuzz/target.hpp"

#include "config/settings.hpp"
#include "domain/utf8.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace paymentd::fuzz {

namespace {

/// A file without a place on a disk, gone with this.
class memory_file {
 public:
  explicit memory_file(std::string_view bytes) : file_(::memfd_create("settings", MFD_CLOEXEC)) {
    expect(file_ >= 0 &&
               ::write(file_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
           "there is memory for a file");
  }
  ~memory_file() { ::close(file_); }
  memory_file(const memory_file&) = delete;
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

auto load(std::string_view bytes) {
  const memory_file file(bytes);
  return config::load({.file = file.path(), .environment = {}, .sets = {}});
}

} // namespace

int fuzz_settings_file(std::string_view bytes) {
  const auto settings = load(bytes);
  if (!settings) {
    expect(!settings.error().empty(), "settings that are refused have an error");
    for (const std::string& each : settings.error())
      expect(is_utf8(each) && std::ranges::none_of(
                                  each, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }),
             "an error is one line");
    return 0;
  }
  const std::string shown = config::effective(*settings);
  if (shown.find(config::hidden_mark) != std::string::npos)
    return 0; // a secret is hidden, so it cannot be read again
  const auto again = load(shown);
  expect(again.has_value(), "settings that are shown can be read");
  expect(config::effective(*again) == shown, "settings that are shown and read are the same");
  return 0;
}

} // namespace paymentd::fuzz
