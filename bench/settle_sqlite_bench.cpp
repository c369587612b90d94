// Measures the embedded store on a real file, commits made durable: payments/s of `settle` by batch
// size, with every order another user's and with all of them one user's, and messages/s of a drain
// (claim, then end as DELIVERED) with no provider. Set TMPDIR to choose the disk.
#include "db/store.hpp"
#include "tests/support/temporary_directory.hpp"

#include <benchmark/benchmark.h>

#include <stdexcept>

namespace {

using namespace paymentd;

constexpr std::int64_t seeded_orders = 600'000;
constexpr instant now{std::chrono::milliseconds{1'700'000'000'000}};

template <class T>
T must(db::result<T> given) {
  if (!given)
    throw std::runtime_error(given.error().text);
  if constexpr (!std::is_void_v<T>)
    return *std::move(given);
}

delivery_result result_of(const message& sent) {
  delivery_result result;
  result.entry = sent.event.entry;
  result.provider_message_id = "20240101000000abcdefghij0";
  return result;
}

// A database with nothing paid yet, in a directory of its own.
class shop {
 public:
  explicit shop(bool one_user) : spread_(one_user ? 1 : seeded_orders) {
    const std::string path = (directory_.path() / "bench.db").string();
    database_ = must(db::open_database({.url = "sqlite:" + path, .owner = "bench"}));
    must(database_->migrate(now));
    must(database_->seed(
        {.users = spread_, .orders = seeded_orders, .balance = {1'000'000'000}, .amount = {10}},
        now));
    store_ = must(database_->connect());
    lease_ = must(store_->take_stream(now));
    subscriber_ = must(store_->subscribe("bench", true, false, now)).id;
  }
  ~shop() {
    store_.reset();
    database_.reset();
  }

  bool has(std::int64_t orders) const { return paid_ + orders <= seeded_orders; }

  void pay_next(std::int64_t orders) {
    std::vector<command> batch;
    batch.reserve(static_cast<std::size_t>(orders));
    for (std::int64_t i = 0; i < orders; ++i) {
      ++paid_;
      batch.emplace_back(pay{{paid_}, {1 + paid_ % spread_}});
    }
    for (const auto& one : must(store_->settle(batch, now)))
      if (!std::holds_alternative<order>(one))
        throw std::runtime_error("a payment was refused");
  }

  // Ends the claims of the step before and opens the next ones; gives how many messages it ended.
  std::int64_t deliver(std::vector<claim>& open, int claims, int messages) {
    delivery_step step;
    step.subscriber = subscriber_;
    step.stream = lease_;
    step.open_max = claims;
    step.messages_max = messages;
    std::int64_t ended = 0;
    for (const auto& claim : open) {
      auto& end = step.ended.emplace_back(claim.id);
      for (const auto& one : claim.messages)
        end.results.push_back(result_of(one));
      ended += std::ssize(claim.messages);
    }
    open = must(store_->deliver(step, now)).claims;
    return ended;
  }

 private:
  std::int64_t spread_;
  std::int64_t paid_ = 0;
  support::temporary_directory directory_;
  std::unique_ptr<db::database> database_;
  std::unique_ptr<db::store> store_;
  stream_lease lease_;
  subscriber_id subscriber_;
};

void settle(benchmark::State& state, bool one_user) {
  const std::int64_t batch = state.range(0);
  auto at = std::make_unique<shop>(one_user);
  for ([[maybe_unused]] auto _ : state) {
    if (!at->has(batch)) {
      state.PauseTiming();
      at = std::make_unique<shop>(one_user);
      state.ResumeTiming();
    }
    at->pay_next(batch);
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

void drain(benchmark::State& state) {
  constexpr std::int64_t waiting = 100'000;
  std::int64_t delivered = 0;
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    shop at(false);
    for (std::int64_t paid = 0; paid < waiting; paid += 500)
      at.pay_next(500);
    std::vector<claim> open;
    state.ResumeTiming();
    std::int64_t ended = 0;
    while (ended < waiting)
      ended += at.deliver(open, 1, static_cast<int>(state.range(0)));
    delivered += ended;
  }
  state.SetItemsProcessed(delivered);
}

} // namespace

BENCHMARK_CAPTURE(settle, distinct_users, false)
    ->Arg(1)
    ->Arg(32)
    ->Arg(128)
    ->Arg(512)
    ->UseRealTime();
BENCHMARK_CAPTURE(settle, one_user, true)->Arg(1)->Arg(32)->Arg(128)->Arg(512)->UseRealTime();
BENCHMARK(drain)->Arg(100)->Arg(1000)->Iterations(1)->UseRealTime();
BENCHMARK_MAIN();
