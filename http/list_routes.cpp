// The calls that list what a user has: orders, and the ledger entries of the balance. Newest first;
// the cursor names the last one shown, so that what is added meanwhile moves no page.
#include "http/list_routes.hpp"

#include "http/json_input.hpp"
#include "http/json_text.hpp"
#include "http/query_input.hpp"

#include <array>

namespace paymentd::http {

namespace {

constexpr int page_limit_max = 100;

/// Reads `limit` and `cursor`, which all lists have, into `asked`; adds what is wrong. A cursor is
/// a letter, by which one list's is not taken for another's, and a number.
template <class Asked>
void read_page(const query_value& limit, const query_value& cursor, char letter, Asked& asked,
               problem& wrong) {
  if (limit.text) {
    if (const auto number = read_number(*limit.text, 1, page_limit_max))
      asked.limit = static_cast<int>(*number);
    else
      wrong.errors.push_back({"limit", "must be a whole number from 1 to 100"});
  }
  if (!cursor.text)
    return;
  std::string_view text = *cursor.text;
  std::optional<std::int64_t> below;
  if (text.starts_with(letter))
    below = read_number(text.substr(1), 1, safe_integer_max);
  if (below)
    asked.below = *below;
  else
    wrong.errors.push_back({"cursor", "must be the nextCursor of a page before"});
}

template <class Page, class Number>
std::expected<void, problem> write_page(const answer& what, response& answer, char letter,
                                        Number number) {
  if (std::holds_alternative<not_found>(what))
    return std::unexpected(problem{problem_code::user_not_found, {}, {}, {}});
  const auto& page = std::get<Page>(what);
  std::string& out = answer.body;
  out += R"({"items":[)";
  for (const auto& each : page.items) {
    if (&each != &page.items.front())
      out += ',';
    append_json(out, each);
  }
  out += R"(],"hasMore":)";
  out += page.more ? "true" : "false";
  out += R"(,"nextCursor":)";
  if (page.more) {
    out.append("\"").append(1, letter);
    append_integer(out, number(page.items.back()));
    out += '"';
  } else {
    out += "null";
  }
  out += '}';
  return {};
}

constexpr char of_orders = 'o';
constexpr char of_entries = 'e';

} // namespace

std::expected<step, problem> prepare_list_orders(const call_input& input, response&) {
  std::array<query_value, 3> given{{{.name = "userId"}, {.name = "limit"}, {.name = "cursor"}}};
  auto read = read_query(input.query, given);
  problem wrong = read ? problem{problem_code::invalid_request, {}, {}, {}} : read.error();
  const auto& [user, limit, cursor] = given;
  list_orders asked;
  const auto id = user.text ? read_number(*user.text, 1, safe_integer_max) : std::nullopt;
  if (id)
    asked.user = {*id};
  else
    wrong.errors.push_back(
        {"userId", user.text ? "must be a whole number from 1 to 9007199254740991" : "is missing"});
  read_page(limit, cursor, of_orders, asked, wrong);
  if (!wrong.errors.empty())
    return std::unexpected(std::move(wrong));
  return query{asked};
}

std::expected<void, problem> write_orders(const answer& what, response& answer) {
  return write_page<order_page>(what, answer, of_orders,
                                [](const order& last) { return last.id.value; });
}

std::expected<step, problem> prepare_list_entries(const call_input& input, response&) {
  std::array<query_value, 2> given{{{.name = "limit"}, {.name = "cursor"}}};
  auto read = read_query(input.query, given);
  problem wrong = read ? problem{problem_code::invalid_request, {}, {}, {}} : read.error();
  list_entries asked;
  asked.user = {input.id};
  read_page(given[0], given[1], of_entries, asked, wrong);
  if (!wrong.errors.empty())
    return std::unexpected(std::move(wrong));
  return query{asked};
}

std::expected<void, problem> write_entries(const answer& what, response& answer) {
  return write_page<entry_page>(what, answer, of_entries,
                                [](const ledger_entry& last) { return last.sequence; });
}

} // namespace paymentd::http
