// The rule by which webhooks change, for both stores: a request, all webhooks that there are and
// what is kept for its idempotency key go in, the answer and what is to be written come out. Pure;
// any thread.
#pragma once

#include "domain/query.hpp"

#include <span>
#include <vector>

namespace paymentd {

/// A change that is kept for the idempotency key it was asked under.
struct kept_webhook {
  idempotency_key key;
  webhook_success what; // as it was answered
};

struct webhook_decision {
  answer is;
  std::optional<webhook> put = std::nullopt; // its row, as it is to be from now on
  bool begins = false; // `put` is new: its subscriber is registered, and told of what comes next
  bool sets_kinds = false;  // the subscriber of `put` is given its kinds of events
  std::string ends = {};    // the webhook of that name and its subscriber are gone; empty: none
  std::string replays = {}; // that one's events are to be delivered again; empty: none
  instant replays_from = {};
  std::vector<kept_webhook> new_kept = {}; // one at the most
};

/// `all` has each webhook once. A create_webhook and a rotate_webhook_secret bring the secret
/// along. Of a test_webhook, which nothing is written for, the answer is the webhook. `before` is
/// kept for the request's key: with the same body it is the answer again, whatever has become of
/// the webhook; null: nothing is kept. A refusal is not kept.
webhook_decision decide_webhook(const webhook_request& what, std::span<const webhook> all,
                                instant now, const kept_webhook* before = nullptr);

} // namespace paymentd
