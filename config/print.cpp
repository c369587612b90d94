#include "config/alimtalk_templates.hpp"
#include "config/parameters.hpp"
#include "config/registry.hpp"
#include "config/webhooks.hpp"

namespace paymentd::config {

namespace {

constexpr std::string_view example_head =
    R"(# paymentd's settings, each with its default. To change one, take the # from the start of its line.
#
# The file is named by --config or by PAYMENTD_CONFIG. The environment wins over it
# (PAYMENTD_HTTP_LISTEN for http.listen), and --set http.listen=... on the command line over both.
# `paymentd config` prints what is in force. An unknown key or a bad value stops the start.
#
# A secret can also be read from a file: secret_key_file = "PATH" instead of secret_key.
)";

constexpr std::size_t line_length_max = 100;

/// `text` as comment lines, broken between words.
std::string comment(std::string_view text) {
  std::string out;
  std::string line = "#";
  while (!text.empty()) {
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    if (line.size() + 1 + word.size() > line_length_max) {
      out += line + '\n';
      line = "#";
    }
    line.append(" ").append(word);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return out + line + '\n';
}

/// The tables below [alimtalk], each with an empty line behind it.
std::string alimtalk_tables(const settings& of) {
  std::string out;
  if (const auto table = parameters_toml(parameters_section, of.alimtalk.parameters);
      !table.empty())
    out += table + "\n";
  for (const alimtalk_template& each : of.alimtalk_templates)
    out += template_toml(each) + "\n";
  return out;
}

} // namespace

std::string example() {
  std::string out{example_head};
  std::string section;
  const settings defaults;
  for (const auto& each : registry()) {
    if (each.section() != section) {
      if (section == "alimtalk")
        out += std::string{parameters_example} + std::string{template_example};
      section = each.section();
      out += "\n[" + section + "]\n";
    }
    out += "\n" + comment(each.sentence) + comment("Value: " + each.takes);
    out += "#" + each.name() + " = " + each.show(defaults) + "\n";
  }
  return out + std::string{webhook_example};
}

std::string effective(const settings& of) {
  std::string out;
  std::string section;
  for (const auto& each : registry()) {
    if (each.section() != section) {
      out += section.empty() ? "" : "\n";
      if (section == "alimtalk")
        out += alimtalk_tables(of);
      section = each.section();
      out += "[" + section + "]\n";
    }
    out += each.name() + " = " + each.show(of) + "\n";
  }
  for (const webhook_settings& each : of.webhooks)
    out += "\n" + webhook_toml(each);
  return out;
}

} // namespace paymentd::config
