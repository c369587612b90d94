// Checks of what must hold, in every build. Used where rooms meet and in state machines; for what
// outsiders send there are errors instead. Any thread.
#pragma once

#include <source_location>
#include <string_view>

namespace paymentd {

/// Ends the process, with one line on the standard error that says where.
[[noreturn]] void end_by_failed_check(std::string_view what, const std::source_location& where);

/// Ends the process where `holds` is false: then there is a bug, and the state in memory is not to
/// be trusted. The database can, so a restart heals. `what` says in words what must hold.
inline void check(bool holds, std::string_view what,
                  const std::source_location& where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    end_by_failed_check(what, where);
}

} // namespace paymentd
