// CSV as it is written, by RFC 4180: appenders to a string. Used by the export; any thread.
#pragma once

#include "domain/model.hpp"

#include <string>
#include <string_view>

namespace paymentd::transfer {

/// A field of free text. It is quoted where it has to be. Spreadsheets take a text that begins with
/// =, +, -, @, a tab or CR for a formula and compute it; such a text is given an apostrophe in
/// front.
void append_csv_text(std::string& out, std::string_view text);

/// The header of ledger entries, and the line of one, with the names of the API.
void append_csv_header(std::string& out);
void append_csv_line(std::string& out, const ledger_entry& what);

} // namespace paymentd::transfer
