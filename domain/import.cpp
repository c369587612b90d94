#include "domain/import.hpp"

#include "domain/check.hpp"

namespace paymentd {
namespace {

bool was_paid(const order& what) {
  return what.status == order_status::paid || what.status == order_status::refunded;
}

bool was_refunded(const order& what) {
  return what.status == order_status::refunded || what.refunded > won{0};
}

/// How many entries of an order stand before its PAYMENT.
int charges_before(const order& what) {
  return what.final_amount() > won{0} ? 1 : 0;
}

} // namespace

int entries_of_import(const user& what) {
  return what.balance > won{0} ? 1 : 0;
}

int entries_of_import(const order& what) {
  if (!was_paid(what))
    return 0;
  const int withdrawals = what.refunded > won{0} ? 1 : 0;
  return charges_before(what) + 1 + (was_refunded(what) ? 1 : 0) + withdrawals;
}

void name_imported_entries(order& what, entry_id first) {
  if (!was_paid(what))
    return;
  const std::int64_t payment = first.value + charges_before(what);
  what.payment_entry = entry_id{payment};
  if (was_refunded(what))
    what.refund_entry = entry_id{payment + 1};
}

void append_imported_entries(const order& what, won balance, std::int64_t sequence, entry_id first,
                             instant at, std::vector<ledger_entry>& into) {
  const won price = what.final_amount();
  check(checked_add(balance, price).has_value(), "an imported order fits its user's balance");
  const auto add = [&](entry_kind kind, won amount) {
    balance.value += amount.value;
    const bool moves_outside = kind == entry_kind::charge || kind == entry_kind::withdrawal;
    into.push_back({.id = first,
                    .user = what.owner,
                    .sequence = ++sequence,
                    .order = moves_outside ? std::nullopt : std::optional(what.id),
                    .kind = kind,
                    .amount = amount,
                    .balance_after = balance,
                    .created_at = at,
                    .reason = std::string(import_reason),
                    .refunded_after = kind == entry_kind::refund ? what.refunded : won{}});
    ++first.value;
  };
  if (!was_paid(what))
    return;
  if (charges_before(what) > 0)
    add(entry_kind::charge, price);
  add(entry_kind::payment, -price);
  if (was_refunded(what))
    add(entry_kind::refund, what.refunded);
  if (what.refunded > won{0})
    add(entry_kind::withdrawal, -what.refunded);
}

instant imported_entry_time(std::int64_t index, std::int64_t entries, instant began) {
  return began - std::chrono::milliseconds{(entries - 1 - index) / imported_entries_per_ms};
}

void import_faults::add(std::int64_t line, std::string column, std::string message) {
  ++count;
  if (told.size() < told_max)
    told.push_back({line, std::move(column), std::move(message)});
}

} // namespace paymentd
