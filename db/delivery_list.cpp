#include "db/delivery_list.hpp"

#include "domain/check.hpp"

#include <algorithm>
#include <deque>
#include <tuple>

namespace paymentd::db {
namespace {

// The most that one page may look at, over all its stretches; after that it is cut short.
constexpr int rows_looked_at_max = 20'000;
// One stretch is read in pieces that grow up to this.
constexpr int piece_rows_max = 1'000;
// Within a stream the times of entries rise with their numbers, but for clocks that are set back,
// by this much at the most.
constexpr std::chrono::hours clock_disorder_max{24};

/// The delivery of an entry as this cursor shows it; nothing where it is not for it, or was
/// pruned.
std::optional<delivery> shown(const list_cursor& at, const list_row& row) {
  if (!row.kind || !at.wants.hold(*row.kind, number_of(row.entry)))
    return std::nullopt;
  delivery made = row.stored.value_or(delivery{});
  made.subscriber = at.name;
  made.entry = row.entry;
  made.order = row.order;
  made.created_at = row.created_at;
  if (row.stored)
    return made;
  made.updated_at = row.created_at;
  const std::int64_t number = number_of(row.entry);
  const bool waits =
      number > at.position || std::ranges::any_of(at.claimed, [number](list_cursor::range each) {
        return each.first <= number && number <= each.last;
      });
  return waits ? std::optional(std::move(made)) : std::nullopt;
}

/// One walk down a stream for a subscriber: through its windows one after the other, with what was
/// found waiting in `heads`.
struct strand {
  struct window {
    list_look::from what;
    std::int64_t above; // numbers between the two, without them
    std::int64_t below;
    delivery_status status = delivery_status::failed;
  };
  std::size_t cursor = 0;
  std::deque<window> windows = {};
  std::deque<delivery> heads = {};

  bool over() const { return heads.empty() && windows.empty(); }
  /// All that is numbered from here on has been looked at and taken.
  std::int64_t below() const {
    if (!heads.empty())
      return number_of(heads.front().entry) + 1;
    return windows.empty() ? 0 : windows.front().below;
  }
  void add(list_look::from what, std::int64_t above, std::int64_t below,
           delivery_status status = delivery_status::failed) {
    if (below - above > 1)
      windows.push_back({what, above, below, status});
  }
};

class page_of {
 public:
  page_of(list_source& from, const std::vector<list_cursor>& cursors, const list_deliveries& asked)
      : from_(from), cursors_(cursors), asked_(asked) {}

  result<answer> gather() {
    if (asked_.order) {
      if (auto found = add_order(*asked_.order); !found)
        return std::unexpected(found.error());
    } else {
      for (std::size_t cursor = 0; cursor < cursors_.size(); ++cursor)
        if (wants_subscriber(cursor))
          add_walks(cursor, below_of(cursor));
    }
    std::erase_if(strands_, [](const strand& each) { return each.over(); });
    delivery_page page;
    for (;;) {
      const auto known = fill();
      if (!known)
        return std::unexpected(known.error());
      strand* next = *known ? newest() : nullptr;
      if (next == nullptr || std::ssize(page.items) == asked_.limit)
        break;
      page.items.push_back(std::move(next->heads.front()));
      next->heads.pop_front();
    }
    page.next = positions();
    return page;
  }

 private:
  bool wants_subscriber(std::size_t cursor) const {
    return asked_.subscriber.empty() || cursors_[cursor].name == asked_.subscriber;
  }

  std::int64_t below_of(std::size_t cursor) const {
    const list_cursor& at = cursors_[cursor];
    if (!asked_.after)
      return at.next;
    const auto found = std::ranges::find_if(*asked_.after, [&](const list_position& each) {
      return each.subscriber == at.subscriber && each.stream == at.stream;
    });
    return found == asked_.after->end() ? 0 : std::min(found->below, at.next);
  }

  void add_walks(std::size_t cursor, std::int64_t below) {
    using from = list_look::from;
    const list_cursor& at = cursors_[cursor];
    const std::int64_t behind = std::min(below, at.position + 1);
    strand walk{.cursor = cursor};
    if (!asked_.status) {
      walk.add(from::ledger, at.kept_from, below);
      walk.add(from::stored, 0, std::min(below, at.kept_from + 1));
    } else if (*asked_.status == delivery_status::delivered) {
      walk.add(from::stored, 0, behind);
    } else {
      walk.add(from::undelivered, 0, behind, *asked_.status);
    }
    strands_.push_back(std::move(walk));
    if (asked_.status != delivery_status::pending)
      return;
    strand untried{.cursor = cursor};
    untried.add(from::ledger, at.position, below);
    auto claimed = at.claimed;
    std::ranges::sort(claimed, std::greater{}, &list_cursor::range::first);
    for (const list_cursor::range& each : claimed)
      untried.add(from::ledger, each.first - 1, std::min(below, each.last + 1));
    strands_.push_back(std::move(untried));
  }

  result<void> add_order(order_id id) {
    const auto entries = from_.entries_of(id);
    if (!entries)
      return std::unexpected(entries.error());
    for (std::size_t cursor = 0; cursor < cursors_.size(); ++cursor) {
      if (!wants_subscriber(cursor))
        continue;
      strand walk{.cursor = cursor};
      for (const entry_id entry : *entries)
        if (cursors_[cursor].stream == stream_of(entry)) {
          const std::int64_t number = number_of(entry);
          walk.add(list_look::from::ledger, number - 1, std::min(below_of(cursor), number + 1));
        }
      strands_.push_back(std::move(walk));
    }
    return {};
  }

  /// Reads on until each walk knows its next item or is over. False where that would be too much.
  result<bool> fill() {
    for (;;) {
      std::vector<strand*> dry;
      for (strand& each : strands_)
        if (each.heads.empty() && !each.windows.empty())
          dry.push_back(&each);
      if (dry.empty())
        return true;
      if (looked_at_ >= rows_looked_at_max)
        return false;
      if (auto done = read(dry); !done)
        return std::unexpected(done.error());
    }
  }

  result<void> read(const std::vector<strand*>& dry) {
    const int fair = std::max(4, rows_looked_at_max / 4 / static_cast<int>(dry.size()));
    const int rows = std::min({piece_rows_, fair, piece_rows_max});
    piece_rows_ = std::min(piece_rows_ * 4, piece_rows_max);
    std::vector<list_look> looks;
    for (const strand* each : dry) {
      const strand::window& window = each->windows.front();
      const list_cursor& at = cursors_[each->cursor];
      looks.push_back({.what = window.what,
                       .subscriber = at.subscriber,
                       .above = make_entry_id(at.stream, window.above),
                       .below = make_entry_id(at.stream, window.below),
                       .status = window.status,
                       .rows = rows});
    }
    const auto found = from_.look(looks);
    if (!found)
      return std::unexpected(found.error());
    check(found->size() == dry.size(), "each stretch of a list is read");
    for (std::size_t i = 0; i < dry.size(); ++i)
      take(*dry[i], (*found)[i], rows);
    return {};
  }

  void take(strand& to, const std::vector<list_row>& found, int asked_for) {
    check(std::ssize(found) <= asked_for, "a store gives no more rows than are asked for");
    looked_at_ += std::max(static_cast<int>(found.size()), 1);
    for (const list_row& row : found)
      if (auto one = shown(cursors_[to.cursor], row);
          one && (!asked_.status || one->status == *asked_.status) &&
          asked_.created.holds(one->created_at))
        to.heads.push_back(*std::move(one));
    if (!found.empty() && found.back().kind &&
        asked_.created.from > instant::min() + clock_disorder_max &&
        found.back().created_at < asked_.created.from - clock_disorder_max) {
      to.windows.clear(); // all that follows is older
      return;
    }
    strand::window& window = to.windows.front();
    if (std::ssize(found) == asked_for)
      window.below = number_of(found.back().entry);
    if (std::ssize(found) < asked_for || window.below - window.above <= 1)
      to.windows.pop_front();
  }

  /// Of each cursor the highest number comes first, of the cursors the latest time.
  strand* newest() {
    std::vector<strand*> first(cursors_.size(), nullptr);
    for (strand& each : strands_)
      if (strand*& best = first[each.cursor];
          !each.heads.empty() &&
          (best == nullptr || best->heads.front().entry < each.heads.front().entry))
        best = &each;
    const auto rank = [&](const strand* of) {
      const delivery& head = of->heads.front();
      return std::tuple(head.created_at, head.entry, -cursors_[of->cursor].subscriber.value);
    };
    strand* best = nullptr;
    for (strand* each : first)
      if (each != nullptr && (best == nullptr || rank(best) < rank(each)))
        best = each;
    return best;
  }

  std::optional<std::vector<list_position>> positions() const {
    std::vector<std::int64_t> below(cursors_.size(), 0);
    for (const strand& each : strands_)
      below[each.cursor] = std::max(below[each.cursor], each.below());
    std::vector<list_position> next;
    for (std::size_t cursor = 0; cursor < cursors_.size(); ++cursor)
      if (below[cursor] > 0)
        next.push_back({cursors_[cursor].subscriber, cursors_[cursor].stream, below[cursor]});
    return next.empty() ? std::nullopt : std::optional(std::move(next));
  }

  list_source& from_;
  const std::vector<list_cursor>& cursors_;
  const list_deliveries& asked_;
  std::vector<strand> strands_;
  int piece_rows_ = std::max(asked_.limit, 1) + 1;
  int looked_at_ = 0;
};

} // namespace

void set_status(delivery& of, std::int64_t number) {
  const auto last = static_cast<std::int64_t>(delivery_status::failed);
  const bool known = number >= 0 && number <= last;
  of.status = known ? static_cast<delivery_status>(number) : delivery_status::failed;
  if (!known)
    of.last_error = "unknown status " + std::to_string(number) + ": run paymentd audit";
}

void set_channel(delivery& of, std::int64_t number) {
  for (const auto each : {message_channel::alimtalk, message_channel::sms})
    if (number == static_cast<std::int64_t>(each))
      of.channel = each;
}

result<void> delivery_list::begin() {
  if (cursors_)
    return {};
  auto read = from_.cursors();
  if (!read)
    return std::unexpected(read.error());
  cursors_ = *std::move(read);
  return {};
}

result<answer> delivery_list::find(const get_delivery& which) {
  if (auto ready = begin(); !ready)
    return std::unexpected(ready.error());
  const auto at = std::ranges::find_if(*cursors_, [&](const list_cursor& each) {
    return each.name == which.subscriber && each.stream == stream_of(which.entry);
  });
  if (at == cursors_->end())
    return not_found{};
  const list_look one{.what = list_look::from::ledger,
                      .subscriber = at->subscriber,
                      .above = {which.entry.value - 1},
                      .below = {which.entry.value + 1}};
  const auto rows = from_.look(std::span(&one, 1));
  if (!rows)
    return std::unexpected(rows.error());
  if (rows->front().empty())
    return not_found{};
  auto found = shown(*at, rows->front().front());
  if (!found)
    return not_found{};
  auto tries = from_.tries_of(at->subscriber, which.entry);
  if (!tries)
    return std::unexpected(tries.error());
  const std::size_t too_many = tries->size() - std::min(tries->size(), tries_max);
  tries->erase(tries->begin(), tries->begin() + static_cast<std::ptrdiff_t>(too_many));
  found->tries = *std::move(tries);
  return answer{*std::move(found)};
}

result<answer> delivery_list::page(const list_deliveries& asked) {
  if (auto ready = begin(); !ready)
    return std::unexpected(ready.error());
  return page_of(from_, *cursors_, asked).gather();
}

} // namespace paymentd::db
