// Many rows at once, in and out of a database: what the import of a file takes and gives, and what
// an export does. Part of the port in store.hpp; values only, any thread.
#pragma once

#include "domain/import.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace paymentd::db {

/// A file that was read once and is without a fault of its own.
struct import_file {
  std::string digest;       // SHA-256 of its bytes, in hexadecimal: the same file is imported once
  std::int64_t rows = 0;    // at most imported_rows_max
  std::int64_t entries = 0; // that its rows bring, by entries_of_import
};

/// Give the rows of the file in its order, each valid until the next call; null at the end. Their
/// exceptions go through to the caller, and nothing is imported.
using user_source = std::function<const imported_user*()>;
using order_source = std::function<const imported_order*()>;

struct import_result {
  /// When the same file was imported before: then nothing was done.
  std::optional<instant> before = std::nullopt;
  /// Not none: nothing was imported.
  import_faults faults = {};
};

/// Ledger entries by their time.
struct entry_range {
  instant from; // and later
  instant to;   // before that
};
/// Takes one entry; false ends the export.
using entry_sink = std::function<bool(const ledger_entry&)>;

} // namespace paymentd::db
