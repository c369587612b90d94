// Reads a TOML file into keys and texts with their lines. Used by load.cpp; keeps toml++ out of it.
#pragma once

#include "config/registry.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace paymentd::config {

/// One value of a file. Anything below section.key shows as a value of the key, of no type.
struct file_value {
  std::string key; // "http.listen"; no dot where it stands outside any section
  int line = 0;
  std::optional<toml_type> type; // nothing for booleans, dates, arrays and tables
  bool is_section = false;       // of a section that `sections` did not name; its keys are left out
  std::string text;              // the value, or what it is: "a boolean"
  std::optional<bool> flag;      // of a boolean
  std::optional<std::vector<std::string>> list; // of an array of texts
};

/// One table of an array of tables.
struct file_table {
  int line = 0;
  std::vector<file_value> values; // their keys have no section: "name", "parameters.NAME"
};

struct file_contents {
  std::vector<file_value> values;
  std::vector<file_table> templates; // [[alimtalk.template]], in the order of the file
  std::vector<file_table> webhooks;  // [[webhook]], likewise
  std::vector<std::string> errors;   // whole lines; with any of them there are no values
};

/// Reads at most 1 MiB. `sections` are the known ones.
file_contents read_toml(const std::filesystem::path& path,
                        const std::vector<std::string>& sections);

/// The whole of a file of at most `bytes_max`, or why not, as one line.
std::expected<std::string, std::string> read_file(const std::filesystem::path& path,
                                                  std::size_t bytes_max);

} // namespace paymentd::config
