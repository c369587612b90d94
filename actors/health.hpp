// A lane's knowledge of its database: whether the next command or query would be answered. A lane
// writes it, /readyz and the metrics read it. Any thread.
#pragma once

#include "domain/types.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

namespace paymentd::actors {

enum class condition : std::uint8_t {
  ok,
  starting,    // the database has not been there yet since the start
  unavailable, // its last answer was that it cannot, or it does not answer
};

class lane_health {
 public:
  /// A question that has no answer for so long has met a database that is not well: a batch takes
  /// some milliseconds.
  static constexpr std::chrono::seconds answers_within{2};

  explicit lane_health(condition at_first) : last_(at_first) {}

  // By the lane.
  void asked(steady_instant at) { asked_at_.store(at.time_since_epoch().count()); }
  void answered() { asked_at_.store(nothing_asked); }
  void learned(condition what) { last_.store(what); }

  condition at(steady_instant now) const {
    const steady_instant asked{steady_instant::duration{asked_at_.load()}};
    const condition last = last_.load();
    return last == condition::ok && now - answers_within > asked ? condition::unavailable : last;
  }

 private:
  static constexpr auto nothing_asked = steady_instant::max().time_since_epoch().count();
  std::atomic<condition> last_;
  std::atomic<steady_instant::rep> asked_at_{nothing_asked};
};

/// The knowledge of the parts that a payment needs, at one moment.
struct health_report {
  condition settlement = condition::starting; // of all lanes, the worst
  condition reads = condition::starting;      // likewise; pages are apart
};

} // namespace paymentd::actors
