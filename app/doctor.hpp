// `paymentd doctor`: looks at all that the server will need, and says what is wrong. Used by
// main.cpp, on the main thread.
#pragma once

#include "config/settings.hpp"

namespace paymentd {

/// Looks at the settings' files and their rights, the database, the clocks and the message API's
/// credentials. Prints a line for each thing that is wrong, with what to do; gives fine where
/// nothing is, else failed. Starts no server, sends no message and writes to no database. `from`
/// gave these settings.
int examine(const config::settings& settings, const config::sources& from);

} // namespace paymentd
