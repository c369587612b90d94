// When a turn at reading results is due, and what is left of it: the rules that both stores share.
// Pure; any thread.
#pragma once

#include "db/store.hpp"

#include <optional>
#include <string_view>

namespace paymentd::db {

/// The row of a subscriber's turns.
struct results_mark {
  instant read_until;
  instant lease_until;
  std::optional<instant> oldest_claim = std::nullopt; // when the oldest open one was committed
};

struct results_span {
  instant from;
  instant to;
};

/// The span of the turn that is due now; nothing where none is, or another process has it.
std::optional<results_span> due_span(const results_due& asked, const results_mark& mark,
                                     instant now);

/// From when results are to be read again, as the earliest of the step's ended claims wants it.
std::optional<instant> read_again_from(const delivery_step& step);

/// The row that is to be stored with this page.
results_mark mark_after(const results_step& step, instant now);

result<void> check_results_step(const results_step& step);
error turn_is_lost();

/// The reason of a message that did not arrive, which is never empty.
std::string_view error_of(const final_delivery& what);

} // namespace paymentd::db
