#include "http/gateway.hpp"

#include <caf/actor_companion.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <type_traits>
#include <utility>

namespace paymentd::http {

/// State that other threads share with the gateway. The companion keeps it alive, so a message that
/// comes after the gateway's end finds a closed inbox, not a dangling one.
struct gateway::inbox {
  std::mutex guard;
  std::vector<caf::mailbox_element_ptr> messages;
  std::function<void()> wake; // empty once the gateway is gone
  bool woken = false;
  std::vector<caf::mailbox_element_ptr>
      taken; // the gateway's own; here to keep CAF out of its header

  void put(caf::mailbox_element_ptr message) {
    const std::lock_guard lock{guard};
    if (!wake)
      return;
    messages.push_back(std::move(message));
    if (!std::exchange(woken, true))
      wake();
  }
};

void gateway::waiter::fail(actors::no_outcome why) {
  // Only one of them is looked at.
  outcome.emplace(std::unexpect, why);
  answer.emplace(std::unexpect, why);
}

gateway::gateway(caf::actor_system& system, options limits, std::function<void()> wake,
                 std::function<void()> turn_begun)
    : system_(system), limits_(limits), inbox_(std::make_shared<inbox>()),
      turn_begun_(std::move(turn_begun)) {
  inbox_->wake = std::move(wake);
  // Hidden: the actor system does not wait for it. It ends with the last handle to it.
  self_ = system.spawn<caf::actor_companion, caf::hidden>();
  auto* companion = caf::actor_cast<caf::actor_companion*>(self_);
  companion->on_enqueue(
      [box = inbox_](caf::mailbox_element_ptr message) { box->put(std::move(message)); });
}

void gateway::connect(actors::entrance to) {
  check(!to.registries.empty() && !to.lanes.empty() && !to.read_lanes.empty() &&
            !to.page_lanes.empty(),
        "there is an actor for each command and query");
  to_ = std::move(to);
  auto* companion = caf::actor_cast<caf::actor_companion*>(self_);
  for (const auto* entrances : {&to_.registries, &to_.lanes, &to_.read_lanes, &to_.page_lanes})
    for (const caf::actor& entrance : *entrances)
      companion->monitor(entrance);
  for (const caf::actor& each : {to_.retry_lane, to_.webhooks})
    if (each)
      companion->monitor(each);
  if (closed_ == actors::no_outcome::database_unavailable)
    closed_.reset(); // a stop may have closed it meanwhile
}

gateway::~gateway() {
  decltype(inbox_->messages) undelivered; // destroyed after the lock is released: a message's end
                                          // may send, and so come back here
  {
    const std::lock_guard lock{inbox_->guard};
    inbox_->wake = nullptr;
    undelivered.swap(inbox_->messages);
  }
  // Ended here, not with the last handle to it, which may be in an actor's hands for long.
  caf::actor_cast<caf::actor_companion*>(self_)->cleanup(caf::exit_reason::normal, nullptr);
}

auto gateway::submit(const command& what) -> submission {
  return {*this, what};
}

auto gateway::submit_all(std::vector<command> all) -> bulk_submission {
  return {*this, std::move(all)};
}

auto gateway::look_up(const query& what) -> inquiry {
  return {*this, &what};
}

auto gateway::look_up(const list_events& what) -> inquiry {
  return {*this, &what};
}

auto gateway::retry(const delivery_retry& which) -> inquiry {
  return {*this, &which};
}

auto gateway::retry(const failed_retry& which) -> inquiry {
  return {*this, &which};
}

auto gateway::ask(const webhook_request& what) -> inquiry {
  return {*this, &what};
}

void gateway::submission::await_suspend(std::coroutine_handle<> self) {
  resume = self;
  via_.send_this_turn(*this, *what_);
}

bool gateway::bulk_submission::await_suspend(std::coroutine_handle<> self) {
  resume_ = self;
  parts_.resize(all_.size());
  for (std::size_t i = 0; i < all_.size(); ++i) {
    waiter& part = parts_[i];
    part.part_of = this;
    if (!via_.admit(part) || !via_.admit(part, via_.to_.taking(all_[i])))
      continue;
    ++left_;
    via_.send_this_turn(part, std::move(all_[i]));
  }
  return left_ > 0;
}

std::vector<actors::outcome_reply> gateway::bulk_submission::await_resume() {
  std::vector<actors::outcome_reply> replies;
  replies.reserve(parts_.size());
  for (waiter& part : parts_) {
    check(part.outcome.has_value(), "a bulk is resumed with the outcomes of all its commands");
    if (!*part.outcome)
      via_.count(part.outcome->error());
    replies.push_back(std::move(*part.outcome));
  }
  return replies;
}

gateway::parcel& gateway::parcel_of_this_turn(const caf::actor& to) {
  if (!std::exchange(in_turn_, true))
    turn_begun_();
  const auto known = std::ranges::find(parcels_, to, &parcel::to);
  return known != parcels_.end() ? *known : parcels_.emplace_back(to);
}

/// Sends it with the others of this turn of the event loop.
void gateway::send_this_turn(waiter& who, command what) {
  parcel_of_this_turn(to_.taking(what)).commands.push_back({enter(who), std::move(what)});
}

void gateway::send_this_turn(waiter& who, const caf::actor& to, query what) {
  parcel_of_this_turn(to).queries.push_back({enter(who), std::move(what)});
}

void gateway::wake(waiter& who) {
  if (who.part_of == nullptr)
    who.resume.resume();
  else if (--who.part_of->left_ == 0)
    who.part_of->resume_.resume();
}

const caf::actor& gateway::inquiry::to() const {
  if (const auto* look = std::get_if<const query*>(&what_))
    return via_.to_.taking(**look);
  if (std::holds_alternative<const list_events*>(what_))
    return via_.to_.page_lanes.front();
  return std::holds_alternative<const webhook_request*>(what_) ? via_.to_.webhooks
                                                               : via_.to_.retry_lane;
}

bool gateway::inquiry::only_reads() const {
  if (const auto* about = std::get_if<const webhook_request*>(&what_))
    return std::holds_alternative<list_webhooks>(**about) ||
           std::holds_alternative<get_webhook>(**about);
  return std::holds_alternative<const query*>(what_) ||
         std::holds_alternative<const list_events*>(what_);
}

void gateway::inquiry::await_suspend(std::coroutine_handle<> self) {
  resume = self;
  std::visit(
      [&]<class Asked>(const Asked* what) {
        if constexpr (std::is_same_v<Asked, query> || std::is_same_v<Asked, list_events>)
          via_.send_this_turn(*this, to(), *what);
        else if constexpr (std::is_same_v<Asked, delivery_retry>)
          caf::anon_send(to(), actors::retry_delivery{via_.enter(*this), *what});
        else if constexpr (std::is_same_v<Asked, failed_retry>)
          caf::anon_send(to(), actors::retry_all_failed{via_.enter(*this), *what});
        else
          caf::anon_send(to(), actors::webhook_asked{via_.enter(*this), *what});
      },
      what_);
}

/// Whether there is room for it; otherwise `who` has the reason.
bool gateway::admit(waiter& who) {
  if (closed_)
    who.fail(*closed_);
  else if (in_flight_ >= limits_.in_flight_max)
    who.fail(actors::no_outcome::overloaded);
  else
    return true;
  return false;
}

/// Whether there is somebody to take it, likewise.
bool gateway::admit(waiter& who, const caf::actor& to) {
  using enum actors::no_outcome;
  if (!to || (!gone_.empty() && std::ranges::find(gone_, to.address()) != gone_.end()))
    who.fail(internal_error);
  else
    return true;
  return false;
}

actors::ticket gateway::enter(waiter& who) {
  if (free_ == none) {
    free_ = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  const std::uint32_t at = free_;
  slot& entered = slots_[at];
  free_ = entered.earlier;
  entered.who = &who;
  entered.due = std::chrono::steady_clock::now() + limits_.request_timeout;
  entered.earlier = newest_;
  entered.later = none;
  (newest_ == none ? oldest_ : slots_[newest_].later) = at;
  newest_ = at;
  ++in_flight_;
  const steady_instant now = system_.clock().now();
  return {.number = std::uint64_t{entered.uses} << 32 | at,
          .reply_to = self_,
          .begin_by = now + limits_.request_timeout * 4 / 5,
          .bulk = who.part_of != nullptr,
          .asked_at = now};
}

void gateway::remove(std::uint32_t at) {
  slot& left = slots_[at];
  check(left.who != nullptr, "a request leaves the gateway once");
  (left.earlier == none ? oldest_ : slots_[left.earlier].later) = left.later;
  (left.later == none ? newest_ : slots_[left.later].earlier) = left.earlier;
  left.who = nullptr;
  ++left.uses;
  left.earlier = free_;
  free_ = at;
  --in_flight_;
}

/// The request that waits for this number; none where it came too late.
gateway::waiter* gateway::leave(std::uint64_t number) {
  const auto at = static_cast<std::uint32_t>(number);
  if (at >= slots_.size() || slots_[at].uses != number >> 32 || slots_[at].who == nullptr)
    return nullptr;
  waiter* who = slots_[at].who;
  remove(at);
  return who;
}

void gateway::check_stores() {
  if (!closed_)
    for (const caf::actor& lane : to_.lanes)
      caf::anon_send(lane, actors::check_store{});
}

void gateway::flush() {
  in_turn_ = false;
  for (parcel& each : parcels_) {
    if (const std::size_t usual = each.commands.size(); usual > 0) {
      caf::anon_send(each.to, actors::submit_many{std::exchange(each.commands, {})});
      each.commands.reserve(usual);
    }
    if (const std::size_t usual = each.queries.size(); usual > 0) {
      caf::anon_send(each.to, actors::look_up_many{std::exchange(each.queries, {})});
      each.queries.reserve(usual);
    }
  }
}

void gateway::take(actors::looked_up& reply) {
  if (waiter* who = leave(reply.number)) {
    who->answer = std::move(reply.reply);
    wake(*who);
  }
}

void gateway::drain() {
  auto& taken = inbox_->taken;
  {
    const std::lock_guard lock{inbox_->guard};
    taken.swap(inbox_->messages);
    inbox_->woken = false;
  }
  for (const caf::mailbox_element_ptr& message : taken) {
    auto& content = message->content(); // sent to us alone, so a reply is moved out of it
    if (content.match_elements<actors::settled>()) {
      auto& reply = content.get_mutable_as<actors::settled>(0);
      if (waiter* who = leave(reply.number)) {
        who->outcome = std::move(reply.reply);
        wake(*who);
      }
    } else if (content.match_elements<actors::looked_up_many>()) {
      for (auto& each : content.get_mutable_as<actors::looked_up_many>(0).answers)
        take(each);
    } else if (content.match_elements<actors::looked_up>()) {
      take(content.get_mutable_as<actors::looked_up>(0));
    } else if (content.match_elements<caf::down_msg>()) {
      // Work that it was sent and has not answered may still be answered by those it passed it on
      // to; otherwise the time-out does it.
      gone_.push_back(content.get_as<caf::down_msg>(0).source);
      if (!closed_)
        spdlog::error("an entrance to the payment system ended; what it takes is refused");
    }
  }
  taken.clear();
}

void gateway::resume_oldest() {
  waiter* who = slots_[oldest_].who;
  remove(oldest_);
  who->fail(who->when_late);
  wake(*who);
}

void gateway::count(actors::no_outcome why) {
  using enum actors::no_outcome;
  if (limits_.shed == nullptr)
    return;
  if (why == overloaded)
    limits_.shed->overloaded.fetch_add(1, std::memory_order_relaxed);
  else if (why == database_unavailable)
    limits_.shed->database_unavailable.fetch_add(1, std::memory_order_relaxed);
}

void gateway::expire(steady_instant now) {
  while (oldest_ != none && slots_[oldest_].due <= now)
    resume_oldest();
}

void gateway::close(actors::no_outcome why) {
  closed_ = why;
}

void gateway::abandon() {
  while (oldest_ != none)
    resume_oldest();
}

} // namespace paymentd::http
