// The kinds of settings: each maker gives a setting of its kind, which parses, bounds and shows its
// value. It takes the field as a function `of` from the settings, constant or not, to its place.
// Used by registry.cpp alone. Pure functions.
#pragma once

#include "config/registry.hpp"

#include <algorithm>
#include <array>

namespace paymentd::config {

template <class Of>
setting whole(std::string key, Of of, int min, int max, std::string sentence) {
  return {.key = std::move(key),
          .takes = "a whole number from " + std::to_string(min) + " to " + std::to_string(max),
          .sentence = std::move(sentence),
          .type = toml_type::whole,
          .set =
              [of, min, max](settings& s, std::string_view text) {
                const auto value = parse_whole(text);
                if (!value || *value < min || *value > max)
                  return false;
                of(s) = static_cast<int>(*value);
                return true;
              },
          .show = [of](const settings& s) { return std::to_string(of(s)); }};
}

template <class Of>
setting real(std::string key, Of of, double min, double max, std::string sentence) {
  return {.key = std::move(key),
          .takes = "a number from " + to_string(min) + " to " + to_string(max),
          .sentence = std::move(sentence),
          .type = toml_type::real,
          .set =
              [of, min, max](settings& s, std::string_view text) {
                const auto value = parse_real(text);
                if (!value || *value < min || *value > max)
                  return false;
                of(s) = *value;
                return true;
              },
          .show = [of](const settings& s) { return to_string(of(s)); }};
}

template <class Of>
setting duration(std::string key, Of of, milliseconds min, milliseconds max, std::string sentence) {
  return {.key = std::move(key),
          .takes = "a duration from " + to_string(min) + " to " + to_string(max) +
                   " (a whole number of ms, s, m or h)",
          .sentence = std::move(sentence),
          .set =
              [of, min, max](settings& s, std::string_view text) {
                const auto value = parse_duration(text);
                if (!value || *value < min || *value > max)
                  return false;
                of(s) = *value;
                return true;
              },
          .show = [of](const settings& s) { return toml_text(to_string(of(s))); }};
}

template <class Of>
setting listening(std::string key, Of of, std::string sentence) {
  return {.key = std::move(key),
          .takes = "an IP address (in brackets if IPv6) or localhost, a colon and a port from 0 to "
                   "65535",
          .sentence = std::move(sentence),
          .set =
              [of](settings& s, std::string_view text) {
                auto value = parse_address(text);
                if (!value)
                  return false;
                of(s) = *std::move(value);
                return true;
              },
          .show = [of](const settings& s) { return toml_text(to_string(of(s))); }};
}

/// `names` are those of the enumerators, in their order from 0.
template <class Of, std::size_t N>
setting choice(std::string key, Of of, const std::array<const char*, N>& names,
               std::string sentence) {
  std::string takes;
  for (std::size_t i = 0; i < N; ++i)
    takes.append(i == 0 ? "" : i + 1 == N ? " or " : ", ").append(names[i]);
  return {.key = std::move(key),
          .takes = std::move(takes),
          .sentence = std::move(sentence),
          .set =
              [of, names](settings& s, std::string_view text) {
                const auto found = std::ranges::find(names, text);
                if (found == names.end())
                  return false;
                using type = std::remove_cvref_t<decltype(of(s))>;
                of(s) = static_cast<type>(found - names.begin());
                return true;
              },
          .show = [of](const settings& s) { return toml_text(to_string(of(s))); }};
}

/// Keys and codes: they go into URLs, headers and JSON, so letters, digits, - _ . and nothing else.
inline bool is_token(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

template <class Of>
setting token(std::string key, Of of, std::size_t length_max, std::string sentence) {
  return {.key = std::move(key),
          .takes = "at most " + std::to_string(length_max) + " letters, digits, dashes, dots or _",
          .sentence = std::move(sentence),
          .set =
              [of, length_max](settings& s, std::string_view text) {
                if (text.size() > length_max || !is_token(text))
                  return false;
                of(s) = std::string{text};
                return true;
              },
          .show = [of](const settings& s) { return toml_text(of(s)); }};
}

/// Host names or addresses with commas between them, kept in lower case.
template <class Of>
setting host_names(std::string key, Of of, std::size_t count_max, std::string sentence) {
  constexpr std::size_t length_max = 253; // RFC 1035, 3.1
  return {.key = std::move(key),
          .takes = "at most " + std::to_string(count_max) +
                   " host names without port, with commas between them",
          .sentence = std::move(sentence),
          .set =
              [of, count_max](settings& s, std::string_view text) {
                std::vector<std::string> names;
                while (!text.empty()) {
                  const auto comma = std::min(text.find(','), text.size());
                  std::string name{text.substr(0, comma)};
                  std::erase(name, ' ');
                  std::ranges::transform(name, name.begin(), [](char c) {
                    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
                  });
                  const bool address = name.starts_with('[') && name.ends_with(']');
                  if (name.empty() || name.size() > length_max || (!address && !is_token(name)))
                    return false;
                  names.push_back(std::move(name));
                  text.remove_prefix(std::min(comma + 1, text.size()));
                }
                if (names.size() > count_max)
                  return false;
                of(s) = std::move(names);
                return true;
              },
          .show =
              [of](const settings& s) {
                std::string all;
                for (const auto& each : of(s))
                  all.append(all.empty() ? "" : ",").append(each);
                return toml_text(all);
              }};
}

template <class Of>
setting phone_number(std::string key, Of of, std::string sentence) {
  constexpr std::size_t digits_max = 15; // E.164
  return {.key = std::move(key),
          .takes = "at most " + std::to_string(digits_max) + " digits",
          .sentence = std::move(sentence),
          .set =
              [of](settings& s, std::string_view text) {
                if (text.size() > digits_max ||
                    !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
                  return false;
                of(s) = std::string{text};
                return true;
              },
          .show = [of](const settings& s) { return toml_text(of(s)); }};
}

/// Words for people: UTF-8 without control characters other than the end of a line.
template <class Of>
setting words(std::string key, Of of, std::size_t bytes_max, std::string sentence) {
  return {.key = std::move(key),
          .takes = "a text in UTF-8 of at most " + std::to_string(bytes_max) + " bytes",
          .sentence = std::move(sentence),
          .set =
              [of, bytes_max](settings& s, std::string_view text) {
                const auto is_control = [](char c) {
                  return (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == '\x7f';
                };
                if (text.size() > bytes_max || std::ranges::any_of(text, is_control) ||
                    !is_utf8(text))
                  return false;
                of(s) = std::string{text};
                return true;
              },
          .show = [of](const settings& s) { return toml_text(of(s)); }};
}

/// Visible ASCII: neither spaces nor what could end a header or a line of the log.
inline bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

template <class Of>
setting hidden(std::string key, Of of, std::size_t length_max, std::string sentence) {
  return {.key = std::move(key),
          .takes = "at most " + std::to_string(length_max) + " visible ASCII characters, not ***",
          .sentence = std::move(sentence),
          .is_secret = true,
          .set =
              [of, length_max](settings& s, std::string_view text) {
                if (text.size() > length_max || !is_visible(text) || text == hidden_mark)
                  return false;
                of(s) = secret{std::string{text}};
                return true;
              },
          .show = [of](const settings& s) { return toml_text(of(s).shown()); }};
}

constexpr std::size_t url_length_max = 2000;

/// An origin with an optional path. No user and no query: neither makes sense to a message API, and
/// a password would be shown.
inline bool is_http_url(std::string_view text) {
  const std::string_view scheme = text.starts_with("https://") ? "https://" : "http://";
  return text.starts_with(scheme) && text.size() > scheme.size() && text.size() <= url_length_max &&
         text[scheme.size()] != '/' && is_visible(text) &&
         text.find_first_of("@?#\"\\") == text.npos;
}

template <class Of>
setting base_url(std::string key, Of of, std::string sentence) {
  return {.key = std::move(key),
          .takes =
              "empty, or a URL that begins with http:// or https:// and has no user and no query",
          .sentence = std::move(sentence),
          .set =
              [of](settings& s, std::string_view text) {
                if (!text.empty() && !is_http_url(text))
                  return false;
                of(s) = std::string{text.substr(0, text.find_last_not_of('/') + 1)};
                return true;
              },
          .show = [of](const settings& s) { return toml_text(of(s)); }};
}

inline bool is_database_url(std::string_view text) {
  const bool known =
      text.starts_with("postgresql://") || text.starts_with("postgres://") ||
      (text.starts_with("sqlite:") && text.size() > std::string_view{"sqlite:"}.size());
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  const std::string shown_password = ":" + std::string{hidden_mark} + "@";
  // SQLite would keep ":memory:" for one connection only.
  const bool in_memory = text.starts_with("sqlite::") || text.starts_with("sqlite:file:");
  return known && !in_memory && text.size() <= url_length_max &&
         !std::ranges::any_of(text, is_control) && text.find(shown_password) == text.npos;
}

template <class Of>
setting database_url(std::string key, Of of, std::string sentence) {
  return {.key = std::move(key),
          .takes = "sqlite:PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME, the password not ***",
          .sentence = std::move(sentence),
          .is_secret = true,
          .set =
              [of](settings& s, std::string_view text) {
                if (!is_database_url(text))
                  return false;
                // libpq knows both schemes; the rest of the program need know only one.
                std::string url{text};
                if (constexpr std::string_view other = "postgres://"; url.starts_with(other))
                  url.replace(0, other.size(), "postgresql://");
                of(s) = secret_url{std::move(url)};
                return true;
              },
          .show = [of](const settings& s) { return toml_text(of(s).shown()); }};
}

} // namespace paymentd::config
