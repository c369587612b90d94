// Requests about webhooks: refused where the webhook could not work, else done by the store.
#include "actors/delivery/webhook_keeping.hpp"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>
#include <variant>

namespace paymentd::actors::keeping {

namespace {

/// Why the webhook that is asked for could not work; empty where it could, or is not known here.
std::string fault_of(const webhook_keeper_state& state, const webhook_request& what) {
  std::optional<webhook> candidate;
  if (const auto* created = std::get_if<create_webhook>(&what)) {
    candidate = created->what;
  } else if (const auto* changed = std::get_if<update_webhook>(&what); changed && changed->url) {
    if (const webhook* const known = find_wanted(state, changed->name)) {
      candidate = *known;
      candidate->url = *changed->url;
    }
  }
  if (!candidate)
    return {};
  auto made = make(state, *candidate);
  if (!made)
    return std::move(made.error());
  made->endpoint->stop();
  return {};
}

void set_fault(webhook_request& of, std::string fault) {
  std::visit(
      [&](auto& each) {
        if constexpr (requires { each.fault; })
          each.fault = std::move(fault);
      },
      of);
}

no_outcome meaning_of(db::error_kind kind, bool only_reads) {
  switch (kind) {
  case db::error_kind::unavailable:
    return no_outcome::database_unavailable;
  case db::error_kind::in_doubt:
    return only_reads ? no_outcome::database_unavailable : no_outcome::outcome_unknown;
  default:
    return no_outcome::internal_error;
  }
}

void on_changed(keeper_actor* self, const ticket& from, const webhook_request& what,
                db::result<answer> changed) {
  --self->state.requests;
  const bool only_reads = std::holds_alternative<list_webhooks>(what) ||
                          std::holds_alternative<get_webhook>(what) ||
                          std::holds_alternative<test_webhook>(what);
  if (!changed) {
    spdlog::warn("webhooks: {}", changed.error().text);
    return reply(self, from, std::unexpected(meaning_of(changed.error().kind, only_reads)));
  }
  const auto* shown = std::get_if<webhook_shown>(&*changed);
  if (shown && std::holds_alternative<test_webhook>(what))
    return begin_test(self, from, *shown->what);
  reply(self, from, *std::move(changed));
  if (!only_reads)
    look(self);
}

} // namespace

void reply(keeper_actor* self, const ticket& to, answer_reply with) {
  self->send(to.reply_to, looked_up{to.number, std::move(with)});
}

void on_request(keeper_actor* self, webhook_asked& what) {
  auto& state = self->state;
  if (state.finishing)
    return reply(self, what.from, std::unexpected(no_outcome::shutting_down));
  if (state.requests + state.tests.size() >= state.options.requests_max ||
      self->clock().now() >= what.from.begin_by)
    return reply(self, what.from, std::unexpected(no_outcome::overloaded));
  if (auto* created = std::get_if<create_webhook>(&what.what))
    created->what.secret = state.options.make_secret();
  else if (auto* rotated = std::get_if<rotate_webhook_secret>(&what.what))
    rotated->secret = state.options.make_secret();
  if (std::string fault = fault_of(state, what.what); !fault.empty()) {
    if (!key_of(what.what)) // with one, the store may have the answer of its first try
      return reply(self, what.from,
                   webhook_refused{webhook_refusal::cannot_work, std::move(fault)});
    set_fault(what.what, std::move(fault));
  }
  ++state.requests;
  ask(
      self, state.options.store, store_call_kind::change_webhook, db::error_kind::in_doubt,
      [what = what.what](db::webhook_store& store, instant now) {
        return store.change_webhook(what, now);
      },
      [self, from = what.from, what = what.what](db::result<answer> changed) {
        on_changed(self, from, what, std::move(changed));
      });
}

} // namespace paymentd::actors::keeping
