// Files of many rows, from and to the command line: `paymentd import` and `paymentd export`. Each
// prints what it did, and gives the exit code. Used by main.cpp, on the main thread.
#pragma once

#include "config/settings.hpp"

#include <optional>
#include <string>

namespace paymentd {

/// Imports a CSV file of users or of orders: all of it, or nothing where anything of it is wrong,
/// which is told line by line. A file that was imported before is left alone, and that is fine.
int import_file(const config::settings& settings, const std::string& path);

/// The words behind `paymentd export entries`.
struct export_plan {
  std::string from; // as net::parse_rfc3339 takes it
  std::string to;
  std::string format = "csv"; // or "jsonl"
  std::string file;           // empty: standard output
};

/// The complaint about a plan that cannot be; empty where it can.
std::string wrong_export(const export_plan& plan);

/// Writes the ledger entries of that time; a line on the standard error says how many they are, and
/// their sum. A file has them all or is not there. Precondition: wrong_export has nothing to say.
int export_entries(const config::settings& settings, const export_plan& plan);

} // namespace paymentd
