// How a command ends: its exit code, and one clear line where it failed. Used by everything in
// app/, on the main thread.
#pragma once

#include <string>

namespace paymentd {

enum exit_code : int { fine = 0, failed = 1, bad_usage = 2 };

/// Prints one clear line to standard error; where a library made it several, each begins like one.
/// Gives `code` back.
int complain(int code, std::string line);

/// The exit code of a command whose output is its purpose: `code`, or failed where standard output
/// could not be written.
int said(int code);

} // namespace paymentd
