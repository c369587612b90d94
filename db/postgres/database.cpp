#include "db/postgres/database.hpp"

#include "db/postgres/administration.hpp"
#include "db/postgres/store.hpp"

namespace paymentd::db::postgres {
namespace {

// Each lane holds a connection, and PostgreSQL gives out 100 where nothing else is set.
constexpr int lanes_of_postgres_max = 64;

class postgres_database final : public database {
 public:
  postgres_database(conninfo to, const database_options& options)
      : to_(std::move(to)), limits_(limits_for(options.lease)), owner_(options.owner),
        lease_(options.lease), reads_user_(options.reads_user) {}

  result<int> migrate(instant now) override { return postgres::migrate(to_, now); }
  result<void> check_schema() override { return postgres::check_schema(to_, limits_); }

  result<std::unique_ptr<store>> connect() override {
    auto made = std::make_unique<postgres_store>(
        store_options{to_, limits_, owner_, lease_, reads_user_, newest_});
    if (auto answers = made->ping(); !answers)
      return std::unexpected(answers.error());
    return made;
  }
  result<std::unique_ptr<reader>> connect_reader() override {
    auto on = connect();
    if (!on)
      return std::unexpected(on.error());
    return std::make_unique<reader>(*std::move(on));
  }

  int lanes_max() const override { return lanes_of_postgres_max; }
  bool delivers_on_lane() const override { return false; }

  result<void> seed(const seed_plan& plan, instant now) override {
    return postgres::seed(to_, plan, now);
  }
  result<import_result> import_users(const import_file& file, const user_source& rows,
                                     instant now) override {
    if (auto fits = check_schema(); !fits)
      return std::unexpected(fits.error());
    return postgres::import_users(to_, file, rows, now);
  }
  result<import_result> import_orders(const import_file& file, const order_source& rows,
                                      instant now) override {
    if (auto fits = check_schema(); !fits)
      return std::unexpected(fits.error());
    return postgres::import_orders(to_, file, rows, now);
  }
  result<void> export_entries(const entry_range& range, const entry_sink& to) override {
    if (auto fits = check_schema(); !fits)
      return fits;
    return postgres::export_entries(to_, range, to);
  }
  result<std::int64_t>
  retry_all_failed(std::string_view subscriber, instant now,
                   const std::function<void(std::int64_t)>& progress) override {
    return postgres::retry_all_failed(to_, subscriber, now, progress);
  }
  result<audit_result> audit(const std::function<void(std::string_view)>& breach) override {
    return postgres::audit(to_, breach);
  }
  result<void> note_audit(const audit_result& what) override {
    return postgres::note_audit(to_, what);
  }

 private:
  const conninfo to_;
  const session_limits limits_;
  const std::string owner_;
  const std::chrono::milliseconds lease_;
  const bool reads_user_;
  const std::shared_ptr<recent_events> newest_ = std::make_shared<recent_events>();
};

} // namespace

result<void> check_url(const std::string& url) {
  if (auto to = conninfo::parse(url, limits_for(database_options{}.lease)); !to)
    return std::unexpected(to.error());
  return {};
}

result<std::unique_ptr<database>> open(const database_options& options) {
  if (options.owner.empty())
    return std::unexpected(error{error_kind::broken, "the owner of the streams has no name"});
  auto to = conninfo::parse(options.url, limits_for(options.lease));
  if (!to)
    return std::unexpected(to.error());
  return std::make_unique<postgres_database>(*std::move(to), options);
}

} // namespace paymentd::db::postgres
