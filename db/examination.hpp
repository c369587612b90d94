// Looks at a database before it is served, for people: `paymentd doctor`. Finds what would keep a
// server from its work, or its data from being safe, and says what to do. Never writes. Any thread.
#pragma once

#include "domain/types.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace paymentd::db {

/// One thing that is wrong, and what mends it: a line each, without secrets.
struct finding {
  std::string wrong;
  std::string remedy;
};

struct examination {
  std::string url;                        // "sqlite:PATH" or "postgresql://…"
  std::chrono::milliseconds lease{15000}; // as database_options has it
  bool migrates = true;                   // whether the server upgrades the schema by itself
  std::function<instant()> now;           // the clock of this machine
};

/// All that is found, in the order of its weight; nothing where all is well. Takes no longer than
/// some seconds, beside the time that a server that is not there takes to be missed. Also while the
/// database is served.
std::vector<finding> examine(const examination& what);

} // namespace paymentd::db
