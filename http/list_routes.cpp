// The routes that list users, orders and ledger entries. Newest first; the cursor names the last
// one shown, so that what is added meanwhile moves no page.
#include "http/page.hpp"
#include "http/route_parts.hpp"
#include "http/routes.hpp"

#include <array>

namespace paymentd::http {

namespace {

// A cursor is a letter, by which one list's is not taken for another's, a number and, of a list by
// time, a dot and the milliseconds since 1970.
constexpr char of_users = 'u';
constexpr char of_orders = 'o';
constexpr char of_entries = 'e';

std::string to_cursor(char letter, const list_below& below) {
  std::string text(1, letter);
  append_number(text, below.number);
  if (below.created_at != instant::max()) {
    text += '.';
    append_number(text, below.created_at.time_since_epoch().count());
  }
  return text;
}

std::optional<list_below> from_cursor(char letter, std::string_view text) {
  if (!text.starts_with(letter))
    return std::nullopt;
  text.remove_prefix(1);
  const auto dot = text.find('.');
  list_below below;
  if (dot != std::string_view::npos) {
    const auto ms = read_number(text.substr(dot + 1), 0, safe_integer_max);
    if (!ms)
      return std::nullopt;
    below.created_at = instant{std::chrono::milliseconds{*ms}};
  }
  const auto number = read_number(text.substr(0, dot), 1, safe_integer_max);
  if (!number)
    return std::nullopt;
  below.number = *number;
  return below;
}

/// Reads `limit` and `cursor`, which all lists have, into `asked`; adds what is wrong.
template <class Asked>
void read_page(const query_value& limit, const query_value& cursor, char letter, bool by_time,
               Asked& asked, problem& wrong) {
  read_limit(limit, asked.limit, wrong);
  if (!cursor.text)
    return;
  const auto below = from_cursor(letter, *cursor.text);
  if (below && (below->created_at != instant::max()) == by_time)
    asked.below = *below;
  else
    wrong.errors.push_back({"cursor", std::string{cursor_rule}});
}

void read_reference(const query_value& given, std::string& to, problem& wrong) {
  if (!given.text)
    return;
  if (valid_reference(*given.text))
    to = *given.text;
  else
    wrong.errors.push_back({"reference", std::string{reference_form}});
}

/// One of the words that `Word`'s values have for clients.
template <class Word, std::size_t count>
void read_word(const query_value& given, const std::array<Word, count>& words,
               std::optional<Word>& to, problem& wrong) {
  if (!given.text)
    return;
  std::string names;
  for (const Word each : words) {
    if (to_string(each) == *given.text)
      to = each;
    names.append(names.empty() ? "" : ", ").append(to_string(each));
  }
  if (!to)
    wrong.errors.push_back({std::string{given.name}, "must be one of " + names});
}

constexpr std::array statuses{order_status::pending, order_status::paid, order_status::cancelled,
                              order_status::refunded};
constexpr std::array kinds{entry_kind::charge, entry_kind::payment, entry_kind::refund,
                           entry_kind::withdrawal};

std::expected<demand, problem> asked_unless(problem wrong, query asked) {
  if (!wrong.errors.empty())
    return std::unexpected(std::move(wrong));
  return asked;
}

template <class Page, char letter, problem_code missing>
std::expected<void, problem> write_page(const answer& what, response& answer) {
  if (std::holds_alternative<not_found>(what))
    return std::unexpected(problem{missing, {}, {}, {}});
  const auto& page = std::get<Page>(what);
  append_page(answer.body, page.items,
              page.next ? std::optional(to_cursor(letter, *page.next)) : std::nullopt);
  return {};
}

/// The entries of a user, of an order, or all of them.
std::expected<demand, problem> prepare_entries(const route_input& input, list_entries asked) {
  std::array<query_value, 5> given{{{.name = "kind"},
                                    {.name = "createdFrom"},
                                    {.name = "createdTo"},
                                    {.name = "limit"},
                                    {.name = "cursor"}}};
  problem wrong = read_all(input.query, given);
  const auto& [kind, from, to, limit, cursor] = given;
  read_word(kind, kinds, asked.kind, wrong);
  read_time(from, asked.created.from, wrong);
  read_time(to, asked.created.to, wrong);
  read_page(limit, cursor, of_entries, !asked.user && !asked.order, asked, wrong);
  return asked_unless(std::move(wrong), std::move(asked));
}

std::expected<demand, problem> prepare_list_users(const route_input& input, response&) {
  std::array<query_value, 4> given{
      {{.name = "reference"}, {.name = "phone"}, {.name = "limit"}, {.name = "cursor"}}};
  problem wrong = read_all(input.query, given);
  const auto& [reference, phone, limit, cursor] = given;
  list_users asked;
  read_reference(reference, asked.reference, wrong);
  if (phone.text) {
    if (auto digits = read_phone(*phone.text))
      asked.phone = *std::move(digits);
    else
      wrong.errors.push_back({"phone", "must be a Korean mobile number"});
  }
  read_page(limit, cursor, of_users, false, asked, wrong);
  return asked_unless(std::move(wrong), std::move(asked));
}

std::expected<demand, problem> prepare_list_orders(const route_input& input, response&) {
  std::array<query_value, 7> given{{{.name = "userId"},
                                    {.name = "status"},
                                    {.name = "reference"},
                                    {.name = "createdFrom"},
                                    {.name = "createdTo"},
                                    {.name = "limit"},
                                    {.name = "cursor"}}};
  problem wrong = read_all(input.query, given);
  const auto& [user, status, reference, from, to, limit, cursor] = given;
  list_orders asked;
  read_id(user, asked.user, wrong);
  read_word(status, statuses, asked.status, wrong);
  read_reference(reference, asked.reference, wrong);
  read_time(from, asked.created.from, wrong);
  read_time(to, asked.created.to, wrong);
  read_page(limit, cursor, of_orders, !asked.user, asked, wrong);
  return asked_unless(std::move(wrong), std::move(asked));
}

std::expected<demand, problem> prepare_list_entries(const route_input& input, response&) {
  return prepare_entries(input, {});
}

std::expected<demand, problem> prepare_list_user_entries(const route_input& input, response&) {
  return prepare_entries(input, {.user = user_id{input.id}});
}

std::expected<demand, problem> prepare_list_order_entries(const route_input& input, response&) {
  return prepare_entries(input, {.order = order_id{input.id}});
}

constexpr auto write_users = write_page<user_page, of_users, problem_code::user_not_found>;
constexpr auto write_orders = write_page<order_page, of_orders, problem_code::user_not_found>;
constexpr auto write_user_entries =
    write_page<entry_page, of_entries, problem_code::user_not_found>;
constexpr auto write_order_entries =
    write_page<entry_page, of_entries, problem_code::order_not_found>;

using enum http_method;

constexpr std::array table{
    route{get, "/v1/users", scope::read, body_rule::ignored, prepare_list_users, nullptr,
          write_users},
    route{get, "/v1/orders", scope::read, body_rule::ignored, prepare_list_orders, nullptr,
          write_orders},
    route{get, "/v1/entries", scope::read, body_rule::ignored, prepare_list_entries, nullptr,
          write_user_entries},
    route{get, "/v1/users/{id}/entries", scope::read, body_rule::ignored, prepare_list_user_entries,
          nullptr, write_user_entries},
    route{get, "/v1/orders/{id}/entries", scope::read, body_rule::ignored,
          prepare_list_order_entries, nullptr, write_order_entries},
};

} // namespace

std::span<const route> list_routes() {
  return table;
}

} // namespace paymentd::http
