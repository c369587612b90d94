// Documents that the command line itself gives, so that none goes stale: the man pages, the page of
// the settings in docs/, and the completions of shells. The packages take them in when they are
// made. Used by main.cpp.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace paymentd {

/// The names of all documents: "paymentd.1", "paymentd.toml.5", "configuration.md", "bash", "zsh".
const std::vector<std::string>& manual_names();

/// The document of that name, which is one of them, for the command line `of`.
std::string manual(const std::string& name, const CLI::App& of);

} // namespace paymentd
