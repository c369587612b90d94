// The PostgreSQL store's reads for pages of events (db/event_list.hpp). Runs inside the caller's
// transaction, on its session.
#pragma once

#include "db/event_list.hpp"
#include "db/postgres/session.hpp"

namespace paymentd::db::postgres {

class event_reading final : public event_source {
 public:
  explicit event_reading(session& on) : session_(on) {}

  /// Reads the name of the database as well.
  result<event_position> ends() override;
  result<std::vector<event_stretch>> look(std::span<const event_look> stretches) override;
  result<std::string> instance() override { return instance_; }

 private:
  session& session_;
  std::string instance_; // since `ends`
};

} // namespace paymentd::db::postgres
