#include "tests/house/rules.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace paymentd::house {

namespace {

/// The includes that a room may have. Its files include other rooms' headers by these prefixes and
/// no others. The rest holds at any distance: for the headers too that those headers bring with
/// them.
struct wall {
  std::string room; // a folder, or a file without its ending
  std::vector<std::string> rooms;
  std::vector<std::string> not_libraries;
  std::vector<std::string> never = {};       // headers by prefix, other than those of `rooms`
  std::vector<std::string> not_through = {}; // headers that are not looked into
};

const std::vector<std::string> databases{"sqlite3.h", "SQLiteCpp/", "pqxx/", "libpq-fe.h"};
const std::vector<std::string> web{"boost/beast", "boost/asio", "boost/url", "openssl/"};
const std::vector<std::string> actor_library{"caf/"};
const std::vector<std::string> files{"toml++/", "CLI/"};
const std::vector<std::string> nats_library{"nats/", "nats.h"}; // for providers/nats alone

std::vector<std::string> join(std::initializer_list<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (const auto& each : lists)
    all.insert(all.end(), each.begin(), each.end());
  return all;
}

const std::vector<std::string> stores{"db/sqlite/", "db/postgres/"};
const std::vector<std::string> ports{"domain/", "db/store.hpp", "db/error.hpp",
                                     "providers/provider.hpp"};

/// The wall round the folder of any provider: no other provider may be seen from it.
wall provider_wall(const std::string& folder) {
  wall made{folder,
            {folder + "/", "providers/provider.hpp", "providers/outcome.hpp",
             "providers/http_provider.hpp", "providers/per_template_provider.hpp",
             "providers/call_parts.hpp", "providers/json_parts.hpp", "providers/kind.hpp",
             "providers/message.hpp", "providers/traceparent.hpp", "domain/", "templates/", "net/"},
            join({databases, actor_library, files, {"boost/"}}),
            {"providers/"}};
  if (folder == "providers/webhook" || folder == "providers/nats") {
    made.rooms.push_back("cloudevents/");
    made.not_libraries.push_back("openssl/");
  }
  if (folder != "providers/nats")
    made.not_libraries = join({made.not_libraries, nats_library});
  return made;
}

const std::vector<wall>& all_walls() {
  // A room that includes only rooms as closed as itself (`db` sees `domain` alone) needs no
  // `never`: its direct includes say all.
  static const std::vector<wall> table{
      {"domain", {"domain/"}, {}},                  // the standard library alone: see is_standard
      {"templates", {"templates/", "domain/"}, {}}, // likewise
      {"config",
       {"config/", "domain/", "templates/", "providers/kind.hpp"},
       join({databases,
             web,
             actor_library,
             nats_library,
             {"CLI/", "boost/", "spdlog/", "nlohmann/"}}),
       {"net/", "db/"}},
      {"db", {"db/", "domain/"}, join({web, actor_library, files, nats_library})},
      {"net",
       {"net/"},
       join({databases, actor_library, files, nats_library, {"spdlog/", "nlohmann/"}})},
      {"transfer",
       {"transfer/", "domain/", "net/json_text.hpp", "net/utc_text.hpp"},
       join({databases, web, actor_library, files, nats_library, {"spdlog/"}})},
      {"cloudevents",
       {"cloudevents/", "domain/", "net/"},
       join({databases, web, actor_library, files, nats_library})},
      {"providers",
       {"providers/", "cloudevents/", "domain/", "templates/", "net/"},
       join({databases, actor_library, files, nats_library})},
      {"actors", join({{"actors/"}, ports}),
       join({databases, web, files, nats_library, {"nlohmann/"}}), stores},
      // The wings meet in payment_success alone.
      {"actors/payment",
       join({{"actors/payment/", "actors/answer_lane.hpp", "actors/batcher.hpp",
              "actors/caf_log.hpp", "actors/entrance.hpp", "actors/clock.hpp",
              "actors/counters.hpp", "actors/health.hpp", "actors/requests.hpp",
              "actors/payment_success.hpp", "actors/store_worker.hpp"},
             {"domain/", "db/store.hpp", "db/error.hpp"}}),
       join({databases, web, files, nats_library, {"nlohmann/"}}),
       join({stores, {"actors/delivery/", "providers/"}})},
      {"actors/delivery",
       join({{"actors/delivery/", "actors/answer_lane.hpp", "actors/batcher.hpp",
              "actors/clock.hpp", "actors/counters.hpp", "actors/health.hpp", "actors/requests.hpp",
              "actors/payment_success.hpp", "actors/store_worker.hpp"},
             ports}),
       join({databases, web, files, nats_library, {"nlohmann/"}}),
       join({stores, {"actors/payment/"}})},
      {"http",
       {"http/", "cloudevents/", "domain/", "actors/requests.hpp", "actors/entrance.hpp",
        "actors/health.hpp", "actors/counters.hpp", "net/digest.hpp", "net/json_text.hpp",
        "net/text_parts.hpp", "net/utc_text.hpp"},
       join({databases, files, nats_library}),
       {"db/", "providers/", "actors/payment/", "actors/delivery/"}},
      // The headers of http bring the libraries of the web with them.
      {"app",
       {"app/", "domain/", "templates/", "actors/", "providers/", "config/", "db/store.hpp",
        "db/embedded_file.hpp", "db/examination.hpp", "http/", "transfer/", "net/digest.hpp",
        "net/utc_text.hpp"},
       join({databases, web, nats_library}),
       stores,
       {"http/"}},
      // The message API of the tests shares texts with the server and no JSON of its providers: a
      // fault in both would not be seen.
      {"tools",
       {"tools/", "domain/types.hpp", "domain/model.hpp", "providers/message.hpp", "net/digest.hpp",
        "net/json_text.hpp", "net/utc_text.hpp"},
       join({databases, actor_library, nats_library, {"openssl/", "spdlog/", "toml++/"}})},
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

/// The wall of the innermost room, or none.
std::optional<wall> wall_of(const source& file) {
  static const std::regex provider{"^(providers/[^/]+)/"};
  if (std::smatch parts; file.is_cpp() && std::regex_search(file.path, parts, provider))
    return provider_wall(parts[1]);
  const wall* found = nullptr;
  for (const auto& each : all_walls())
    if (file.is_cpp() &&
        (file.path.starts_with(each.room + "/") || file.path.starts_with(each.room + ".")) &&
        (found == nullptr || each.room.size() > found->room.size()))
      found = &each;
  return found == nullptr ? std::nullopt : std::optional(*found);
}

/// Calls `each(number, line)` for every line, which are numbered from 1 and come without their end.
template <class Each>
void for_each_line(const std::string& text, Each each) {
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);)
    each(++number, line);
}

bool matches(const std::string& text, const std::regex& what) {
  return std::regex_search(text, what);
}

} // namespace

breaches walls(const source& file, const lookup& find) {
  breaches found;
  const auto wall = wall_of(file);
  if (!wall)
    return found;
  const bool standard_only = wall->room == "domain" || wall->room == "templates";
  for (const auto& each : file.includes) {
    if (each.quoted ? !starts_with_any(each.name, wall->rooms)
                    : standard_only && !is_standard(each.name))
      found.push_back(file.path + ": " + wall->room + " must not include " + each.name);
    // toml++ is slow to compile and nobody else's business.
    if (file.is_header() && wall->room == "config" && each.name.starts_with("toml++/"))
      found.push_back(file.path + ": toml++ belongs into a .cpp");
  }
  std::set<std::string> seen;
  std::vector<const source*> open{&file};
  while (!open.empty()) {
    const source& at = *open.back();
    open.pop_back();
    for (const auto& each : at.includes) {
      if (!seen.insert(each.name).second)
        continue;
      if (each.quoted
              ? starts_with_any(each.name, wall->never) && !starts_with_any(each.name, wall->rooms)
              : starts_with_any(each.name, wall->not_libraries))
        found.push_back(file.path + ": " + wall->room + " must not see " + each.name + ", which " +
                        at.path + " includes");
      const source* next = each.quoted ? find(each.name) : nullptr;
      if (next != nullptr && !starts_with_any(each.name, wall->not_through))
        open.push_back(next);
    }
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
  for_each_line(file.text, [&](int number, const std::string& line) {
    if (matches(line, later) || matches(line, place))
      found.push_back(file.path + ":" + std::to_string(number) + ": " + line);
  });
  return found;
}

breaches functions_are_short(const source& file) {
  constexpr int lines_max = 70;
  // The tree is formatted. A function begins at the left, or two columns in where it stands in a
  // class; its head may go on over lines that stand deeper, up to the brace; and a brace as far to
  // the left as its first line closes it.
  static const std::regex other{
      R"(^ *(#|(namespace|struct|class|enum|union|if|for|while|switch|else|do|try|catch|case)\b))"};
  static const std::regex head{R"(\)[^()]*\{ *$)"};
  breaches found;
  if (!file.is_cpp() || file.room() == "tests")
    return found;
  struct function {
    std::size_t indent = 0;
    int line = 0;
    std::string text;
  };
  std::optional<function> begun;        // its brace is still to come
  std::map<std::size_t, function> open; // by the columns to its left
  for_each_line(file.code, [&](int number, const std::string& line) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == line.npos)
      return;
    const bool outer = indent == 0 || indent == 2;
    if (outer && line[indent] == '}') {
      if (const auto closed = open.extract(indent);
          !closed.empty() && number - closed.mapped().line >= lines_max)
        found.push_back(file.path + ":" + std::to_string(closed.mapped().line) + ": " +
                        std::to_string(number - closed.mapped().line + 1) +
                        " lines: " + closed.mapped().text);
      open.erase(open.lower_bound(indent), open.end());
      begun.reset();
      return;
    }
    if (outer)
      begun = matches(line, other) ? std::nullopt : std::optional<function>({indent, number, {}});
    if (!begun)
      return;
    begun->text += (begun->text.empty() ? "" : "\n") + line;
    const char last = line[line.find_last_not_of(' ')];
    if (last == '{' && matches(begun->text, head))
      open[begun->indent] = *begun;
    if (last == '{' || last == '}' || last == ';')
      begun.reset();
  });
  return found;
}

breaches one_word_for_one_thing(const source& file) {
  // A word of the glossary, and those that would mean the same. The parts of a name count, too: an
  // underscore or a digit ends a word. SQL has partitions of its own.
  static const std::vector<std::pair<std::string, std::string>> table{
      {"retry", "(?:redeliver|redriv|retrier|reattempt|requeue)[a-z]*|do_retr(?:y|ies)"},
      {"stream", "partition(?:s|ed)?(?!\\s+by\\b)"},
      {"cursor", "high_?water(?:_?mark)?s?|watermarks?|bookmarks?"},
      {"epoch", "fencing_?tokens?"},
      {"idempotency key", "(?:dedupe?|idem|idempotence)_?keys?"},
      {"subscriber", "consumers?"},
  };
  static const std::regex others = [] {
    std::string pattern = "(?:^|[^A-Za-z])(?:stable_partition"; // the standard library's: no group
    for (const auto& synonyms : table)
      pattern += "|(" + synonyms.second + ")";
    return std::regex(pattern + ")(?![A-Za-z])", std::regex::icase);
  }();
  breaches found;
  // JetStream has consumers of its own.
  if (file.path == "CHANGELOG.md" || file.path == "docs/glossary.md" ||
      file.path == "docs/nats.md" || file.path.starts_with("tests/house/"))
    return found;
  for (auto at = std::sregex_iterator(file.text.begin(), file.text.end(), others);
       at != std::sregex_iterator{}; ++at)
    for (std::size_t i = 0; i < table.size(); ++i)
      if (const auto& said = (*at)[i + 1]; said.matched)
        found.push_back(file.path + ": says " + said.str() + "; the word is " + table[i].first);
  return found;
}

breaches sentences_name_their_subject(const source& file) {
  // A sentence begins a line, or behind a full stop, the mark of a comment, of a list, of a table's
  // cell, or of bold text. A cell may begin with a small letter.
  static const std::regex unnamed{
      R"re((^ *|[-.:!)*/#|] |\*\*|")(What|Who|Whoever|Whatever) [a-zA-Z`/])re"
      R"re(|\| (what|who|whoever|whatever) )re"};
  static const std::regex question{R"(\w\?)"};
  breaches found;
  if (file.path == "CHANGELOG.md" || file.path.starts_with("tests/house/"))
    return found;
  for_each_line(file.text, [&](int number, const std::string& line) {
    // A comment in SQL is part of a schema, which stays as it was once run.
    if (matches(line, unnamed) && !matches(line, question) && !line.starts_with("--"))
      found.push_back(file.path + ":" + std::to_string(number) + ": names no subject: " + line);
  });
  return found;
}

breaches recipes_fit(const source& file, const lookup& find) {
  breaches found;
  std::string path;
  std::string before; // the lines that the diff leaves or takes away, from one gap to the next
  bool in_diff = false;
  const auto end_hunk = [&] {
    const source* begun = before.empty() ? nullptr : find(path);
    if (!before.empty() && (begun == nullptr || begun->text.find(before) == std::string::npos))
      found.push_back(file.path + ": " + path + " no longer has these lines:\n" + before);
    before.clear();
  };
  for_each_line(file.text, [&](int, const std::string& line) {
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
  });
  return found;
}

} // namespace paymentd::house
