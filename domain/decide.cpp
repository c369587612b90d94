#include "domain/decide.hpp"

#include "domain/check.hpp"

#include <algorithm>
#include <concepts>
#include <map>

namespace paymentd {

namespace {

template <class T>
void sort_unique(std::vector<T>& values) {
  std::ranges::sort(values);
  values.erase(std::ranges::unique(values).begin(), values.end());
}

template <class T>
bool rises(const std::vector<T>& rows) {
  return std::ranges::adjacent_find(rows, std::ranges::greater_equal{}, &T::id) == rows.end();
}

/// The orders, or the users, of a batch: those of the snapshot, with whether the batch changed
/// them, and those that the batch creates, which the commands behind may name as well.
template <class T>
class tracked {
 public:
  using id_type = decltype(T::id);

  tracked(std::vector<T> known, id_type first_created)
      : known_(std::move(known)), changed_(known_.size()), first_created_(first_created) {}

  T* find(id_type id) {
    if (id >= first_created_) {
      const auto at = static_cast<std::size_t>(id.value - first_created_.value);
      if (at < created_.size())
        return &created_[at];
    }
    const auto at = std::ranges::lower_bound(known_, id, {}, &T::id);
    return at != known_.end() && at->id == id ? &*at : nullptr;
  }

  bool created(id_type id) const { return id >= first_created_ && id < next_id(); }

  id_type next_id() const {
    return {first_created_.value + static_cast<std::int64_t>(created_.size())};
  }

  /// Adds a created one, whose id is next_id().
  T& create(T what) { return created_.emplace_back(std::move(what)); }

  /// Notes that `item`, which find() or create() gave, is changed.
  void mark(const T& item) {
    const auto at = std::ranges::lower_bound(known_, item.id, {}, &T::id);
    if (at != known_.end() && &*at == &item)
      changed_[static_cast<std::size_t>(at - known_.begin())] = true;
  }

  std::vector<T> take_created() { return std::move(created_); }

  std::vector<T> take_changed() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < known_.size(); ++i)
      if (changed_[i]) {
        if (kept != i)
          known_[kept] = std::move(known_[i]);
        ++kept;
      }
    known_.resize(kept);
    return std::move(known_);
  }

 private:
  std::vector<T> known_; // by rising id
  std::vector<bool> changed_;
  std::vector<T> created_; // ids from first_created_ on, without gaps
  id_type first_created_;
};

/// The successes under idempotency keys: those of the snapshot and those of this batch.
class kept_successes {
 public:
  explicit kept_successes(std::vector<kept_success> known) : known_(std::move(known)) {}

  const kept_success* find(const idempotency_key& key) const {
    const auto at = std::ranges::lower_bound(known_, key.digest, {},
                                             [](const kept_success& of) { return of.key.digest; });
    if (at != known_.end() && at->key.digest == key.digest)
      return &*at;
    for (const auto* added : {&added_, &paid_})
      if (const auto found = added->find(key.digest); found != added->end())
        return &found->second;
    return nullptr;
  }

  /// Keeps it, unless it is a refusal.
  void add(const idempotency_key& key, const outcome& from) { add(added_, key, from); }
  /// The same of a payment, whose order keeps it.
  void add_payment(const idempotency_key& key, const outcome& from) { add(paid_, key, from); }

  std::vector<kept_success> take_added() {
    std::vector<kept_success> all;
    all.reserve(added_.size());
    for (auto& [digest, each] : added_)
      all.push_back(std::move(each));
    return all;
  }

 private:
  using by_digest = std::map<decltype(idempotency_key::digest), kept_success>;

  static void add(by_digest& to, const idempotency_key& key, const outcome& from) {
    std::visit(
        [&]<class Thing>(const Thing& what) {
          if constexpr (std::constructible_from<success, Thing>)
            to.emplace(key.digest, kept_success{key, what});
        },
        from);
  }

  std::vector<kept_success> known_; // by rising digest
  by_digest added_;
  by_digest paid_; // in their orders
};

/// The references in use, among users or among orders: those of the snapshot and of this batch.
class references_in_use {
 public:
  explicit references_in_use(std::vector<reference_use> known) {
    for (reference_use& each : known)
      ids_.emplace(std::move(each.reference), each.id);
  }

  /// The refusal of what would be created under `reference`; nothing where it is free, or empty.
  std::optional<refused> refusal_of(const std::string& reference) const {
    const auto found = reference.empty() ? ids_.end() : ids_.find(reference);
    if (found == ids_.end())
      return std::nullopt;
    return refused{
        .why = refusal::reference_in_use, .status = std::nullopt, .existing = found->second};
  }

  void take(const std::string& reference, std::int64_t id) {
    if (!reference.empty())
      ids_.emplace(reference, id);
  }

 private:
  std::map<std::string, std::int64_t> ids_;
};

/// One run over one batch: what `decide` does, command by command.
class decider {
 public:
  decider(snapshot state, instant now)
      : orders_(std::move(state.orders), state.first_order),
        users_(std::move(state.users), state.first_user), kept_(std::move(state.kept)),
        user_references_(std::move(state.user_references)),
        order_references_(std::move(state.order_references)), next_entry_(state.first_entry),
        now_(now) {}

  outcome operator()(const command& asked) {
    asker_ = asked.created_by;
    trace_ = asked.trace;
    if (!asked.key)
      return std::visit(*this, asked.what);
    if (const auto* payment = std::get_if<pay>(&asked.what))
      return pay_under(*asked.key, *payment);
    if (const kept_success* before = kept_.find(*asked.key)) {
      if (before->key.body != asked.key->body)
        return refused{refusal::key_reused, std::nullopt};
      return replayed{before->what};
    }
    outcome decided = std::visit(*this, asked.what);
    kept_.add(*asked.key, decided);
    return decided;
  }

  /// The key stands in the order's row, which is read and written anyway: an index of its own for
  /// each payment would cost a third of all payments.
  outcome pay_under(const idempotency_key& key, const pay& what) {
    order* found = orders_.find(what.order);
    if (found && found->paid_under && found->paid_under->key.digest == key.digest) {
      if (found->paid_under->key.body != key.body)
        return refused{refusal::key_reused, std::nullopt};
      return replayed{as_paid(*found)};
    }
    // With another order before, as far as that is known.
    if (const kept_success* other = kept_.find(key); other && other->key.body != key.body)
      return refused{refusal::key_reused, std::nullopt};
    outcome decided = (*this)(what);
    if (auto* paid = std::get_if<order>(&decided))
      paid->paid_under = found->paid_under = payment_key{key, now_};
    kept_.add_payment(key, decided);
    return decided;
  }

  outcome operator()(const note_request&) { return noted{}; }

  outcome operator()(const create_user& what) {
    if (const auto no = user_references_.refusal_of(what.reference.str()))
      return *no;
    user& created = users_.create({.id = users_.next_id(),
                                   .phone = what.phone,
                                   .balance = {},
                                   .last_sequence = 0,
                                   .created_at = now_,
                                   .updated_at = now_,
                                   .reference = what.reference,
                                   .metadata = what.metadata});
    user_references_.take(created.reference.str(), created.id.value);
    if (what.balance > won{0})
      move(created, what.balance, {.kind = entry_kind::charge});
    return created;
  }

  outcome operator()(const update_user& what) {
    user* who = users_.find(what.user);
    if (!who)
      return refused{refusal::user_not_found, std::nullopt};
    who->phone = what.phone.value_or(who->phone);
    if (what.metadata)
      who->metadata = *what.metadata;
    who->updated_at = now_;
    updated_users_.push_back(who->id);
    return *who;
  }

  outcome operator()(const update_order& what) {
    order* found = orders_.find(what.order);
    if (!found)
      return refused{refusal::order_not_found, std::nullopt};
    // The answer to its payment is still given again as it was.
    if (found->paid_under && !found->paid_under->metadata)
      found->paid_under->metadata = found->metadata;
    found->metadata = what.metadata;
    updated_orders_.push_back(found->id);
    return become(*found, found->status);
  }

  outcome operator()(const charge& what) {
    user* who = users_.find(what.user);
    if (!who)
      return refused{refusal::user_not_found, std::nullopt};
    if (!checked_add(who->balance, what.amount))
      return refused{refusal::balance_limit, std::nullopt};
    return move(*who, what.amount, {.kind = entry_kind::charge, .reason = what.reason});
  }

  outcome operator()(const withdraw& what) {
    user* who = users_.find(what.user);
    if (!who)
      return refused{refusal::user_not_found, std::nullopt};
    if (who->balance < what.amount)
      return refused{refusal::insufficient_balance, std::nullopt};
    return move(*who, -what.amount, {.kind = entry_kind::withdrawal, .reason = what.reason});
  }

  outcome operator()(const create_order& what) {
    user* payer = users_.find(what.user);
    if (!payer)
      return refused{refusal::user_not_found, std::nullopt};
    if (const auto no = order_references_.refusal_of(what.reference.str()))
      return *no;
    if (what.pays && payer->balance.value < what.total.value - what.discount.value)
      return refused{refusal::insufficient_balance, std::nullopt};
    order& created = orders_.create({.id = orders_.next_id(),
                                     .owner = what.user,
                                     .coupon = what.coupon,
                                     .total = what.total,
                                     .discount = what.discount,
                                     .status = order_status::pending,
                                     .payment_entry = std::nullopt,
                                     .refund_entry = std::nullopt,
                                     .created_at = now_,
                                     .updated_at = now_,
                                     .reference = what.reference,
                                     .metadata = what.metadata});
    order_references_.take(created.reference.str(), created.id.value);
    return what.pays ? make_payment(created, *payer) : outcome{created};
  }

  outcome operator()(const pay& what) {
    order* found = orders_.find(what.order);
    if (!found || found->owner != what.user)
      return refused{refusal::order_not_found, std::nullopt};
    if (found->status != order_status::pending)
      return refused{refusal::order_not_payable, found->status};
    user* payer = users_.find(what.user);
    if (!payer)
      return refused{refusal::user_not_found, std::nullopt};
    if (payer->balance < found->final_amount())
      return refused{refusal::insufficient_balance, std::nullopt};
    return make_payment(*found, *payer);
  }

  outcome operator()(const cancel& what) {
    order* found = orders_.find(what.order);
    if (!found)
      return refused{refusal::order_not_found, std::nullopt};
    if (found->status != order_status::pending)
      return refused{refusal::order_not_cancellable, found->status};
    return become(*found, order_status::cancelled);
  }

  outcome operator()(const refund& what) {
    order* found = orders_.find(what.order);
    if (!found)
      return refused{refusal::order_not_found, std::nullopt};
    if (found->status != order_status::paid)
      return refused{refusal::order_not_refundable, found->status};
    user* payee = users_.find(found->owner);
    if (!payee)
      return refused{refusal::user_not_found, std::nullopt};
    const won amount = what.amount.value_or(found->refundable());
    if (amount > found->refundable())
      return refused{refusal::order_not_refundable, found->status, found->refundable()};
    if (!checked_add(payee->balance, amount))
      return refused{refusal::balance_limit, std::nullopt};
    found->refunded.value += amount.value;
    found->refund_entry = move(*payee, amount,
                               {.kind = entry_kind::refund,
                                .order = found->id,
                                .reason = what.reason,
                                .refunded_after = found->refunded})
                              .id;
    return become(*found,
                  found->refundable() == won{0} ? order_status::refunded : order_status::paid);
  }

  decision finish(std::vector<outcome> outcomes) {
    result_.outcomes = std::move(outcomes);
    sort_unique(updated_users_);
    for (const user_id id : updated_users_)
      if (!users_.created(id))
        result_.updated_users.push_back(*users_.find(id));
    sort_unique(updated_orders_);
    for (const order_id id : updated_orders_)
      if (!orders_.created(id))
        result_.updated_orders.push_back(*orders_.find(id));
    result_.new_orders = orders_.take_created();
    result_.new_users = users_.take_created();
    result_.changed_orders = orders_.take_changed();
    result_.changed_users = users_.take_changed();
    result_.new_kept = kept_.take_added();
    return std::move(result_);
  }

 private:
  /// A paid order as it was when it was paid.
  static order as_paid(order of) {
    of.status = order_status::paid;
    of.refunded = {};
    of.refund_entry.reset();
    of.updated_at = of.paid_under->paid_at;
    if (auto& before = of.paid_under->metadata) {
      of.metadata = *std::move(before);
      before.reset();
    }
    return of;
  }

  /// Takes what was checked to be there.
  outcome make_payment(order& of, user& payer) {
    of.payment_entry =
        move(payer, -of.final_amount(), {.kind = entry_kind::payment, .order = of.id}).id;
    return become(of, order_status::paid);
  }

  struct cause {
    entry_kind kind;
    std::optional<order_id> order = std::nullopt;
    rare_text reason = {};
    won refunded_after = {};
  };
  /// Writes the ledger entry of a movement that was checked to fit.
  const ledger_entry& move(user& who, won amount, cause of) {
    users_.mark(who);
    who.balance.value += amount.value;
    who.updated_at = now_;
    ++who.last_sequence;
    result_.entries.push_back({.id = next_entry_,
                               .user = who.id,
                               .sequence = who.last_sequence,
                               .order = of.order,
                               .kind = of.kind,
                               .amount = amount,
                               .balance_after = who.balance,
                               .created_at = now_,
                               .reason = std::move(of.reason),
                               .refunded_after = of.refunded_after,
                               .created_by = asker_,
                               .trace = of.order ? trace_ : trace_context{}});
    ++next_entry_.value;
    return result_.entries.back();
  }

  outcome become(order& which, order_status status) {
    which.status = status;
    which.updated_at = now_;
    orders_.mark(which);
    return which;
  }

  tracked<order> orders_;
  tracked<user> users_;
  kept_successes kept_;
  references_in_use user_references_;
  references_in_use order_references_;
  std::vector<user_id> updated_users_;
  std::vector<order_id> updated_orders_;
  entry_id next_entry_;
  instant now_;
  std::string_view asker_; // the present command's created_by
  trace_context trace_;    // and its trace
  decision result_;
};

} // namespace

decision decide(std::span<const command> commands, snapshot state, instant now) {
  check(rises(state.orders), "orders stand by rising id, each once");
  check(rises(state.users), "users stand by rising id, each once");
  check(std::ranges::adjacent_find(state.kept, std::ranges::greater_equal{},
                                   [](const kept_success& of) { return of.key.digest; }) ==
            state.kept.end(),
        "kept successes stand by rising digest, each once");
  decider run(std::move(state), now);
  std::vector<outcome> outcomes;
  outcomes.reserve(commands.size());
  for (const command& what : commands)
    outcomes.push_back(run(what));
  return run.finish(std::move(outcomes));
}

named_ids ids_named_by(std::span<const command> commands) {
  named_ids named;
  struct collector {
    named_ids& into;
    void operator()(const create_user& what) {
      ++into.creates_users;
      if (!what.reference.empty())
        into.user_references.push_back(what.reference.str());
    }
    void operator()(const update_user& what) {
      into.users.push_back(what.user);
      into.updated_users.push_back(what.user);
    }
    void operator()(const update_order& what) { into.orders.push_back(what.order); }
    void operator()(const charge& what) { into.users.push_back(what.user); }
    void operator()(const withdraw& what) { into.users.push_back(what.user); }
    void operator()(const create_order& what) {
      into.users.push_back(what.user);
      ++into.creates_orders;
      if (!what.reference.empty())
        into.order_references.push_back(what.reference.str());
    }
    void operator()(const pay& what) {
      into.orders.push_back(what.order);
      into.users.push_back(what.user);
    }
    void operator()(const cancel& what) { into.orders.push_back(what.order); }
    void operator()(const refund& what) { into.orders.push_back(what.order); }
    void operator()(const note_request&) {} // its key alone
  } collect{named};
  for (const command& asked : commands) {
    std::visit(collect, asked.what);
    if (asked.key && !std::holds_alternative<pay>(asked.what))
      named.keys.push_back(*asked.key);
  }
  const auto digest_of = [](const idempotency_key& key) -> const auto& { return key.digest; };
  std::ranges::sort(named.keys, {}, digest_of);
  const auto repeated = std::ranges::unique(named.keys, {}, digest_of);
  named.keys.erase(repeated.begin(), repeated.end());
  sort_unique(named.orders);
  sort_unique(named.users);
  sort_unique(named.user_references);
  sort_unique(named.order_references);
  sort_unique(named.updated_users);
  return named;
}

} // namespace paymentd
