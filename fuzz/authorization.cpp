// The two header fields that have a syntax of their own: the first line is an Authorization, what
// follows an Idempotency-Key.
#include "fuzz/target.hpp"

#include "http/idempotency.hpp"
#include "http/keys/key_ring.hpp"

#include <algorithm>

namespace paymentd::fuzz {

namespace {

constexpr std::string_view key_text = "pmd_0123456789abcdefghijABCDEFGHIJ0123456789";

/// Whether the field is "Bearer", in any case, one space or more, and the key.
bool names_the_key(std::string_view field) {
  constexpr std::string_view scheme = "bearer ";
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  if (!field.ends_with(key_text))
    return false;
  field.remove_suffix(key_text.size());
  return field.size() >= scheme.size() &&
         std::ranges::equal(field.substr(0, scheme.size()), scheme, {}, lower) &&
         field.substr(scheme.size()).find_first_not_of(' ') == field.npos;
}

void authorize(std::string_view field) {
  http::api_key key;
  key.name = "shop";
  key.scopes.add(http::scope::read);
  key.hash = net::sha256(key_text);
  http::key_ring ring;
  ring.put({key});
  http::remembered_key last;
  http::request_access access;
  access.authorization = field;
  access.needs = http::scope::read;
  const auto objection = ring.objection_to(access, last);
  expect(objection.has_value() != names_the_key(field), "the key alone opens the door");
  if (objection) {
    expect(objection->code == http::problem_code::unauthorized && !objection->challenge.empty(),
           "without a key in force it is 401 with a challenge");
    expect(last.key == nullptr, "no key is remembered of a refused request");
  } else {
    access.needs = http::scope::pay;
    const auto other = ring.objection_to(access, last);
    expect(other && other->code == http::problem_code::forbidden, "a key has its scopes alone");
  }
}

std::string quoted(std::string_view key) {
  std::string text = "\"";
  for (const char c : key)
    text.append(c == '"' || c == '\\' ? "\\" : "").append(1, c);
  return text + '"';
}

void read_key(std::string_view field) {
  std::string key{field};
  if (!http::unquote_key(key))
    return;
  expect(http::valid_key(key), "a key that is taken is 1 to 255 visible characters");
  std::string again = quoted(key);
  expect(http::unquote_key(again) && again == key, "a key that is quoted anew is the same");
}

} // namespace

int fuzz_authorization(std::string_view bytes) {
  const auto line = std::min(bytes.find('\n'), bytes.size());
  authorize(bytes.substr(0, line));
  read_key(bytes.substr(std::min(line + 1, bytes.size())));
  return 0;
}

} // namespace paymentd::fuzz
