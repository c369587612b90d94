// Declarations that the files of the webhook keeper share: webhook_keeper.cpp has what comes in,
// and which webhooks run; webhook_notices.cpp tells their endpoints of a test, and of others that
// were paused; webhook_requests.cpp does what clients ask for. All on the keeper's thread.
#pragma once

#include "actors/delivery/webhook_keeper.hpp"

#include <spdlog/common.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace paymentd::actors {

/// From an endpoint's thread: what became of a test or of a notice.
struct told {
  std::uint64_t number = 0;
  std::string why_not; // empty: it was taken
};

/// The number of a notice whose next try is due.
using notice_atom = caf::atom_constant<caf::atom("notice")>;
/// The number of a test whose time is over.
using late_atom = caf::atom_constant<caf::atom("late")>;

namespace keeping {

using keeper_actor = caf::stateful_actor<webhook_keeper_state>;

// ---- webhook_keeper.cpp

/// A line of the log about the webhook of that name.
void say(spdlog::level::level_enum level, const std::string& name, std::string_view what);
/// Reads the database's webhooks, at once or behind the look that is under way.
void look(keeper_actor* self);
/// As the database has it; null where it has none of that name.
const webhook* find_wanted(const webhook_keeper_state& state, const std::string& name);
/// Whether it can go on as it runs, but for its secrets. Its kinds of events are in the database.
bool runs_as(const webhook& by, const webhook& wanted);
/// Its endpoint; an error is one line. A system that has no thread or no file left is a fault like
/// others, and may pass.
std::expected<webhook_part, std::string> make(const webhook_keeper_state& state,
                                              const webhook& what);

// ---- webhook_notices.cpp

/// Tells the other webhooks that run of one that was paused, within `notices_max`.
void tell_of_pause(keeper_actor* self, const webhook& paused);
/// One more try of a notice; none where its webhook runs no more.
void send_notice(keeper_actor* self, std::uint64_t number);
/// Sends the endpoint a test; `from` is answered by `webhook_tested` within `tested_within`.
void begin_test(keeper_actor* self, const ticket& from, const webhook& what);
void end_test(keeper_actor* self, std::uint64_t number, const std::string& why_not);
void on_told(keeper_actor* self, const told& what);

// ---- webhook_requests.cpp

/// Has the store do what a client asks for, and answers it.
void on_request(keeper_actor* self, webhook_asked& what);
void reply(keeper_actor* self, const ticket& to, answer_reply with);

} // namespace keeping

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::told)
