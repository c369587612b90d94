// The opaque text of a position in the events: the `id` of each server-sent event, and the cursor
// of their pages. It names how far each stream of the ledger was shown, since entries of different
// streams have no order among them. Pure functions; any thread.
#pragma once

#include "domain/query.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace paymentd::http {

/// Letters, digits, - and _ alone, so it needs no encoding in a URL: about 10 a stream.
std::string to_token(const event_position& position);

/// Nothing where the text is no token of this server.
std::optional<event_position> from_token(std::string_view text);

/// Moves the position past an entry that was shown.
void advance(event_position& position, entry_id shown);

/// Whether all that `other` has passed was passed by `position` as well.
bool covers(const event_position& position, const event_position& other);

/// Whether the entry was passed.
bool has_passed(const event_position& position, entry_id entry);

/// In each stream the later of the two.
event_position later_of(const event_position& one, const event_position& other);

} // namespace paymentd::http
