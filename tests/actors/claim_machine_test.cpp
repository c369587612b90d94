// Goal: a claim goes from state to state as the table in docs/delivery.md says, and the table names
// every way that there is. Method: walks the table's rows, each by a claim in that state to which
// that event happens; the provider is one as NHN Cloud (keys for ten minutes, can be searched),
// where the row does not say otherwise.
#include "actors/delivery/claim_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <functional>
#include <map>
#include <set>

namespace paymentd::actors {
namespace {

using namespace std::chrono_literals;
using providers::failure;
using providers::failure_class;

constexpr instant begin{500'000h};

/// A claim of `messages` messages that was opened at `begin`, and what is around it.
struct world {
  explicit world(int messages = 2) {
    for (int i = 1; i <= messages; ++i) {
      message one;
      one.event.entry = {i};
      one.event.at = begin;
      it.claim.messages.push_back(one);
    }
    it.claim.since = begin;
    policy.key_window = 10min;
    policy.can_search = true;
  }

  world& in(claim_state state) {
    it.state = std::move(state);
    return *this;
  }
  world& at(std::chrono::milliseconds later) {
    around.now = begin + later;
    return *this;
  }
  world& answers(failure why) {
    then = answered(it, providers::call_result(std::unexpected(std::move(why))), policy, around);
    return *this;
  }
  world& answers(failure_class kind) { return answers(failure{.kind = kind, .reason = "no"}); }
  world& accepts(std::size_t known) {
    std::vector<providers::recipient_result> results;
    for (std::size_t i = 0; i < it.claim.messages.size(); ++i)
      if (i < known)
        results.emplace_back(providers::accepted{"m"});
      else
        results.emplace_back(std::unexpected(failure{}));
    then = answered(it, providers::call_result(std::move(results)), policy, around);
    return *this;
  }
  world& finds(std::size_t known) {
    std::vector<providers::found_message> found(it.claim.messages.size());
    for (std::size_t i = 0; i < known; ++i)
      found[i].provider_message_id = "m";
    then = answered(it, providers::search_result(std::move(found)), policy, around);
    return *this;
  }
  world& search_fails(failure_class kind) {
    then = answered(
        it, providers::search_result(std::unexpected(failure{.kind = kind, .reason = "no"})),
        policy, around);
    return *this;
  }
  world& leaves_now() {
    leaves(it, {.number = 1, .since = around.now});
    return *this;
  }
  world& lose(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      it.claim.messages[i].lost = "its order is gone";
    return *this;
  }
  world& cannot_be_searched() {
    policy.can_search = false;
    return *this;
  }
  world& copies() {
    cannot_be_searched();
    policy.key_window = 0ms;
    policy.repeats_are_copies = true;
    return *this;
  }
  /// Its content was refused `times` times in a row.
  world& refused(int times) {
    for (int i = 0; i < times; ++i)
      in(calling()).content_is_refused();
    return *this;
  }
  world& content_is_refused() {
    return answers(failure{.kind = failure_class::outage, .reason = "no", .refused_content = true});
  }
  world& is_opened() {
    opened(it, around.now, policy);
    return *this;
  }
  world& is_taken_over() {
    taken_over(it, around.now, policy);
    return *this;
  }
  claim_state calling() const { return states::calling{{.number = 1, .since = around.now}}; }
  claim_state repeating() const { return states::repeating{{.number = 1, .since = around.now}}; }
  claim_state searching() const { return states::searching{{.number = 1, .since = around.now}}; }

  open_claim it;
  delivery_policy policy;
  circumstances around{.now = begin};
  consequence then;
};

using event = std::pair<std::string, std::string>; // of which state, and its words

world first_call(int messages = 2) {
  world made(messages);
  return made.in(made.calling());
}
world repeated_call() {
  world made;
  return made.in(made.repeating());
}
world search(std::chrono::milliseconds after) {
  world made;
  made.at(after);
  return made.in(made.searching());
}
world put_back_from(claim_state state) {
  world made = world().copies().in(std::move(state));
  put_back(made.it, made.around.now);
  return made;
}

const std::map<event, std::function<world()>>& ways() {
  const auto outage = [](bool never_written, bool may_follow) {
    return failure{.kind = failure_class::outage,
                   .reason = "no",
                   .never_written = never_written,
                   .may_follow_acceptance = may_follow};
  };
  static const std::map<event, std::function<world()>> all{
      {{"", "opened, halved or given a new key"}, [] { return world().is_opened(); }},
      {{"", "the same, some messages lost"}, [] { return world().lose(1).is_opened(); }},
      {{"", "the same, all messages lost"}, [] { return world().lose(2).is_opened(); }},
      {{"", "opened, but in doubt at another provider"},
       [] {
         world made;
         made.it.claim.provider = "another";
         return made.is_opened();
       }},
      {{"", "taken over"}, [] { return world().at(1min).is_taken_over(); }},
      {{"", "taken over, key used up"}, [] { return world().at(11min).is_taken_over(); }},
      {{"", "taken over, some messages lost"}, [] { return world().lose(1).is_taken_over(); }},
      {{"", "taken over, key used up, no search"},
       [] { return world().cannot_be_searched().at(11min).is_taken_over(); }},
      {{"", "taken over, repeats are copies"}, [] { return world().copies().is_taken_over(); }},
      {{"", "taken over, opened for another provider"},
       [] {
         world made;
         made.it.claim.provider = "another";
         return made.is_taken_over();
       }},
      {{"waiting", "its call leaves"},
       [] { return world().in(states::waiting{begin}).leaves_now(); }},
      {{"waiting", "it has waited for longer than its key is safe"},
       [] {
         world made = world().in(states::waiting{begin}).at(11min);
         before_call(made.it, made.around.now, made.policy);
         return made;
       }},
      {{"waiting", "the actor ends, repeats are copies"},
       [] { return put_back_from(states::waiting{begin}); }},
      {{"calling", "taken, every message known"}, [] { return first_call().accepts(2); }},
      {{"calling", "taken, some messages unknown"}, [] { return first_call().accepts(1); }},
      {{"calling", "taken, some messages unknown, no search"},
       [] { return first_call().cannot_be_searched().accepts(1); }},
      {{"calling", "unknown"}, [] { return first_call().answers(failure_class::unknown); }},
      {{"calling", "unknown, repeats are copies"},
       [] { return first_call().copies().answers(failure_class::unknown); }},
      {{"calling", "seen"}, [] { return first_call().answers(failure_class::seen); }},
      {{"calling", "seen, no search"},
       [] { return first_call().cannot_be_searched().answers(failure_class::seen); }},
      {{"calling", "transient"}, [] { return first_call().answers(failure_class::transient); }},
      {{"calling", "throttled"}, [] { return first_call().answers(failure_class::throttled); }},
      {{"calling", "outage, not a byte written"},
       [=] { return first_call().answers(outage(true, false)); }},
      {{"calling", "outage"}, [=] { return first_call().answers(outage(false, false)); }},
      {{"calling", "outage that may follow an acceptance"},
       [=] { return first_call().answers(outage(false, true)); }},
      {{"calling", "outage that may follow an acceptance, while others pass"},
       [=] {
         world made = first_call();
         made.around.succeeded_about_now = true;
         return made.answers(outage(false, true));
       }},
      {{"calling", "content refused"}, [] { return world().refused(1); }},
      {{"calling", "content refused again, others untried"},
       [] {
         world made;
         made.around.others_untried = true;
         return made.refused(2);
       }},
      {{"calling", "content refused again"}, [] { return world().refused(2); }},
      {{"calling", "content refused again, one message"}, [] { return world(1).refused(2); }},
      {{"calling", "content refused again, one message, others pass"},
       [] {
         world made(1);
         made.around.succeeded_since = true;
         return made.refused(2);
       }},
      {{"calling", "permanent, one message"},
       [] { return first_call(1).answers(failure_class::permanent); }},
      {{"in doubt", "its call leaves again"},
       [] { return world().in(states::in_doubt{begin}).leaves_now(); }},
      {{"in doubt", "its key is used up"},
       [] {
         world made = world().in(states::in_doubt{begin}).at(11min);
         before_call(made.it, made.around.now, made.policy);
         return made;
       }},
      {{"in doubt", "its key is used up, no search"},
       [] {
         world made = world().cannot_be_searched().in(states::in_doubt{begin}).at(11min);
         before_call(made.it, made.around.now, made.policy);
         return made;
       }},
      {{"repeating", "taken, every message known"}, [] { return repeated_call().accepts(2); }},
      {{"repeating", "taken, some messages unknown"}, [] { return repeated_call().accepts(1); }},
      {{"repeating", "unknown"}, [] { return repeated_call().answers(failure_class::unknown); }},
      {{"repeating", "unknown, too often, too old"},
       [] {
         world made = repeated_call().at(25h);
         made.it.doubts = made.policy.doubts_max;
         return made.answers(failure_class::unknown);
       }},
      {{"repeating", "seen"}, [] { return repeated_call().answers(failure_class::seen); }},
      {{"repeating", "throttled"},
       [] { return repeated_call().answers(failure_class::throttled); }},
      {{"repeating", "outage"}, [=] { return repeated_call().answers(outage(false, false)); }},
      {{"repeating", "outage, while others pass"},
       [=] {
         world made = repeated_call();
         made.around.succeeded_about_now = true;
         return made.answers(outage(false, false));
       }},
      {{"repeating", "refused"}, [] { return repeated_call().answers(failure_class::transient); }},
      {{"repeating", "refused, too often, too old"},
       [] {
         world made = repeated_call().at(25h);
         made.it.doubts = made.policy.doubts_max;
         return made.answers(failure_class::transient);
       }},
      {{"to search", "its search leaves"},
       [] { return world().in(states::to_search{begin}).leaves_now(); }},
      {{"searching", "all found"}, [] { return search(11min).finds(2); }},
      {{"searching", "some not found, key not used up"}, [] { return search(1min).finds(1); }},
      {{"searching", "some not found"}, [] { return search(11min).finds(1); }},
      {{"searching", "none found, a repeat was refused while others passed"},
       [] {
         world made = search(11min);
         std::get<states::searching>(made.it.state).was_refused = true;
         return made.finds(0);
       }},
      {{"searching", "unknown, throttled or outage"},
       [] {
         world made = search(1min);
         for (const auto kind :
              {failure_class::unknown, failure_class::throttled, failure_class::outage}) {
           made.in(made.searching()).search_fails(kind);
           EXPECT_EQ(name_of(made.it.state), "to search");
         }
         return made;
       }},
      {{"searching", "unknown, too often, too old"},
       [] {
         world made = search(25h);
         made.it.doubts = made.policy.doubts_max;
         return made.search_fails(failure_class::unknown);
       }},
      {{"to regenerate", "the actor ends, repeats are copies"},
       [] { return put_back_from(states::to_regenerate{begin}); }},
      {{"suspected", "another call works"},
       [] {
         world made = world().in(states::suspected{begin + 1min});
         others_worked(made.it, made.around.now);
         return made;
       }},
      {{"suspected", "another call works, one message"},
       [] {
         world made = world(1).in(states::suspected{begin + 1min});
         others_worked(made.it, made.around.now);
         return made;
       }},
      {{"suspected", "the actor ends, repeats are copies"},
       [] { return put_back_from(states::suspected{begin + 1min}); }},
      {{"to split", "the actor ends, repeats are copies"},
       [] { return put_back_from(states::to_split{begin}); }},
  };
  return all;
}

/// The rows of the table that begins with "| state | event | next |": three cells each.
std::vector<std::array<std::string, 3>> rows_of_the_table() {
  std::ifstream file(PAYMENTD_SOURCE_DIR "/docs/delivery.md");
  std::vector<std::array<std::string, 3>> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "| state | event | next |") {
      inside = true;
      std::getline(file, line); // the rule below it
    } else if (inside && line.starts_with("| ")) {
      std::array<std::string, 3> cells;
      std::size_t from = 2;
      for (std::string& each : cells) {
        const auto end = line.find(" |", from);
        each = line.substr(from, end - from);
        from = end + 3;
      }
      rows.push_back(cells);
    } else if (inside) {
      break;
    }
  }
  return rows;
}

TEST(claim_machine, goes_as_the_table_says) {
  const auto rows = rows_of_the_table();
  std::set<event> told;
  for (const auto& [state, what, next] : rows) {
    const event of{state == "—" ? "" : state, what};
    const auto way = ways().find(of);
    ASSERT_NE(way, ways().end()) << "no test knows the row: " << state << " | " << what;
    EXPECT_EQ(name_of(way->second().it.state), next) << state << " | " << what;
    told.insert(of);
  }
  for (const auto& [of, make] : ways())
    EXPECT_TRUE(told.contains(of)) << "the table does not tell: " << of.first << " | " << of.second;
}

TEST(claim_machine, what_was_not_sent_is_put_back_and_what_is_in_doubt_stays) {
  for (const claim_state& state :
       {claim_state(states::in_doubt{begin}), claim_state(states::to_search{begin}),
        claim_state(states::used_up{begin}), world().calling(), world().repeating(),
        world().searching()}) {
    world made = world().in(state);
    put_back(made.it, begin);
    EXPECT_EQ(name_of(made.it.state), name_of(state));
  }
  for (const claim_state& state :
       {claim_state(states::waiting{begin}), claim_state(states::to_regenerate{begin}),
        claim_state(states::suspected{begin + 1min}), claim_state(states::to_split{begin})}) {
    world made = world().in(state);
    put_back(made.it, begin);
    ASSERT_EQ(name_of(made.it.state), "to end");
    for (const delivery_result& each : std::get<states::to_end>(made.it.state).results) {
      EXPECT_EQ(each.status, delivery_status::pending);
      EXPECT_EQ(each.attempts, 0);
      EXPECT_EQ(each.next_attempt, due(state));
    }
  }
}

TEST(claim_machine, what_is_put_back_at_once_waits_for_nothing) {
  world made = world().in(states::to_regenerate{begin + 1h});
  put_back(made.it, begin, true);
  for (const delivery_result& each : std::get<states::to_end>(made.it.state).results)
    EXPECT_EQ(each.next_attempt, begin);
}

TEST(claim_machine, a_message_that_its_call_did_not_send_is_tried_again_however_old_it_is) {
  world made = first_call(2).at(25h);
  std::vector<providers::recipient_result> results{
      std::unexpected(
          failure{.kind = failure_class::outage, .reason = "not sent", .never_written = true}),
      std::unexpected(failure{.kind = failure_class::outage, .reason = "refused"})};
  made.then =
      answered(made.it, providers::call_result(std::move(results)), made.policy, made.around);
  const auto& end = std::get<states::to_end>(made.it.state).results;
  ASSERT_EQ(end.size(), 2u);
  EXPECT_EQ(end[0].status, delivery_status::pending);
  EXPECT_EQ(end[0].attempts, 0);
  EXPECT_GT(end[0].next_attempt, made.around.now);
  EXPECT_EQ(end[1].status, delivery_status::failed) << "the refusal is its own, and it is old";
}

TEST(claim_machine, what_needs_a_phone_and_has_none_fails_and_holds_nothing_back) {
  const auto opened_with = [](std::initializer_list<const char*> phones, bool needs_phone) {
    world made(static_cast<int>(phones.size()));
    made.policy.needs_phone = needs_phone;
    for (std::size_t i = 0; i < phones.size(); ++i)
      made.it.claim.messages[i].event.phone = std::data(phones)[i];
    return made.is_opened();
  };
  EXPECT_EQ(name_of(opened_with({"", ""}, false).it.state), "waiting"); // a webhook's
  EXPECT_EQ(name_of(opened_with({"01012345678"}, true).it.state), "waiting");
  EXPECT_EQ(name_of(opened_with({"01012345678", ""}, true).it.state), "to split");
  const world alone = opened_with({""}, true);
  ASSERT_EQ(name_of(alone.it.state), "to end");
  const auto& end = std::get<states::to_end>(alone.it.state);
  EXPECT_EQ(end.results.at(0).status, delivery_status::failed);
  EXPECT_EQ(end.results.at(0).last_error, "the user has no phone");
}

TEST(claim_machine, a_lone_suspect_fails_only_when_it_is_refused_after_others_passed) {
  world made = world(1).refused(2);
  ASSERT_EQ(name_of(made.it.state), "suspected");
  made.refused(3);
  EXPECT_EQ(name_of(made.it.state), "suspected") << "however often it is refused";
  others_worked(made.it, begin);
  EXPECT_EQ(name_of(made.it.state), "to regenerate");
  made.is_opened().leaves_now().answers(failure_class::outage);
  ASSERT_EQ(name_of(made.it.state), "to regenerate") << "and is not forgotten meanwhile";
  made.is_opened().leaves_now().content_is_refused();
  ASSERT_EQ(name_of(made.it.state), "to end");
  EXPECT_EQ(std::get<states::to_end>(made.it.state).results[0].status, delivery_status::failed);
}

TEST(claim_machine, a_refused_repeat_is_remembered_until_the_search) {
  world made = repeated_call();
  made.around.succeeded_about_now = true;
  made.answers(failure_class::transient);
  ASSERT_EQ(name_of(made.it.state), "in doubt");
  made.around.succeeded_about_now = false;
  made.leaves_now().answers(failure_class::unknown);
  ASSERT_EQ(name_of(made.it.state), "in doubt");
  made.at(11min);
  before_call(made.it, made.around.now, made.policy);
  ASSERT_EQ(name_of(made.it.state), "to search");
  made.leaves_now().finds(0);
  EXPECT_EQ(name_of(made.it.state), "to split");
}

TEST(claim_machine, a_try_that_did_not_succeed_is_kept_with_its_time_and_the_providers_words) {
  for (const auto& [kind, outcome] :
       {std::pair(failure_class::unknown, try_outcome::unknown),
        std::pair(failure_class::transient, try_outcome::transient),
        std::pair(failure_class::throttled, try_outcome::throttled),
        std::pair(failure_class::outage, try_outcome::outage),
        std::pair(failure_class::permanent, try_outcome::permanent)}) {
    const world made =
        first_call(1).at(250ms).answers(failure{.kind = kind, .reason = "its words"});
    EXPECT_EQ(made.it.tries,
              (std::vector{delivery_try{
                  .at = begin, .took = 250ms, .outcome = outcome, .detail = "its words"}}));
    EXPECT_EQ(made.it.tried, 1u);
    EXPECT_EQ(made.it.noted, 0u);
  }
  EXPECT_TRUE(first_call().accepts(2).it.tries.empty());
  EXPECT_TRUE(first_call().answers(failure_class::seen).it.tries.empty())
      << "the call before it had that fate";
  const world searched = search(1min).search_fails(failure_class::outage);
  EXPECT_EQ(searched.it.tries.at(0).detail, "search: no");
}

TEST(claim_machine, of_a_claims_tries_the_last_ten_are_kept) {
  world made = first_call();
  for (int i = 1; i <= 13; ++i)
    made.at(std::chrono::seconds{i})
        .in(made.calling())
        .answers(failure{.kind = failure_class::unknown, .reason = std::to_string(i)});
  ASSERT_EQ(made.it.tries.size(), tries_max);
  EXPECT_EQ(made.it.tries.front().detail, "4");
  EXPECT_EQ(made.it.tries.back().detail, "13");
  EXPECT_EQ(made.it.tried, 13u);
}

TEST(claim_machine, what_one_message_met_alone_is_its_own_try) {
  world made = first_call(3).at(30ms);
  std::vector<providers::recipient_result> results{
      providers::accepted{"m"},
      std::unexpected(failure{.kind = failure_class::permanent, .reason = "bad number"}),
      std::unexpected(failure{.kind = failure_class::transient, .reason = "later"})};
  made.then =
      answered(made.it, providers::call_result(std::move(results)), made.policy, made.around);
  const auto& end = std::get<states::to_end>(made.it.state).results;
  EXPECT_FALSE(end.at(0).tried);
  EXPECT_EQ(end.at(1).tried, (delivery_result::own_try{begin, 30ms, try_outcome::permanent}));
  EXPECT_EQ(end.at(2).tried, (delivery_result::own_try{begin, 30ms, try_outcome::transient}));
  EXPECT_TRUE(made.it.tries.empty()) << "the others had no part in it";
}

TEST(claim_machine, a_message_that_a_search_does_not_find_has_one_try_for_the_call_it_was_in) {
  const auto end_of = [](const world& of) { return std::get<states::to_end>(of.it.state).results; };
  const auto found = end_of(search(11min).finds(1));
  EXPECT_FALSE(found.at(0).tried);
  EXPECT_EQ(found.at(1).tried, (delivery_result::own_try{begin, 0ms, try_outcome::unknown}))
      << "of the process that made the call nothing else is known";
  world told = first_call().answers(failure_class::unknown);
  ASSERT_EQ(told.it.tries.size(), 1u);
  told.at(11min).in(told.searching()).finds(1);
  EXPECT_FALSE(end_of(told).at(1).tried) << "that call is among the claim's tries";
}

TEST(claim_machine, what_was_cut_off_where_repeats_are_copies_is_a_try_and_what_was_lost_is_none) {
  world made = world().copies().lose(1).at(1min);
  made.it.claim.tries = {{.at = begin, .outcome = try_outcome::outage, .detail = "503"}};
  made.is_taken_over();
  const auto& end = std::get<states::to_end>(made.it.state).results;
  EXPECT_FALSE(end.at(0).tried) << "it was not sent";
  EXPECT_EQ(end.at(1).tried, (delivery_result::own_try{begin, 0ms, try_outcome::unknown}));
  EXPECT_EQ(made.it.tries.size(), 1u) << "those of before go on";
  EXPECT_EQ(made.it.tried, made.it.noted);
}

TEST(claim_machine, every_state_has_one_next_move) {
  const std::vector<claim_state> all{
      states::waiting{},   world().calling(),   states::in_doubt{}, world().repeating(),
      states::to_search{}, world().searching(), states::used_up{},  states::to_regenerate{},
      states::suspected{}, states::to_split{},  states::to_end{}};
  ASSERT_EQ(all.size(), std::variant_size_v<claim_state>);
  for (const claim_state& each : all) {
    EXPECT_EQ((call_of(each) != nullptr) + wants_call(each) + wants_store(each), 1)
        << name_of(each);
    EXPECT_EQ(due(each).has_value(), call_of(each) == nullptr) << name_of(each);
  }
}

TEST(claim_machine_death_test, an_answer_without_a_call_ends_the_process) {
  EXPECT_DEATH(world().in(states::waiting{begin}).accepts(2), "a call is under way");
  EXPECT_DEATH(world().in(states::waiting{begin}).finds(2), "a search is under way");
  EXPECT_DEATH(world().in(states::to_split{begin}).leaves_now(), "a claim that wants a call");
}

} // namespace
} // namespace paymentd::actors
