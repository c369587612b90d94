// Goal: a file is imported whole or not at all, and once; the ledger adds up after it, and nobody
// is told of it, neither those who were there before nor those who come later. Method: files of
// users and orders in every status, on a database with a subscriber that has something to deliver;
// the audit, the balances and what is claimed afterwards.
#include "tests/db/conformance.hpp"

#include <numeric>

namespace paymentd::db {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

template <class Row>
import_file file_of(const std::vector<Row>& rows, const std::string& digest) {
  const auto entries =
      std::accumulate(rows.begin(), rows.end(), std::int64_t{0},
                      [](auto sum, const Row& row) { return sum + entries_of_import(row.what); });
  return {.digest = digest, .rows = std::ssize(rows), .entries = entries};
}

template <class Row>
std::function<const Row*()> source_of(const std::vector<Row>& rows) {
  return [&rows, next = std::size_t{0}]() mutable {
    return next < rows.size() ? &rows[next++] : nullptr;
  };
}

class import : public conformance {
 protected:
  /// As `paymentd import` does it: alone, where the store has one writer.
  result<import_result> import_users(const std::vector<imported_user>& rows,
                                     const std::string& digest = "users") {
    return alone([&](database& on) {
      return on.import_users(file_of(rows, digest), source_of(rows), now_);
    });
  }
  result<import_result> import_orders(const std::vector<imported_order>& rows,
                                      const std::string& digest = "orders") {
    return alone([&](database& on) {
      return on.import_orders(file_of(rows, digest), source_of(rows), now_);
    });
  }
  static imported_user a_user(std::int64_t line, std::int64_t balance,
                              const std::string& reference = {}) {
    imported_user row{.line = line, .what = {}};
    row.what.reference = reference;
    row.what.phone = "01012345678";
    row.what.balance = {balance};
    row.what.last_sequence = entries_of_import(row.what);
    row.what.created_at = start - std::chrono::hours{24};
    row.what.updated_at = row.what.created_at;
    return row;
  }
  static imported_order an_order(std::int64_t line, user_id of, order_status status,
                                 std::int64_t refunded = 0) {
    imported_order row{.line = line, .what = {}, .user_reference = {}};
    row.what.owner = of;
    row.what.total = {1000};
    row.what.discount = {200};
    row.what.status = status;
    row.what.refunded = {refunded};
    row.what.created_at = start - std::chrono::hours{24};
    row.what.updated_at = start - std::chrono::hours{23};
    return row;
  }
  /// One of each status, and one of which a part was refunded.
  static std::vector<imported_order> of_each_status(user_id of) {
    return {an_order(2, of, order_status::pending), an_order(3, of, order_status::paid),
            an_order(4, of, order_status::cancelled), an_order(5, of, order_status::refunded, 800),
            an_order(6, of, order_status::paid, 300)};
  }
  std::vector<order> orders_of(user_id who) {
    return read<order_page>(list_orders{.user = who, .limit = 100}).items;
  }
  std::vector<ledger_entry> entries_of(user_id who) {
    return read<entry_page>(list_entries{.user = who, .limit = 100}).items;
  }

 private:
  template <class Work>
  result<import_result> alone(Work work) {
    lane_.reset();
    database_.reset();
    database_ = open();
    auto done = work(*database_);
    reopen();
    return done;
  }
};

TEST_P(import, users_have_what_the_file_says_and_a_ledger_that_adds_up) {
  std::vector<imported_user> rows{a_user(2, 700, "a"), a_user(3, 0, "b"), a_user(4, 900)};
  rows[0].what.metadata = R"({"note":"a\\\tb"})";
  rows[2].what.phone = "";
  const auto done = must(import_users(rows));
  EXPECT_EQ(done.before, std::nullopt);
  EXPECT_TRUE(done.faults.none());
  EXPECT_THAT(breaches(), IsEmpty());
  const auto found = read<user_page>(list_users{}).items; // newest first
  ASSERT_THAT(found, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    const user& one = found[2 - i];
    EXPECT_EQ(one.reference, rows[i].what.reference);
    EXPECT_EQ(one.phone, rows[i].what.phone);
    EXPECT_EQ(one.balance, rows[i].what.balance);
    EXPECT_EQ(one.metadata, rows[i].what.metadata);
    EXPECT_EQ(one.created_at, rows[i].what.created_at);
    EXPECT_THAT(entries_of(one.id), SizeIs(one.balance > won{0} ? 1 : 0));
  }
}

TEST_P(import, users_of_orders_are_found_by_their_references) {
  must(import_users({a_user(2, 700, "a"), a_user(3, 0, "b")}));
  auto rows = of_each_status({});
  for (imported_order& each : rows) {
    each.user_reference = each.line % 2 == 0 ? "a" : "b";
    each.what.reference = "order-" + std::to_string(each.line);
    each.what.metadata = R"({"shop":"1"})";
  }
  EXPECT_TRUE(must(import_orders(rows)).faults.none());
  EXPECT_THAT(breaches(), IsEmpty());
  const auto a = read<user_page>(list_users{.reference = "a"}).items.at(0);
  EXPECT_THAT(orders_of(a.id), SizeIs(3));
  EXPECT_EQ(a.balance, won{700});
  const auto found = read<order_page>(list_orders{.reference = "order-5"}).items;
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].status, order_status::refunded);
  EXPECT_EQ(found[0].metadata, R"({"shop":"1"})");
}

TEST_P(import, a_reference_belongs_to_one_alone) {
  settle_one<user>(create_user{"", {}, "a"});
  const auto users =
      must(import_users({a_user(2, 1, "b"), a_user(3, 1, "a"), a_user(4, 1, "b"), a_user(5, 1)}));
  EXPECT_THAT(users.faults.told, ElementsAre(import_fault{3, "reference", "is another user's"},
                                             import_fault{4, "reference", "is another user's"}));
  const user who = new_user(5);
  auto rows = of_each_status(who.id);
  rows[0].what.reference = "a"; // a user's: free for an order
  rows[1].what.reference = "b";
  rows[2].what.reference = "b";
  rows[3].what.owner = {};
  rows[3].user_reference = "nobody";
  const auto orders = must(import_orders(rows));
  EXPECT_THAT(orders.faults.told,
              ElementsAre(import_fault{4, "reference", "is another order's"},
                          import_fault{5, "userReference", "no user has this reference"}));
  EXPECT_THAT(breaches(), IsEmpty());
}

TEST_P(import, orders_of_each_status_keep_their_times_and_leave_the_balance_as_it_is) {
  const user who = new_user(500);
  EXPECT_TRUE(must(import_orders(of_each_status(who.id))).faults.none());
  EXPECT_THAT(breaches(), IsEmpty());
  const auto orders = orders_of(who.id);
  ASSERT_THAT(orders, SizeIs(5));
  std::vector<std::pair<order_status, std::int64_t>> found;
  for (const order& each : orders) {
    found.emplace_back(each.status, each.refunded.value);
    EXPECT_EQ(each.created_at, start - std::chrono::hours{24});
    EXPECT_EQ(each.updated_at, start - std::chrono::hours{23});
  }
  EXPECT_THAT(
      found, ElementsAre(std::pair(order_status::paid, 300), std::pair(order_status::refunded, 800),
                         std::pair(order_status::cancelled, 0), std::pair(order_status::paid, 0),
                         std::pair(order_status::pending, 0)))
      << "newest first: the last one of the file";
  EXPECT_EQ(read<user>(get_user{who.id}).balance, won{500});
  for (const ledger_entry& each : entries_of(who.id))
    EXPECT_EQ(each.created_at, now_) << "the ledger is written forward only";
}

TEST_P(import, what_was_imported_can_be_paid_refunded_and_charged_on) {
  const user who = new_user(500);
  must(import_orders(of_each_status(who.id)));
  const auto orders = orders_of(who.id);
  EXPECT_EQ(settle_one<order>(refund{orders.at(0).id}).status, order_status::refunded);
  EXPECT_EQ(settle_one<order>(refund{orders.at(3).id, won{1}}).refunded, won{1});
  EXPECT_EQ(settle_one<order>(pay{orders.at(4).id, who.id}).status, order_status::paid);
  EXPECT_EQ(read<user>(get_user{who.id}).balance, won{500 + 500 + 1 - 800});
  EXPECT_THAT(breaches(), IsEmpty());
}

TEST_P(import, nobody_is_told_of_it_but_of_all_else) {
  const subscriber_id early = subscribe("alimtalk", true, true);
  const order waits = paid_orders(1).at(0);
  const user who = new_user(500);
  must(import_orders(of_each_status(who.id)));
  const subscriber_id late = subscribe("webhook-shop", true, true);
  const order after = paid_orders(1).at(0);
  std::vector<entry_id> told;
  const std::vector<std::string> names{"alimtalk", "webhook-shop"};
  const std::vector<stream_id> written{lane_->lease().stream};
  std::vector<entry_id> told_late;
  for (const auto& each : must(deliverer().lease_deliveries(names, written, 100, now_))) {
    delivery_step next;
    next.subscriber = each.subscriber == "alimtalk" ? early : late;
    next.stream = each.stream;
    next.open_max = 8;
    next.messages_max = 100;
    for (bool more = true; more;) { // the import has left numbers out, so it may take several steps
      const auto answer = must(deliverer().deliver(next, now_));
      for (const auto& opened : answer.claims)
        for (const entry_id entry : db::entries_of(opened))
          (next.subscriber == early ? told : told_late).push_back(entry);
      more = answer.more;
    }
  }
  EXPECT_THAT(told, testing::UnorderedElementsAre(*waits.payment_entry, *after.payment_entry));
  EXPECT_THAT(told_late, ElementsAre(*after.payment_entry));
  EXPECT_THAT(breaches(), IsEmpty());
}

TEST_P(import, the_same_file_is_imported_once) {
  const user who = new_user(500);
  must(import_users({a_user(2, 700)}));
  must(import_orders(of_each_status(who.id)));
  const instant first = now_;
  now_ += std::chrono::hours{1};
  EXPECT_EQ(must(import_users({a_user(2, 700)})).before, first);
  EXPECT_EQ(must(import_orders(of_each_status(who.id))).before, first);
  EXPECT_THAT(orders_of(who.id), SizeIs(5));
  must(import_orders(of_each_status(who.id), "another file"));
  EXPECT_THAT(orders_of(who.id), SizeIs(10));
  EXPECT_EQ(read<user>(get_user{who.id}).balance, won{500});
  EXPECT_THAT(breaches(), IsEmpty());
}

TEST_P(import, of_a_file_with_a_fault_nothing_is_imported) {
  const user who = new_user(500);
  const user rich = new_user(won_max.value - 799);
  auto rows = of_each_status(who.id);
  rows.push_back(an_order(7, {999'999}, order_status::pending));
  rows.push_back(an_order(8, rich.id, order_status::paid));
  rows.push_back(an_order(9, rich.id, order_status::pending));
  const auto done = must(import_orders(rows));
  EXPECT_EQ(done.faults.count, 2);
  EXPECT_THAT(done.faults.told,
              ElementsAre(import_fault{7, "userId", "no user has this id"},
                          import_fault{8, "totalAmount",
                                       "is more than the user's balance leaves room for"}));
  EXPECT_THAT(orders_of(who.id), IsEmpty());
  EXPECT_THAT(entries_of(who.id), SizeIs(1));
  EXPECT_THAT(breaches(), IsEmpty());
  // The file is not taken for one that was imported.
  EXPECT_EQ(must(import_orders(of_each_status(who.id))).before, std::nullopt);
}

TEST_P(import, a_source_that_breaks_off_leaves_nothing) {
  const user who = new_user(500);
  const auto rows = of_each_status(who.id);
  lane_.reset();
  database_.reset();
  database_ = open();
  const order_source breaks = [next = std::size_t{0}, &rows]() mutable {
    if (next == 3)
      throw std::runtime_error("the file changed");
    return &rows[next++];
  };
  EXPECT_THROW((void)database_->import_orders(file_of(rows, "orders"), breaks, now_),
               std::runtime_error);
  reopen();
  EXPECT_THAT(orders_of(who.id), IsEmpty());
  EXPECT_THAT(breaches(), IsEmpty());
  EXPECT_TRUE(must(import_orders(rows)).faults.none());
  EXPECT_THAT(orders_of(who.id), SizeIs(5));
}

TEST_P(import, files_of_many_rows_add_up) {
  std::vector<user_id> users;
  for (int i = 0; i < 7; ++i)
    users.push_back(new_user(100 * i).id);
  std::vector<imported_order> rows;
  for (std::int64_t line = 2; rows.size() < 25'000; ++line) {
    const auto status = static_cast<order_status>(line % 4);
    rows.push_back(an_order(line, users[static_cast<std::size_t>(line * 31 % 7)], status,
                            status == order_status::refunded ? 800 : 0));
  }
  EXPECT_TRUE(must(import_orders(rows)).faults.none());
  EXPECT_THAT(breaches(), IsEmpty());
  for (std::size_t i = 0; i < users.size(); ++i)
    EXPECT_EQ(read<user>(get_user{users[i]}).balance.value, 100 * static_cast<std::int64_t>(i));
}

// ---- export
// ---------------------------------------------------------------------------------------

class export_entries : public conformance {
 protected:
  std::vector<ledger_entry> entries(instant from, instant to) {
    std::vector<ledger_entry> found;
    must(database_->export_entries({from, to}, [&](const ledger_entry& each) {
      found.push_back(each);
      return true;
    }));
    return found;
  }
};

TEST_P(export_entries, the_entries_of_a_time_are_given_whole) {
  const user who = new_user(1000);
  now_ += std::chrono::hours{1};
  const instant from = now_;
  const order made = new_order(who.id, 300);
  settle({pay{made.id, who.id}, refund{made.id, won{100}, "a, \"part\""}});
  settle({withdraw{who.id, {50}, "=1+1"}});
  now_ += std::chrono::hours{1};
  const instant to = now_;
  settle({charge{who.id, {7}, ""}});
  const auto found = entries(from, to);
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].kind, entry_kind::payment);
  EXPECT_EQ(found[0].amount, won{-300});
  EXPECT_EQ(found[0].balance_after, won{700});
  EXPECT_EQ(found[0].order, made.id);
  EXPECT_EQ(found[0].user, who.id);
  EXPECT_EQ(found[0].sequence, 2);
  EXPECT_EQ(found[0].created_at, from);
  EXPECT_EQ(found[1].reason, "a, \"part\"");
  EXPECT_EQ(found[2].kind, entry_kind::withdrawal);
  EXPECT_EQ(found[2].order, std::nullopt);
  EXPECT_THAT(entries(to, to + std::chrono::milliseconds{1}), SizeIs(1)) << "from is part of it";
  EXPECT_THAT(entries(start - std::chrono::hours{1}, start), IsEmpty());
}

TEST_P(export_entries, what_is_committed_meanwhile_is_not_among_them) {
  paid_orders(9'000); // more than are read at once
  std::int64_t count = 0;
  must(database_->export_entries({start, start + std::chrono::hours{1}},
                                 [&](const ledger_entry& each) {
                                   if (++count % 5'000 == 1)
                                     settle({charge{each.user, {1}, ""}});
                                   return true;
                                 }));
  EXPECT_EQ(count, 9'001);
}

TEST_P(export_entries, one_that_is_ended_reads_no_more) {
  paid_orders(5);
  int count = 0;
  must(database_->export_entries({start, start + std::chrono::hours{1}},
                                 [&](const ledger_entry&) { return ++count < 2; }));
  EXPECT_EQ(count, 2);
}

INSTANTIATE_TEST_SUITE_P(stores, import, testing::ValuesIn(all_stores()), name_of_store);
INSTANTIATE_TEST_SUITE_P(stores, export_entries, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
