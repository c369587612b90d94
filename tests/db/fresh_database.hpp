// The stores that the conformance suite runs through. Adding one: a fresh_database for it, and its
// name in all_stores().
#pragma once

#include "db/store.hpp"
#include "tests/support/temporary_directory.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::db {

using support::temporary_directory;

/// An empty database that is nobody else's and goes when this goes.
class fresh_database {
 public:
  virtual ~fresh_database() = default;
  virtual std::string url() const = 0;
  /// Executes SQL past the store, to break rules that the store keeps.
  virtual void raw(const std::string& sql) = 0;
  /// A copy as a backup makes it, of what is committed; nothing is being written meanwhile.
  virtual std::unique_ptr<fresh_database> copy() const = 0;
};

struct store_kind {
  std::string name;
  std::function<std::unique_ptr<fresh_database>()> make;
};
void PrintTo(const store_kind& kind, std::ostream* out);

std::vector<store_kind> all_stores();

/// Executes SQL on the SQLite file at `path`, with its CHECK constraints off.
void raw_sqlite(const std::filesystem::path& path, const std::string& sql);

} // namespace paymentd::db
