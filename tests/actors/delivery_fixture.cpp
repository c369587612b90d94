#include "tests/actors/delivery_fixture.hpp"
#include "actors/payment_success.hpp"

#include <gtest/gtest.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

namespace paymentd::actors::test {
struct nobody_sends_this {};
} // namespace paymentd::actors::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::test::nobody_sends_this)

namespace paymentd::actors::test {

using namespace std::chrono_literals;

// ---- the provider -------------------------------------------------------------------------------

void model_provider::answer(std::function<void()> arrive) {
  if (hold_answers)
    answers_.push_back({std::move(arrive), on_.time()});
  else
    arrive();
}

void model_provider::release(std::size_t which) {
  const auto at = answers_.begin() + static_cast<std::ptrdiff_t>(which);
  const auto arrive = std::move(at->arrive);
  answers_.erase(at);
  arrive();
}

void model_provider::release_after(std::chrono::milliseconds time, bool latest_first) {
  std::size_t ready = 0;
  while (ready < answers_.size() && answers_[ready].since + time <= on_.time())
    ++ready;
  for (; ready > 0; --ready)
    release(latest_first ? ready - 1 : 0);
}

providers::call_result model_provider::take_in(const providers::call& what, const treatment& how) {
  const auto seen = keys_.find(what.key);
  const instant its_own_time = on_.time() - on_.set_by;
  if (window.count() > 0 && seen != keys_.end() && its_own_time - seen->second < window)
    return std::unexpected(failing(providers::failure_class::seen, "duplicate key"));
  keys_[what.key] = its_own_time;
  std::vector<providers::recipient_result> results;
  for (const providers::recipient& each : what.recipients) {
    if (auto why = how.recipient ? how.recipient(each) : std::nullopt) {
      results.emplace_back(std::unexpected(std::move(*why)));
      continue;
    }
    ++accepted[each.event.entry];
    auto& id = by_key_[what.key][each.delivery_id];
    id = "m" + std::to_string(++last_id_);
    results.emplace_back(providers::accepted{id});
  }
  if (how.garble)
    how.garble(results);
  return results;
}

void model_provider::send(providers::call what, std::function<void(providers::call_result)> done) {
  sent.push_back(what);
  sent_at.push_back(on_.time());
  const treatment how = on_send ? on_send(what) : treatment{};
  providers::call_result truth =
      how.accept ? take_in(what, how) : providers::call_result(std::unexpected(*how.says));
  if (how.says)
    truth = std::unexpected(*how.says);
  answer([truth = std::move(truth), done = std::move(done)] { done(truth); });
}

void model_provider::search(providers::call what,
                            std::function<void(providers::search_result)> done) {
  searched.push_back(what);
  const treatment how = on_search ? on_search(what) : treatment{};
  if (how.says) {
    answer([why = *how.says, done = std::move(done)] { done(std::unexpected(why)); });
    return;
  }
  std::vector<providers::found_message> found;
  for (const providers::recipient& each : what.recipients) {
    const auto& ids = by_key_[what.key];
    const auto at = ids.find(each.delivery_id);
    found.push_back({.provider_message_id = at == ids.end() ? "" : at->second});
  }
  answer([found = std::move(found), done = std::move(done)] { done(found); });
}

int model_provider::times_accepted(entry_id entry) const {
  const auto at = accepted.find(entry);
  return at == accepted.end() ? 0 : at->second;
}

// ---- the store ----------------------------------------------------------------------------------

db::result<subscriber> faulty_store::subscribe(std::string_view name, bool payments, bool refunds,
                                               instant now) {
  if (auto fault = before ? before() : std::nullopt)
    return std::unexpected(*fault);
  return real_.subscribe(name, payments, refunds, now);
}

db::result<std::vector<claim>> faulty_store::open_claims(subscriber_id subscriber,
                                                         stream_lease stream, instant now) {
  if (auto fault = before ? before() : std::nullopt)
    return std::unexpected(*fault);
  auto claims = real_.open_claims(subscriber, stream, now);
  if (claims)
    lose(*claims);
  return claims;
}

void faulty_store::lose(std::vector<claim>& claims) const {
  for (claim& each : claims)
    for (message& one : each.messages)
      if (lost.contains(one.event.entry))
        one.lost = "its order is gone";
}

db::result<delivery_answer> faulty_store::deliver(const delivery_step& step, instant now) {
  if (auto fault = before ? before() : std::nullopt)
    return std::unexpected(*fault);
  auto answer = real_.deliver(step, now);
  if (!answer)
    return answer;
  lose(answer->claims);
  steps.push_back(step);
  for (const ended_claim& ended : step.ended)
    for (const delivery_result& each : ended.results) {
      results[each.entry] = each;
      times_delivered[each.entry] += each.status == delivery_status::delivered ? 1 : 0;
    }
  if (auto fault = after ? after() : std::nullopt)
    return std::unexpected(*fault);
  return answer;
}

// ---- the fixture
// ----------------------------------------------------------------------------------

delivery_fixture::delivery_fixture() : provider(std::make_shared<model_provider>(on)) {
  spdlog::set_level(spdlog::level::err);
  database = db::open_database({.url = "sqlite:" + (directory.path() / "test.db").string(),
                                .owner = "test",
                                .lease = 15s})
                 .value();
  database->migrate(on.time()).value();
  lane = database->connect().value();
  store = std::make_shared<faulty_store>(*lane);
  stream = lane->take_stream(on.time()).value();
  const command made[] = {create_user{"01012345678", won{1'000'000'000}}};
  payer = std::get<user>(lane->settle(made, on.time()).value().at(0)).id;

  options.restart = {.min = 200ms, .max = 3200ms, .factor = 2.0, .jitter = 0.0};
  options.delivery.provider = provider;
  options.delivery.policy.retry = {.min = 1s, .max = 60s, .factor = 2.0, .jitter = 0.0};
  options.delivery.policy.doubt = {.min = 1s, .max = 60s, .factor = 2.0, .jitter = 0.0};
  options.delivery.now = [this] { return on.time(); };
  counters = options.delivery.counters;
}

delivery_fixture::~delivery_fixture() {
  end();
}

void delivery_fixture::start() {
  store_worker_options worker_options;
  worker_options.name = "test";
  worker_options.connect = [this] { return store; };
  worker_options.now = [this] { return on.time(); };
  worker = on.system.spawn(store_worker, worker_options);
  spy = on.system.spawn([this](caf::event_based_actor* self) {
    self->set_default_handler(
        [this, self](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
          child = caf::actor_cast<caf::actor_addr>(self->current_sender());
          worker->enqueue(self->current_sender(), self->current_message_id(),
                          view.move_content_to_message(), self->context());
          return caf::delegated<caf::message>{};
        });
    return caf::behavior{[](const nobody_sends_this&) {}};
  });
  options.delivery.store = {spy};
  supervisor = on.system.spawn(notification_supervisor, options);
  tell(stream_held{stream});
  run();
}

void delivery_fixture::end() {
  for (const caf::actor& each : {supervisor, spy, worker})
    if (each)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  supervisor = spy = worker = nullptr;
  while (provider->waiting() > 0)
    provider->release();
  run();
}

std::vector<entry_id> delivery_fixture::pay(int orders, bool hint, const trace_context& trace) {
  std::vector<command> batch;
  for (int i = 0; i < orders; ++i)
    batch.emplace_back(create_order{payer, won{1000}, won{0}, std::nullopt});
  const auto made = lane->settle(batch, on.time()).value();
  batch.clear();
  for (const outcome& each : made)
    batch.emplace_back(paymentd::pay{std::get<order>(each).id, payer}).trace = trace;
  std::vector<entry_id> entries;
  const auto paid = lane->settle(batch, on.time()).value();
  for (const outcome& each : paid)
    entries.push_back(std::get<order>(each).payment_entry.value());
  if (hint)
    tell(payment_success{stream, entries.back()});
  return entries;
}

void delivery_fixture::pass_until_delivered(const std::vector<entry_id>& entries,
                                            std::chrono::milliseconds most) {
  const auto done = [&] {
    return std::ranges::all_of(entries,
                               [&](entry_id each) { return store->times_delivered[each] > 0; });
  };
  for (run(); most > 0s && !done(); most -= 1s)
    pass(1s, 250ms);
}

bool delivery_fixture::kill() {
  const auto victim = caf::actor_cast<caf::actor>(child);
  child = {};
  if (!victim)
    return false;
  caf::anon_send_exit(victim, caf::exit_reason::kill);
  return true;
}

supervisor_status delivery_fixture::status() {
  supervisor_status got;
  auto asker = on.system.spawn([&](caf::event_based_actor* self) {
    self->request(supervisor, caf::infinite, get_supervisor_status{})
        .then([&](const supervisor_status& each) { got = each; });
  });
  run();
  return got;
}

std::vector<delivery_try> delivery_fixture::tries_of(entry_id entry) {
  const query asked[] = {get_delivery{"alimtalk", entry}};
  return std::get<delivery>(lane->read(asked).value().at(0)).tries;
}

std::size_t delivery_fixture::open_claims() {
  const auto subscriber = store->subscribe("alimtalk", true, false, on.time()).value();
  return store->open_claims(subscriber.id, stream, on.time()).value().size();
}

std::int64_t delivery_fixture::breaches() {
  return database->audit([](std::string_view line) { ADD_FAILURE() << line; }).value().breaches;
}

testing::AssertionResult
delivery_fixture::all_delivered_once(const std::vector<entry_id>& entries) {
  for (const entry_id each : entries) {
    if (provider->times_accepted(each) != 1)
      return testing::AssertionFailure()
             << number_of(each) << " was accepted " << provider->times_accepted(each)
             << " times, last error: " << result_of(each).last_error;
    if (store->times_delivered[each] != 1)
      return testing::AssertionFailure() << number_of(each) << " was stored as DELIVERED "
                                         << store->times_delivered[each] << " times";
  }
  if (open_claims() != 0)
    return testing::AssertionFailure() << open_claims() << " claims are open";
  if (breaches() != 0)
    return testing::AssertionFailure() << "the audit finds breaches";
  return testing::AssertionSuccess();
}

} // namespace paymentd::actors::test
