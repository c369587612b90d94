#include "config/alimtalk_templates.hpp"
#include "config/parameters.hpp"
#include "config/refunds.hpp"
#include "config/registry.hpp"
#include "config/roff.hpp"
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
  for (const auto& table :
       {parameters_toml(parameters_section, of.alimtalk.parameters),
        parameters_toml(refund_parameters_section, of.alimtalk.refund_parameters)})
    if (!table.empty())
      out += table + "\n";
  for (const alimtalk_template& each : of.alimtalk_templates)
    out += template_toml(each) + "\n";
  return out;
}

/// A comment of the example file as paragraphs: a line that stands deeper than its neighbours is an
/// example, and is kept as it is.
std::string paragraphs(std::string_view comment) {
  std::string out = ".PP\n";
  bool is_kept = false;
  while (!comment.empty()) {
    const auto end = std::min(comment.find('\n'), comment.size());
    std::string_view line = comment.substr(0, end);
    comment.remove_prefix(std::min(end + 1, comment.size()));
    line.remove_prefix(std::min(line.find_first_not_of('#'), line.size()));
    const bool keeps = line.starts_with("  ") || (is_kept && line.empty());
    if (keeps != is_kept)
      out += keeps ? ".PP\n.nf\n" : ".fi\n.PP\n";
    is_kept = keeps;
    if (!is_kept && line.empty())
      out += ".PP\n";
    else
      out += roff_line(line.starts_with(' ') ? line.substr(1) : line);
  }
  return out + (is_kept ? ".fi\n" : "");
}

constexpr std::string_view document_head =
    R"(# Configuration

Every setting, with its bounds and its default. This page is the output of `paymentd manual configuration.md`, made from
`config/registry.cpp`; change it there. `config/paymentd.toml` has the same as a file to begin from, and
paymentd.toml(5) as a man page.

A setting comes from these sources, of which the later one wins:

| source | for example |
| --- | --- |
| its default | |
| the file that `--config`, or else the variable `PAYMENTD_CONFIG`, names | `listen = "127.0.0.1:8080"` below `[http]` |
| the environment | `PAYMENTD_HTTP_LISTEN=127.0.0.1:8080` |
| the command line | `--set http.listen=127.0.0.1:8080` |

Defaults stand here as in the file. The environment and `--set` take texts without quotes. `paymentd config` prints the
settings in force, with secrets hidden. An unknown key, a value out of its bounds, or two settings that contradict each
other stop the start with exit 2, and all such faults are told at once. A secret can also stand in a file of its own,
which the setting with `_file` names: `secret_key_file` for `secret_key`. No setting changes while the server runs: the
files of API keys and certificates do (`docs/operation.md`).
)";

/// `text` for a paragraph in Markdown: what would be a mark there is read as it stands.
std::string markdown(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '*' || c == '<')
      out += '\\';
    out += c;
  }
  return out;
}

/// A comment of the example file in Markdown. A line that stands deeper than its neighbours is an
/// example, and becomes code.
std::string markdown_paragraphs(std::string_view comment) {
  std::string out;
  while (!comment.empty()) {
    const auto end = std::min(comment.find('\n'), comment.size());
    std::string_view line = comment.substr(0, end);
    comment.remove_prefix(std::min(end + 1, comment.size()));
    line.remove_prefix(std::min(line.find_first_not_of('#'), line.size()));
    if (line.starts_with("   "))
      out += " " + std::string{line};
    else if (!line.empty())
      out += markdown(line.substr(1));
    out += '\n';
  }
  return out;
}

} // namespace

std::string settings_document() {
  std::string out{document_head};
  out += "\nSections:";
  for (const std::string& name : sections())
    out += " [" + name + "](#" + name + ")";
  out += '\n';
  std::string section;
  const settings defaults;
  const auto end_section = [&] {
    if (section == "alimtalk")
      out += "\n### Tables" + ("\n" + markdown_paragraphs(parameters_example)) +
             markdown_paragraphs(refund_parameters_example) + markdown_paragraphs(template_example);
  };
  for (const auto& each : registry()) {
    if (each.section() != section) {
      end_section();
      section = each.section();
      out += "\n## [" + section + "]\n";
    }
    // Not broken into lines: a line might begin with a mark.
    out += "\n### " + each.key + "\n\n" + markdown(each.sentence) + "\n\n";
    out += "- Value: " + markdown(each.takes) + "\n";
    out += "- Default: `" + each.show(defaults) + "`\n";
    out += "- Environment: `" + each.variable() + "`\n";
    if (each.is_secret)
      out += "- A secret: `" + each.key + std::string{file_suffix} + "` names a file that has it\n";
  }
  end_section();
  return out;
}

std::string settings_page(const std::string& release) {
  std::string out =
      ".TH PAYMENTD.TOML 5 \"\" \"paymentd " + release +
      "\" \"paymentd\"\n.nh\n.ad l\n.SH NAME\npaymentd.toml \\- settings of paymentd\n"
      ".SH DESCRIPTION\n" +
      paragraphs(example_head);
  std::string section;
  const settings defaults;
  const auto end_section = [&] {
    if (section == "alimtalk")
      out += paragraphs(parameters_example) + paragraphs(refund_parameters_example) +
             paragraphs(template_example);
  };
  for (const auto& each : registry()) {
    if (each.section() != section) {
      end_section();
      section = each.section();
      out += ".SH [" + section + "]\n";
    }
    out += ".TP\n\\fB" + roff(each.name()) + "\\fR = " + roff(each.show(defaults)) + "\n";
    out += roff_line(each.sentence) + ".br\n" + roff_line("Value: " + each.takes);
  }
  end_section();
  return out + ".SH SEE ALSO\n.BR paymentd (1)\n";
}

std::vector<std::string> setting_keys() {
  std::vector<std::string> all;
  for (const auto& each : registry())
    all.push_back(each.key);
  return all;
}

std::string example() {
  std::string out{example_head};
  std::string section;
  const settings defaults;
  for (const auto& each : registry()) {
    if (each.section() != section) {
      if (section == "alimtalk")
        out += std::string{parameters_example} + std::string{refund_parameters_example} +
               std::string{template_example};
      section = each.section();
      out += "\n[" + section + "]\n";
    }
    out += "\n" + comment(each.sentence) + comment("Value: " + each.takes);
    out += "#" + each.name() + " = " + each.show(defaults) + "\n";
  }
  return out;
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
  for (const webhook_settings& each : of.old_webhooks)
    out += "\n" + webhook_toml(each);
  return out;
}

} // namespace paymentd::config
