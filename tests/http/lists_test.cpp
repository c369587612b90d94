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
  EXPECT_EQ(question<list_orders>().below, safe_integer_max + 1);
  EXPECT_EQ(first["items"].size(), 2u);
  EXPECT_EQ(first["items"][0]["id"], 9);
  EXPECT_EQ(first["hasMore"], true);
  page("/v1/orders?userId=7&cursor=" + first["nextCursor"].get<std::string>());
  EXPECT_EQ(question<list_orders>().below, 4); // the last one that was shown
  EXPECT_EQ(question<list_orders>().limit, 20);
}

TEST_F(http_lists, entries_of_a_user_come_page_by_page) {
  const json first = page("/v1/users/7/entries");
  EXPECT_EQ(question<list_entries>().user, user_id{7});
  EXPECT_EQ(first["items"][0]["sequence"], 3);
  page("/v1/users/7/entries?limit=1&cursor=" + first["nextCursor"].get<std::string>());
  EXPECT_EQ(question<list_entries>().below, 3);
}

TEST_F(http_lists, a_bad_question_is_told_and_one_lists_cursor_is_not_anothers) {
  for (const auto* target : {"/v1/orders", "/v1/orders?userId=0", "/v1/orders?userId=x",
                             "/v1/orders?userId=7&limit=0", "/v1/orders?userId=7&limit=101",
                             "/v1/orders?userId=7&cursor=", "/v1/orders?userId=7&cursor=e3",
                             "/v1/orders?userId=7&cursor=o", "/v1/orders?userId=7&cursor=o-1",
                             "/v1/orders?userId=7&other=1", "/v1/orders?userId=7&userId=8",
                             "/v1/users/7/entries?cursor=o3",
                             "/v1/users/7/entries?limit=", "/v1/users/7/entries?userId=7"})
    EXPECT_EQ(client.get(target)->status, 400) << target;
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
