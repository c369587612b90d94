// Goal: clients that follow the events see each of them once, wherever they begin, are cut off or
// resume, and cost the server no more than is said. Method: real connections to a server whose
// ledger of several streams the test writes; small bounds and short times.
#include "http/http_counters.hpp"
#include "http/keys/key_ring.hpp"
#include "tests/http/played_ledger.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <memory>

namespace paymentd::http::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr auto succeeded = "paymentd.payment.succeeded.v1";
constexpr auto refunded = "paymentd.payment.refunded.v1";

/// A block of a stream: what stands between two empty lines.
struct block {
  std::string id;
  std::string data;
  std::string text;
};

block parse(std::string text) {
  block made{.id = {}, .data = {}, .text = text};
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string line = text.substr(0, end);
    text.erase(0, end + 1);
    if (line.starts_with("id: "))
      made.id = line.substr(4);
    if (line.starts_with("data: "))
      made.data = line.substr(6);
  }
  return made;
}

std::string field(const std::string& name, const std::string& value) {
  return name + ": " + value + "\r\n";
}

/// A client that follows: it remembers where it is.
class follower {
 public:
  follower(std::uint16_t port, const std::string& target, const std::string& fields = {})
      : client_(port) {
    client_.send(get_text(target, fields));
    head = client_.receive();
    if (head && head->status == 200)
      next_block(); // tells where it begins
  }
  std::optional<block> next_block(std::chrono::milliseconds time = 10s) {
    auto text = client_.read_until("\n\n", time);
    if (!text)
      return std::nullopt;
    block got = parse(*std::move(text));
    if (!got.id.empty())
      last_id = got.id;
    return got;
  }
  /// The next `count` events.
  std::vector<json> events(int count) {
    std::vector<json> got;
    while (std::ssize(got) < count) {
      const auto one = next_block();
      if (!one)
        break;
      if (!one->data.empty())
        got.push_back(json::parse(one->data));
    }
    return got;
  }
  std::vector<entry_id> entries(int count) {
    std::vector<entry_id> got;
    for (const json& each : events(count))
      got.push_back({std::stoll(each["id"].get<std::string>())});
    return got;
  }
  bool closed() { return client_.closed(); }

  std::optional<test_answer> head;
  std::string last_id;

 private:
  test_client client_;
};

class http_events : public ::testing::Test {
 protected:
  void serve(server_options options = {}) {
    options.counters = &all_counters;
    server = std::make_unique<scripted_server>(options);
    server->actors.look_up = [this](const query& what) -> actors::answer_reply {
      if (away)
        return std::unexpected(actors::no_outcome::database_unavailable);
      return std::holds_alternative<list_events>(what) ? ledger.answer(what) : plausible(what);
    };
  }
  follower follow(const std::string& target = "/v1/events", const std::string& fields = {}) {
    return {server->port(), target, fields};
  }
  test_answer page(const std::string& target) {
    test_client client{server->port()};
    client.send(get_text(target, field("Accept", "application/json")));
    return client.receive().value();
  }
  /// Whether it becomes so within ten seconds.
  static bool soon(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!holds()) { // asked once each time: some of them change what they look at
      if (std::chrono::steady_clock::now() > until)
        return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::atomic<bool> away = false; // the database
  http_counters all_counters;
  event_counters& counters = all_counters.events;
  played_ledger ledger;
  std::unique_ptr<scripted_server> server;
};

TEST_F(http_events, a_client_is_told_what_comes_from_now_on) {
  serve();
  ledger.add_many(3, 2);
  auto client = follow();
  ASSERT_EQ(client.head->status, 200);
  EXPECT_EQ(client.head->field("content-type"), "text/event-stream");
  EXPECT_EQ(client.head->field("cache-control"), "no-store");
  EXPECT_EQ(client.head->field("connection"), "close");
  const auto paid = ledger.add({1});
  const auto back = ledger.add({2}, entry_kind::refund);
  const auto got = client.events(2);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0]["id"], std::to_string(paid.value));
  EXPECT_EQ(got[0]["type"], succeeded);
  EXPECT_EQ(got[0]["specversion"], "1.0");
  EXPECT_EQ(got[0]["source"], "urn:paymentd:0f1e2d3c");
  EXPECT_EQ(got[0]["data"]["status"], "PAID");
  EXPECT_EQ(got[1]["type"], refunded);
  EXPECT_EQ(got[1]["data"]["refund"]["entryId"], back.value);
}

TEST_F(http_events, one_that_begins_at_the_start_is_told_all_and_then_what_comes) {
  serve();
  auto all = ledger.add_many(1500, 3);
  auto client = follow("/v1/events?from=start");
  EXPECT_EQ(client.entries(1500), all);
  const auto later = ledger.add_many(700, 5);
  EXPECT_EQ(client.entries(700), later);
}

TEST_F(http_events, one_that_resumes_anywhere_has_neither_gap_nor_repeat) {
  serve();
  auto all = ledger.add_many(200, 3);
  auto keeps_up = follow(); // so that there is a ring to join
  auto found = follow("/v1/events?from=start").entries(0);
  std::string at = "start";
  for (int round = 0; round < 40; ++round) {
    // New streams appear, and entries come while nobody listens.
    for (const auto each : ledger.add_many(1 + round % 4, 1 + round % 7))
      all.push_back(each);
    const bool by_header = round % 2 == 1;
    auto client = by_header ? follow("/v1/events?from=now", field("Last-Event-ID", at))
                            : follow("/v1/events?from=" + at);
    for (const auto each : client.entries(1 + round % 9))
      found.push_back(each);
    at = client.last_id; // what it was sent beyond that is lost
  }
  auto client = follow("/v1/events?from=" + at);
  for (const auto each : client.entries(static_cast<int>(all.size() - found.size())))
    found.push_back(each);
  std::ranges::sort(all);
  auto sorted = found;
  std::ranges::sort(sorted);
  EXPECT_EQ(sorted, all);
}

TEST_F(http_events, one_that_saw_nothing_yet_resumes_where_it_began) {
  serve();
  auto first = follow();
  const auto missed = ledger.add_many(3, 2);
  EXPECT_EQ(follow("/v1/events", field("Last-Event-ID", first.last_id)).entries(3), missed);
}

TEST_F(http_events, only_the_types_that_are_asked_for_come) {
  serve();
  auto all = follow();
  auto payments = follow(std::string("/v1/events?types=") + succeeded);
  auto refunds = follow(std::string("/v1/events?types=") + refunded);
  auto both = follow(std::string("/v1/events?types=") + refunded + "," + succeeded);
  const auto paid = ledger.add({1});
  const auto back = ledger.add({1}, entry_kind::refund);
  EXPECT_THAT(all.entries(2), ElementsAre(paid, back));
  EXPECT_THAT(payments.entries(1), ElementsAre(paid));
  EXPECT_THAT(refunds.entries(1), ElementsAre(back));
  EXPECT_THAT(both.entries(2), ElementsAre(paid, back));
  EXPECT_THAT(follow(std::string("/v1/events?from=start&types=") + refunded).entries(1),
              ElementsAre(back));
}

TEST_F(http_events, silence_is_broken_by_a_heartbeat_that_tells_the_position) {
  serve({.event_heartbeat = 30ms});
  const auto before = ledger.add({1});
  auto client = follow(std::string("/v1/events?types=") + refunded);
  const auto beat = client.next_block().value();
  EXPECT_THAT(beat.text, StartsWith(": heartbeat\n"));
  EXPECT_THAT(beat.data, IsEmpty());
  // Events that are not for it move it on all the same: resumed there, it does not look at them.
  const std::string first = beat.id;
  EXPECT_THAT(first, Not(IsEmpty()));
  const auto paid = ledger.add({1});
  ASSERT_TRUE(soon([&] { return client.next_block().value().id != first; }));
  const auto after = ledger.add({1});
  EXPECT_THAT(follow("/v1/events?from=" + client.last_id).entries(1), ElementsAre(after));
  EXPECT_THAT(follow("/v1/events?from=start").entries(3), ElementsAre(before, paid, after));
}

TEST_F(http_events, one_that_is_behind_the_ring_is_read_pages_and_comes_back_to_it) {
  serve({.header_timeout = 10min, .event_ring_bytes = 2000}); // `slow` reads behind all the others
  auto keeps_up = follow();
  auto slow = follow();
  const auto all = ledger.add_many(20'000, 4);
  EXPECT_EQ(keeps_up.entries(20'000), all);
  EXPECT_EQ(slow.entries(20'000), all);
  EXPECT_GT(ledger.pages_behind(), 0);
  const auto later = ledger.add_many(5, 4);
  EXPECT_EQ(slow.entries(5), later);
  EXPECT_EQ(counters.cut_off, 0u);
}

TEST_F(http_events, one_that_takes_nothing_is_cut_off_and_the_others_are_not) {
  serve({.header_timeout = 1500ms});
  auto reads = follow();
  auto stuck = follow();
  const auto all = ledger.add_many(20'000, 2);
  EXPECT_EQ(reads.entries(20'000), all);
  EXPECT_TRUE(soon([&] { return counters.cut_off == 1; }));
  EXPECT_EQ(counters.clients, 1);
  // It was sent no part of what it can have again.
  std::vector<entry_id> found = stuck.entries(20'000);
  EXPECT_LT(found.size(), all.size());
  const int missing = static_cast<int>(all.size() - found.size());
  for (const auto each : follow("/v1/events?from=" + stuck.last_id).entries(missing))
    found.push_back(each);
  EXPECT_EQ(found, all);
}

TEST_F(http_events, a_bound_on_the_bytes_delays_all_and_puts_nobody_behind) {
  serve({.max_event_bytes_per_second = 200'000, .event_ring_bytes = 4000});
  auto one = follow();
  auto other = follow();
  const auto begin = std::chrono::steady_clock::now();
  const auto all = ledger.add_many(300, 2); // as many as the kernel keeps for who does not read
  EXPECT_EQ(one.entries(300), all);
  EXPECT_EQ(other.entries(300), all);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GT(took, std::chrono::milliseconds(counters.bytes.load() / 200 - 400));
  EXPECT_EQ(ledger.pages_behind(), 0);
}

TEST_F(http_events, more_clients_than_may_are_refused_until_one_leaves) {
  serve({.max_event_streams = 1});
  auto first = std::make_unique<follower>(follow());
  const auto refused = follow();
  EXPECT_EQ(refused.head->status, 503);
  EXPECT_EQ(json::parse(refused.head->body)["code"], "overloaded");
  EXPECT_NE(refused.head->field("retry-after"), "");
  EXPECT_EQ(counters.refused, 1u);
  first.reset();
  EXPECT_TRUE(soon([&] { return follow().head->status == 200; }));
}

TEST_F(http_events, a_stop_ends_the_streams_at_once) {
  serve();
  auto client = follow();
  auto behind = follow("/v1/events?from=start");
  const auto begin = std::chrono::steady_clock::now();
  server->stop(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(behind.closed());
  EXPECT_EQ(counters.clients, 0);
}

TEST_F(http_events, a_key_that_is_revoked_ends_its_stream) {
  key_ring keys;
  api_key held;
  held.name = "shop";
  held.hash = net::sha256("pmd_a");
  held.scopes.add(scope::read);
  api_key other = held;
  other.name = "other";
  other.hash = net::sha256("pmd_b");
  keys.put({held, other});
  serve({.keys = &keys});
  EXPECT_EQ(follow().head->status, 401);
  auto ends = follow("/v1/events", field("Authorization", "Bearer pmd_a"));
  auto stays = follow("/v1/events", field("Authorization", "Bearer pmd_b"));
  ASSERT_EQ(ends.head->status, 200);
  held.revoked_at = instant{};
  keys.put({held, other});
  EXPECT_TRUE(ends.closed());
  const auto paid = ledger.add({1});
  EXPECT_THAT(stays.entries(1), ElementsAre(paid));
  server.reset(); // before the keys
}

TEST_F(http_events, pages_are_for_those_who_poll) {
  serve();
  const auto all = ledger.add_many(5, 2);
  std::vector<std::string> found;
  std::string target = "/v1/events?from=start&limit=2";
  for (int n = 0; n < 3; ++n) {
    const json got = json::parse(page(target).body);
    for (const json& each : got["items"])
      found.push_back(each["id"]);
    EXPECT_EQ(got["hasMore"], n < 2);
    target = "/v1/events?limit=2&cursor=" + got["nextCursor"].get<std::string>();
  }
  std::vector<std::string> expected;
  for (const auto each : all)
    expected.push_back(std::to_string(each.value));
  EXPECT_EQ(found, expected);
  const json empty = json::parse(page(target).body);
  EXPECT_THAT(empty["items"], IsEmpty());
  EXPECT_EQ(empty["hasMore"], false);
  const auto later = ledger.add({9});
  const json next =
      json::parse(page("/v1/events?from=" + empty["nextCursor"].get<std::string>()).body);
  EXPECT_EQ(next["items"][0]["id"], std::to_string(later.value));
  EXPECT_THAT(json::parse(page("/v1/events").body)["items"], IsEmpty()) << "from now on";
}

TEST_F(http_events, a_bad_question_is_told) {
  serve();
  for (const auto* target :
       {"/v1/events?types=", "/v1/events?types=payment", "/v1/events?types=a,b",
        "/v1/events?types=paymentd.payment.succeeded.v1,", "/v1/events?from=",
        "/v1/events?from=yesterday", "/v1/events?from=AQ%3D%3D", "/v1/events?limit=5",
        "/v1/events?from=now&cursor=now", "/v1/events?other=1", "/v1/events?from=now&from=now"})
    EXPECT_EQ(follow(target).head->status, 400) << target;
  for (const auto* target : {"/v1/events?limit=0", "/v1/events?limit=101", "/v1/events?cursor=x"})
    EXPECT_EQ(page(target).status, 400) << target;
  const auto answer = follow("/v1/events", field("Last-Event-ID", "none"));
  EXPECT_EQ(answer.head->status, 400);
  EXPECT_THAT(answer.head->body, HasSubstr("Last-Event-ID"));
}

TEST_F(http_events, without_a_database_there_is_no_stream_and_one_that_is_there_waits) {
  serve();
  auto client = follow();
  away = true;
  EXPECT_EQ(follow().head->status, 503);
  const auto paid = ledger.add({1});
  EXPECT_EQ(client.next_block(300ms), std::nullopt);
  away = false;
  EXPECT_THAT(client.entries(1), ElementsAre(paid));
}

TEST_F(http_events, a_question_for_the_head_opens_no_stream) {
  serve();
  test_client client{server->port()};
  client.send("HEAD /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto answer = client.receive(true).value();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("content-type"), "text/event-stream");
  EXPECT_EQ(answer.field("x-accel-buffering"), "no");
  EXPECT_EQ(answer.field("content-length"), "");     // that of GET has none
  EXPECT_EQ(client.get("/v1/users/7")->status, 200); // the connection goes on
}

TEST_F(http_events, one_that_talks_on_is_cut_off) {
  serve();
  test_client client{server->port()};
  client.send(get_text("/v1/events"));
  ASSERT_EQ(client.receive()->status, 200);
  const std::string noise(10'000, 'x');
  EXPECT_TRUE(soon([&] { return !client.send(noise); }));
}

} // namespace
} // namespace paymentd::http::testing
