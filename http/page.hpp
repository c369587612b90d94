// The frame that all pages have, asked for and answered: `limit` and `cursor`; {"items", "hasMore",
// "nextCursor"}. Used by the routes of lists; any thread.
#pragma once

#include "http/json_text.hpp"
#include "http/query_input.hpp"

#include <optional>
#include <string>

namespace paymentd::http {

inline constexpr int page_limit_max = 100;
inline constexpr std::string_view number_rule = "must be a whole number from 1 to 9007199254740991";
inline constexpr std::string_view cursor_rule = "must be the nextCursor of a page before";

/// Reads `limit` into `to`, where it was given; adds what is wrong.
void read_limit(const query_value& limit, int& to, problem& wrong);

/// Reads a time in UTC, likewise.
void read_time(const query_value& given, instant& to, problem& wrong);

/// Reads an id, likewise.
template <class Id>
void read_id(const query_value& given, std::optional<Id>& to, problem& wrong) {
  if (!given.text)
    return;
  if (const auto number = read_number(*given.text, 1, safe_integer_max))
    to = Id{*number};
  else
    wrong.errors.push_back({std::string{given.name}, std::string{number_rule}});
}

/// Appends a page of items, each as `append` writes it. `cursor` is where the next page begins.
template <class Items, class Append>
void append_page(std::string& out, const Items& items, bool has_more,
                 const std::optional<std::string>& cursor, Append append) {
  out += R"({"items":[)";
  for (const auto& each : items) {
    if (&each != &items.front())
      out += ',';
    append(out, each);
  }
  out += R"(],"hasMore":)";
  out += has_more ? "true" : "false";
  out += R"(,"nextCursor":)";
  if (cursor)
    append_quoted(out, *cursor);
  else
    out += "null";
  out += '}';
}

/// `next` is the cursor of the next page; nothing: this is the last one.
template <class Items>
void append_page(std::string& out, const Items& items, const std::optional<std::string>& next) {
  append_page(out, items, next.has_value(), next,
              [](std::string& to, const auto& each) { append_json(to, each); });
}

} // namespace paymentd::http
