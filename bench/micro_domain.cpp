// Measures `decide`: batches of payments by size, each of another user and all of one user.
// items_per_second are payments.
#include "domain/decide.hpp"

#include <benchmark/benchmark.h>

namespace {

using namespace paymentd;

constexpr instant now{std::chrono::milliseconds{1'700'000'000'000}};

struct work {
  std::vector<command> batch;
  snapshot state;
};

work payments(std::int64_t count, std::int64_t users) {
  work made;
  for (std::int64_t id = 1; id <= users; ++id)
    made.state.users.push_back({.id = {id},
                                .phone = {}, // as the stores read it for a payment
                                .balance = {1'000'000'000},
                                .last_sequence = 1,
                                .created_at = now});
  for (std::int64_t id = 1; id <= count; ++id) {
    const user_id owner{1 + id % users};
    made.state.orders.push_back({.id = {id},
                                 .owner = owner,
                                 .coupon = std::nullopt,
                                 .total = {100},
                                 .discount = {0},
                                 .status = order_status::pending,
                                 .payment_entry = std::nullopt,
                                 .refund_entry = std::nullopt,
                                 .created_at = now,
                                 .updated_at = now});
    made.batch.emplace_back(pay{{id}, owner});
  }
  made.state.first_entry = make_entry_id({1}, 1 << 20);
  made.state.first_user = {users + 1};
  made.state.first_order = {count + 1};
  return made;
}

// The copy of the snapshot is a part of what is measured: `decide` takes it over.
void decide_payments(benchmark::State& state, std::int64_t users) {
  const work given = payments(state.range(0), users);
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(decide(given.batch, given.state, now));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void decide_distinct_users(benchmark::State& state) {
  decide_payments(state, state.range(0));
}
void decide_one_user(benchmark::State& state) {
  decide_payments(state, 1);
}

} // namespace

BENCHMARK(decide_distinct_users)->Arg(1)->Arg(128)->Arg(512);
BENCHMARK(decide_one_user)->Arg(1)->Arg(128)->Arg(512);
BENCHMARK_MAIN();
