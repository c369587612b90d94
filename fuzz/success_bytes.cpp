// A success, a delivery that was retried, or a webhook that was changed, as a store keeps it, and
// as another release or a damaged database may have left it.
#include "fuzz/target.hpp"

#include "domain/success_bytes.hpp"
#include "http/json_text.hpp"

#include <nlohmann/json.hpp>

namespace paymentd::fuzz {

namespace {

/// A JSON object. The parser takes a 0 for the end and passes over a byte-order mark.
bool is_object(std::string_view text) {
  return text.starts_with('{') && text.find('\0') == text.npos && nlohmann::json::accept(text);
}

/// Metadata goes out as it was stored.
bool has_sound_metadata(const success& kept) {
  return std::visit(
      [](const auto& thing) {
        if constexpr (requires { thing.metadata; })
          return thing.metadata.empty() || is_object(thing.metadata);
        return true;
      },
      kept);
}

void look_at(const success& kept) {
  const auto again = success_from_bytes(to_bytes(kept));
  expect(again && *again == kept, "a success that is kept anew is the same");
  std::string text;
  std::visit(
      [&]<class Thing>(const Thing& thing) {
        if constexpr (std::is_same_v<Thing, noted>)
          text = "{}"; // never an answer
        else
          http::append_json(text, thing);
      },
      kept);
  expect(nlohmann::json::accept(text) || !has_sound_metadata(kept),
         "a success that was kept can be answered again");
}

void look_at(const delivery& kept) {
  const auto again = delivery_from_bytes(to_bytes(kept));
  expect(again && *again == kept, "a delivery that is kept anew is the same");
  std::string text;
  http::append_json_with_tries(text, kept);
  expect(nlohmann::json::accept(text), "a delivery that was kept can be answered again");
}

void look_at(const webhook_success& kept) {
  const std::string bytes = to_bytes(kept);
  const auto again = webhook_success_from_bytes(bytes);
  expect(again && to_bytes(*again) == bytes, "a webhook that is kept anew is the same");
  if (const auto* shown = std::get_if<webhook_shown>(&kept))
    expect(valid_webhook_name(shown->what->name), "its name can stand in a header");
}

} // namespace

int fuzz_success_bytes(std::string_view bytes) {
  const auto kept = success_from_bytes(bytes);
  const auto retried = delivery_from_bytes(bytes);
  const auto hook = webhook_success_from_bytes(bytes);
  expect(kept.has_value() + retried.has_value() + hook.has_value() <= 1, "bytes are one thing");
  if (kept)
    look_at(*kept);
  if (retried)
    look_at(*retried);
  if (hook)
    look_at(*hook);
  return 0;
}

} // namespace paymentd::fuzz
