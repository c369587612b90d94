#include "tests/house/rules.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <regex>
#include <set>
#include <sstream>

namespace paymentd::house {

namespace {

/// A part of a page: a heading, and all up to the next one.
struct part {
  std::string heading;
  std::string text;              // with the heading, but without the mark
  std::string mark;              // of a translation: the digest of the text that it was made from
  std::vector<std::string> code; // its lines of code, without the comments behind them
  std::string prose;             // the other lines, each with a space behind it
  int points = 0;                // of lists
  int rows = 0;                  // of tables
};

/// Tells one text of a part from another, and keeps no secret (FNV-1a, 64 bits).
std::string digest_of(const std::string& text) {
  std::uint64_t digest = 14695981039346656037U;
  for (const char c : text) {
    digest ^= static_cast<unsigned char>(c);
    digest *= 1099511628211U;
  }
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(digest));
  return hex.data();
}

std::string without_comment(std::string line) {
  static const std::regex comment{" *(^| )# .*$| +$"};
  return std::regex_replace(line, comment, "");
}

std::vector<part> parts_of(const source& page) {
  static const std::regex heading{"^#+ "};
  static const std::regex point{R"(^ *(-|\d+\.) )"};
  static const std::regex mark{"^<!-- README.md ([0-9a-f]{16}) -->$"};
  std::vector<part> parts;
  std::istringstream lines(page.text);
  for (std::string line; std::getline(lines, line);) {
    if (parts.empty() || std::regex_search(line, heading))
      parts.push_back({.heading = line, .text = {}, .mark = {}, .code = {}, .prose = {}});
    part& at = parts.back();
    if (std::smatch found; std::regex_match(line, found, mark)) {
      at.mark = found[1];
      continue;
    }
    at.text += line + "\n";
    if (line.starts_with("    ")) {
      at.code.push_back(without_comment(line));
      continue;
    }
    at.prose += line + " ";
    at.points += std::regex_search(line, point) ? 1 : 0;
    at.rows += line.starts_with('|') ? 1 : 0;
  }
  return parts;
}

/// The texts in backticks, and where links lead. The pages link to each other, too.
std::set<std::string> names_in(const std::string& prose) {
  static const std::regex name{R"(`([^`]+)`|\]\(([^)]+)\))"};
  std::set<std::string> names;
  for (auto at = std::sregex_iterator(prose.begin(), prose.end(), name);
       at != std::sregex_iterator{}; ++at)
    names.insert((*at)[1].matched ? (*at)[1].str() : (*at)[2].str());
  names.erase("README.md");
  names.erase("README.ko.md");
  return names;
}

/// Whether there is a Korean syllable in it: U+AC00 to U+D7A3, whose UTF-8 begins so.
bool is_korean(const std::string& line) {
  return std::ranges::any_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xEA && byte <= 0xED;
  });
}

/// Whether the lines of code are the same. One may be in Korean where it says something.
bool same_code(const std::vector<std::string>& original,
               const std::vector<std::string>& translated) {
  return std::ranges::equal(original, translated, [](const auto& one, const auto& other) {
    return one == other || (is_korean(other) && !is_korean(one));
  });
}

std::string listed(const std::set<std::string>& names, const std::set<std::string>& others) {
  std::string all;
  for (const std::string& each : names)
    if (!others.contains(each))
      all += " " + each;
  return all;
}

/// The differences of one part from its translation, but for its words.
breaches differences(const part& original, const part& translated) {
  breaches found;
  if (original.heading.find(' ') != translated.heading.find(' '))
    found.emplace_back("the heading is of another level");
  if (!same_code(original.code, translated.code))
    found.emplace_back("the code is another");
  const auto names = names_in(original.prose);
  const auto others = names_in(translated.prose);
  if (const auto lacks = listed(names, others); !lacks.empty())
    found.push_back("it does not name" + lacks);
  if (const auto more = listed(others, names); !more.empty())
    found.push_back("it alone names" + more);
  if (original.points != translated.points || original.rows != translated.rows)
    found.emplace_back("its lists and tables are of another length");
  if (const auto digest = digest_of(original.text); translated.mark != digest)
    found.push_back("the original has changed; once it is translated, write <!-- README.md " +
                    digest + " --> below the heading");
  return found;
}

} // namespace

breaches translation_fits(const source& original, const source& translation) {
  const auto parts = parts_of(original);
  const auto translated = parts_of(translation);
  breaches found;
  for (std::size_t i = 0; i < std::max(parts.size(), translated.size()); ++i) {
    if (i >= translated.size())
      found.push_back(translation.path + ": lacks " + parts[i].heading);
    else if (i >= parts.size())
      found.push_back(translation.path + ": has too much: " + translated[i].heading);
    else
      for (const std::string& each : differences(parts[i], translated[i]))
        found.push_back(translation.path + ": " + translated[i].heading + " (" + parts[i].heading +
                        "): " + each);
  }
  return found;
}

breaches references_lead_somewhere(const source& file, const lookup& find) {
  // Files by their path from the root, in backticks, and links, from the folder of the page.
  static const std::regex name{
      R"(`([A-Za-z_]+/[\w./-]+\.(?:md|[ch]pp|sh|toml|json|yml|lua|cfg|conf))`)"
      R"(|\]\(([^)#:]+)(?:#[^)]*)?\))"};
  breaches found;
  // The changelog tells of files that are gone.
  if (!file.path.ends_with(".md") || file.path == "CHANGELOG.md")
    return found;
  const auto slash = file.path.rfind('/');
  const std::string folder = slash == file.path.npos ? "" : file.path.substr(0, slash + 1);
  bool is_code = false;
  std::string prose;
  std::istringstream lines(file.text);
  for (std::string line; std::getline(lines, line);) {
    const bool is_fence = line.starts_with("```");
    is_code = is_code != is_fence;
    if (!is_code && !is_fence && !line.starts_with("    "))
      prose += line + " ";
  }
  for (auto at = std::sregex_iterator(prose.begin(), prose.end(), name);
       at != std::sregex_iterator{}; ++at) {
    const std::string said = (*at)[1].matched ? (*at)[1].str() : folder + (*at)[2].str();
    const auto path = std::filesystem::path(said).lexically_normal().generic_string();
    if (!path.starts_with("build/") && find(path) == nullptr)
      found.push_back(file.path + ": there is no " + path);
  }
  return found;
}

} // namespace paymentd::house
