#include "transfer/csv_reader.hpp"

#include <algorithm>

namespace paymentd::transfer {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_special(char byte) {
  return byte == ',' || byte == '"' || byte == '\n' || byte == '\r';
}

} // namespace

bool csv_reader::more() {
  while (piece_.empty()) {
    piece_ = from_();
    if (piece_.empty())
      return false;
    if (first_piece_ && piece_.starts_with(byte_order_mark))
      piece_.remove_prefix(byte_order_mark.size());
    first_piece_ = false;
  }
  return true;
}

void csv_reader::begin_record() {
  line_ = next_line_;
  text_.clear();
  ends_.clear();
  fault_ = {};
  state_ = state::field_begin;
}

bool csv_reader::next() {
  begin_record();
  while (more()) {
    const char byte = piece_.front();
    if (!is_special(byte)) {
      read_run();
      continue;
    }
    piece_.remove_prefix(1);
    next_line_ += byte == '\n' ? 1 : 0;
    if (byte != '\n' || state_ == state::quoted) {
      read_special(byte);
      continue;
    }
    if (end_record())
      return true;
    begin_record(); // an empty line
  }
  if (state_ == state::quoted)
    fail("has a quote that is not closed before the end of the file");
  else if (state_ == state::line_end)
    fail("ends with CR alone");
  return end_record();
}

/// Bytes that mean only themselves, up to the next that may not.
void csv_reader::read_run() {
  const auto end = std::ranges::find_if(piece_, is_special);
  const auto size = static_cast<std::size_t>(end - piece_.begin());
  if (state_ == state::closing_quote)
    fail("has text behind a closing quote");
  else if (state_ == state::line_end)
    fail("has CR without LF");
  else if (state_ == state::field_begin)
    state_ = state::plain;
  if (state_ != state::faulty)
    text_.append(piece_.substr(0, size));
  if (text_.size() > csv_record_bytes_max)
    fail("is longer than 65536 bytes");
  piece_.remove_prefix(size);
}

/// A comma, a quote or CR; LF only within quotes.
void csv_reader::read_special(char byte) {
  switch (state_) {
  case state::quoted:
    if (byte == '"')
      state_ = state::closing_quote;
    else
      text_.push_back(byte);
    if (text_.size() > csv_record_bytes_max)
      fail("is longer than 65536 bytes");
    return;
  case state::closing_quote:
    if (byte == '"') {
      text_.push_back(byte);
      state_ = state::quoted;
      return;
    }
    break;
  case state::line_end:
    return fail("has CR without LF");
  case state::faulty:
    return;
  case state::field_begin:
    if (byte == '"') {
      state_ = state::quoted;
      return;
    }
    break;
  case state::plain:
    if (byte == '"')
      return fail("has a quote inside of a field that is not quoted");
    break;
  }
  const std::size_t more_follow = byte == ',' ? 1 : 0;
  if (ends_.size() + more_follow >= csv_fields_max)
    return fail("has too many fields");
  end_field();
  if (byte == '\r')
    state_ = state::line_end;
}

bool csv_reader::end_record() {
  if (state_ == state::faulty)
    return true;
  if (state_ != state::line_end)
    end_field();
  const bool empty = ends_.size() == 1 && text_.empty();
  fields_.clear();
  std::size_t begin = 0;
  for (const std::size_t end : ends_) {
    fields_.push_back(std::string_view(text_).substr(begin, end - begin));
    begin = end;
  }
  return !empty;
}

} // namespace paymentd::transfer
