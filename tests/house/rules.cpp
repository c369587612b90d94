#include "tests/house/rules.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <sstream>

namespace paymentd::house {

namespace {

/// The includes that a room may have: other rooms' headers by prefix, and which libraries it must
/// not.
struct wall {
  std::string room;
  std::vector<std::string> rooms;
  std::vector<std::string> not_libraries;
};

const std::vector<std::string> databases{"sqlite3.h", "SQLiteCpp/", "pqxx/", "libpq-fe.h"};
const std::vector<std::string> web{"boost/beast", "boost/asio", "boost/url", "openssl/"};
const std::vector<std::string> actor_library{"caf/"};
const std::vector<std::string> files{"toml++/", "CLI/"};

std::vector<std::string> join(std::initializer_list<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (const auto& each : lists)
    all.insert(all.end(), each.begin(), each.end());
  return all;
}

/// The includes of a provider's own folder: not another provider's.
std::vector<std::string> shared_and(const std::string& own) {
  return {"providers/" + own + "/",
          "providers/provider.hpp",
          "providers/outcome.hpp",
          "providers/http_provider.hpp",
          "providers/kind.hpp",
          "providers/message.hpp",
          "domain/",
          "templates/",
          "net/"};
}

const std::vector<std::string> ports{"domain/", "db/store.hpp", "db/error.hpp",
                                     "providers/provider.hpp"};

const std::vector<wall>& all_walls() {
  static const std::vector<wall> table{
      {"domain", {"domain/"}, {}},                  // the standard library alone: see is_standard
      {"templates", {"templates/", "domain/"}, {}}, // likewise
      {"config",
       {"config/", "domain/", "templates/", "providers/kind.hpp"},
       join({databases, web, actor_library, {"CLI/", "boost/", "spdlog/", "nlohmann/"}})},
      {"db", {"db/", "domain/"}, join({web, actor_library, files})},
      {"net", {"net/"}, join({databases, actor_library, files, {"spdlog/", "nlohmann/"}})},
      {"transfer",
       {"transfer/", "domain/", "net/utc_text.hpp"},
       join({databases, web, actor_library, files, {"spdlog/"}})},
      {"cloudevents",
       {"cloudevents/", "domain/", "net/"},
       join({databases, web, actor_library, files})},
      {"providers",
       {"providers/", "cloudevents/", "domain/", "templates/", "net/"},
       join({databases, actor_library, files})},
      {"providers/log", shared_and("log"), join({databases, web, actor_library, files})},
      {"providers/nhn", shared_and("nhn"), join({databases, actor_library, files})},
      {"providers/solapi", shared_and("solapi"), join({databases, actor_library, files})},
      {"providers/webhook", join({shared_and("webhook"), {"cloudevents/"}}),
       join({databases, web, actor_library, files})},
      {"actors", join({{"actors/"}, ports}), join({databases, web, files, {"nlohmann/"}})},
      // The wings meet in payment_success alone.
      {"actors/payment",
       join({{"actors/payment/", "actors/batcher.hpp", "actors/entrance.hpp", "actors/clock.hpp",
              "actors/health.hpp", "actors/requests.hpp", "actors/payment_success.hpp",
              "actors/store_worker.hpp"},
             {"domain/", "db/store.hpp", "db/error.hpp"}}),
       join({databases, web, files, {"nlohmann/"}})},
      {"actors/delivery",
       join({{"actors/delivery/", "actors/batcher.hpp", "actors/clock.hpp", "actors/health.hpp",
              "actors/requests.hpp", "actors/payment_success.hpp", "actors/store_worker.hpp"},
             ports}),
       join({databases, web, files, {"nlohmann/"}})},
      {"http",
       {"http/", "cloudevents/", "domain/", "actors/requests.hpp", "actors/entrance.hpp",
        "actors/health.hpp", "actors/payment_system.hpp", "net/digest.hpp", "net/utc_text.hpp"},
       join({databases, files})},
      {"app",
       {"app/", "domain/", "templates/", "actors/", "providers/", "config/", "db/store.hpp",
        "db/embedded_file.hpp", "http/", "transfer/", "net/digest.hpp", "net/utc_text.hpp"},
       join({databases, web})},
  };
  return table;
}

bool starts_with_any(std::string_view name, const std::vector<std::string>& prefixes) {
  return std::ranges::any_of(prefixes, [&](const auto& each) { return name.starts_with(each); });
}

/// <vector>, and neither <unistd.h> nor <caf/all.hpp>.
bool is_standard(std::string_view name) {
  return name.find_first_of("/.") == name.npos;
}

bool matches(const std::string& text, const std::regex& what) {
  return std::regex_search(text, what);
}

} // namespace

breaches walls(const source& file) {
  breaches found;
  // The wall of the innermost room.
  const wall* wall = nullptr;
  for (const auto& each : all_walls())
    if (file.path.starts_with(each.room + "/") &&
        (wall == nullptr || each.room.size() > wall->room.size()))
      wall = &each;
  if (!file.is_cpp() || wall == nullptr)
    return found;
  const bool standard_only = wall->room == "domain" || wall->room == "templates";
  for (const auto& each : file.includes) {
    const bool allowed = each.quoted ? starts_with_any(each.name, wall->rooms)
                                     : !starts_with_any(each.name, wall->not_libraries) &&
                                           (!standard_only || is_standard(each.name));
    if (!allowed)
      found.push_back(file.path + ": " + wall->room + "/ must not include " + each.name);
    // toml++ is slow to compile and nobody else's business.
    if (file.is_header() && wall->room == "config" && each.name.starts_with("toml++/"))
      found.push_back(file.path + ": toml++ belongs into a .cpp");
  }
  return found;
}

breaches sql_stays_in_db(const source& file) {
  static const std::regex sql{
      R"(\bselect\b[^]*\bfrom\b|\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\w+\s+set\b)"
      R"(|\b(create|alter|drop)\s+(table|index|view)\b|\bbegin\s+immediate\b)",
      std::regex::icase};
  breaches found;
  if (!file.is_cpp() || file.room() == "db" || file.room() == "tests")
    return found;
  for (const auto& text : file.texts)
    if (matches(text, sql))
      found.push_back(file.path + ": SQL outside db/: " + text);
  return found;
}

breaches headers(const source& file) {
  static const std::regex opening{R"(// [^\n]+\n(//[^\n]*\n)*#pragma once\n)"};
  static const std::regex using_namespace{R"(\busing\s+namespace\b)"};
  breaches found;
  if (!file.is_header())
    return found;
  if (!std::regex_search(file.text, opening, std::regex_constants::match_continuous))
    found.push_back(file.path + ": does not open with a comment and then #pragma once");
  if (matches(file.code, using_namespace))
    found.push_back(file.path + ": using namespace in a header");
  return found;
}

breaches tests_do_not_sleep(const source& file) {
  static const std::regex sleep{R"(\b(sleep_for|sleep_until|sleep|usleep|nanosleep)\s*\()"};
  breaches found;
  if (!file.is_cpp() || file.room() != "tests")
    return found;
  if (matches(file.code, sleep))
    found.push_back(file.path + ": sleeps; wait on a condition, or inject the time");
  if (file.path.ends_with("_test.cpp") && !file.text.starts_with("// "))
    found.push_back(file.path + ": does not open with its goal and method");
  return found;
}

breaches nothing_left_over(const source& file) {
  // Put together from parts, so that this file does not break its own rule.
  static const std::regex later{std::string{R"(\b(TO)"} + "DO|FIX" + "ME|XX" + R"(X)\b)"};
  static const std::regex place{std::string{"(^|[^A-Za-z0-9_.])/(wo"} + "rk|ho" + "me|ro" +
                                "ot|Us" + "ers)/|[.][.]/sha" + "red"};
  breaches found;
  std::size_t begin = 0;
  for (int line = 1; begin < file.text.size(); ++line) {
    const auto end = std::min(file.text.find('\n', begin), file.text.size());
    const std::string text = file.text.substr(begin, end - begin);
    if (matches(text, later) || matches(text, place))
      found.push_back(file.path + ":" + std::to_string(line) + ": " + text);
    begin = end + 1;
  }
  return found;
}

breaches functions_are_short(const source& file) {
  constexpr int lines_max = 70;
  // The tree is formatted: a function opens on a line with a parenthesis and a brace at its end,
  // and closes with a brace as far to the left. Those in a class stand two columns to the right.
  static const std::regex opening{
      R"(^(  )?(?!(namespace|struct|class|enum|union|extern|if|for|while)"
      R"(|switch|else|do|try|catch|case)\b)[^\s}].*\).*\{$)"};
  static const std::regex closing{R"(^(  )?\})"};
  breaches found;
  if (!file.is_cpp() || file.room() == "tests")
    return found;
  struct open_function {
    std::string head;
    int line = 0;
  };
  std::map<std::size_t, open_function> open; // by the columns to its left
  std::size_t begin = 0;
  for (int line = 1; begin < file.text.size(); ++line) {
    const auto end = std::min(file.text.find('\n', begin), file.text.size());
    const std::string text = file.text.substr(begin, end - begin);
    const std::size_t indent = text.starts_with("  ") ? 2 : 0;
    if (matches(text, closing)) {
      if (auto closed = open.extract(indent);
          !closed.empty() && line - closed.mapped().line >= lines_max)
        found.push_back(file.path + ":" + std::to_string(closed.mapped().line) + ": " +
                        std::to_string(line - closed.mapped().line + 1) +
                        " lines: " + closed.mapped().head);
    } else if (matches(text, opening)) {
      open[indent] = {text, line};
    }
    begin = end + 1;
  }
  return found;
}

breaches one_word_for_one_thing(const source& file) {
  static const std::regex other_words{R"(redeliver|redriv|retrier)", std::regex::icase};
  breaches found;
  if (file.is_cpp() && file.room() != "tests" && matches(file.text, other_words))
    found.push_back(file.path + ": says redeliver, redrive or retrier; the word is retry");
  return found;
}

breaches sentences_name_their_subject(const source& file) {
  static const std::regex unnamed{
      R"re((// |/// |\. |^|# |\*\*|")(What|Who|Whoever|Whatever) [a-z])re"};
  breaches found;
  if (file.path == "CHANGELOG.md" || file.path.starts_with("tests/house/"))
    return found;
  std::istringstream lines(file.text);
  for (std::string line; std::getline(lines, line);)
    if (matches(line, unnamed) && line.find('?') == line.npos)
      found.push_back(file.path + ": names no subject: " + line);
  return found;
}

breaches recipes_fit(const source& file,
                     const std::function<std::string(const std::string&)>& text_of) {
  breaches found;
  std::string path;
  std::string before; // the lines that the diff leaves or takes away, from one gap to the next
  bool in_diff = false;
  const auto end_hunk = [&] {
    if (!before.empty() && text_of(path).find(before) == std::string::npos)
      found.push_back(file.path + ": " + path + " no longer has these lines:\n" + before);
    before.clear();
  };
  std::istringstream lines(file.text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      end_hunk();
      in_diff = line == "```diff";
    } else if (in_diff && (line.empty() || line == "..." || line.starts_with("=== "))) {
      end_hunk();
      if (line.starts_with("=== "))
        path = line.substr(4);
    } else if (in_diff && !line.starts_with('+')) {
      before += line.substr(1) + "\n";
    }
  }
  return found;
}

} // namespace paymentd::house
