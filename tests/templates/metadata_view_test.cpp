// Goal: each member of metadata is found with its own text, and no bytes do harm. Method: objects
// that another JSON library wrote, in every escape, and random bytes.
#include "templates/metadata_view.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>

namespace paymentd::templates {
namespace {

std::optional<std::string> value_of(std::string_view json, std::string_view name) {
  const auto found = metadata_view(json).find(name);
  if (!found)
    return std::nullopt;
  std::string text;
  append_unescaped(text, *found);
  return text;
}

std::string unescaped(std::string_view json) {
  std::string text;
  append_unescaped(text, json);
  return text;
}

TEST(metadata_view, finds_members_by_their_whole_name) {
  constexpr std::string_view json = R"({"a":"1","ab":"2","b":"{\"a\":\"3\"}"})";
  EXPECT_EQ(value_of(json, "a"), "1");
  EXPECT_EQ(value_of(json, "ab"), "2");
  EXPECT_EQ(value_of(json, "b"), R"({"a":"3"})");
  EXPECT_EQ(value_of(json, "c"), std::nullopt);
  EXPECT_EQ(value_of("", "a"), std::nullopt);
  EXPECT_EQ(value_of("{}", "a"), std::nullopt);
  EXPECT_EQ(value_of(R"( { "a" : "1" , "b" : "2" } )", "b"), "2"); // as jsonb writes it
}

TEST(metadata_view, undoes_every_escape) {
  EXPECT_EQ(unescaped(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(unescaped(R"(\ud64d\u00e9\u0041)"), "홍éA");
  EXPECT_EQ(unescaped(R"(\ud83c\udf81)"), "🎁");
  // Halves of pairs and escapes that are none.
  EXPECT_EQ(unescaped(R"(\ud83cx)"), "\uFFFDx");
  EXPECT_EQ(unescaped(R"(\udf81)"), "\uFFFD");
  EXPECT_EQ(unescaped(R"(\ud83c\u0041)"), "\uFFFDA");
  EXPECT_EQ(unescaped(R"(\x\홍)"), "\uFFFDx\uFFFD홍");
  EXPECT_EQ(unescaped(R"(\u12)"), "\uFFFD12");
  EXPECT_EQ(unescaped("\\"), "\uFFFD");
}

TEST(metadata_view, gives_back_what_a_json_library_wrote) {
  constexpr std::string_view parts[] = {"a", "홍", "🎁", "\"", "\\", "\n", "\x01", "/", "{", ":"};
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    nlohmann::json object = nlohmann::json::object();
    for (std::size_t i = 0; i < metadata_members_max; ++i) {
      std::string value;
      for (auto left = random() % 12; left > 0; --left)
        value += parts[random() % std::size(parts)];
      object["name" + std::to_string(i)] = value;
    }
    for (const std::string& json : {object.dump(), object.dump(-1, ' ', true)})
      for (const auto& [name, value] : object.items())
        EXPECT_EQ(value_of(json, name), value.get<std::string>()) << json;
  }
}

TEST(metadata_view, takes_no_harm_from_any_bytes) {
  constexpr std::string_view alphabet = "{}\":,\\u0aD8\n\xEA ";
  std::mt19937 random(13);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (auto left = random() % 40; left > 0; --left)
      bytes += alphabet[random() % alphabet.size()];
    value_of(bytes, "a");
    unescaped(bytes);
  }
  std::string many = "{"; // more than metadata may have: the rest is not looked at
  for (int i = 0; i < 100; ++i)
    many += (i > 0 ? ",\"n" : "\"n") + std::to_string(i) + "\":\"v\"";
  EXPECT_EQ(value_of(many, "n19"), "v");
  EXPECT_EQ(value_of(many, "n20"), std::nullopt);
}

} // namespace
} // namespace paymentd::templates
