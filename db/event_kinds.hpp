// Which entries of the ledger are events for somebody. A value; any thread.
#pragma once

#include "domain/model.hpp"

namespace paymentd::db {

struct event_kinds {
  bool payments = false;
  bool refunds = false;

  bool hold(entry_kind kind) const {
    return (kind == entry_kind::payment && payments) || (kind == entry_kind::refund && refunds);
  }
};

} // namespace paymentd::db
