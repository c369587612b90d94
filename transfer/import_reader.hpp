// Reads a file of users or of orders, and says line by line what of it cannot be imported. The
// header names the columns, in any order; docs/import.md describes them. Knows nothing of the
// database: whether a user exists and a reference is free is asked there. One thread.
#pragma once

#include "domain/import.hpp"
#include "transfer/csv_reader.hpp"

#include <array>
#include <functional>
#include <optional>

namespace paymentd::transfer {

enum class import_kind : std::uint8_t { users, orders };

/// "users" or "orders".
std::string_view to_string(import_kind kind) noexcept;

/// Brings metadata, a JSON object, into its one writing; nothing where it is none within its
/// bounds. Empty where it has no members.
using metadata_rule = std::function<std::optional<std::string>(std::string_view)>;

class import_reader {
 public:
  /// Times of the file must not be after `now`, which is also that of rows without one.
  import_reader(file_pieces from, instant now, metadata_rule metadata)
      : csv_(std::move(from)), now_(now), metadata_(std::move(metadata)) {}

  /// Reads the header: a file with the column totalAmount has orders, any other users. Nothing
  /// where it cannot be used; then the faults say why, and nothing else may be asked.
  std::optional<import_kind> read_header();

  // The next row without a fault, valid until the next call; null at the end. Lines with faults are
  // passed by and noted. Only that of the header's kind may be asked.
  const imported_user* next_user();
  const imported_order* next_order();

  const import_faults& faults() const { return faults_; }

 private:
  enum class column : std::uint8_t {
    reference,
    phone,
    balance,
    user_id,
    user_reference,
    coupon_id,
    total,
    discount,
    status,
    refunded,
    metadata,
    created_at,
    updated_at,
    count
  };
  struct column_name {
    column what;
    std::string_view name;
    bool of_users;
    bool of_orders;
  };
  static const std::array<column_name, static_cast<std::size_t>(column::count)> names;
  static constexpr std::size_t absent = csv_fields_max + 1;

  void read_column(std::string_view name, std::size_t at, import_kind kind);
  /// Reads the next line that is a record of as many fields as the header has; false at the end.
  bool next_line();
  bool has(column what) const { return index(what) != absent; }
  std::size_t index(column what) const { return indexes_[static_cast<std::size_t>(what)]; }
  /// Empty where it is not there.
  std::string_view field(column what) const;
  void fault(column what, std::string message);
  // Each gives `otherwise` where the field is empty, and notes a fault where it does not fit.
  std::int64_t number(column what, std::int64_t min, std::int64_t max, std::int64_t otherwise);
  instant time(column what, instant otherwise);
  order_status status();
  std::string phone();
  std::string reference(column what);
  std::string metadata();
  void read_owner();
  void read_amounts(order& into);

  csv_reader csv_;
  const instant now_;
  const metadata_rule metadata_;
  std::array<std::size_t, static_cast<std::size_t>(column::count)> indexes_{};
  std::size_t fields_ = 0; // of each record
  std::int64_t rows_ = 0;
  import_faults faults_;
  imported_user user_;
  imported_order order_;
};

} // namespace paymentd::transfer
