// A payment event as CloudEvents 1.0 JSON, with the order as it was then: the text that a webhook's
// receiver gets and that clients read from the stream of events. Pure functions; any thread.
#pragma once

#include "domain/event.hpp"
#include "domain/webhook.hpp"

#include <string>
#include <string_view>

namespace paymentd::cloudevents {

/// `id` is the ledger entry's, which is the only one in `source`, urn:paymentd:<instance>, where
/// `instance` is the database's; `type` is paymentd.payment.succeeded.v1 or
/// paymentd.payment.refunded.v1; `data` is the order in the fields of the REST API. Always the same
/// text for the same event.
std::string event_json(const payment_event& event, std::string_view instance);

/// An event about a webhook, likewise: `id` is the notice's, `type` paymentd.webhook.test.v1 or
/// paymentd.webhook.paused.v1, `subject` webhooks/<name>, and `data` has its name and, of one that
/// was paused, since when it took nothing.
std::string notice_json(const webhook_notice& what);

} // namespace paymentd::cloudevents
