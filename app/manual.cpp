#include "app/manual.hpp"

#include "app/version.hpp"
#include "config/roff.hpp"
#include "config/settings.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>

namespace paymentd {
namespace {

using config::roff;
using config::roff_line;

/// An option, or a word that stands for itself.
struct argument {
  std::string name; // "--users"; of a word, "NAME"
  std::string help;
  std::string takes;                // "FILE"; empty: it takes nothing
  std::vector<std::string> choices; // all that it may be; empty: anything
  bool required = false;
  bool is_option = false;
};

struct command {
  std::string path; // "keys create"; of the program itself, ""
  std::string help;
  std::vector<argument> arguments;
  std::vector<const CLI::App*> below; // its own commands
};

/// The values of "TEXT:{csv,jsonl}".
std::vector<std::string> choices_of(std::string_view type) {
  std::vector<std::string> all;
  const auto open = type.find('{');
  const auto close = type.find('}');
  if (open == type.npos || close == type.npos)
    return all;
  std::string_view rest = type.substr(open + 1, close - open - 1);
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    all.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return all;
}

argument argument_of(const CLI::Option& from) {
  const std::string type = from.get_type_name();
  argument made{.name =
                    from.nonpositional() ? "--" + from.get_lnames().front() : from.get_name(true),
                .help = from.get_description(),
                .takes = type.substr(0, type.find(':')),
                .choices = choices_of(type),
                .required = from.get_required(),
                .is_option = from.nonpositional()};
  return made;
}

/// `of` and all commands below it, but those that are hidden.
void collect(const CLI::App& of, const std::string& path, std::vector<command>& into) {
  command made{.path = path, .help = of.get_description(), .arguments = {}, .below = {}};
  for (const CLI::Option* each : of.get_options())
    made.arguments.push_back(argument_of(*each));
  for (const CLI::App* each :
       of.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); }))
    made.below.push_back(each);
  const auto below = made.below;
  into.push_back(std::move(made));
  for (const CLI::App* each : below)
    collect(*each, path.empty() ? each->get_name() : path + " " + each->get_name(), into);
}

std::vector<command> commands_of(const CLI::App& of) {
  std::vector<command> all;
  collect(of, "", all);
  return all;
}

// ---- the man page -------------------------------------------------------------------------------

/// With a capital letter and a full stop.
std::string sentence(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text.ends_with('.') ? text : text + ".";
}

std::string paged(const argument& of) {
  std::string out = ".TP\n";
  out += of.is_option ? "\\fB" + roff(of.name) + "\\fR" : "\\fI" + roff(of.name) + "\\fR";
  if (of.is_option && !of.takes.empty())
    out += " \\fI" + roff(of.takes) + "\\fR";
  return out + "\n" + roff_line(sentence(of.help));
}

/// Options of every command stand once, in a section of their own.
bool has(const command& of, const argument& what) {
  return std::ranges::find(of.arguments, what.name, &argument::name) != of.arguments.end();
}

std::string synopsis_of(const command& of, const command& program) {
  std::string line = "paymentd " + of.path;
  for (const argument& each : of.arguments) {
    if (has(program, each))
      continue;
    std::string one = each.name;
    if (each.is_option && !each.takes.empty())
      one += " " + each.takes;
    line += each.required ? " " + one : " [" + one + "]";
  }
  return line;
}

constexpr std::string_view page_rest = R"(.SH EXIT STATUS
.TP
0
All is well.
.TP
1
The command failed, or it found something that is wrong; a line on the standard error says what.
.TP
2
The command line or the settings cannot be used. A restart does not help.
.SH SIGNALS
.TP
SIGTERM, SIGINT
.B paymentd serve
finishes all that it has taken, and ends. A second one ends it at once.
.TP
SIGHUP
.B paymentd serve
reads the API keys and the certificate anew.
.SH ENVIRONMENT
.TP
PAYMENTD_CONFIG
The file of the settings, where
.B \-\-config
names none.
.TP
PAYMENTD_SECTION_KEY
One setting, such as PAYMENTD_HTTP_LISTEN.
.TP
NOTIFY_SOCKET, WATCHDOG_USEC
.B paymentd serve
tells systemd when it is ready, alive and stopping.
.SH FILES
.TP
/etc/paymentd/paymentd.toml
The settings of the service.
.TP
/var/lib/paymentd/
The embedded database of the service.
.SH SEE ALSO
.BR paymentd.toml (5),
.BR systemctl (1),
.BR journalctl (1)
)";

std::string man_page(const CLI::App& of) {
  const auto all = commands_of(of);
  const command& program = all.front();
  std::string page =
      ".TH PAYMENTD 1 \"\" \"paymentd " + release_number() +
      "\" \"paymentd\"\n.nh\n.ad l\n.SH NAME\npaymentd \\- payment server\n.SH SYNOPSIS\n"
      ".B paymentd\n.I COMMAND\n[\\fIOPTION\\fR]...\n.SH DESCRIPTION\n";
  page += roff_line(program.help) + ".SH COMMANDS\n";
  for (const command& each : all) {
    if (each.path.empty() || !each.below.empty())
      continue;
    page += ".SS \"" + roff(synopsis_of(each, program)) + "\"\n" + roff_line(sentence(each.help));
    for (const argument& one : each.arguments)
      if (!has(program, one))
        page += paged(one);
  }
  page += ".SH OPTIONS\nEach command takes these.\n";
  for (const argument& each : program.arguments)
    page += paged(each);
  return page.append(page_rest);
}

// ---- the completions ----------------------------------------------------------------------------

/// In single quotes, for a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& each : words)
    out.append(out.empty() ? "" : " ").append(each);
  return out;
}

/// The settings' keys, each with the = that follows it.
std::vector<std::string> assignments() {
  std::vector<std::string> all = config::setting_keys();
  for (std::string& each : all)
    each += '=';
  return all;
}

/// The beginning that both shells share: `chain` becomes the command that is being written.
std::string path_cases(const std::vector<command>& all) {
  std::string paths;
  for (const command& each : all)
    if (!each.path.empty())
      paths.append(paths.empty() ? "" : " | ").append(quoted(" " + each.path));
  return "    case \"$chain $word\" in\n    " + paths +
         ") chain+=\" $word\" ;;\n    esac\n  done\n";
}

/// Calls `each(option)` for every option that takes a value, once.
template <class Each>
void for_each_valued_option(const std::vector<command>& all, Each each) {
  std::vector<std::string> seen;
  for (const command& of : all)
    for (const argument& one : of.arguments)
      if (one.is_option && !one.takes.empty() && std::ranges::find(seen, one.name) == seen.end()) {
        seen.push_back(one.name);
        each(one);
      }
}

bool takes_file(const command& of) {
  return std::ranges::any_of(
      of.arguments, [](const argument& one) { return !one.is_option && one.name == "FILE"; });
}

std::string bash_completion(const std::vector<command>& all) {
  std::string out = "# Completion of paymentd for bash.\n"
                    "_paymentd() {\n"
                    "  local current=${COMP_WORDS[COMP_CWORD]}\n"
                    "  local previous=${COMP_WORDS[COMP_CWORD - 1]} chain='' word\n"
                    "  COMPREPLY=()\n"
                    "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n" +
                    path_cases(all) + "  case $previous in\n";
  const auto words = [](const std::vector<std::string>& which) {
    return "mapfile -t COMPREPLY < <(compgen -W " + quoted(joined(which)) + " -- \"$current\")";
  };
  const std::string files =
      "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")";
  for_each_valued_option(all, [&](const argument& one) {
    out += "  " + one.name + ")\n    ";
    if (one.takes == "FILE")
      out += files + "\n";
    else if (one.name == "--set")
      out += "compopt -o nospace\n    " + words(assignments()) + "\n";
    else if (!one.choices.empty())
      out += words(one.choices) + "\n";
    else
      out += ":\n";
    out += "    return\n    ;;\n";
  });
  out += "  esac\n  case $chain in\n";
  for (const command& each : all) {
    std::vector<std::string> which;
    for (const CLI::App* one : each.below)
      which.push_back(one->get_name());
    for (const argument& one : each.arguments)
      if (one.is_option)
        which.push_back(one.name);
    out += "  " + quoted(each.path.empty() ? "" : " " + each.path) + ")\n    ";
    if (takes_file(each))
      out += "[[ $current == -* ]] || { " + files + "; return; }\n    ";
    out += words(which) + "\n    ;;\n";
  }
  return out + "  esac\n}\ncomplete -F _paymentd paymentd\n";
}

/// "name:what it is", as _describe takes it.
std::string described(std::string name, const std::string& help) {
  for (std::size_t at = 0; (at = name.find(':', at)) != name.npos; at += 2)
    name.insert(at, "\\");
  return quoted(name + ":" + help);
}

std::string zsh_completion(const std::vector<command>& all) {
  std::string out = "#compdef paymentd\n"
                    "# Completion of paymentd for zsh.\n"
                    "_paymentd() {\n"
                    "  local current=${words[CURRENT]} previous=${words[CURRENT-1]} chain='' word\n"
                    "  local -a found\n"
                    "  for word in ${words[2,CURRENT-1]}; do\n" +
                    path_cases(all) + "  case $previous in\n";
  for_each_valued_option(all, [&](const argument& one) {
    out += "  " + one.name + ")\n    ";
    if (one.takes == "FILE")
      out += "_files";
    else if (one.name == "--set")
      out += "compadd -S '' -- " + joined(assignments());
    else if (!one.choices.empty())
      out += "compadd -- " + joined(one.choices);
    else
      out += "_message " + quoted(one.help);
    out += "\n    return\n    ;;\n";
  });
  out += "  esac\n  case $chain in\n";
  for (const command& each : all) {
    out += "  " + quoted(each.path.empty() ? "" : " " + each.path) + ")\n";
    if (takes_file(each))
      out += "    [[ $current == -* ]] || { _files; return; }\n";
    out += "    found=(\n";
    for (const CLI::App* one : each.below)
      out += "      " + described(one->get_name(), one->get_description()) + "\n";
    for (const argument& one : each.arguments)
      if (one.is_option)
        out += "      " + described(one.name, one.help) + "\n";
    out += "    )\n    _describe -o 'paymentd' found\n    ;;\n";
  }
  return out + "  esac\n}\n_paymentd \"$@\"\n";
}

} // namespace

const std::vector<std::string>& manual_names() {
  static const std::vector<std::string> all{"paymentd.1", "paymentd.toml.5", "configuration.md",
                                            "bash", "zsh"};
  return all;
}

std::string manual(const std::string& name, const CLI::App& of) {
  if (name == "paymentd.1")
    return man_page(of);
  if (name == "paymentd.toml.5")
    return config::settings_page(release_number());
  if (name == "configuration.md")
    return config::settings_document();
  return name == "bash" ? bash_completion(commands_of(of)) : zsh_completion(commands_of(of));
}

} // namespace paymentd
