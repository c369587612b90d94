// Reads CSV as RFC 4180 has it, record by record, in bounded memory. Strict: a quote inside of a
// field that is not quoted, or a field that goes on behind its closing quote, is a fault of that
// line, and the reader goes on with the next one. Used by the import; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::transfer {

/// Gives the next piece of a file; empty at its end. A piece stays valid until the next is asked
/// for.
using file_pieces = std::function<std::string_view()>;

/// The longest record, in bytes of its fields, and the most fields.
inline constexpr std::size_t csv_record_bytes_max = 64 * 1024;
inline constexpr std::size_t csv_fields_max = 100;

class csv_reader {
 public:
  explicit csv_reader(file_pieces from) : from_(std::move(from)) {}

  /// Reads the next record, passing by lines that are empty; false at the end of the file. Lines
  /// end with LF or CR LF; a byte-order mark before the first one is passed by.
  bool next();

  // Of the record read, until the next one:
  /// The line on which it begins, from 1.
  std::int64_t line() const { return line_; }
  /// The reason why it is none; empty where it is one. Then the fields mean nothing.
  std::string_view fault() const { return fault_; }
  const std::vector<std::string_view>& fields() const { return fields_; }

 private:
  enum class state : std::uint8_t { field_begin, plain, quoted, closing_quote, line_end, faulty };

  bool more(); // whether there is another byte
  void begin_record();
  bool end_record(); // whether it has any field
  void end_field() {
    ends_.push_back(text_.size());
    state_ = state::field_begin;
  }
  void read_special(char byte);
  void read_run();
  void fail(std::string_view why) {
    state_ = state::faulty;
    fault_ = why;
  }

  file_pieces from_;
  std::string_view piece_;
  bool first_piece_ = true;
  std::int64_t next_line_ = 1;
  std::int64_t line_ = 0;
  state state_ = state::field_begin;
  std::string text_;              // all fields, one behind the other
  std::vector<std::size_t> ends_; // of each in text_
  std::vector<std::string_view> fields_;
  std::string_view fault_;
};

} // namespace paymentd::transfer
