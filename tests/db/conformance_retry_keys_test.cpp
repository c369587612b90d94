// Goal: a retry by hand under an idempotency key is done once and has one answer, whichever
// connection it comes by and whatever becomes of the delivery meanwhile. Method: both stores;
// messages that failed are retried under keys in a batch, later, after a restart, and by several
// connections at once.
#include "tests/db/conformance.hpp"

#include <algorithm>
#include <barrier>
#include <functional>
#include <thread>

namespace paymentd::db {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using enum delivery_status;

class retry_keys : public conformance {
 protected:
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }

  /// As many payments whose messages have FAILED, oldest first.
  std::vector<entry_id> failed_ones(int count) {
    paid_orders(count);
    return end_next(failed);
  }
  /// Claims all that waits and ends it as `status`.
  std::vector<entry_id> end_next(delivery_status status) {
    const auto claims = deliver(step(who_, 1)).claims;
    auto end = step(who_);
    end.ended = {end_as(claims.at(0), status)};
    deliver(end);
    return entries_of(claims.at(0));
  }
  static delivery_retry asked(entry_id entry, std::uint8_t key, std::int64_t body = 0) {
    delivery_retry made{{"alimtalk", entry}};
    made.key.emplace().digest.fill(key);
    made.key->body = body;
    return made;
  }
  std::vector<answer> retry(const std::vector<delivery_retry>& which) {
    return must(deliverer().retry(which, now_));
  }
  template <class Answer>
  Answer retry_one(const delivery_retry& which) {
    return std::get<Answer>(retry({which}).at(0));
  }
  delivery see(entry_id entry) { return read<delivery>(get_delivery{"alimtalk", entry}); }

  subscriber_id who_;

 public:
  void SetUp() override {
    conformance::SetUp();
    who_ = subscribe();
  }
};

TEST_P(retry_keys, a_retry_is_given_again_as_it_was_whatever_became_of_the_message) {
  const auto entry = failed_ones(1)[0];
  now_ += hours{1};
  const auto first = retry_one<delivery>(asked(entry, 1));
  EXPECT_EQ(first.status, pending);
  EXPECT_EQ(first.next_attempt, now_);
  EXPECT_EQ(first, see(entry));
  now_ += hours{1};
  EXPECT_EQ(retry_one<replayed_retry>(asked(entry, 1)).what, first);
  end_next(delivered);
  reopen();
  EXPECT_EQ(retry_one<replayed_retry>(asked(entry, 1)).what, first);
  EXPECT_EQ(see(entry).status, delivered);
}

TEST_P(retry_keys, a_message_that_failed_again_is_retried_under_another_key_alone) {
  const auto entry = failed_ones(1)[0];
  const auto first = retry_one<delivery>(asked(entry, 1));
  end_next(failed);
  const auto before = see(entry);
  EXPECT_EQ(before.status, failed);
  EXPECT_EQ(retry_one<replayed_retry>(asked(entry, 1)).what, first);
  EXPECT_EQ(see(entry), before);
  EXPECT_THAT(deliver(step(who_, 1)).claims, IsEmpty());
  const auto second = retry_one<delivery>(asked(entry, 2));
  EXPECT_EQ(second.attempts, 2);
  EXPECT_EQ(retry_one<replayed_retry>(asked(entry, 1)).what, first);
  EXPECT_EQ(retry_one<replayed_retry>(asked(entry, 2)).what, second);
}

TEST_P(retry_keys, another_body_under_a_key_is_refused_and_fails_no_neighbour) {
  const auto entries = failed_ones(2);
  retry_one<delivery>(asked(entries[0], 1, 10));
  end_next(failed);
  const auto answers = retry({asked(entries[0], 1, 11), asked(entries[1], 2)});
  EXPECT_EQ(answers[0], answer(key_reused{}));
  EXPECT_TRUE(std::holds_alternative<delivery>(answers[1]));
  EXPECT_EQ(see(entries[0]).status, failed);
}

TEST_P(retry_keys, a_refused_retry_is_decided_anew) {
  paid_orders(1);
  const auto entry = read<delivery_page>(list_deliveries{}).items.at(0).entry;
  EXPECT_EQ(retry({asked(entry, 1), asked({5}, 2)}),
            (std::vector<answer>{not_failed{pending}, not_found{}}));
  EXPECT_THAT(end_next(failed), ElementsAre(entry));
  EXPECT_EQ(retry_one<delivery>(asked(entry, 1)).status, pending);
  EXPECT_EQ(retry_one<not_found>(asked({5}, 2)), not_found{});
}

TEST_P(retry_keys, twice_in_a_batch_is_once) {
  const auto entry = failed_ones(1)[0];
  const auto answers =
      retry({asked(entry, 1), asked(entry, 1), asked(entry, 1, 11), asked(entry, 2)});
  const auto& first = std::get<delivery>(answers[0]);
  EXPECT_EQ(answers[1], answer(replayed_retry{first}));
  EXPECT_EQ(answers[2], answer(key_reused{}));
  EXPECT_EQ(answers[3], answer(not_failed{pending}));
  EXPECT_THAT(deliver(step(who_, 2)).claims, SizeIs(1));
}

TEST_P(retry_keys, are_forgotten_like_all_others) {
  const auto entry = failed_ones(1)[0];
  retry_one<delivery>(asked(entry, 1));
  end_next(failed);
  now_ += hours{25};
  EXPECT_EQ(must(lane_->forget_keys(now_ - hours{24})), 1);
  retry_one<delivery>(asked(entry, 1));
  EXPECT_EQ(must(lane_->forget_keys(now_ - hours{24})), 0);
}

/// Connections that ask at once, round by round.
class at_once {
 public:
  at_once(database& on, std::size_t connections) {
    for (std::size_t n = 0; n < connections; ++n)
      stores_.push_back(must(on.connect()));
  }
  /// The answers of each connection; `ask` gives its question of a round.
  std::vector<std::vector<answer>>
  retry(int rounds, const std::function<delivery_retry(std::size_t, int)>& ask, instant now) {
    std::vector<std::vector<answer>> given(stores_.size());
    std::barrier together(std::ssize(stores_));
    std::vector<std::jthread> threads;
    for (std::size_t n = 0; n < stores_.size(); ++n)
      threads.emplace_back([&, n] {
        for (int round = 0; round < rounds; ++round) {
          const delivery_retry which = ask(n, round);
          together.arrive_and_wait(); // so that they meet
          auto answers = stores_[n]->retry(std::span(&which, 1), now);
          for (int tries = 0; kind_of(answers) == error_kind::unavailable && tries < 100; ++tries)
            answers = stores_[n]->retry(std::span(&which, 1), now);
          if (answers)
            given[n].push_back(answers->front());
          else
            ADD_FAILURE() << answers.error().text;
        }
      });
    threads.clear();
    return given;
  }

 private:
  std::vector<std::unique_ptr<store>> stores_;
};

/// In each round one connection did it, and all others were given its answer.
void expect_one_did_it(const std::vector<std::vector<answer>>& given, std::size_t rounds) {
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<delivery> done;
    std::vector<delivery> replayed;
    for (const auto& answers : given) {
      ASSERT_THAT(answers, SizeIs(rounds));
      if (const auto* one = std::get_if<delivery>(&answers[round]))
        done.push_back(*one);
      else
        replayed.push_back(std::get<replayed_retry>(answers[round]).what);
    }
    ASSERT_THAT(done, SizeIs(1)) << round;
    EXPECT_EQ(std::ranges::count(replayed, done[0]), std::ssize(given) - 1) << round;
  }
}

TEST_P(retry_keys, connections_that_bring_one_key_at_once_do_it_once) {
  constexpr int rounds = 20;
  const auto entries = failed_ones(rounds);
  const auto ask = [&](std::size_t, int round) {
    return asked(entries[static_cast<std::size_t>(round)], static_cast<std::uint8_t>(round));
  };
  expect_one_did_it(at_once(*database_, 4).retry(rounds, ask, now_), rounds);
}

TEST_P(retry_keys, connections_that_bring_one_key_for_different_messages_do_one_of_them) {
  constexpr int rounds = 20;
  constexpr std::size_t connections = 3;
  const auto entries = failed_ones(rounds * connections);
  // No row's lock puts one behind the other: they meet at the key itself.
  const auto ask = [&](std::size_t n, int round) {
    return asked(entries[static_cast<std::size_t>(round) * connections + n],
                 static_cast<std::uint8_t>(round));
  };
  expect_one_did_it(at_once(*database_, connections).retry(rounds, ask, now_), rounds);
}

INSTANTIATE_TEST_SUITE_P(stores, retry_keys, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
