// The embedded database's file: copied, measured, whether it may be written, and what is wrong with
// it. As db/embedded_file.hpp and db/examination.hpp have it, for a path.
#pragma once

#include "db/embedded_file.hpp"
#include "db/error.hpp"
#include "db/examination.hpp"

#include <cstdint>
#include <string>

namespace paymentd::db::sqlite {

result<std::int64_t> back_up(const std::string& from, const std::string& to);
embedded_sizes measure(const std::string& path);
result<void> check_writable(const std::string& path);

/// `broken`, with the reason, where an audit must not note its result in the database at `path`: it
/// may not be written, or it is a copy. paymentd leaves a lock file beside each database that it
/// serves or changes, which names this very file. A copy, as `paymentd backup` or `cp` makes it,
/// has none or, with its whole directory, that of the original. Does not open the database.
result<void> check_takes_notes(const std::string& path);
std::vector<finding> examine(const std::string& path, const examination& what);

} // namespace paymentd::db::sqlite
