// Goal: a list is asked for and answered page by page, and a bad question is told. Method: requests
// over a socket to actors that play.
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <mutex>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;

class http_lists : public ::testing::Test {
 protected:
  http_lists() {
    server.actors.look_up = [this](const query& what) {
      const std::lock_guard lock(guard);
      asked = what;
      return plausible(what);
    };
  }
  json page(const std::string& target) {
    const auto answer = client.get(target).value();
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::parse(answer.body);
  }
  template <class Query>
  Query question() {
    const std::lock_guard lock(guard);
    return std::get<Query>(asked);
  }
  std::mutex guard;
  query asked;
  scripted_server server;
  test_client client{server.port()};
};

TEST_F(http_lists, orders_of_a_user_come_page_by_page) {
  const json first = page("/v1/orders?userId=7&limit=2");
  EXPECT_EQ(question<list_orders>().user, user_id{7});
  EXPECT_EQ(question<list_orders>().limit, 2);
  EXPECT_EQ(question<list_orders>().below, list_below{});
  EXPECT_EQ(first["items"].size(), 2u);
  EXPECT_EQ(first["items"][0]["id"], 9);
  EXPECT_EQ(first["hasMore"], true);
  page("/v1/orders?userId=7&cursor=" + first["nextCursor"].get<std::string>());
  EXPECT_EQ(question<list_orders>().below.number, 4); // the last one that was shown
  EXPECT_EQ(question<list_orders>().limit, 20);
}

TEST_F(http_lists, entries_of_a_user_come_page_by_page) {
  const json first = page("/v1/users/7/entries");
  EXPECT_EQ(question<list_entries>().user, user_id{7});
  EXPECT_EQ(first["items"][0]["sequence"], 3);
  page("/v1/users/7/entries?limit=1&cursor=" + first["nextCursor"].get<std::string>());
  EXPECT_EQ(question<list_entries>().below.number, 3);
}

TEST_F(http_lists, orders_are_found_by_status_reference_and_time) {
  const json first =
      page("/v1/orders?status=PAID&reference=A-17"
           "&createdFrom=2026-11-01T00:00:00Z&createdTo=2026-12-01T09:00:00%2B09:00");
  const auto asked_for = question<list_orders>();
  EXPECT_EQ(asked_for.user, std::nullopt);
  EXPECT_EQ(asked_for.status, order_status::paid);
  EXPECT_EQ(asked_for.reference, "A-17");
  EXPECT_EQ(asked_for.created.from, instant{std::chrono::milliseconds{1'793'491'200'000}});
  EXPECT_EQ(asked_for.created.to, instant{std::chrono::milliseconds{1'796'083'200'000}});
  page("/v1/orders?status=PAID&cursor=" + first["nextCursor"].get<std::string>());
  EXPECT_EQ(question<list_orders>().below, (list_below{4, noon}));
}

TEST_F(http_lists, users_are_found_by_reference_and_by_a_phone_as_people_write_it) {
  const json found = page("/v1/users?reference=shop-7&phone=%2B82%2010-1234-5678");
  EXPECT_EQ(question<list_users>().reference, "shop-7");
  EXPECT_EQ(question<list_users>().phone, "01012345678");
  EXPECT_EQ(found["items"].size(), 1u);
  EXPECT_EQ(found["nextCursor"], nullptr);
}

TEST_F(http_lists, entries_are_listed_by_order_and_by_kind_and_day) {
  page("/v1/orders/3/entries");
  EXPECT_EQ(question<list_entries>().order, order_id{3});
  EXPECT_EQ(question<list_entries>().user, std::nullopt);
  page("/v1/entries?kind=WITHDRAWAL&createdFrom=2026-11-01T00:00:00Z");
  EXPECT_EQ(question<list_entries>().kind, entry_kind::withdrawal);
  EXPECT_EQ(question<list_entries>().order, std::nullopt);
}

TEST_F(http_lists, a_bad_question_is_told_and_one_lists_cursor_is_not_anothers) {
  for (const auto* target : {"/v1/orders?cursor=o4",
                             "/v1/orders?userId=7&cursor=o4.17",
                             "/v1/orders?status=paid",
                             "/v1/orders?reference=",
                             "/v1/orders?reference=a%20b",
                             "/v1/orders?createdFrom=2026-11-01",
                             "/v1/orders?createdTo=2026-13-01T00:00:00Z",
                             "/v1/users?phone=12",
                             "/v1/users?cursor=o4",
                             "/v1/entries?kind=charge",
                             "/v1/entries?cursor=e4",
                             "/v1/orders/3/entries?cursor=e4.17",
                             "/v1/orders?userId=0",
                             "/v1/orders?userId=x",
                             "/v1/orders?userId=7&limit=0",
                             "/v1/orders?userId=7&limit=101",
                             "/v1/orders?userId=7&cursor=",
                             "/v1/orders?userId=7&cursor=e3",
                             "/v1/orders?userId=7&cursor=o",
                             "/v1/orders?userId=7&cursor=o-1",
                             "/v1/orders?userId=7&other=1",
                             "/v1/orders?userId=7&userId=8",
                             "/v1/users/7/entries?cursor=o3",
                             "/v1/users/7/entries?limit=",
                             "/v1/users/7/entries?userId=7"})
    EXPECT_EQ(client.get(target)->status, 400) << target;
}

TEST_F(http_lists, an_order_that_does_not_exist_has_no_entries) {
  server.actors.look_up = [](const query&) { return paymentd::answer{not_found{}}; };
  const auto answer = client.get("/v1/orders/7/entries").value();
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(json::parse(answer.body)["code"], "order_not_found");
}

TEST_F(http_lists, a_user_that_does_not_exist_has_no_list) {
  server.actors.look_up = [](const query&) { return paymentd::answer{not_found{}}; };
  for (const auto* target : {"/v1/orders?userId=7", "/v1/users/7/entries"}) {
    const auto answer = client.get(target).value();
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(json::parse(answer.body)["code"], "user_not_found");
  }
}

} // namespace
} // namespace paymentd::http::testing
