#include "domain/plan_delivery.hpp"

#include "domain/check.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>

namespace paymentd {

namespace {

/// Where nothing may be opened, so many entries are looked at to say whether there is more.
constexpr std::int64_t entries_peeked_at = 64;

std::string name_of(claim_id id) {
  return "claim " + std::to_string(id.value);
}

/// Builds one plan, part after part.
class planner {
 public:
  planner(const delivery_step& step, delivery_view view, instant now)
      : step_(step), view_(std::move(view)), now_(now), size_(step.messages_max) {}

  std::expected<delivery_plan, std::string> plan() {
    check_view();
    for (const ended_claim& each : step_.ended)
      end(each);
    for (const claim_id each : step_.regenerate)
      if (const auto what = take(each))
        plan_.regenerated.push_back(std::move(*what));
    for (const claim_id each : step_.split)
      split(each);
    if (!misfit_.empty())
      return std::unexpected(std::move(misfit_));
    std::ranges::sort(plan_.results, {}, entry_of);
    const std::size_t slots = static_cast<std::size_t>(std::max(step_.open_max, 0));
    const std::size_t used = open_retries(slots);
    open_ahead(slots, used);
    return std::move(plan_);
  }

 private:
  static entry_id entry_of(const planned_result& one) { return one.result->entry; }

  void check_view() const {
    check(step_.messages_max >= 1, "a claim has room for a message");
    std::int64_t behind = view_.position;
    for (const message& each : view_.ahead) {
      check(number_of(each.event.entry) > behind, "messages stand behind the cursor, by rising id");
      behind = number_of(each.event.entry);
    }
    check(view_.seen_to >= behind, "what is ahead was looked at");
    for (const claim_record& each : view_.claims)
      check(std::ranges::is_sorted(each.entries, {}, &claim_record::claimed_entry::id),
            "a claim's entries stand by rising id");
  }

  void refuse(std::string why) {
    if (misfit_.empty())
      misfit_ = std::move(why);
  }

  /// An open claim that the step names; each can be named once.
  std::optional<claim_record> take(claim_id id) {
    const auto found = std::ranges::find(view_.claims, id, &claim_record::id);
    if (found == view_.claims.end()) {
      refuse(name_of(id) + " is not open here");
      return std::nullopt;
    }
    claim_record what = std::move(*found);
    view_.claims.erase(found);
    return what;
  }

  void end(const ended_claim& ended) {
    const auto what = take(ended.id);
    if (!what)
      return;
    plan_.deleted.push_back(ended.id);
    std::vector<const delivery_result*> results;
    results.reserve(ended.results.size());
    for (const delivery_result& one : ended.results)
      results.push_back(&one);
    std::ranges::sort(results, {}, &delivery_result::entry);
    auto entry = what->entries.begin();
    for (const delivery_result* one : results) {
      if (entry != what->entries.end() && entry->id == one->entry) {
        plan_.results.push_back({one, entry->created_at, what->retries});
        if (one->status == delivery_status::pending)
          waits_for(*one, what->provider);
        add_tries(ended.tries, *one);
        ++entry;
      } else if (!was_deleted(*what, one->entry, entry)) {
        return do_not_match(ended.id);
      }
    }
    if (entry != what->entries.end())
      do_not_match(ended.id);
  }

  /// Of an entry that was deleted by hand since it was claimed there is nothing to be stored.
  static bool was_deleted(const claim_record& claim, entry_id id,
                          std::vector<claim_record::claimed_entry>::const_iterator next) {
    const bool is_there = next != claim.entries.begin() && std::prev(next)->id == id;
    const bool comes = next != claim.entries.end() && next->id < id;
    return !claim.retries && !is_there && !comes && claim.first <= id && id <= claim.last;
  }

  void do_not_match(claim_id id) {
    refuse("the results of " + name_of(id) + " are not exactly those of its messages");
  }

  void waits_for(const delivery_result& one, const std::string& provider) {
    const bool doubtful = one.copies > 0;
    if (doubtful)
      plan_.in_doubt.push_back({one.entry, provider});
    const std::string_view copies_by = doubtful ? std::string_view(provider) : "";
    if (one.next_attempt > now_)
      is_due(one.next_attempt);
    else if (takes(step_, copies_by))
      view_.due.push_back({one.entry, one.next_attempt, std::string(copies_by)});
  }

  /// Those of its claim and its own, by their times: the last ones, as far as they are kept.
  void add_tries(const std::vector<delivery_try>& of_claim, const delivery_result& one) {
    if (of_claim.empty() && !one.tried)
      return;
    std::vector<planned_try> all;
    for (const delivery_try& each : of_claim)
      all.push_back({one.entry, each.at, each.took, each.outcome, each.detail});
    if (one.tried) {
      const auto [at, took, outcome] = *one.tried;
      const auto place = std::ranges::find_if(all, [at](const auto& each) { return each.at > at; });
      all.insert(place, planned_try{one.entry, at, took, outcome, one.last_error});
    }
    const auto too_many = static_cast<std::ptrdiff_t>(all.size() - std::min(all.size(), tries_max));
    plan_.tries.insert(plan_.tries.end(), all.begin() + too_many, all.end());
  }

  void is_due(instant at) { plan_.next_due = std::min(plan_.next_due.value_or(at), at); }

  void split(claim_id id) {
    const auto whole = take(id);
    if (!whole)
      return;
    if (whole->entries.size() < 2)
      return refuse(name_of(id) + " has one message and cannot be split");
    plan_.deleted.push_back(id);
    const auto middle = static_cast<std::ptrdiff_t>(whole->entries.size() / 2);
    planned_claim first{.first = whole->first, .last = whole->last, .provider = whole->provider};
    planned_claim second = first;
    if (whole->retries) {
      const auto ids = [](auto entries) {
        const auto all = entries | std::views::transform(&claim_record::claimed_entry::id);
        return std::vector<entry_id>(all.begin(), all.end());
      };
      first.retries = ids(whole->entries | std::views::take(middle));
      second.retries = ids(whole->entries | std::views::drop(middle));
    } else {
      first.last = whole->entries[static_cast<std::size_t>(middle) - 1].id;
      second.first = {first.last.value + 1};
    }
    plan_.opened.push_back(std::move(first));
    plan_.opened.push_back(std::move(second));
  }

  /// Gives how many slots that took.
  std::size_t open_retries(std::size_t slots) {
    auto& due = view_.due;
    std::ranges::stable_sort(due, {}, &delivery_view::due_retry::at);
    const std::size_t halves = plan_.opened.size();
    std::size_t taken = 0;
    for (; taken < due.size(); ++taken) {
      const std::string& by = due[taken].copies_by;
      planned_claim* const one = claim_for(by.empty() ? step_.provider : by, halves, slots);
      if (one == nullptr)
        break;
      one->retries.push_back(due[taken].entry);
      plan_.taken.push_back(due[taken].entry);
    }
    for (std::size_t at = halves; at < plan_.opened.size(); ++at)
      std::ranges::sort(plan_.opened[at].retries);
    std::ranges::sort(plan_.taken);
    if (taken < due.size()) {
      plan_.more = true;
      is_due(due[taken].at);
    }
    if (view_.next_retry)
      is_due(*view_.next_retry);
    return plan_.opened.size() - halves;
  }

  /// Of those from `from` on, the one with room for a retry that goes by that provider; a new one
  /// where there is none; null where no slot is left for it.
  planned_claim* claim_for(const std::string& provider, std::size_t from, std::size_t slots) {
    for (std::size_t at = plan_.opened.size(); at > from; --at)
      if (planned_claim& one = plan_.opened[at - 1];
          one.retries.size() < size_ && one.provider == provider)
        return &one;
    if (plan_.opened.size() - from == slots)
      return nullptr;
    return &plan_.opened.emplace_back(planned_claim{.provider = provider});
  }

  void open_ahead(std::size_t slots, std::size_t used) {
    plan_.position = view_.position;
    if (!step_.takes_new)
      return;
    auto& ahead = view_.ahead;
    const std::size_t claimed = std::min(ahead.size(), (slots - used) * size_);
    for (std::size_t from = 0; from < claimed; from += size_) {
      const std::size_t to = std::min(from + size_, claimed);
      const entry_id last = ahead[to - 1].event.entry;
      plan_.opened.push_back(
          {.first = make_entry_id(step_.stream.stream, plan_.position + 1),
           .last = last,
           .provider = step_.provider,
           .messages = {std::move_iterator(ahead.begin() + static_cast<std::ptrdiff_t>(from)),
                        std::move_iterator(ahead.begin() + static_cast<std::ptrdiff_t>(to))}});
      plan_.position = number_of(last);
    }
    const bool all = claimed == ahead.size();
    if (all && slots > 0)
      plan_.position = std::max(plan_.position, view_.seen_to);
    plan_.moves = plan_.position != view_.position;
    plan_.more |= !all || !view_.at_end;
  }

  const delivery_step& step_;
  delivery_view view_;
  instant now_;
  std::size_t size_; // messages in a claim
  delivery_plan plan_;
  std::string misfit_;
};

} // namespace

delivery_reach reach_of(const delivery_step& step) {
  const std::int64_t room = std::int64_t{std::max(step.open_max, 0)} * step.messages_max;
  const bool claims_ahead = room > 0 && step.takes_new;
  return {.messages = room + 1,
          .entries = claims_ahead ? room + room / 8 + 256 : entries_peeked_at};
}

bool takes(const delivery_step& step, std::string_view copies_by) {
  if (!step.takes_new)
    return !copies_by.empty() && copies_by == step.provider;
  return std::ranges::find(step.others, copies_by) == step.others.end();
}

std::span<const std::string> doubt_filter_of(const delivery_step& step) {
  if (!step.takes_new)
    return std::span(&step.provider, 1);
  return step.others;
}

std::expected<delivery_plan, std::string> plan_delivery(const delivery_step& step,
                                                        delivery_view view, instant now) {
  return planner(step, std::move(view), now).plan();
}

} // namespace paymentd
