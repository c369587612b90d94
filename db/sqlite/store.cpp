#include "db/sqlite/store.hpp"

#include "db/noted_audit.hpp"
#include "db/sqlite/migrations.hpp"
#include "db/sqlite/upkeep_sql.hpp"
#include "db/store_rules.hpp"
#include "domain/check.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace paymentd::db::sqlite {

namespace {

noted_audits read_audits(connection& on) {
  noted_audits found;
  statement asks(on, sql::get_audits);
  for (auto row = asks.query(); row.next();)
    read_audit(row, found);
  return found;
}

} // namespace

sqlite_store::reading_session::reading_session(const store_options& options)
    : on(options.path, options.mode), with(on), reads(on), lists(on, reads), deliveries(on),
      events(on) {}

sqlite_store::writing_session::writing_session(connection& on, reading& reads,
                                               const recent_keys& recent,
                                               const recent_events& newest, bool reads_user)
    : numbers(on), settles(on, reads, recent), delivers(on, newest, reads_user), learns(on),
      hooks(on, delivers) {}

sqlite_store::sqlite_store(store_options options, std::shared_ptr<file_lock> lock)
    : options_(std::move(options)), lock_(std::move(lock)) {}

// ---- the edge: connections, transactions, errors ------------------------------------------------

result<void> sqlite_store::open() {
  if (session_)
    return {};
  auto session = std::make_unique<reading_session>(options_);
  if (auto fits = check_schema(session->on); !fits)
    return fits;
  if (options_.mode == access::read_write)
    writer_ = std::make_unique<writing_session>(session->on, session->reads, recent_, newest_,
                                                options_.reads_user);
  session_ = std::move(session);
  return {};
}

template <class Work>
auto sqlite_store::guarded(error_kind unknown_commit, Work work) -> decltype(work()) {
  try {
    if (auto opened = open(); !opened)
      return std::unexpected(opened.error());
    return work();
  } catch (const commit_in_doubt& thrown) {
    return std::unexpected(
        error{unknown_commit, std::string("database: commit: ") + thrown.what()});
  } catch (const SQLite::Exception& thrown) {
    if (needs_new_connection(thrown)) {
      writer_.reset();
      session_.reset();
    }
    return std::unexpected(to_error(thrown));
  } catch (const std::bad_alloc&) {
    return std::unexpected(error{error_kind::unavailable, "database: out of memory"});
  } catch (const std::exception& thrown) {
    return std::unexpected(error{error_kind::broken, std::string("database: ") + thrown.what()});
  }
}

template <class Work>
auto sqlite_store::writing(error_kind unknown_commit, Work work) -> decltype(work()) {
  if (lock_ && !lock_->in_place()) {
    error gone{error_kind::broken, "database: the file " + options_.path +
                                       " was removed or replaced while it was served: put it back"};
    if (options_.lost)
      options_.lost(gone.text);
    return std::unexpected(std::move(gone));
  }
  return guarded(unknown_commit, [&]() -> decltype(work()) {
    if (auto may = keep_log_short(); !may)
      return std::unexpected(may.error());
    transaction whole(session_->with, transaction::kind::write);
    auto done = work();
    if (done)
      whole.commit();
    return done;
  });
}

// A reader in the log keeps it from starting anew, however long it reads: then it grows with every
// commit, until the disk is full.
result<void> sqlite_store::keep_log_short() {
  connection& on = session_->on;
  on.checkpoint_when_due();
  const std::int64_t bytes = on.log_bytes();
  if (bytes < options_.log_bytes_max / 4) {
    log_told_ = false;
    return {};
  }
  if (!std::exchange(log_told_, true))
    spdlog::warn("{}-wal has grown to {} MB, since another program reads the database and does not "
                 "end; from {} MB on nothing is written",
                 options_.path, bytes >> 20, options_.log_bytes_max >> 20);
  if (bytes < options_.log_bytes_max || on.start_log_anew())
    return {};
  return std::unexpected(error{error_kind::unavailable,
                               "database: " + options_.path + "-wal has reached its bound of " +
                                   std::to_string(options_.log_bytes_max >> 20) +
                                   " MB, since another program reads the database"});
}

// ---- the port -----------------------------------------------------------------------------------
// A commit of settle, deliver or retry may be in doubt. Repeating any other call does no harm, so
// to its caller a commit in doubt is `unavailable`.

result<void> sqlite_store::ping() {
  return guarded(error_kind::unavailable,
                 [&]() -> result<void> { return check_schema(session_->on); });
}

result<stream_lease> sqlite_store::take_stream(instant now) {
  auto taken = writing(error_kind::unavailable, [&] {
    return writer_->numbers.take(options_.owner, {now, now + options_.lease});
  });
  if (taken) {
    lease_ = *taken;
    in_doubt_.reset(); // whoever waited for that batch was told that nobody knows
  }
  return taken;
}

result<subscriber> sqlite_store::subscribe(std::string_view name, bool wants_payments,
                                           bool wants_refunds, instant now) {
  return writing(error_kind::unavailable, [&]() -> result<subscriber> {
    return writer_->delivers.subscribe(name, wants_payments, wants_refunds, now);
  });
}

result<subscriber> sqlite_store::find_registered(std::string_view name) {
  return writing(error_kind::unavailable, [&]() -> result<subscriber> {
    if (auto found = writer_->delivers.find_subscriber(name))
      return *std::move(found);
    return std::unexpected(not_registered(name));
  });
}

result<subscriber> sqlite_store::set_kinds(std::string_view name, bool wants_payments,
                                           bool wants_refunds) {
  return writing(error_kind::unavailable, [&]() -> result<subscriber> {
    return writer_->delivers.set_kinds(name, wants_payments, wants_refunds);
  });
}

// There is no other process, so all that is left is this one's.
result<std::vector<delivery_lease>>
sqlite_store::lease_deliveries(std::span<const std::string> subscribers,
                               std::span<const stream_id> written, int leases_max, instant now) {
  auto adopted = writing(error_kind::unavailable, [&] {
    return writer_->numbers.adopt(adopted_, leases_max, lease_.stream, options_.owner,
                                  {now, now + options_.lease});
  });
  if (!adopted)
    return std::unexpected(adopted.error());
  adopted_ = *std::move(adopted);
  std::vector<delivery_lease> all;
  for (const std::string& subscriber : subscribers) {
    for (const stream_lease& each : adopted_)
      all.push_back({subscriber, each});
    if (std::ranges::find(written, lease_.stream) != written.end())
      all.push_back({subscriber, lease_});
  }
  return all;
}

result<std::vector<outcome>> sqlite_store::settle(std::span<const command> batch, instant now) {
  if (in_doubt_)
    return std::unexpected(batch_is_unresolved());
  batch_in_doubt attempt;
  decision decided;
  const std::int64_t cleared = newest_.cleared();
  const auto settled = writing(error_kind::in_doubt, [&]() -> result<void> {
    const std::int64_t count = std::max<std::int64_t>(std::ssize(batch), 1);
    const auto taken = writer_->numbers.take_numbers(lease_, count, now + options_.lease);
    if (!taken)
      return std::unexpected(taken.error());
    attempt.numbers = *taken;
    decided =
        writer_->settles.settle(batch, make_entry_id(taken->stream.stream, taken->first), now);
    attempt.outcomes = std::move(decided.outcomes);
    return {};
  });
  if (settled) {
    recent_.learn(batch, attempt.outcomes);
    if (!options_.reads_user) { // else events have more of the user than is read here
      const auto& [stream, first, end] = attempt.numbers;
      newest_.learn({stream.stream, first, end - 1, now, cleared}, std::move(decided));
    }
    return std::move(attempt.outcomes);
  }
  if (settled.error().kind == error_kind::in_doubt)
    in_doubt_ = std::move(attempt);
  return std::unexpected(settled.error());
}

result<std::optional<std::vector<outcome>>> sqlite_store::resolve(instant now) {
  // With no batch in doubt (a delivery may have been), a new epoch is all there is to do.
  const batch_numbers asked =
      in_doubt_ ? in_doubt_->numbers : batch_numbers{lease_, 0, safe_integer_max};
  const auto verdict = writing(error_kind::unavailable, [&] {
    return writer_->numbers.resolve(asked, options_.owner, {now, now + options_.lease});
  });
  if (!verdict)
    return std::unexpected(verdict.error());
  if (verdict->lease.stream == lease_.stream)
    lease_.epoch = std::max(lease_.epoch, verdict->lease.epoch);
  std::optional<std::vector<outcome>> outcomes;
  if (in_doubt_ && verdict->committed)
    outcomes = std::move(in_doubt_->outcomes);
  in_doubt_.reset();
  return outcomes;
}

result<std::int64_t> sqlite_store::forget_keys(instant before) {
  return writing(error_kind::unavailable, [&]() -> result<std::int64_t> {
    return writer_->settles.forget_keys(before, forgotten_at_once);
  });
}

result<delivery_backlog> sqlite_store::measure_backlog(std::string_view subscriber,
                                                       std::int64_t looked_at_max) {
  return guarded(error_kind::unavailable, [&]() -> result<delivery_backlog> {
    statement asks(session_->on, sql::measure_backlog);
    auto row = asks.query(subscriber, looked_at_max);
    row.next();
    return delivery_backlog{.messages = row.integer(0), .oldest = row.optional_time(1)};
  });
}

result<std::vector<answer>> sqlite_store::read(std::span<const query> queries) {
  return guarded(error_kind::unavailable, [&]() -> result<std::vector<answer>> {
    std::vector<answer> answers;
    answers.reserve(queries.size());
    transaction whole(session_->with, transaction::kind::read);
    delivery_list deliveries(session_->deliveries);
    const auto given = [](auto found) -> result<answer> {
      return found ? answer{*std::move(found)} : answer{not_found{}};
    };
    const auto read_one = [&]<class Query>(const Query& one) -> result<answer> {
      if constexpr (std::is_same_v<Query, get_delivery>)
        return deliveries.find(one);
      else if constexpr (std::is_same_v<Query, list_deliveries>)
        return deliveries.page(one);
      else if constexpr (std::is_same_v<Query, list_users>)
        return session_->lists.page(one);
      else if constexpr (std::is_same_v<Query, list_events>)
        return gather_events(session_->events, one);
      else if constexpr (std::is_same_v<Query, get_audits>)
        return answer{read_audits(session_->on)};
      else if constexpr (requires { one.below; })
        return given(session_->lists.page(one));
      else
        return given(session_->reads.find(one.id));
    };
    for (const auto& asked : queries) {
      auto found = std::visit(read_one, asked);
      if (!found)
        return std::unexpected(found.error());
      answers.push_back(*std::move(found));
    }
    whole.commit();
    return answers;
  });
}

result<std::vector<claim>> sqlite_store::open_claims(subscriber_id subscriber, stream_lease stream,
                                                     instant) {
  return writing(error_kind::unavailable, [&]() -> result<std::vector<claim>> {
    if (auto next = writer_->numbers.check(stream); !next)
      return std::unexpected(next.error());
    return writer_->delivers.open_claims(subscriber, stream.stream);
  });
}

result<delivery_answer> sqlite_store::deliver(const delivery_step& step, instant now) {
  return writing(error_kind::in_doubt, [&]() -> result<delivery_answer> {
    const auto next = writer_->numbers.check(step.stream);
    if (!next)
      return std::unexpected(next.error());
    return writer_->delivers.deliver(step, *next, now);
  });
}

result<std::vector<answer>> sqlite_store::retry(std::span<const delivery_retry> which,
                                                instant now) {
  return writing(error_kind::in_doubt, [&]() -> result<std::vector<answer>> {
    return writer_->delivers.retry(which, session_->deliveries, now);
  });
}

result<failed_progress> sqlite_store::retry_failed(const failed_retry& which,
                                                   const failed_progress& so_far, instant now) {
  return writing(error_kind::in_doubt, [&]() -> result<failed_progress> {
    return writer_->delivers.retry_failed(which, so_far, now);
  });
}

result<prune_answer> sqlite_store::prune(const prune_step& step, instant now) {
  return writing(error_kind::unavailable, [&]() -> result<prune_answer> {
    if (auto next = writer_->numbers.check(step.stream); !next)
      return std::unexpected(next.error());
    return writer_->delivers.prune(step, now);
  });
}

result<std::optional<results_turn>> sqlite_store::begin_results(const results_due& asked,
                                                                instant now) {
  return writing(error_kind::unavailable, [&]() -> result<std::optional<results_turn>> {
    return writer_->learns.begin(asked, now);
  });
}

result<results_answer> sqlite_store::store_results(const results_step& step, instant now) {
  return writing(error_kind::unavailable, [&] { return writer_->learns.store(step, now); });
}

result<known_webhooks> sqlite_store::webhooks() {
  return guarded(error_kind::unavailable, [&]() -> result<known_webhooks> {
    check(writer_ != nullptr, "webhooks are read where they are changed");
    return known_webhooks{.all = writer_->hooks.all(),
                          .instance = writer_->delivers.instance(),
                          .work_left = writer_->hooks.work_left()};
  });
}

result<answer> sqlite_store::change_webhook(const webhook_request& what, instant now) {
  return writing(error_kind::in_doubt, [&] { return writer_->hooks.change(what, now); });
}

result<bool> sqlite_store::take_over_webhook(const webhook& what, instant now) {
  return writing(error_kind::unavailable,
                 [&]() -> result<bool> { return writer_->hooks.take_over(what, now); });
}

result<webhook_upkeep> sqlite_store::tend_webhooks(instant now) {
  return writing(error_kind::unavailable, [&] { return writer_->hooks.tend(now); });
}

} // namespace paymentd::db::sqlite
