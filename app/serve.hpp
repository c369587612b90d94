// The server: start and stop as two visible lists. Used by main.cpp, on the main thread.
#pragma once

#include "config/settings.hpp"

namespace paymentd {

/// Serves until SIGTERM or SIGINT, and gives the exit code. Blocks.
int serve(const config::settings& settings);

} // namespace paymentd
