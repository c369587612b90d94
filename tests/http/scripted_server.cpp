#include "tests/http/scripted_server.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <stdexcept>

namespace paymentd::http::testing {

namespace {

order some_order(order_id id, user_id owner, order_status status) {
  order made;
  made.id = id;
  made.owner = owner;
  made.total = won{12000};
  made.discount = won{2000};
  made.status = status;
  made.created_at = made.updated_at = noon;
  return made;
}

user some_user(const create_user& what) {
  return {.id = user_id{7},
          .phone = what.phone,
          .balance = what.balance,
          .created_at = noon,
          .updated_at = noon,
          .reference = what.reference,
          .metadata = what.metadata};
}

struct outcome_maker {
  outcome operator()(const note_request&) const { return noted{}; }
  outcome operator()(const create_user& what) const { return some_user(what); }
  outcome operator()(const update_user& what) const {
    return some_user({what.phone.value_or("01012345678"), {300}, {}, what.metadata.value_or("")});
  }
  outcome operator()(const update_order& what) const {
    order made = some_order(what.order, user_id{1}, order_status::pending);
    made.metadata = what.metadata;
    return made;
  }
  outcome operator()(const charge& what) const {
    ledger_entry entry;
    entry.id = entry_id{99};
    entry.user = what.user;
    entry.sequence = 3;
    entry.amount = what.amount;
    entry.balance_after = won{what.amount.value + 1};
    entry.created_at = noon;
    return entry;
  }
  outcome operator()(const withdraw& what) const {
    ledger_entry entry;
    entry.id = entry_id{99};
    entry.user = what.user;
    entry.sequence = 3;
    entry.amount = what.amount;
    entry.balance_after = won{what.amount.value + 1};
    entry.created_at = noon;
    return entry;
  }
  outcome operator()(const create_order& what) const {
    order made = some_order(order_id{5}, what.user, order_status::pending);
    made.total = what.total;
    made.discount = what.discount;
    made.coupon = what.coupon;
    made.reference = what.reference;
    made.metadata = what.metadata;
    return made;
  }
  outcome operator()(const pay& what) const {
    return some_order(what.order, what.user, order_status::paid);
  }
  outcome operator()(const cancel& what) const {
    return some_order(what.order, user_id{1}, order_status::cancelled);
  }
  outcome operator()(const refund& what) const {
    return some_order(what.order, user_id{1}, order_status::refunded);
  }
};

} // namespace

delivery some_delivery(const get_delivery& which, delivery_status status) {
  delivery made;
  made.subscriber = which.subscriber;
  made.entry = which.entry;
  made.order = order_id{3};
  made.status = status;
  made.attempts = 2;
  made.last_error = "-1006 bad number";
  made.created_at = made.updated_at = noon;
  made.tries = {{.at = noon,
                 .took = std::chrono::milliseconds{12},
                 .outcome = try_outcome::outage,
                 .detail = "connection \"refused\""}};
  return made;
}

actors::outcome_reply plausible(const command& what) {
  return std::visit(outcome_maker{}, what.what);
}

actors::answer_reply plausible(const query& what) {
  if (const auto* asked = std::get_if<get_user>(&what))
    return user{.id = asked->id,
                .phone = "01012345678",
                .balance = won{50000},
                .last_sequence = 1,
                .created_at = noon,
                .updated_at = noon};
  if (const auto* one = std::get_if<get_delivery>(&what))
    return some_delivery(*one, delivery_status::failed);
  if (std::holds_alternative<list_users>(what))
    return user_page{{some_user({"01012345678", won{50000}})}, std::nullopt};
  if (const auto* orders = std::get_if<list_orders>(&what)) {
    const user_id owner = orders->user.value_or(user_id{1});
    const list_below next = orders->user ? list_below{4} : list_below{4, noon};
    return order_page{{some_order(order_id{9}, owner, order_status::paid),
                       some_order(order_id{4}, owner, order_status::pending)},
                      next};
  }
  if (const auto* entries = std::get_if<list_entries>(&what)) {
    ledger_entry entry;
    entry.id = entry_id{99};
    entry.user = entries->user.value_or(user_id{1});
    entry.sequence = 3;
    entry.amount = won{5};
    entry.balance_after = won{5};
    entry.created_at = noon;
    const bool by_time = !entries->user && !entries->order;
    return entry_page{{entry}, by_time ? list_below{99, noon} : list_below{3}};
  }
  if (std::holds_alternative<list_deliveries>(what))
    return delivery_page{};
  if (std::holds_alternative<list_events>(what))
    return event_page{.items = {}, .begin = {}, .next = {}, .instance = "0f1e2d3c"};
  if (std::holds_alternative<get_audits>(what))
    return noted_audits{};
  return some_order(std::get<get_order>(what).id, user_id{1}, order_status::pending);
}

webhook some_webhook(const std::string& name) {
  webhook made;
  made.name = name;
  made.url = "https://shop.example/hook";
  made.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  made.created_at = made.updated_at = noon;
  return made;
}

actors::answer_reply plausible(const webhook_request& what) {
  const auto shown = [](const webhook& one, bool with_secret = false) {
    return webhook_shown{std::make_shared<const webhook>(one), with_secret};
  };
  if (std::holds_alternative<list_webhooks>(what))
    return webhook_list{{some_webhook("books"), some_webhook("shop")}};
  if (const auto* made = std::get_if<create_webhook>(&what)) {
    webhook one = made->what;
    one.secret = some_webhook("").secret;
    one.created_at = one.updated_at = noon;
    return shown(one, true);
  }
  if (const auto* rotated = std::get_if<rotate_webhook_secret>(&what))
    return shown(some_webhook(rotated->name), true);
  if (const auto* one = std::get_if<get_webhook>(&what))
    return shown(some_webhook(one->name));
  if (const auto* changed = std::get_if<update_webhook>(&what)) {
    webhook one = some_webhook(changed->name);
    one.enabled = changed->enabled.value_or(true);
    one.paused_at = one.failing_since = noon;
    return shown(one);
  }
  if (std::holds_alternative<test_webhook>(what))
    return webhook_tested{
        .taken = false, .detail = "HTTP 500", .took = std::chrono::milliseconds{12}};
  return webhook_done{};
}

void script::hold() {
  const std::lock_guard lock{guard_};
  holding_ = true;
}

void script::release() {
  std::vector<actors::submit> held;
  {
    const std::lock_guard lock{guard_};
    holding_ = false;
    held.swap(held_);
  }
  for (const actors::submit& each : held)
    caf::anon_send(each.from.reply_to, actors::settled{each.from.number, settle(each.what)});
}

void script::take(actors::submit what) {
  const actors::submit* now = nullptr;
  {
    const std::lock_guard lock{guard_};
    commands_.push_back(what.what);
    tickets_.push_back(what.from);
    if (holding_)
      held_.push_back(what);
    else
      now = &what;
  }
  came_.notify_all();
  if (now)
    caf::anon_send(now->from.reply_to, actors::settled{now->from.number, settle(now->what)});
}

bool script::wait_for_commands(std::size_t count) {
  std::unique_lock lock{guard_};
  return came_.wait_for(lock, std::chrono::seconds{10}, [&] { return commands_.size() >= count; });
}

std::vector<command> script::commands() {
  const std::lock_guard lock{guard_};
  return commands_;
}

std::vector<actors::ticket> script::tickets() {
  const std::lock_guard lock{guard_};
  return tickets_;
}

scripted_server::scripted_server(server_options options) {
  config_.set("scheduler.max-threads", 2);
  config_.set("scheduler.policy", caf::atom("sharing"));
  system_ = std::make_unique<caf::actor_system>(config_);
  entrance_ = system_->spawn([this](caf::event_based_actor*) -> caf::behavior {
    return {
        [this](actors::submit& what) { actors.take(std::move(what)); },
        [this](actors::submit_many& many) {
          for (actors::submit& each : many.commands)
            actors.take(std::move(each));
        },
        [this](actors::look_up_many& many) {
          actors::looked_up_many together; // one I/O thread asks
          for (const actors::look_up& each : many.queries)
            together.answers.push_back({each.from.number, actors.look_up(each.what)});
          caf::anon_send(many.queries.front().from.reply_to, std::move(together));
        },
        [this](actors::webhook_asked& what) {
          caf::anon_send(what.from.reply_to,
                         actors::looked_up{what.from.number, actors.ask(what.what)});
        },
        [this](actors::check_store) { actors.checks.fetch_add(1); },
        [this](actors::retry_delivery& what) {
          caf::anon_send(what.from.reply_to,
                         actors::looked_up{what.from.number, actors.retry(what.what)});
        },
        [this](actors::retry_all_failed& what) {
          caf::anon_send(what.from.reply_to,
                         actors::looked_up{what.from.number, actors.retry_all(what.what)});
        },
    };
  });
  options.listen = "127.0.0.1:0";
  if (!options.admin_listen.ends_with(":0")) // a free port, unless the test says where
    options.admin_listen = "127.0.0.1:0";
  options.health = [this] { return actors.health(); };
  server_ = std::make_unique<http::server>(*system_, options);
  const actors::entrance to{{entrance_}, {entrance_}, {entrance_},
                            {entrance_}, entrance_,   entrance_};
  if (const auto started = server_->start(to); !started)
    throw std::runtime_error{started.error()};
}

scripted_server::~scripted_server() {
  server_.reset();
  end_the_actors();
  caf::scoped_actor self{*system_};
  self->wait_for(entrance_);
}

void scripted_server::end_the_actors() {
  caf::anon_send_exit(entrance_, caf::exit_reason::user_shutdown);
}

} // namespace paymentd::http::testing
