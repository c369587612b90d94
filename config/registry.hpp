// The one list of settings: key, type, bounds, sentence, secret or not, and the field that holds
// it. Parsing, checking, the example file and the effective print all go by it. Used in config/
// only.
#pragma once

#include "config/settings.hpp"

#include <functional>

namespace paymentd::config {

/// How TOML writes a setting's value. The environment and --set write the same without quotes.
enum class toml_type : std::uint8_t { text, whole, real };

struct setting {
  std::string key;      // "http.listen"
  std::string takes;    // "a whole number from 1 to 8": its type and bounds, after "must be "
  std::string sentence; // what it does, for the example file
  toml_type type = toml_type::text;
  bool is_secret = false; // its value is in no error; it can be given as <key>_file
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

} // namespace paymentd::config
