// The one list of settings: key, type, bounds, sentence, secret or not, and the field that holds
// it. Parsing, checking, the example file and the effective print all go by it. Used in config/
// only.
#pragma once

#include "config/settings.hpp"

#include <functional>

namespace paymentd::config {

/// How TOML writes a setting's value. The environment and --set write the same without quotes.
enum class toml_type : std::uint8_t { text, whole, real, text_or_real };

struct setting {
  std::string key;      // "http.listen"
  std::string takes;    // "a whole number from 1 to 8": its type and bounds, after "must be "
  std::string sentence; // what it does, for the example file
  toml_type type = toml_type::text;
  bool is_secret = false;  // its value is in no error; it can be given as <key>_file
  bool takes_list = false; // an array of texts, too, as one text with commas between them
  /// Takes a value that is in bounds, or changes nothing and gives false.
  std::function<bool(settings&, std::string_view)> set;
  /// The value as TOML, with secrets hidden.
  std::function<std::string(const settings&)> show;

  std::string section() const { return key.substr(0, key.find('.')); }
  std::string name() const { return key.substr(key.find('.') + 1); }
  /// "PAYMENTD_HTTP_LISTEN".
  std::string variable() const;
};

/// The ending of a key whose value names the file that holds the secret.
inline constexpr std::string_view file_suffix = "_file";

/// All settings, those of a section next to each other, in the order in which they are shown.
const std::vector<setting>& registry();

/// "http", "admin" and so on: the sections of all settings, in their order.
std::vector<std::string> sections();

/// The setting with this key, or null.
const setting* find(std::string_view key);

/// The secret whose file `key` names: "database.url_file" gives database.url. Null for other keys.
const setting* find_by_file(std::string_view key);

/// "PAYMENTD_HTTP_LISTEN" for "http.listen".
std::string variable_of(std::string_view key);

/// A contradiction between settings that are each in bounds: the keys concerned and the line.
struct conflict {
  std::vector<std::string> keys;
  std::string line; // after the first key's place and name
};
std::vector<conflict> conflicts(const settings& of);
/// Those of the fallback with what stands beside it. Lines name its setting by `fallback`, and the
/// table that a variable has to be in by `parameters`.
std::vector<conflict> fallback_conflicts(const alimtalk_settings& of, std::string_view fallback,
                                         std::string_view parameters);

/// Whether it is one of the providers.
bool names_provider(const alimtalk_settings& of, std::string_view name);

/// Whether a provider is sent the whole text of each message.
bool wants_whole_text(const alimtalk_settings& of);

/// Those of the template's whole text and its buttons with what stands beside them. Lines name the
/// table that a variable has to be in by `parameters`; where that is not the template's own, it may
/// have others.
std::vector<conflict> text_conflicts(const alimtalk_settings& of, std::string_view parameters,
                                     bool own_parameters);

} // namespace paymentd::config
