#include "domain/decide_webhook.hpp"

#include "domain/check.hpp"

#include <algorithm>
#include <iterator>

namespace paymentd {
namespace {

webhook_decision refuse(webhook_refusal why, std::string detail = {}) {
  return {.is = webhook_refused{.why = why, .detail = std::move(detail)}};
}

webhook_decision show(const webhook& what, bool with_secret = false) {
  return {.is = webhook_shown{std::make_shared<const webhook>(what), with_secret}};
}

/// Writes it and shows it.
webhook_decision write(webhook changed, instant now, bool with_secret = false) {
  changed.updated_at = now;
  webhook_decision made = show(changed, with_secret);
  made.put = std::move(changed);
  return made;
}

/// The scheme, the host and the port of a valid_webhook_url.
std::string_view origin_of(std::string_view url) {
  constexpr std::string_view separator = "://";
  return url.substr(0, url.find_first_of("/?", url.find(separator) + separator.size()));
}

/// Of a request that names a webhook which there is.
struct decider {
  const webhook& is;
  instant now;

  webhook_decision operator()(const get_webhook&) const { return show(is); }
  webhook_decision operator()(const test_webhook&) const { return show(is); }

  webhook_decision operator()(const update_webhook& what) const {
    if (!what.fault.empty())
      return refuse(webhook_refusal::cannot_work, what.fault);
    webhook changed = is;
    changed.payments = what.payments.value_or(is.payments);
    changed.refunds = what.refunds.value_or(is.refunds);
    changed.url = what.url.value_or(is.url);
    // The settings' file allowed that receiver. No call reaches another one inside by it.
    if (origin_of(changed.url) != origin_of(is.url))
      changed.allow_private_network = false;
    changed.max_in_flight = what.max_in_flight.value_or(is.max_in_flight);
    changed.max_per_second = what.max_per_second.value_or(is.max_per_second);
    changed.content_type = what.content_type.value_or(is.content_type);
    changed.enabled = what.enabled.value_or(is.enabled);
    // One that is told to go on has its whole time again, also where it never stood still.
    if (what.enabled) {
      changed.paused_at.reset();
      changed.failing_since.reset();
    }
    if (changed == is)
      return show(is);
    const bool kinds = changed.payments != is.payments || changed.refunds != is.refunds;
    webhook_decision made = write(std::move(changed), now);
    made.sets_kinds = kinds;
    return made;
  }

  webhook_decision operator()(const delete_webhook& what) const {
    return {.is = webhook_done{}, .ends = what.name};
  }

  webhook_decision operator()(const rotate_webhook_secret& what) const {
    webhook changed = is;
    std::erase_if(changed.old_secrets, [&](const old_secret& each) { return each.until <= now; });
    changed.old_secrets.push_back({is.secret, now + old_secret_signs_for});
    std::ranges::rotate(changed.old_secrets, std::prev(changed.old_secrets.end())); // newest first
    if (changed.old_secrets.size() > old_secrets_max)
      changed.old_secrets.resize(old_secrets_max);
    changed.secret = what.secret;
    return write(std::move(changed), now, true);
  }

  webhook_decision operator()(const replay_webhook& what) const {
    return {.is = webhook_done{}, .replays = what.name, .replays_from = what.from};
  }

  webhook_decision operator()(const judge_webhook& what) const {
    const bool gone = !what.gone.empty();
    if (gone && what.gone != is.url) // another receiver by now
      return {.is = webhook_done{}};
    webhook changed = is;
    if (what.works)
      changed.failing_since.reset();
    else if (!is.failing_since)
      changed.failing_since = now;
    // No client has made this change, so updated_at stays.
    const bool too_long = is.failing_since && now - *is.failing_since >= what.pause_after;
    const bool pauses = !what.works && is.enabled && (gone || too_long);
    if (pauses) {
      changed.enabled = false;
      changed.paused_at = now;
      return write(std::move(changed), now);
    }
    webhook_decision made{.is = webhook_done{}};
    if (changed != is)
      made.put = std::move(changed);
    return made;
  }
};

webhook_decision create(const create_webhook& what, std::span<const webhook> all, instant now) {
  if (!what.fault.empty())
    return refuse(webhook_refusal::cannot_work, what.fault);
  if (std::ranges::find(all, what.what.name, &webhook::name) != all.end())
    return refuse(webhook_refusal::exists);
  if (all.size() >= webhooks_max)
    return refuse(webhook_refusal::too_many);
  webhook made = what.what;
  made.created_at = now;
  webhook_decision decided = write(std::move(made), now, true);
  decided.begins = true;
  return decided;
}

/// Of a request whose key was not kept.
webhook_decision decide_anew(const webhook_request& what, std::span<const webhook> all,
                             instant now) {
  if (std::holds_alternative<list_webhooks>(what))
    return {.is = webhook_list{{all.begin(), all.end()}}};
  if (const auto* made = std::get_if<create_webhook>(&what))
    return create(*made, all, now);
  return std::visit(
      [&](const auto& each) -> webhook_decision {
        if constexpr (requires { each.name; }) {
          const auto found = std::ranges::find(all, each.name, &webhook::name);
          if (found == all.end())
            return {.is = not_found{}};
          return decider{*found, now}(each);
        } else {
          check(false, "a request that names no webhook was answered before");
          return {.is = not_found{}};
        }
      },
      what);
}

/// A refusal is none.
std::optional<webhook_success> success_in(const answer& what) {
  if (const auto* shown = std::get_if<webhook_shown>(&what))
    return *shown;
  if (const auto* done = std::get_if<webhook_done>(&what))
    return *done;
  return std::nullopt;
}

answer given_again(webhook_success before) {
  return std::visit(
      [](auto& what) {
        what.replayed = true;
        return answer(std::move(what));
      },
      before);
}

} // namespace

webhook_decision decide_webhook(const webhook_request& what, std::span<const webhook> all,
                                instant now, const kept_webhook* before) {
  const std::optional<idempotency_key> key = key_of(what);
  if (key && before != nullptr)
    return {.is = before->key.body == key->body ? given_again(before->what) : answer(key_reused{})};
  webhook_decision made = decide_anew(what, all, now);
  if (key)
    if (auto success = success_in(made.is))
      made.new_kept.push_back({*key, *std::move(success)});
  return made;
}

} // namespace paymentd
