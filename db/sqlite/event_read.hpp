// The embedded store's reads for pages of events (db/event_list.hpp). Runs inside the caller's read
// transaction, on any connection.
#pragma once

#include "db/event_list.hpp"
#include "db/sqlite/connection.hpp"

namespace paymentd::db::sqlite {

class event_reading final : public event_source {
 public:
  explicit event_reading(connection& on);

  result<event_position> ends() override;
  result<std::vector<event_stretch>> look(std::span<const event_look> stretches) override;
  result<std::string> instance() override;

 private:
  statement ends_, range_, refund_, instance_;
};

} // namespace paymentd::db::sqlite
