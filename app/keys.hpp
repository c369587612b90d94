// API keys outside the requests that carry them: the commands that make, list and revoke them, and
// the server's part that puts a changed file in force. Commands run on the main thread.
#pragma once

#include "config/settings.hpp"
#include "http/keys/key_ring.hpp"

#include <expected>
#include <filesystem>
#include <string>

namespace paymentd {

/// The words behind `paymentd keys create`.
struct new_key {
  std::string name;
  std::string scopes;  // "pay,read"
  int rate = 0;        // requests a second; 0: no limit
  std::string expires; // "90d" or "12h" from now; empty: never
};

// Each prints what it did, and gives the exit code. The key itself is printed once, and to standard
// output alone, by the first.
int create_key(const config::settings& settings, const new_key& wanted);
int list_keys(const config::settings& settings);
int revoke_key(const config::settings& settings, const std::string& name);

/// The server's keys, as its file has them.
class key_loader {
 public:
  /// An empty path: there are no keys.
  explicit key_loader(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& file() const { return file_; }
  /// Null where there are no keys.
  http::key_ring* ring() { return file_.empty() ? nullptr : &ring_; }

  /// Reads the file for the first time; the error is one line that names it.
  std::expected<void, std::string> load();
  /// Reads it again. One that cannot be read, or is broken, stays out of force: the log says so
  /// once, and the keys before it stay. One thread at a time.
  void reload();

 private:
  std::filesystem::path file_;
  http::key_ring ring_;
  std::vector<http::api_key> keys_; // in force
  std::string fault_;               // of the last reading; empty: none
};

} // namespace paymentd
