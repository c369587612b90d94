// Text in man pages: the few marks of roff that it must not contain by chance (groff_char(7)). Used
// by whatever writes a page. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace paymentd::config {

/// `text` as it is to be read, for the middle of a line: a dash stays a dash that can be copied.
inline std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
    case '\\':
      out += "\\e";
      break;
    case '-':
      out += "\\-";
      break;
    case '\'':
      out += "\\(aq";
      break;
    case '`':
      out += "\\(ga";
      break;
    case '^':
      out += "\\(ha";
      break;
    case '~':
      out += "\\(ti";
      break;
    default:
      out += c;
    }
  }
  return out;
}

/// A line of `text`. One that begins with a dot is no request to roff.
inline std::string roff_line(std::string_view text) {
  return (text.starts_with('.') ? "\\&" : "") + roff(text) + "\n";
}

} // namespace paymentd::config
