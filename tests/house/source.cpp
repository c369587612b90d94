#include "tests/house/source.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <regex>
#include <sstream>

namespace paymentd::house {

namespace {

/// Walks over C++ and sorts every character into code, text or comment.
class splitter {
 public:
  explicit splitter(source& into) : into_(into), rest_(into.text) {}

  void run() {
    while (!rest_.empty()) {
      if (rest_.starts_with("//"))
        skip(rest_.find('\n'));
      else if (rest_.starts_with("/*"))
        leave_lines(after(rest_.find("*/", 2), 2));
      else if (rest_.starts_with("R\"") && !ends_in_word(into_.code))
        raw_text();
      else if (rest_.front() == '"')
        text();
      else if (rest_.front() == '\'' && !ends_in_word(into_.code)) // and not 1'000
        skip(literal_end('\''));
      else
        take(1);
    }
  }

 private:
  static bool ends_in_word(std::string_view code) {
    return !code.empty() && (std::isalnum(static_cast<unsigned char>(code.back())) != 0);
  }
  static std::size_t after(std::size_t found, std::size_t length) {
    return found == std::string_view::npos ? found : found + length;
  }
  void skip(std::size_t length) { rest_.remove_prefix(std::min(length, rest_.size())); }
  /// Skips all but the ends of lines, so that code keeps the lines of its file.
  void leave_lines(std::size_t length) {
    for (const char each : rest_.substr(0, length))
      if (each == '\n')
        into_.code += each;
    skip(length);
  }
  void take(std::size_t length) {
    into_.code += rest_.substr(0, length);
    skip(length);
  }
  /// One past the quote that ends the literal at the front.
  std::size_t literal_end(char quote) const {
    std::size_t at = 1;
    while (at < rest_.size() && rest_[at] != quote && rest_[at] != '\n')
      at += rest_[at] == '\\' ? 2 : 1;
    return std::min(at + 1, rest_.size());
  }
  void text() {
    const std::size_t end = literal_end('"');
    into_.texts.emplace_back(rest_.substr(1, end - 2));
    into_.code += "\"\"";
    skip(end);
  }
  void raw_text() {
    const auto open = rest_.find('(');
    if (open == rest_.npos)
      return take(1);
    const std::string close = ")" + std::string{rest_.substr(2, open - 2)} + "\"";
    const auto end = rest_.find(close, open);
    into_.texts.emplace_back(rest_.substr(open + 1, end - open - 1));
    into_.code += "\"\"";
    leave_lines(after(end, close.size()));
  }

  source& into_;
  std::string_view rest_;
};

bool is_text_file(const std::filesystem::path& path) {
  constexpr std::array endings{"",      ".cpp", ".hpp",  ".txt", ".cmake", ".json",
                               ".md",   ".sh",  ".toml", ".lua", ".sql",   ".yml",
                               ".yaml", ".py",  ".js",   ".mjs", ".css",   ".html"};
  return std::ranges::find(endings, path.extension().string()) != endings.end();
}

/// Pages show pictures: they have to be there, and have no text.
bool is_picture(const std::filesystem::path& path) {
  return path.extension() == ".webp";
}

bool is_ours(const std::filesystem::path& path) {
  const auto name = path.filename().string();
  return name != ".git" && name != "build" && name != ".cache" && name != ".vscode" &&
         name != "node_modules" && name != "dist" && name != "corpus";
}

} // namespace

std::string source::room() const {
  const auto slash = path.find('/');
  return slash == path.npos ? std::string{} : path.substr(0, slash);
}

source make_source(std::string path, std::string text) {
  source made;
  made.path = std::move(path);
  made.text = std::move(text);
  if (!made.is_cpp())
    return made;
  splitter{made}.run();
  static const std::regex line{R"((?:^|\n)[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"])"};
  const auto& all = made.text;
  for (auto at = std::sregex_iterator(all.begin(), all.end(), line); at != std::sregex_iterator{};
       ++at)
    made.includes.push_back({(*at)[2].str(), (*at)[1] == "\""});
  return made;
}

std::vector<source> read_tree(const std::filesystem::path& root) {
  std::vector<source> all;
  std::vector<std::filesystem::path> folders{root};
  while (!folders.empty()) {
    const auto folder = std::move(folders.back());
    folders.pop_back();
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
      if (!is_ours(entry.path()))
        continue;
      if (entry.is_directory()) {
        folders.push_back(entry.path());
      } else if (entry.is_regular_file() && is_picture(entry.path())) {
        all.push_back(make_source(entry.path().lexically_relative(root).generic_string(), {}));
      } else if (entry.is_regular_file() && is_text_file(entry.path())) {
        std::ifstream file{entry.path(), std::ios::binary};
        std::stringstream read;
        read << file.rdbuf();
        std::string text = read.str();
        if (text.find('\0') == text.npos)
          all.push_back(
              make_source(entry.path().lexically_relative(root).generic_string(), std::move(text)));
      }
    }
  }
  std::ranges::sort(all, {}, &source::path);
  return all;
}

} // namespace paymentd::house
