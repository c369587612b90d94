// Goal: the walls between the rooms and the house rules hold, in every file, without anyone
// watching. Method: each rule is run over the whole tree, and over small samples that break it.
#include "tests/house/rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace paymentd::house {
namespace {

using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::vector<source>& tree() {
  static const std::vector<source> all = read_tree(PAYMENTD_SOURCE_DIR);
  return all;
}

const source* find(const std::string& path) {
  const auto found = std::ranges::find(tree(), path, &source::path);
  return found == tree().end() ? nullptr : &*found;
}

breaches everywhere(const std::function<breaches(const source&)>& rule) {
  breaches all;
  for (const auto& file : tree())
    for (auto& each : rule(file))
      all.push_back(std::move(each));
  return all;
}

/// A rule's verdict on a sample.
template <class Rule>
breaches sample(Rule rule, std::string path, std::string text) {
  return rule(make_source(std::move(path), std::move(text)));
}

TEST(house, the_whole_tree_is_looked_at) {
  for (const auto* path : {"CMakeLists.txt", "LICENSE", ".ci/run", "domain/types.hpp",
                           "scripts/test.sh", "config/paymentd.toml", "tests/house/rules.cpp"})
    EXPECT_NE(find(path), nullptr) << path;
}

TEST(house, each_room_includes_only_what_the_design_lets_it) {
  EXPECT_THAT(everywhere([](const source& file) { return walls(file, find); }), IsEmpty());
}

TEST(house, sql_stays_in_db) {
  EXPECT_THAT(everywhere(sql_stays_in_db), IsEmpty());
}

TEST(house, headers_open_with_their_purpose_and_open_no_namespace) {
  EXPECT_THAT(everywhere(headers), IsEmpty());
}

TEST(house, tests_open_with_their_goal_and_never_sleep) {
  EXPECT_THAT(everywhere(tests_do_not_sleep), IsEmpty());
}

TEST(house, nothing_is_left_for_later_or_tied_to_one_machine) {
  EXPECT_THAT(everywhere(nothing_left_over), IsEmpty());
}

TEST(house, no_function_is_longer_than_70_lines) {
  EXPECT_THAT(everywhere(functions_are_short), IsEmpty());
}

TEST(house, one_thing_has_one_word) {
  EXPECT_THAT(everywhere(one_word_for_one_thing), IsEmpty());
}

TEST(house, recipes_begin_from_the_code_as_it_is) {
  const auto* recipes = find("docs/recipes.md");
  ASSERT_NE(recipes, nullptr);
  EXPECT_THAT(recipes_fit(*recipes, find), IsEmpty());
  const auto begun = make_source("a.cpp", "one\ntwo\nthree\n");
  const auto of = [&](const std::string& diff) {
    return recipes_fit(make_source("docs/a.md", "```diff\n=== a.cpp\n" + diff + "```\n"),
                       [&](const std::string&) { return &begun; });
  };
  EXPECT_THAT(of(" one\n+new\n-two\n"), IsEmpty());
  EXPECT_THAT(of(" one\n+new\n three\n"), SizeIs(1));
}

TEST(house, sentences_name_their_subject) {
  EXPECT_THAT(everywhere(sentences_name_their_subject), IsEmpty());
  const auto of = [](const std::string& text) {
    return sample(sentences_name_their_subject, "db/a.hpp", text);
  };
  EXPECT_THAT(of("// What is held stays.\n"), SizeIs(1));
  EXPECT_THAT(of("/// A lane. Who waits is told.\n"), SizeIs(1));
  for (const auto* seen :
       {"- Who waits is told.\n", "1. Whoever waits is told.\n", "**What is held** stays.\n",
        "**Held.** Who waits is told.\n", "(A lane.) What is held stays.\n", "| what it keeps |\n",
        "| lane | Who waits. |\n", "/// What PQ wants.\n",
        "/// What `f` wants of a ? that it had.\n"})
    EXPECT_THAT(of(seen), SizeIs(1)) << seen;
  for (const auto* fine :
       {"// A stream that is held stays.\n", "// Who waits?\n", "| it says what it keeps |\n",
        "bool f(What what);\n", "-- What it is.\n"})
    EXPECT_THAT(of(fine), IsEmpty()) << fine;
}

TEST(house, the_korean_readme_says_what_the_readme_says) {
  const auto* original = find("README.md");
  const auto* translation = find("README.ko.md");
  ASSERT_NE(original, nullptr);
  ASSERT_NE(translation, nullptr);
  EXPECT_THAT(translation_fits(*original, *translation), IsEmpty());
}

TEST(house, a_translation_that_lags_behind_is_seen) {
  const std::string begin = "# a\n\nSee `b`.\n\n    run c  # now\n";
  const std::string end = "\n## d\n\n- e [f](g.md)\n";
  const auto original = make_source("README.md", begin + end);
  // The marks are in what the rule asks for.
  const auto marked = [&](const std::string& first, const std::string& second) {
    std::string mark[2];
    int i = 0;
    for (const std::string& line :
         translation_fits(original, make_source("k.md", "# 가\n\n## 라\n")))
      if (const auto at = line.find("<!--"); at != line.npos && i < 2)
        mark[i++] = line.substr(at, line.find("-->") + 3 - at) + "\n";
    return make_source("k.md", "# 가\n" + mark[0] + first + "\n## 라\n" + mark[1] + second);
  };
  const std::string first = "\n`b`를 보라.\n\n    run c  # 지금\n";
  const std::string second = "\n- 마 [바](g.md)\n";
  EXPECT_THAT(translation_fits(original, marked(first, second)), IsEmpty());
  for (const auto& [one, other] : std::vector<std::pair<std::string, std::string>>{
           {"\n보라.\n\n    run c  # 지금\n", second},    // a name is missing
           {"\n`b`, `h`를 보라.\n\n    run c\n", second}, // one too many
           {"\n`b`를 보라.\n\n    run d\n", second},      // another command
           {"\n`b`를 보라.\n", second},                   // none
           {first, "\n- 마 [바](h.md)\n"},                // another link
           {first, second + "- 바\n"},                    // one point too many
           {first, second + "\n## 사\n"}})                // one heading too many
    EXPECT_THAT(translation_fits(original, marked(one, other)), Not(IsEmpty())) << one << other;
  const auto changed = make_source("README.md", begin + "More.\n" + end);
  EXPECT_THAT(translation_fits(changed, marked(first, second)), SizeIs(1));
}

TEST(house, pages_name_files_that_are_there) {
  EXPECT_THAT(everywhere([](const source& file) { return references_lead_somewhere(file, find); }),
              IsEmpty());
  const auto none = [](const std::string&) -> const source* { return nullptr; };
  const auto of = [&](const std::string& text) {
    return references_lead_somewhere(make_source("docs/a.md", text), none);
  };
  EXPECT_THAT(of("`docs/b.md`, [c](c.md#d)\n"), SizeIs(2));
  EXPECT_THAT(of("`b.md`, `/etc/b.toml`, https://e.example/f.md, [c](https://g.example)\n"),
              IsEmpty());
  EXPECT_THAT(of("```\n`docs/b.md`\n```\n"), IsEmpty());
}

TEST(house, the_index_of_the_docs_has_every_page) {
  const auto* index = find("docs/README.md");
  ASSERT_NE(index, nullptr);
  for (const source& page : tree())
    if (page.path.starts_with("docs/") && page.path.ends_with(".md") && page.path != index->path) {
      EXPECT_NE(index->text.find("](" + page.path.substr(5) + ")"), std::string::npos) << page.path;
    }
}

TEST(house, a_long_function_is_seen) {
  std::string lines;
  for (int i = 0; i < 68; ++i)
    lines += i % 2 == 0 ? "  if (a)\n" : "    b();\n";
  EXPECT_THAT(sample(functions_are_short, "db/a.cpp", "void f(int a) {\n" + lines + "}\n"),
              IsEmpty());
  EXPECT_THAT(sample(functions_are_short, "db/a.cpp", "void f(int a) {\n\n" + lines + "}\n"),
              SizeIs(1));
  EXPECT_THAT(sample(functions_are_short, "db/a.hpp",
                     "class a {\n  void f() const {\n\n" + lines + "  }\n};\n"),
              SizeIs(1));
  EXPECT_THAT(sample(functions_are_short, "db/a.hpp", "struct a {\n\n\n" + lines + "};\n"),
              IsEmpty());
  // The head may take more than one line, and a comment or a text may stand in the way.
  for (const std::string head :
       {"void f(int a,\n       int b) {\n", "a::a(int b)\n    : b_(b), c_{0} {\n",
        "auto f(int a)\n    -> std::vector<int> {\n", "void f(int a) { // long\n\n",
        "void f(int a) {\n  g(R\"(\n};\n)\");\n"})
    EXPECT_THAT(sample(functions_are_short, "db/a.cpp", head + lines + "}\n"), SizeIs(1)) << head;
  EXPECT_THAT(
      sample(functions_are_short, "db/a.cpp", "void f(int a,\n       int b);\n" + lines + "}\n"),
      IsEmpty());
}

TEST(house, a_second_word_for_one_thing_is_seen) {
  for (const auto* text :
       {"void redeliver();", "int redrive_ = 0;", "bulk_retrier lane;", "int redelivered_at;",
        "stream_partition of;", "// A partition has one writer.", "std::string dedup_key;",
        "int Watermark2;"})
    EXPECT_THAT(sample(one_word_for_one_thing, "actors/a.cpp", text), SizeIs(1)) << text;
  for (const auto* text : {"void retry();", "\"row_number() over (partition by id)\"",
                           "std::ranges::stable_partition(a, b);", "PQconsumeInput(on);"})
    EXPECT_THAT(sample(one_word_for_one_thing, "actors/a.cpp", text), IsEmpty()) << text;
}

TEST(house, a_hole_in_a_wall_is_seen) {
  const auto alone = [](const source& file) {
    return walls(file, [](const std::string&) { return nullptr; });
  };
  for (const auto& [path, line] : std::vector<std::pair<std::string, std::string>>{
           {"domain/a.cpp", "#include <caf/all.hpp>"},
           {"domain/a.cpp", "#include <unistd.h>"},
           {"domain/a.hpp", "#include \"db/store.hpp\""},
           {"config/a.cpp", "#include \"actors/requests.hpp\""},
           {"config/a.hpp", "#include <toml++/toml.h>"},
           {"db/sqlite/a.cpp", "#include <caf/actor.hpp>"},
           {"db/a.cpp", "  #  include <boost/beast.hpp>"},
           {"providers/a.cpp", "#include \"actors/requests.hpp\""},
           {"providers/webhook/a.cpp", "#include \"providers/nhn/nhn_json.hpp\""},
           {"providers/webhook/a.cpp", "#include <openssl/hmac.h>"},
           {"providers/webhook/a.cpp", "#include <nats/nats.h>"},
           {"providers/a.cpp", "#include <nats.h>"},
           {"app/a.cpp", "#include <nats/nats.h>"},
           {"providers/nhn/a.cpp", "#include \"providers/webhook/outcome.hpp\""},
           {"providers/any_other/a.cpp", "#include \"providers/nhn/nhn_json.hpp\""},
           {"providers/any_other/a.cpp", "#include <boost/beast/http.hpp>"},
           {"actors/a.cpp", "#include \"providers/webhook/webhook_provider.hpp\""},
           {"actors/payment/a.cpp", "#include \"actors/delivery/notification_actor.hpp\""},
           {"actors/payment/a.cpp", "#include \"providers/provider.hpp\""},
           {"actors/delivery/a.cpp", "#include \"actors/payment/order_actor.hpp\""},
           {"actors/a.cpp", "#include <boost/beast/http.hpp>"},
           {"actors/a.cpp", "#include \"db/sqlite/store.hpp\""},
           {"actors/a.cpp", "#include <sqlite3.h>"},
           {"http/a.cpp", "#include \"db/store.hpp\""},
           {"http/a.cpp", "#include \"app/log.hpp\""},
           {"http/a.cpp", "#include \"actors/payment_system.hpp\""},
           {"app/a.cpp", "#include \"db/sqlite/store.hpp\""},
           {"tools/a/a.cpp", "#include \"providers/nhn/nhn_json.hpp\""},
           {"tools/a/a.cpp", "#include \"actors/requests.hpp\""},
           {"http/a.cpp", "// first\n#include <pqxx/pqxx>"}})
    EXPECT_THAT(sample(alone, path, line + "\n"), Not(IsEmpty())) << path << " " << line;
  EXPECT_THAT(sample(alone, "domain/a.cpp", "#include <vector>\n#include \"domain/b.hpp\"\n"),
              IsEmpty());
  EXPECT_THAT(sample(alone, "actors/a.cpp", "#include <caf/all.hpp>\n#include \"db/store.hpp\"\n"),
              IsEmpty());
  EXPECT_THAT(sample(alone, "app/serve.cpp", "#include <caf/all.hpp>\n"), IsEmpty());
  EXPECT_THAT(sample(alone, "providers/nats/a.cpp", "#include <nats/nats.h>\n"), IsEmpty());
}

TEST(house, a_hole_behind_another_header_is_seen) {
  const auto beyond = [](const std::string& path, const std::string& last) {
    const auto header = make_source("actors/health.hpp", "#include " + last + "\n");
    const auto in_header = [&](const std::string& name) {
      return name == header.path ? &header : nullptr;
    };
    return walls(make_source(path, "#include \"actors/health.hpp\"\n"), in_header);
  };
  for (const auto& [path, last] : std::vector<std::pair<std::string, std::string>>{
           {"actors/payment/a.cpp", "\"actors/delivery/deliverer.hpp\""},
           {"actors/payment/a.cpp", "\"providers/provider.hpp\""},
           {"actors/delivery/a.cpp", "\"actors/payment/order_actor.hpp\""},
           {"actors/delivery/a.cpp", "<sqlite3.h>"},
           {"http/a.cpp", "\"db/store.hpp\""},
           {"http/keys/a.cpp", "\"providers/provider.hpp\""},
           {"app/a.cpp", "\"db/sqlite/store.hpp\""}})
    EXPECT_THAT(beyond(path, last), SizeIs(1)) << path << " " << last;
  EXPECT_THAT(beyond("providers/any_other/a.cpp", "\"providers/nhn/nhn_json.hpp\""),
              SizeIs(2)); // and the header between
  EXPECT_THAT(beyond("actors/delivery/a.cpp", "\"providers/provider.hpp\""), IsEmpty());
}

TEST(house, sql_in_another_room_is_seen) {
  for (const auto* text :
       {"\"select id from users\"", "\"SELECT 1\\n  FROM x\"", "\"insert into a values (1)\"",
        "R\"(update users\n set balance = 1)\"", "R\"sql(delete from a)sql\"",
        "\"create table a (b)\"", "\"begin immediate\""})
    EXPECT_THAT(sample(sql_stays_in_db, "http/a.cpp", text), SizeIs(1)) << text;
  for (const auto* text : {"// select id from users\n", "/* insert into a */", "\"selected\"",
                           "select(from)", "\"update the balance\""})
    EXPECT_THAT(sample(sql_stays_in_db, "http/a.cpp", text), IsEmpty()) << text;
  EXPECT_THAT(sample(sql_stays_in_db, "db/a.cpp", "\"select a from b\""), IsEmpty());
}

TEST(house, a_header_without_its_opening_is_seen) {
  EXPECT_THAT(sample(headers, "db/a.hpp", "// What.\n#pragma once\nint a();\n"), IsEmpty());
  EXPECT_THAT(sample(headers, "db/a.hpp", "#pragma once\n// What.\n"), SizeIs(1));
  EXPECT_THAT(sample(headers, "db/a.hpp", "// What.\n#include <vector>\n#pragma once\n"),
              SizeIs(1));
  EXPECT_THAT(sample(headers, "db/a.hpp", "// What.\n#pragma once\nusing  namespace std;\n"),
              SizeIs(1));
  EXPECT_THAT(sample(headers, "db/a.hpp", "// What.\n#pragma once\n// not: using namespace std;\n"),
              IsEmpty());
}

TEST(house, a_test_that_sleeps_is_seen) {
  const std::string goal = "// Goal.\n";
  EXPECT_THAT(
      sample(tests_do_not_sleep, "tests/a_test.cpp", goal + "std::this_thread::sleep_for(1s);"),
      SizeIs(1));
  EXPECT_THAT(sample(tests_do_not_sleep, "tests/a_test.cpp", goal + "::usleep (1);"), SizeIs(1));
  EXPECT_THAT(sample(tests_do_not_sleep, "tests/a_test.cpp", "int a;"), SizeIs(1));
  EXPECT_THAT(sample(tests_do_not_sleep, "tests/a_test.cpp", goal + "// sleep_for(1s)\n"),
              IsEmpty());
  EXPECT_THAT(sample(tests_do_not_sleep, "actors/a.cpp", "sleep_for(1s);"), IsEmpty());
}

TEST(house, what_is_left_for_later_or_names_a_machine_is_seen) {
  EXPECT_THAT(sample(nothing_left_over, "a.md",
                     "one\n<!-- TO"
                     "DO: two -->\n"),
              SizeIs(1));
  EXPECT_THAT(sample(nothing_left_over, "a.cpp",
                     "// FIX"
                     "ME\n"),
              SizeIs(1));
  EXPECT_THAT(sample(nothing_left_over, "a.sh",
                     "cd /ho"
                     "me/somebody/paymentd"),
              SizeIs(1));
  EXPECT_THAT(sample(nothing_left_over, "a.sh",
                     "cp a /wo"
                     "rk/b\ncp b /wo"
                     "rk/a"),
              SizeIs(2));
  EXPECT_THAT(sample(nothing_left_over, "a.md",
                     "see https://example.org/ho"
                     "me/x, frame/wo"
                     "rk/"),
              IsEmpty());
}

TEST(house, code_texts_and_comments_are_told_apart) {
  const auto file =
      make_source("a.cpp", "int a = 1'000; // \"no\"\nchar b = '\"';\n"
                           "auto c = \"x\\\"y\"; /* \"no\" */ auto d = R\"(\"z\")\";");
  EXPECT_THAT(file.texts, testing::ElementsAre("x\\\"y", "\"z\""));
  EXPECT_EQ(file.code, "int a = 1'000; \nchar b = ;\nauto c = \"\";  auto d = \"\";");
  EXPECT_EQ(make_source("a.cpp", "a; /* b\n */ R\"(c\n)\";\nd;").code, "a; \n \"\"\n;\nd;");
}

} // namespace
} // namespace paymentd::house
