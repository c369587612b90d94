// Goal: whatever dies at whatever moment, in whatever order things happen, no message is lost and
// none is accepted twice by a provider that remembers keys.
// Method: the notification actor is killed after each single message in turn; and random schedules,
// answers, faults and deaths, from seeds. At the end every payment was accepted exactly once, and
// the audit is clean.
#include "actors/payment_success.hpp"
#include "tests/actors/delivery_fixture.hpp"

#include <gtest/gtest.h>

#include <random>

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;
using providers::failure_class;

constexpr auto beyond_every_wait = 25min; // the key's window, twice over

/// One short life of a subscriber with some of everything in it; `between` is called after each
/// single message that an actor handled.
std::vector<entry_id> live(delivery_fixture& fixture, const std::function<void()>& between) {
  const auto run = [&] {
    while (fixture.on.coordinator().try_run_once())
      between();
  };
  fixture.options.delivery.in_flight_max = 3;
  fixture.options.delivery.messages_max = 4;
  fixture.provider->on_send = [calls = 0](const providers::call&) mutable {
    switch (++calls) {
    case 3: // accepted, and the answer is lost
      return treatment{.says = failing(failure_class::unknown, "time-out")};
    case 5:
      return treatment{.accept = false, .says = failing(failure_class::outage, "503")};
    case 7:
      return treatment{.recipient = [](const providers::recipient&) {
        return std::optional(failing(failure_class::transient));
      }};
    default:
      return treatment{};
    }
  };
  fixture.start();
  std::vector<entry_id> paid;
  for (int i = 0; i < 4; ++i) {
    for (const entry_id each : fixture.pay(5, i % 2 == 0))
      paid.push_back(each);
    run();
    for (int passed = 0; passed < 12; ++passed) {
      fixture.on.coordinator().advance_time(100ms);
      run();
    }
  }
  return paid;
}

TEST(notification_death, after_any_message_loses_nothing_and_sends_nothing_twice) {
  int all = 0;
  {
    delivery_fixture fixture;
    const auto paid = live(fixture, [&] { ++all; });
    fixture.pass_until_delivered(paid, beyond_every_wait);
    ASSERT_TRUE(fixture.all_delivered_once(paid));
  }
  ASSERT_GT(all, 50);
  int killed = 0;
  for (int victim = 1; victim <= all; ++victim) {
    delivery_fixture fixture;
    int handled = 0;
    const auto paid = live(fixture, [&] {
      if (++handled == victim)
        killed += fixture.kill() ? 1 : 0;
    });
    fixture.pass_until_delivered(paid, beyond_every_wait);
    ASSERT_TRUE(fixture.all_delivered_once(paid)) << "killed after message " << victim;
  }
  EXPECT_GT(killed, all / 2) << "the deaths really happened";
}

/// Everything that chance decides in one schedule.
class schedule {
 public:
  explicit schedule(std::uint64_t seed) : random_(seed) {
    fixture.options.delivery.in_flight_max = pick(1, 5);
    fixture.options.delivery.messages_max = pick(1, 20);
    fixture.options.delivery.parked_max = pick(1, 8);
    fixture.options.delivery.probe_messages = pick(1, 3);
    fixture.provider->hold_answers = true;
    fixture.provider->on_send = [this](const providers::call& what) { return treat(what); };
    fixture.provider->on_search = [this](const providers::call&) {
      return chance(10) ? treatment{.says = failing(chance(50) ? failure_class::unknown
                                                               : failure_class::outage)}
                        : treatment{};
    };
    fixture.store->before = [this] { return store_fault(5); };
    fixture.store->after = [this]() -> std::optional<db::error> {
      if (!trouble_ || !chance(3))
        return std::nullopt;
      return db::error{db::error_kind::in_doubt, "the answer was lost"};
    };
  }

  void live(int moments) {
    trouble_ = false;
    fixture.start(); // undisturbed: what is paid before the subscription is not for it
    trouble_ = true;
    for (int i = 0; i < moments; ++i)
      moment();
  }

  /// No more trouble: whatever is still open has to come to its end.
  void settle() {
    trouble_ = false;
    fixture.provider->hold_answers = false;
    while (fixture.provider->waiting() > 0)
      fixture.provider->release();
    fixture.pass_until_delivered(paid, beyond_every_wait);
    EXPECT_EQ(fixture.counters->in_flight, 0);
    EXPECT_EQ(fixture.counters->parked, 0);
  }

  delivery_fixture fixture;
  std::vector<entry_id> paid;

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool chance(int percent) { return pick(1, 100) <= percent; }

  treatment treat(const providers::call& what) {
    if (!trouble_ || chance(60))
      return {};
    const auto refuse = [](providers::failure why) {
      return treatment{.accept = false, .says = std::move(why)};
    };
    providers::failure why;
    switch (pick(1, 7)) {
    case 1:
      return {.says = failing(failure_class::unknown, "accepted, answer lost")};
    case 2:
      return refuse(failing(failure_class::unknown, "lost on its way"));
    case 3:
      return refuse(failing(failure_class::outage, "503"));
    case 4:
      why = failing(failure_class::outage, "connection refused");
      why.never_written = true;
      return refuse(why);
    case 5:
      why = failing(failure_class::throttled, "429");
      why.retry_after = std::chrono::milliseconds(pick(0, 3000));
      return refuse(why);
    case 6:
      why = failing(failure_class::transient, "refused as it stands"); // and passes another time
      // Alone it passes: what is refused alone is FAILED, and rightly so.
      why.refused_content = what.recipients.size() > 1 && chance(50);
      return refuse(why);
    default: // some recipients fail
      return {.recipient = [this](const providers::recipient&) {
        return chance(30) ? std::optional(failing(failure_class::transient)) : std::nullopt;
      }};
    }
  }

  std::optional<db::error> store_fault(int percent) {
    if (!trouble_ || !chance(percent))
      return std::nullopt;
    return db::error{chance(80) ? db::error_kind::unavailable : db::error_kind::in_doubt, "fault"};
  }

  void moment() {
    switch (pick(1, 12)) {
    case 1:
      for (const entry_id each : fixture.pay(pick(1, 15), chance(70)))
        paid.push_back(each);
      break;
    case 2:
      fixture.on.coordinator().advance_time(std::chrono::milliseconds(pick(1, 2000)));
      break;
    case 3:
      if (chance(15))
        fixture.kill();
      break;
    case 4:
      if (chance(10)) { // the stream's epoch changes under way, as after a commit in doubt
        if (fixture.lane->resolve(fixture.on.time()))
          fixture.stream = fixture.lane->lease();
        if (chance(50))
          fixture.tell(stream_lost{fixture.stream});
        fixture.tell(stream_held{fixture.stream});
      }
      break;
    case 5:
    case 6:
      if (fixture.provider->waiting() > 0)
        fixture.provider->release(random_() % fixture.provider->waiting());
      break;
    default:
      fixture.on.run_one_of(random_);
    }
  }

  std::mt19937_64 random_;
  bool trouble_ = true;
};

TEST(notification_death, no_schedule_loses_a_message_or_sends_one_twice) {
  constexpr std::uint64_t schedules = 60;
  constexpr int moments = 1200;
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    schedule one(seed);
    one.live(moments);
    one.settle();
    ASSERT_FALSE(one.paid.empty());
    ASSERT_TRUE(one.fixture.all_delivered_once(one.paid)) << "seed " << seed;
  }
}

TEST(notification_death, a_supervisor_that_ends_takes_its_actor_along_at_once) {
  delivery_fixture fixture;
  fixture.start();
  fixture.pay(1);
  fixture.run();
  fixture.end();
  EXPECT_EQ(fixture.on.system.registry().running(), 0u);
}

} // namespace
} // namespace paymentd::actors::test
