// Where actors have the time of day from. Injected, so that tests decide it; what is measured
// (deadlines, delays) goes by the actor system's own clock, `self->clock().now()`.
#pragma once

#include "domain/types.hpp"

#include <functional>

namespace paymentd::actors {

using wall_clock = std::function<instant()>; // called on any thread

inline instant system_wall_clock() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

} // namespace paymentd::actors
