// Parts of the JSON that adapters write and read alike: members of a body, and of an answer that
// may be anything. For the files that make bodies and read answers; pure functions, any thread.
#pragma once

#include "net/json_text.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace paymentd::providers {

/// Appends `before`, which ends with the member's name and its colon, and `text` in quotes.
inline void append_member(std::string& out, std::string_view before, std::string_view text) {
  out.append(before);
  net::append_json_string(out, text);
}

/// An answer as a tree; a discarded value where it is no JSON.
inline nlohmann::json parse_json(std::string_view given) {
  return nlohmann::json::parse(given, nullptr, false);
}

/// The member of an object; null where `of` is none, or has none of that name.
inline const nlohmann::json* member(const nlohmann::json& of, const char* name) {
  if (!of.is_object())
    return nullptr;
  const auto found = of.find(name);
  return found == of.end() ? nullptr : &*found;
}

/// The text of a member; empty where there is none, or where it is no text.
inline std::string text_of(const nlohmann::json& of, const char* name) {
  const auto* found = member(of, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

} // namespace paymentd::providers
