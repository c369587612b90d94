// Measures the PostgreSQL store on a private cluster with fsync on: payments/s of `settle` by batch
// size, with every order another user's and with all of them one user's, and messages/s of a drain.
// Beside each the processor time that one payment or message costs the client and the server (all
// of its processes). Set TMPDIR to choose the disk.
#include "db/store.hpp"
#include "tests/support/postgres_cluster.hpp"

#include <benchmark/benchmark.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

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

db::postgres_cluster& cluster() {
  static db::postgres_cluster one(true, "shared_buffers = 1GB\nmax_wal_size = 4GB\n"
                                        "autovacuum = off\n");
  return one;
}

double seconds_of_this_thread() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

// Of all processes of the server that live: none ends while a measurement runs.
double seconds_of_the_server() {
  double ticks = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string pid, name, state;
    if (!(file >> pid >> name) || name != "(postgres)")
      continue;
    double skipped = 0;
    file >> state;
    for (int field = 4; field < 14; ++field)
      file >> skipped;
    double user = 0;
    double system = 0;
    if (file >> user >> system)
      ticks += user + system;
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// A database with nothing paid yet.
class shop {
 public:
  explicit shop(bool one_user) : spread_(one_user ? 1 : seeded_orders) {
    const auto url = cluster().url(cluster().create_database());
    database_ = must(db::open_database({.url = url, .owner = "bench"}));
    must(database_->migrate(now));
    must(database_->seed(
        {.users = spread_, .orders = seeded_orders, .balance = {1'000'000'000}, .amount = {10}},
        now));
    cluster().sql("postgres", "checkpoint");
    store_ = must(database_->connect());
    lease_ = must(store_->take_stream(now));
    subscriber_ = must(store_->subscribe("bench", true, false, now)).id;
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
      for (const auto& one : claim.messages) {
        delivery_result result;
        result.entry = one.event.entry;
        result.provider_message_id = "20240101000000abcdefghij0";
        end.results.push_back(result);
      }
      ended += std::ssize(claim.messages);
    }
    open = must(store_->deliver(step, now)).claims;
    return ended;
  }

 private:
  std::int64_t spread_;
  std::int64_t paid_ = 0;
  std::unique_ptr<db::database> database_;
  std::unique_ptr<db::store> store_;
  stream_lease lease_;
  subscriber_id subscriber_;
};

class cpu_counters {
 public:
  void report(benchmark::State& state, std::int64_t things) const {
    const auto count = static_cast<double>(things);
    state.SetItemsProcessed(things);
    state.counters["client_us"] = (seconds_of_this_thread() - client_) * 1e6 / count;
    state.counters["server_us"] = (seconds_of_the_server() - server_) * 1e6 / count;
  }

 private:
  double client_ = seconds_of_this_thread();
  double server_ = seconds_of_the_server();
};

void settle(benchmark::State& state, bool one_user) {
  auto from = std::make_unique<shop>(one_user);
  const std::int64_t size = state.range(0);
  const cpu_counters used;
  for (auto _ : state) {
    if (!from->has(size)) {
      state.SkipWithError("all seeded orders are paid");
      return;
    }
    from->pay_next(size);
  }
  used.report(state, state.iterations() * size);
}

void settle_distinct_users(benchmark::State& state) {
  settle(state, false);
}
void settle_one_user(benchmark::State& state) {
  settle(state, true);
}

void drain(benchmark::State& state) {
  shop from(false);
  constexpr std::int64_t waiting = 200'000;
  for (std::int64_t paid = 0; paid < waiting; paid += 500)
    from.pay_next(500);
  const cpu_counters used;
  std::int64_t ended = 0;
  std::vector<claim> open;
  for (auto _ : state)
    ended += from.deliver(open, 1, static_cast<int>(state.range(0)));
  used.report(state, ended);
}

} // namespace

BENCHMARK(settle_distinct_users)->Arg(1)->Iterations(2000)->UseRealTime();
BENCHMARK(settle_distinct_users)->Arg(32)->Iterations(2000)->UseRealTime();
BENCHMARK(settle_distinct_users)->Arg(128)->Iterations(2000)->UseRealTime();
BENCHMARK(settle_distinct_users)->Arg(512)->Iterations(500)->UseRealTime();
BENCHMARK(settle_one_user)->Arg(1)->Iterations(2000)->UseRealTime();
BENCHMARK(settle_one_user)->Arg(32)->Iterations(2000)->UseRealTime();
BENCHMARK(settle_one_user)->Arg(128)->Iterations(2000)->UseRealTime();
BENCHMARK(settle_one_user)->Arg(512)->Iterations(500)->UseRealTime();
BENCHMARK(drain)->Arg(1000)->Iterations(150)->UseRealTime();

BENCHMARK_MAIN();
