#include "db/postgres/store.hpp"

#include "db/postgres/delivery_read.hpp"
#include "db/postgres/list_sql.hpp"
#include "db/postgres/session_sql.hpp"
#include "db/postgres/stream_sql.hpp"
#include "db/row_readers.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

template <class Thing, class Id>
std::optional<Thing> find(const std::vector<Thing>& sorted, Id id) {
  const auto at = std::ranges::lower_bound(sorted, id, {}, &Thing::id);
  if (at == sorted.end() || at->id != id)
    return std::nullopt;
  return *at;
}

/// The things of all rows, by rising id.
template <class Read>
auto by_id(const rows& found, Read read) {
  auto things = all_of(found, read);
  const auto id_of = [](const auto& one) { return one.id; };
  if (!std::ranges::is_sorted(things, {}, id_of))
    std::ranges::sort(things, {}, id_of);
  return things;
}

} // namespace

postgres_store::postgres_store(store_options options)
    : options_(std::move(options)), session_(options_.to, options_.limits) {}

// A clean end lets the stream go, so that a successor need not wait for the lease to run out.
postgres_store::~postgres_store() {
  if (leased_session_ != 0 && session_.connected() && session_.begin_call()) {
    session_.add(sql::leave, parameters{}.add(options_.owner));
    static_cast<void>(session_.run_to_commit("leave"));
  }
  if (lease_.stream.value == 0 || doubt_ || !session_.connected() || !session_.begin_call())
    return;
  add_let_go(lease_);
  static_cast<void>(session_.run_to_commit("let the stream go"));
}

result<void> postgres_store::ping() {
  auto answers = ping_once();
  if (!answers && session_.stale())
    return ping_once();
  return answers;
}

result<void> postgres_store::ping_once() {
  if (auto ready = session_.begin_call(); !ready)
    return ready;
  session_.add(sql::ping);
  if (auto answers = session_.run("ping"); !answers)
    return std::unexpected(answers.error());
  return {};
}

result<std::vector<answer>> postgres_store::read(std::span<const query> queries) {
  auto answers = read_once(queries);
  if (!answers && session_.stale())
    return read_once(queries);
  return answers;
}

result<std::vector<answer>> postgres_store::read_once(std::span<const query> queries) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  // A page takes several round trips, which share a snapshot.
  const bool lists = std::ranges::any_of(queries, [](const query& one) {
    return !std::holds_alternative<get_user>(one) && !std::holds_alternative<get_order>(one);
  });
  if (lists)
    return read_with_deliveries(queries);
  return read_things(queries);
}

result<std::vector<answer>> postgres_store::read_things(std::span<const query> queries) {
  std::vector<order_id> order_ids;
  std::vector<user_id> user_ids;
  for (const query& asked : queries)
    if (const auto* of_order = std::get_if<get_order>(&asked))
      order_ids.push_back(of_order->id);
    else if (const auto* of_user = std::get_if<get_user>(&asked))
      user_ids.push_back(of_user->id);
  if (!order_ids.empty())
    session_.add(sql::read_orders, parameters{}.add_ids(order_ids));
  if (!user_ids.empty())
    session_.add(sql::read_users, parameters{}.add_ids(user_ids));
  std::vector<order> orders;
  std::vector<user> users;
  if (!order_ids.empty() || !user_ids.empty()) {
    const auto answers = session_.run("read");
    if (!answers)
      return std::unexpected(answers.error());
    if (!order_ids.empty())
      orders = by_id(answers->front(), read_order<row_view>);
    if (!user_ids.empty())
      users = by_id(answers->back(), [](const row_view& row) { return read_user(row); });
  }

  std::vector<answer> out;
  out.reserve(queries.size());
  const auto give = [&](auto one) {
    if (one)
      out.emplace_back(*std::move(one));
    else
      out.emplace_back(not_found{});
  };
  for (const query& asked : queries)
    if (const auto* of_order = std::get_if<get_order>(&asked))
      give(find(orders, of_order->id));
    else if (const auto* of_user = std::get_if<get_user>(&asked))
      give(find(users, of_user->id));
    else
      out.emplace_back(not_found{}); // not asked here
  return out;
}

} // namespace paymentd::db::postgres
