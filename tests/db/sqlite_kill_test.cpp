// Goal: what was answered is there after a kill at any moment, and nothing is there by half.
// Method: a child process pays and delivers without end and tells each answer through a pipe; it is
// killed with SIGKILL, and this process opens the file, compares and audits.
#include "tests/db/conformance.hpp"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace paymentd::db {
namespace {

constexpr std::int64_t orders = 20'000;
constexpr std::int64_t orders_in_batch = 20;

// Settles batch after batch, each acknowledged by a byte after its outcomes came; never returns.
[[noreturn]] void pay_until_killed(const std::string& url, int acknowledge) {
  const auto database = must(open_database({.url = url, .owner = "child"}));
  const auto lane = must(database->connect());
  const auto lease = must(lane->take_stream(start));
  delivery_step step;
  step.subscriber = must(lane->subscribe("alimtalk", true, false, start)).id;
  step.stream = lease;
  step.open_max = 1;
  for (std::int64_t next = 1; next + orders_in_batch <= orders; next += orders_in_batch) {
    std::vector<command> batch;
    for (std::int64_t id = next; id < next + orders_in_batch; ++id)
      batch.emplace_back(pay{{id}, {1 + id % 100}});
    must(lane->settle(batch, start));
    const char done = 1;
    if (::write(acknowledge, &done, 1) != 1)
      break;
    step.ended.clear();
    for (const auto& one : must(lane->deliver(step, start)).claims)
      step.ended.push_back(end_as(one, delivery_status::delivered));
  }
  ::_exit(0);
}

TEST(sqlite_kill, what_was_answered_is_there_after_a_kill) {
  for (const int answers_before_kill : {1, 7, 40, 150}) {
    SCOPED_TRACE(answers_before_kill);
    const temporary_directory directory;
    const std::string url = "sqlite:" + (directory.path() / "test.db").string();
    {
      auto made = must(open_database({.url = url, .owner = "parent"}));
      must(made->migrate(start));
      must(made->seed(
          {.users = 100, .orders = orders, .spread = 0, .balance = {1'000'000}, .amount = {1}},
          start));
    }
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      pay_until_killed(url, ends[1]);
    }
    ::close(ends[1]);
    std::int64_t answered = 0;
    char byte = 0;
    while (answered < answers_before_kill && ::read(ends[0], &byte, 1) == 1)
      ++answered;
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    while (::read(ends[0], &byte, 1) == 1)
      ++answered;
    ::close(ends[0]);

    auto again = must(open_database({.url = url, .owner = "parent"}));
    EXPECT_EQ(must(again->audit([](std::string_view line) { ADD_FAILURE() << line; })).breaches, 0)
        << "before anything has repaired the file";
    auto lane = must(again->connect());
    std::vector<query> queries;
    for (std::int64_t id = 1; id <= (answered + 1) * orders_in_batch; ++id)
      queries.emplace_back(get_order{{id}});
    const auto answers = must(lane->read(queries));
    const auto paid = std::ranges::count_if(answers, [](const answer& one) {
      return std::get<order>(one).status == order_status::paid;
    });
    EXPECT_THAT(paid, testing::AnyOf(answered * orders_in_batch, (answered + 1) * orders_in_batch))
        << "a batch is there wholly or not at all";
    must(lane->take_stream(start));
    const std::vector<command> next{pay{{orders}, {1 + orders % 100}}};
    EXPECT_TRUE(std::holds_alternative<order>(must(lane->settle(next, start)).at(0)));
    EXPECT_EQ(must(again->audit([](std::string_view line) { ADD_FAILURE() << line; })).breaches, 0);
  }
}

} // namespace
} // namespace paymentd::db
