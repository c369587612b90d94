// The kinds of settings: each maker gives a setting of its kind, which parses, bounds and shows its
// value. Used by registry.cpp alone. Pure functions.
#pragma once

#include "config/registry.hpp"
#include "domain/utf8.hpp"

#include "providers/kind.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace paymentd::config {

/// A setting's key, and the way from the settings, constant or not, to the field that holds it.
template <class Of>
struct field {
  std::string key;
  Of of;
};

template <class Of>
field<Of> at(std::string key, Of of) {
  return {std::move(key), of};
}

/// A setting whose value `parse` makes of a text, or nothing, and `show` writes as TOML.
template <class Of, class Parse, class Show>
setting made(field<Of> at, std::string takes, std::string sentence, Parse parse, Show show,
             toml_type type = toml_type::text) {
  return {.key = std::move(at.key),
          .takes = std::move(takes),
          .sentence = std::move(sentence),
          .type = type,
          .set =
              [of = at.of, parse](settings& s, std::string_view text) {
                auto value = parse(text);
                if (value)
                  of(s) = *std::move(value);
                return value.has_value();
              },
          .show = [of = at.of, show](const settings& s) { return show(of(s)); }};
}

/// `value` where it is within bounds.
template <class Value>
std::optional<Value> within(std::optional<Value> value, Value min, Value max) {
  return value && *value >= min && *value <= max ? value : std::nullopt;
}

template <class Of>
setting whole(field<Of> at, int min, int max, std::string sentence) {
  return made(
      std::move(at), "a whole number from " + std::to_string(min) + " to " + std::to_string(max),
      std::move(sentence),
      [min, max](std::string_view text) {
        const auto value = within<std::int64_t>(parse_whole(text), min, max);
        return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
      },
      [](int value) { return std::to_string(value); }, toml_type::whole);
}

template <class Of>
setting real(field<Of> at, double min, double max, std::string sentence) {
  return made(
      std::move(at), "a number from " + to_string(min) + " to " + to_string(max),
      std::move(sentence),
      [min, max](std::string_view text) { return within(parse_real(text), min, max); },
      [](double value) { return to_string(value); }, toml_type::real);
}

template <class Of>
setting duration(field<Of> at, milliseconds min, milliseconds max, std::string sentence) {
  return made(
      std::move(at),
      "a duration from " + to_string(min) + " to " + to_string(max) +
          " (a whole number of ms, s, m or h)",
      std::move(sentence),
      [min, max](std::string_view text) { return within(parse_duration(text), min, max); },
      [](milliseconds value) { return toml_text(to_string(value)); });
}

template <class Of>
setting listening(field<Of> at, std::string sentence) {
  return made(
      std::move(at),
      "an IP address (in brackets if IPv6) or localhost, a colon and a port from 0 to 65535",
      std::move(sentence), parse_address,
      [](const address& value) { return toml_text(to_string(value)); });
}

/// "a, b or c"
inline std::string alternatives(std::span<const std::string> names) {
  std::string all;
  for (std::size_t i = 0; i < names.size(); ++i)
    all.append(i == 0 ? "" : i + 1 == names.size() ? " or " : ", ").append(names[i]);
  return all;
}

/// `names` are those of the enumerators, in their order from 0.
template <class Of, std::size_t N>
setting choice(field<Of> at, const std::array<const char*, N>& names, std::string sentence) {
  using type = std::remove_cvref_t<decltype(at.of(std::declval<settings&>()))>;
  return made(
      std::move(at), alternatives(std::vector<std::string>(names.begin(), names.end())),
      std::move(sentence),
      [names](std::string_view text) -> std::optional<type> {
        const auto found = std::ranges::find(names, text);
        if (found == names.end())
          return std::nullopt;
        return static_cast<type>(found - names.begin());
      },
      [](type value) { return toml_text(to_string(value)); });
}

/// A text that `is_good` accepts.
template <class Of, class IsGood>
setting text_that(field<Of> at, std::string takes, std::string sentence, IsGood is_good) {
  return made(
      std::move(at), std::move(takes), std::move(sentence),
      [is_good](std::string_view text) {
        return is_good(text) ? std::optional<std::string>(text) : std::nullopt;
      },
      toml_text);
}

template <class Of>
setting requests(field<Of> at, std::string sentence) {
  return made(std::move(at), "off, errors, all, or a number from 0.0 to 1.0", std::move(sentence),
              parse_request_lines, toml_of, toml_type::text_or_real);
}

/// Keys and codes: they go into URLs, headers and JSON, so letters, digits, - _ . and nothing else.
inline bool is_token(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

/// Host names or addresses with commas between them, in lower case; nothing where one is none.
inline std::optional<std::vector<std::string>> parse_host_names(std::string_view text) {
  constexpr std::size_t length_max = 253; // RFC 1035, 3.1
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
      return std::nullopt;
    names.push_back(std::move(name));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

/// `names` with commas between them, as TOML.
inline std::string listed(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& each : names)
    all.append(all.empty() ? "" : ",").append(each);
  return toml_text(all);
}

template <class Of>
setting host_names(field<Of> at, std::size_t count_max, std::string sentence) {
  return made(
      std::move(at),
      "at most " + std::to_string(count_max) + " host names without port, with commas between them",
      std::move(sentence),
      [count_max](std::string_view text) {
        auto names = parse_host_names(text);
        return names && names->size() <= count_max ? names : std::nullopt;
      },
      listed);
}

template <class Of>
setting phone_number(field<Of> at, std::string sentence) {
  constexpr std::size_t digits_max = 15; // E.164
  return text_that(std::move(at), "at most " + std::to_string(digits_max) + " digits",
                   std::move(sentence), [](std::string_view text) {
                     return text.size() <= digits_max &&
                            text.find_first_not_of("0123456789") == text.npos;
                   });
}

inline bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

/// Words for people: UTF-8 without control characters other than the end of a line.
template <class Of>
setting words(field<Of> at, std::size_t bytes_max, std::string sentence) {
  return text_that(
      std::move(at), "a text in UTF-8 of at most " + std::to_string(bytes_max) + " bytes",
      std::move(sentence), [bytes_max](std::string_view text) {
        const auto is_bad = [](char c) { return is_control(c) && c != '\n'; };
        return text.size() <= bytes_max && std::ranges::none_of(text, is_bad) && is_utf8(text);
      });
}

/// Visible ASCII: neither spaces nor what could end a header or a line of the log.
inline bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

/// Whether `text` may be a credential of that kind.
inline bool is_good_credential(std::string_view text, const providers::credential& needed) {
  if (text.size() > needed.length_max)
    return false;
  if (needed.is_secret)
    return is_visible(text) && text != hidden_mark;
  return needed.is_free ? is_utf8(text) && std::ranges::none_of(text, is_control) : is_token(text);
}

/// A provider's credential: a token or a text that is shown, or a secret that is not. `key` is
/// without its section, "alimtalk".
inline setting credential(const std::string& key, const providers::credential& needed) {
  const std::string most = "at most " + std::to_string(needed.length_max);
  return {.key = "alimtalk." + key,
          .takes = most + (needed.is_secret ? " visible ASCII characters, not ***"
                           : needed.is_free ? " bytes of UTF-8 without control characters"
                                            : " letters, digits, dashes, dots or _"),
          .sentence = std::string{needed.sentence},
          .is_secret = needed.is_secret,
          .set =
              [key, needed](settings& s, std::string_view text) {
                if (!is_good_credential(text, needed))
                  return false;
                s.alimtalk.credentials.insert_or_assign(key, secret{std::string{text}});
                return true;
              },
          .show =
              [key, needed](const settings& s) {
                const auto found = s.alimtalk.credentials.find(key);
                const secret value =
                    found == s.alimtalk.credentials.end() ? secret{} : found->second;
                return toml_text(needed.is_secret ? value.shown() : value.reveal());
              }};
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

/// The parts between commas, without the spaces around them; one that is empty where `text` is.
inline std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  for (bool more = true; more;) {
    const auto comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    parts.emplace_back(part.substr(0, part.find_last_not_of(' ') + 1));
    more = comma < text.size();
    text.remove_prefix(more ? comma + 1 : comma);
  }
  return parts;
}

/// As TOML: a text, or an array where there are several.
inline std::string toml_list(const std::string& first, const std::vector<std::string>& rest) {
  if (rest.empty())
    return toml_text(first);
  std::string all = "[" + toml_text(first);
  for (const std::string& each : rest)
    all.append(", ").append(toml_text(each));
  return all + "]";
}

/// The message API or a list of them, each of `names`.
inline setting provider_names(const std::vector<std::string>& names, std::string sentence) {
  return {.key = "alimtalk.provider",
          .takes = alternatives(names) + ", or a list of some of them, but for log and none",
          .sentence = std::move(sentence),
          .takes_list = true,
          .set =
              [names](settings& s, std::string_view text) {
                std::vector<std::string> given = parts_of(text);
                const bool alone = given.size() == 1;
                for (auto each = given.begin(); each != given.end(); ++each)
                  if (std::ranges::find(names, *each) == names.end() ||
                      (!alone && (*each == "log" || *each == "none")) ||
                      std::find(given.begin(), each, *each) != each)
                    return false;
                s.alimtalk.provider = std::move(given.front());
                given.erase(given.begin());
                s.alimtalk.next_providers = std::move(given);
                return true;
              },
          .show =
              [](const settings& s) {
                return toml_list(s.alimtalk.provider, s.alimtalk.next_providers);
              }};
}

inline setting base_urls(std::string sentence) {
  return {.key = "alimtalk.base_url",
          .takes = "empty, or a URL that begins with http:// or https:// and has no user and no "
                   "query; or a list of these",
          .sentence = std::move(sentence),
          .takes_list = true,
          .set =
              [](settings& s, std::string_view text) {
                std::vector<std::string> given = parts_of(text);
                for (std::string& each : given) {
                  if (!each.empty() && !is_http_url(each))
                    return false;
                  each.resize(each.find_last_not_of('/') + 1);
                }
                s.alimtalk.base_url = std::move(given.front());
                given.erase(given.begin());
                s.alimtalk.next_base_urls = std::move(given);
                return true;
              },
          .show =
              [](const settings& s) {
                return toml_list(s.alimtalk.base_url, s.alimtalk.next_base_urls);
              }};
}

constexpr std::string_view nats_scheme = "nats://";
constexpr std::string_view nats_tls_scheme = "tls://";

/// "nats://HOST" or "tls://HOST", with or without a port. No user: credentials are settings of
/// their own, which are not shown.
inline bool is_nats_url(std::string_view text) {
  const bool tls = text.starts_with(nats_tls_scheme);
  if (!tls && !text.starts_with(nats_scheme))
    return false;
  text.remove_prefix(tls ? nats_tls_scheme.size() : nats_scheme.size());
  const std::size_t colon = text.rfind(':');
  if (colon != text.npos && text.find(']', colon) == text.npos) { // not within an IPv6 address
    const auto port = within<std::int64_t>(parse_whole(text.substr(colon + 1)), 1, 65535);
    if (!port)
      return false;
    text = text.substr(0, colon);
  }
  if (text.starts_with('[') && text.ends_with(']') && text.size() > 2)
    return text.find_first_not_of("0123456789abcdefABCDEF:.", 1) == text.size() - 1;
  return !text.empty() && is_token(text);
}

/// The servers of a cluster, with commas between them; nothing where one is none.
inline std::optional<std::vector<std::string>> parse_nats_urls(std::string_view text,
                                                               std::size_t count_max) {
  std::vector<std::string> urls;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    std::string url{text.substr(0, comma)};
    std::erase(url, ' ');
    if (url.size() > url_length_max || !is_nats_url(url) || urls.size() == count_max ||
        (!urls.empty() && url.substr(0, 3) != urls.front().substr(0, 3)))
      return std::nullopt;
    urls.push_back(std::move(url));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return urls;
}

template <class Of>
setting nats_urls(field<Of> at, std::size_t count_max, std::string sentence) {
  return made(
      std::move(at),
      "at most " + std::to_string(count_max) +
          " of nats://HOST:PORT, or of tls://HOST:PORT, without a user, with commas between them",
      std::move(sentence),
      [count_max](std::string_view text) { return parse_nats_urls(text, count_max); }, listed);
}

/// Where a message is published to: words with dots between them, and no wildcards.
inline bool is_nats_subject(std::string_view text) {
  constexpr std::size_t length_max = 200;
  return !text.empty() && text.size() <= length_max && is_token(text) && text.front() != '.' &&
         text.back() != '.' && text.find("..") == text.npos;
}

template <class Of>
setting nats_subject(field<Of> at, std::string sentence) {
  return text_that(std::move(at),
                   "1 to 200 letters, digits, dashes or _, in words with a dot between two",
                   std::move(sentence), is_nats_subject);
}

/// A name without a dot, which JetStream does not take in the name of a stream.
inline bool is_stream_name(std::string_view text) {
  constexpr std::size_t length_max = 200;
  return !text.empty() && text.size() <= length_max && is_token(text) &&
         text.find('.') == text.npos;
}

template <class Of>
setting stream_name(field<Of> at, std::string sentence) {
  return text_that(std::move(at), "1 to 200 letters, digits, dashes or _", std::move(sentence),
                   is_stream_name);
}

/// The ending of a subscriber's name.
template <class Of>
setting subscriber_name(field<Of> at, std::string sentence) {
  constexpr std::size_t length_max = 40;
  return text_that(std::move(at), "at most 40 of a-z, 0-9, - and _", std::move(sentence),
                   [](std::string_view text) {
                     return text.size() <= length_max &&
                            text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") ==
                                text.npos;
                   });
}

/// Visible ASCII that the NATS library can send: it writes these texts into JSON as they are.
inline bool is_nats_login(std::string_view text, std::size_t length_max) {
  return text.size() <= length_max && is_visible(text) && text.find_first_of("\"\\") == text.npos &&
         text != hidden_mark;
}

inline std::string nats_login_takes(std::size_t length_max) {
  return "at most " + std::to_string(length_max) +
         R"( visible ASCII characters without " and \, not ***)";
}

template <class Of>
setting nats_login(field<Of> at, std::size_t length_max, std::string sentence) {
  return text_that(std::move(at), nats_login_takes(length_max), std::move(sentence),
                   [length_max](std::string_view text) { return is_nats_login(text, length_max); });
}

template <class Of>
setting nats_secret(field<Of> at, std::size_t length_max, std::string sentence) {
  setting made_so = made(
      std::move(at), nats_login_takes(length_max), std::move(sentence),
      [length_max](std::string_view text) {
        return is_nats_login(text, length_max) ? std::optional(secret{std::string{text}})
                                               : std::nullopt;
      },
      [](const secret& value) { return toml_text(value.shown()); });
  made_so.is_secret = true;
  return made_so;
}

inline std::optional<told_events> parse_told_events(std::string_view text) {
  told_events events{.payments = false, .refunds = false};
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    std::string name{text.substr(0, comma)};
    std::erase(name, ' ');
    bool& wants = name == "refunds" ? events.refunds : events.payments;
    if (wants || (name != "payments" && name != "refunds"))
      return std::nullopt;
    wants = true;
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return events.payments || events.refunds ? std::optional(events) : std::nullopt;
}

template <class Of>
setting kinds_of_events(field<Of> at, std::string sentence) {
  return made(std::move(at), "payments, refunds, or both with a comma between them",
              std::move(sentence), parse_told_events, [](const told_events& value) {
                std::vector<std::string> names;
                if (value.payments)
                  names.emplace_back("payments");
                if (value.refunds)
                  names.emplace_back("refunds");
                return listed(names);
              });
}

inline bool is_database_url(std::string_view text) {
  const bool known =
      text.starts_with("postgresql://") || text.starts_with("postgres://") ||
      (text.starts_with("sqlite:") && text.size() > std::string_view{"sqlite:"}.size());
  const std::string shown_password = ":" + std::string{hidden_mark} + "@";
  // SQLite would keep ":memory:" for one connection only.
  const bool in_memory = text.starts_with("sqlite::") || text.starts_with("sqlite:file:");
  return known && !in_memory && text.size() <= url_length_max &&
         !std::ranges::any_of(text, is_control) && text.find(shown_password) == text.npos;
}

template <class Of>
setting database_url(field<Of> at, std::string sentence) {
  setting made_so = made(
      std::move(at),
      "sqlite:PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME, the password not ***",
      std::move(sentence),
      [](std::string_view text) -> std::optional<secret_url> {
        if (!is_database_url(text))
          return std::nullopt;
        // libpq knows both schemes; the rest of the program need know only one.
        std::string url{text};
        if (constexpr std::string_view other = "postgres://"; url.starts_with(other))
          url.replace(0, other.size(), "postgresql://");
        return secret_url{std::move(url)};
      },
      [](const secret_url& value) { return toml_text(value.shown()); });
  made_so.is_secret = true;
  return made_so;
}

} // namespace paymentd::config
