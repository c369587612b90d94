// The embedded database's file: copied, measured, and whether it may be written. As
// db/embedded_file.hpp has it, for a path.
#pragma once

#include "db/embedded_file.hpp"
#include "db/error.hpp"

#include <cstdint>
#include <string>

namespace paymentd::db::sqlite {

result<std::int64_t> back_up(const std::string& from, const std::string& to);
embedded_sizes measure(const std::string& path);
result<void> check_writable(const std::string& path);

} // namespace paymentd::db::sqlite
