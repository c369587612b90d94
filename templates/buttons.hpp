// The buttons of an approved template, as alimtalk.template_buttons has them, for the message APIs
// that want them with every message. One a line:
//
//   WL | NAME | mobile link | PC link        a web page; the PC link may be missing
//   AL | NAME | iOS scheme | Android scheme  an app
//   DS | NAME                                the state of a delivery
//   BK | NAME                                a keyword for the channel's bot
//   MD | NAME                                a message to the channel
//   AC | NAME                                adds the channel
//
// Parsed once at the start. Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::templates {

struct button {
  enum class kind : std::uint8_t {
    web_link,
    app_link,
    delivery_tracking,
    bot_keyword,
    message,
    add_channel
  };
  kind type = kind::web_link;
  std::string name;
  // With `#{name}` for the parameters. Empty where it is not given.
  std::string link = {};       // of a web_link for phones, of an app_link for iOS
  std::string other_link = {}; // of a web_link for PCs, of an app_link for Android
  friend bool operator==(const button&, const button&) = default;
};

/// KakaoTalk's bounds: buttons of a template, and characters of a button's name (the largest that a
/// message API documents; others take fewer).
inline constexpr std::size_t buttons_max = 5;
inline constexpr std::size_t button_name_characters_max = 20;

/// "WL", as KakaoTalk and all message APIs write it.
std::string_view code_of(button::kind type) noexcept;

/// The buttons in their order; empty lines are passed over. An error is one line, to be read behind
/// the name of the setting.
std::expected<std::vector<button>, std::string> parse_buttons(std::string_view text);

} // namespace paymentd::templates
