// Goal: what the server says at an odd moment, or of a connection alone, is neither taken for a
// success nor for more than it is: warnings, failures at the end of a round trip, plans and
// connections that have become useless. Method: the real server, made to say each by triggers,
// changes of the schema and ended sessions.
#include "tests/db/postgres_fixture.hpp"

#include <thread>

namespace paymentd::db {
namespace {

class postgres_sessions : public postgres_test {
 protected:
  std::unique_ptr<db::reader> reader() { return must(open("reader")->connect_reader()); }
  result<std::vector<answer>> read_user(read_store& on) {
    const std::vector<query> queries{get_user{{1}}};
    return on.read(queries);
  }
  void end_sessions() {
    sql("select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'paymentd' and datname = current_database()");
  }
  /// `body` is done by each change of a table, `when` it is deferred or not.
  void add_trigger(const std::string& table, const std::string& body, bool deferred) {
    sql("create function paymentd.speak() returns trigger language plpgsql as "
        "$$ begin " +
        body + "; return null; end $$");
    sql("create constraint trigger speaks after insert or update on paymentd." + table +
        (deferred ? " deferrable initially deferred" : "") +
        " for each row execute function paymentd.speak()");
  }
};

TEST_F(postgres_sessions, a_warning_of_the_server_leaves_no_commit_in_doubt) {
  const auto on = lane("one");
  const auto pays = payable(*on, 2);
  add_trigger("orders", "raise warning 'database must be vacuumed within % transactions', new.id",
              false);
  EXPECT_EQ(must(on->settle(pays, start)).size(), 2u);
  EXPECT_EQ(paid_orders(), "2");
}

TEST_F(postgres_sessions, a_commit_that_fails_by_itself_is_no_success) {
  const auto on = lane("one");
  add_trigger("streams", "raise exception 'not now'", true);
  // Where no transaction is begun, the server commits at the end of the round trip.
  const auto other = must(open("other")->connect());
  EXPECT_FALSE(other->take_stream(start).has_value());
  sql("drop trigger speaks on paymentd.streams");
  EXPECT_TRUE(other->take_stream(start).has_value()) << "the connection is good for more";
}

/// While it lives, commits wait for a standby that is not there.
class missing_standby {
 public:
  explicit missing_standby(postgres_cluster& cluster, const std::string& database)
      : cluster_(cluster), database_(database) {
    set("nobody");
  }
  ~missing_standby() { set(""); }
  missing_standby(const missing_standby&) = delete;
  missing_standby& operator=(const missing_standby&) = delete;

  /// Cancels one wait for it. False where none comes within ten seconds.
  bool cancel_a_wait() {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (std::chrono::steady_clock::now() < give_up)
      if (!cluster_
               .sql(database_, "select pg_cancel_backend(pid)::text from pg_stat_activity where "
                               "wait_event = 'SyncRep' and datname = current_database()")
               .empty())
        return true;
    return false;
  }

 private:
  void set(const std::string& names) {
    cluster_.sql(database_, "alter system set synchronous_standby_names = '" + names + "'");
    cluster_.sql(database_, "select pg_reload_conf()");
  }
  postgres_cluster& cluster_;
  const std::string database_;
};

TEST_F(postgres_sessions, a_commit_that_no_standby_has_is_resolved_by_a_write_that_one_has) {
  lease_ = std::chrono::seconds{60}; // its limits are above what the test takes
  const auto on = lane("one");
  const auto pays = payable(*on, 2000);
  std::size_t next = 0;
  {
    missing_standby none(cluster(), name_);
    result<std::vector<outcome>> settled;
    // Until the server has seen the change, a commit waits for nobody.
    std::jthread cancels([&] { EXPECT_TRUE(none.cancel_a_wait()); });
    do
      settled = on->settle(std::span(pays).subspan(next++, 1), start);
    while (settled && next < pays.size());
    cancels.join();
    ASSERT_EQ(kind_of(settled), error_kind::in_doubt);

    std::optional<error_kind> looked;
    {
      std::jthread resolves([&] { looked = kind_of(on->resolve(start)); });
      EXPECT_TRUE(none.cancel_a_wait());
    }
    EXPECT_EQ(looked, error_kind::unavailable) << "the look was not waited for either";
  }
  auto resolved = on->resolve(start);
  while (!resolved && resolved.error().kind == error_kind::unavailable)
    resolved = on->resolve(start);
  EXPECT_TRUE(must(resolved).has_value());
  EXPECT_EQ(paid_orders(), std::to_string(next));
}

TEST_F(postgres_sessions, a_retry_that_no_standby_has_is_given_again_once_one_has_it) {
  lease_ = std::chrono::seconds{60}; // its limits are above what the test takes
  const auto on = lane("one");
  std::vector<delivery_retry> all;
  for (const entry_id each : failed_messages(*on, 2000))
    all.push_back(retry_under_key(each));
  std::span<const delivery_retry> unheard;
  const auto ask = [&] { return on->retry(unheard, start); };
  {
    missing_standby none(cluster(), name_);
    std::size_t next = 0;
    result<std::vector<answer>> answers;
    // Until the server has seen the change, a commit waits for nobody.
    std::jthread cancels([&] { EXPECT_TRUE(none.cancel_a_wait()); });
    do {
      unheard = std::span(all).subspan(next++, 1);
      answers = ask();
    } while (answers && next < all.size());
    cancels.join();
    ASSERT_EQ(kind_of(answers), error_kind::in_doubt);
    std::jthread cancels_again([&] { EXPECT_TRUE(none.cancel_a_wait()); });
    EXPECT_EQ(kind_of(ask()), error_kind::in_doubt) << "it is kept, but no standby has it yet";
  }
  auto given = ask();
  while (kind_of(given) == error_kind::in_doubt) // until the server has seen that change, too
    given = ask();
  EXPECT_TRUE(std::holds_alternative<replayed_retry>(must(given).at(0)));
}

TEST_F(postgres_sessions, a_read_on_a_connection_that_has_died_is_done_on_a_new_one) {
  const auto on = reader();
  must(read_user(*on));
  end_sessions();
  EXPECT_TRUE(read_user(*on).has_value());
  end_sessions();
  EXPECT_TRUE(on->ping().has_value());
}

TEST_F(postgres_sessions, a_retry_by_hand_on_a_connection_that_has_died_is_done_on_a_new_one) {
  const auto on = lane("one");
  const std::vector<delivery_retry> which{{{"alimtalk", {1}}}};
  must(on->retry(which, start));
  end_sessions();
  EXPECT_TRUE(on->retry(which, start).has_value());
}

TEST_F(postgres_sessions, a_plan_that_outlived_a_change_of_the_schema_ends_its_connection) {
  const auto on = reader();
  must(read_user(*on));
  sql("alter table paymentd.users alter column phone type varchar(20)");
  EXPECT_TRUE(read_user(*on).has_value());
}

TEST_F(postgres_sessions, a_server_that_has_become_read_only_is_left_for_another) {
  const auto on = lane("one");
  const auto pays = payable(*on, 1);
  const auto before = on->lease();
  add_trigger("orders", "raise exception 'cannot execute' using errcode = '25006'", false);
  EXPECT_EQ(kind_of(on->settle(pays, start)), error_kind::unavailable);
  sql("drop trigger speaks on paymentd.orders");
  must(on->settle(pays, start));
  EXPECT_GT(on->lease().epoch, before.epoch) << "it goes on with the connection of before";
}

TEST_F(postgres_sessions, every_session_speaks_utf_8_and_hides_no_warning) {
  const auto name = cluster().create_database();
  cluster().sql(name, "alter database " + name + " set client_encoding = 'EUC_KR'");
  cluster().sql(name, "alter database " + name + " set client_min_messages = 'error'");
  const auto database = must(open_database(
      {.url = cluster().url(name), .owner = "korean", .lease = std::chrono::milliseconds{4000}}));
  must(database->migrate(start));
  const auto on = must(database->connect());
  must(on->take_stream(start));
  const auto who = must(on->subscribe("alimtalk", true, false, start));
  const auto pays = payable(*on, 1);
  must(on->settle(pays, start));
  const auto held = must(on->lease_deliveries(std::vector<std::string>{"alimtalk"},
                                              std::vector{on->lease().stream}, 10, start));
  must(on->open_claims(who.id, held.at(0).stream, start));
  delivery_step step;
  step.subscriber = who.id;
  step.stream = held[0].stream;
  step.open_max = 1;
  auto ended = end_as(must(on->deliver(step, start)).claims.at(0), delivery_status::failed);
  ended.results[0].last_error = "수신 번호 오류";
  step.ended = {ended};
  must(on->deliver(step, start));
  const std::vector<query> page{list_deliveries{.status = delivery_status::failed}};
  EXPECT_EQ(std::get<delivery_page>(must(on->read(page)).at(0)).items.at(0).last_error,
            "수신 번호 오류");
}

} // namespace
} // namespace paymentd::db
