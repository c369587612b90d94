// A file of the source tree, taken apart into what the house rules look at: code, texts, comments
// and includes. Used by the house rules only.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::house {

struct include {
  std::string name;    // "domain/types.hpp" or "vector"
  bool quoted = false; // "…" and not <…>
};

struct source {
  std::string path; // from the project's root, with forward slashes
  std::string text;
  // For C++ only:
  std::string code;               // without comments and the insides of texts, line by line
  std::vector<std::string> texts; // the insides of string literals
  std::vector<include> includes;

  bool is_header() const { return path.ends_with(".hpp"); }
  bool is_cpp() const { return is_header() || path.ends_with(".cpp"); }
  /// The first part of the path: "domain"; empty for a file in the root.
  std::string room() const;
};

/// Takes a file apart by its name.
source make_source(std::string path, std::string text);

/// Every text file of the tree, but for what is built in it and what git and tools keep there.
std::vector<source> read_tree(const std::filesystem::path& root);

} // namespace paymentd::house
