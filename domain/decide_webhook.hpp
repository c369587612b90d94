// The rule by which webhooks change, for both stores: a request and all webhooks that there are go
// in, the answer and what is to be written come out. Pure; any thread.
#pragma once

#include "domain/query.hpp"

#include <span>

namespace paymentd {

struct webhook_decision {
  answer is;
  std::optional<webhook> put = std::nullopt; // its row, as it is to be from now on
  bool begins = false; // `put` is new: its subscriber is registered, and told of what comes next
  bool sets_kinds = false;  // the subscriber of `put` is given its kinds of events
  std::string ends = {};    // the webhook of that name and its subscriber are gone; empty: none
  std::string replays = {}; // that one's events are to be delivered again; empty: none
  instant replays_from = {};
};

/// `all` has each webhook once. A create_webhook and a rotate_webhook_secret bring the secret
/// along. Of a test_webhook, which nothing is written for, the answer is the webhook.
webhook_decision decide_webhook(const webhook_request& what, std::span<const webhook> all,
                                instant now);

} // namespace paymentd
