#include "transfer/import_reader.hpp"

#include "net/utc_text.hpp"

#include <algorithm>
#include <charconv>

namespace paymentd::transfer {
namespace {

constexpr std::array statuses{order_status::pending, order_status::paid, order_status::cancelled,
                              order_status::refunded};

bool is_plain(std::string_view text) {
  constexpr std::size_t shown_max = 40;
  return text.size() <= shown_max &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace

std::string_view to_string(import_kind kind) noexcept {
  return kind == import_kind::users ? "users" : "orders";
}

// In the order of the enumerators.
constexpr std::array<import_reader::column_name,
                     static_cast<std::size_t>(import_reader::column::count)>
    import_reader::names{{
        {column::reference, "reference", true, true},
        {column::phone, "phone", true, false},
        {column::balance, "balance", true, false},
        {column::user_id, "userId", false, true},
        {column::user_reference, "userReference", false, true},
        {column::coupon_id, "couponId", false, true},
        {column::total, "totalAmount", false, true},
        {column::discount, "discountAmount", false, true},
        {column::status, "status", false, true},
        {column::refunded, "refundedAmount", false, true},
        {column::metadata, "metadata", true, true},
        {column::created_at, "createdAt", true, true},
        {column::updated_at, "updatedAt", false, true},
    }};

std::optional<import_kind> import_reader::read_header() {
  indexes_.fill(absent);
  if (!csv_.next()) {
    faults_.add(1, "", "the file is empty; its first line names the columns");
    return std::nullopt;
  }
  if (!csv_.fault().empty()) {
    faults_.add(csv_.line(), "", std::string(csv_.fault()));
    return std::nullopt;
  }
  fields_ = csv_.fields().size();
  const bool orders = std::ranges::find(csv_.fields(), "totalAmount") != csv_.fields().end();
  const import_kind kind = orders ? import_kind::orders : import_kind::users;
  for (std::size_t at = 0; at < fields_; ++at)
    read_column(csv_.fields()[at], at, kind);
  if (orders && !has(column::user_id) && !has(column::user_reference))
    faults_.add(csv_.line(), "userId", "is missing, and userReference too");
  return faults_.none() ? std::optional(kind) : std::nullopt;
}

void import_reader::read_column(std::string_view name, std::size_t at, import_kind kind) {
  const auto found = std::ranges::find_if(names, [&](const column_name& one) {
    return one.name == name && (kind == import_kind::users ? one.of_users : one.of_orders);
  });
  if (found == names.end()) {
    std::string message = "is no column of " + std::string(to_string(kind));
    if (!is_plain(name) || name.empty())
      return faults_.add(csv_.line(), "", "column " + std::to_string(at + 1) + " " + message);
    return faults_.add(csv_.line(), std::string(name), std::move(message));
  }
  std::size_t& index = indexes_[static_cast<std::size_t>(found->what)];
  if (index != absent)
    faults_.add(csv_.line(), std::string(name), "is named twice");
  index = at;
}

bool import_reader::next_line() {
  while (csv_.next()) {
    if (++rows_ > imported_rows_max) {
      faults_.add(csv_.line(), "",
                  "is beyond the " + std::to_string(imported_rows_max) +
                      " rows that a file may have");
      return false;
    }
    if (!csv_.fault().empty())
      faults_.add(csv_.line(), "", std::string(csv_.fault()));
    else if (csv_.fields().size() != fields_)
      faults_.add(csv_.line(), "",
                  "has " + std::to_string(csv_.fields().size()) + " fields, the header has " +
                      std::to_string(fields_));
    else
      return true;
  }
  return false;
}

std::string_view import_reader::field(column what) const {
  return has(what) ? csv_.fields()[index(what)] : std::string_view{};
}

void import_reader::fault(column what, std::string message) {
  faults_.add(csv_.line(), std::string(names[static_cast<std::size_t>(what)].name),
              std::move(message));
}

std::int64_t import_reader::number(column what, std::int64_t min, std::int64_t max,
                                   std::int64_t otherwise) {
  const std::string_view text = field(what);
  if (text.empty())
    return otherwise;
  std::int64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
    fault(what,
          "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return otherwise;
  }
  return value;
}

instant import_reader::time(column what, instant otherwise) {
  const std::string_view text = field(what);
  if (text.empty())
    return otherwise;
  const auto at = net::parse_rfc3339(text);
  if (at && *at >= instant{} && *at <= now_)
    return *at;
  fault(what, at ? "must be from 1970 to now"
                 : "must be a time as RFC 3339 has it, such as 2026-01-31T09:30:00+09:00");
  return otherwise;
}

order_status import_reader::status() {
  const std::string_view text = field(column::status);
  if (text.empty())
    return order_status::pending;
  const auto found =
      std::ranges::find_if(statuses, [&](order_status one) { return to_string(one) == text; });
  if (found != statuses.end())
    return *found;
  fault(column::status, "must be PENDING, PAID, CANCELLED or REFUNDED");
  return order_status::pending;
}

std::string import_reader::phone() {
  const std::string_view text = field(column::phone);
  if (text.empty())
    return {};
  auto digits = read_phone(text);
  if (!digits)
    fault(column::phone, "must be a Korean mobile number of 10 or 11 digits, such as 01012345678");
  return std::move(digits).value_or("");
}

std::string import_reader::reference(column what) {
  const std::string_view text = field(what);
  if (!text.empty() && !valid_reference(text))
    fault(what, "must be 1 to 64 visible ASCII characters");
  return std::string(text);
}

std::string import_reader::metadata() {
  const std::string_view text = field(column::metadata);
  if (text.empty())
    return {};
  auto read = metadata_(text);
  if (!read)
    fault(column::metadata, "must be a JSON object of strings, within the bounds of docs/api.md");
  return std::move(read).value_or("");
}

void import_reader::read_owner() {
  const std::int64_t before = faults_.count;
  order_.what.owner = {number(column::user_id, 1, safe_integer_max, 0)};
  order_.user_reference = reference(column::user_reference);
  if (faults_.count > before)
    return;
  const bool by_id = order_.what.owner != user_id{};
  const bool by_reference = !order_.user_reference.empty();
  if (by_id && by_reference)
    fault(column::user_reference, "must be empty where userId is not");
  if (!by_id && !by_reference)
    fault(has(column::user_id) ? column::user_id : column::user_reference, "is missing");
}

const imported_user* import_reader::next_user() {
  while (next_line()) {
    const std::int64_t before = faults_.count;
    user_.line = csv_.line();
    user& read = user_.what;
    read.reference = reference(column::reference);
    read.phone = phone();
    read.balance = {number(column::balance, 0, won_max.value, 0)};
    read.metadata = metadata();
    read.created_at = time(column::created_at, now_);
    read.updated_at = read.created_at;
    read.last_sequence = entries_of_import(read);
    if (faults_.count == before)
      return &user_;
  }
  return nullptr;
}

const imported_order* import_reader::next_order() {
  while (next_line()) {
    const std::int64_t before = faults_.count;
    order_.line = csv_.line();
    order& read = order_.what;
    read.reference = reference(column::reference);
    read_owner();
    const std::int64_t coupon = number(column::coupon_id, 1, safe_integer_max, 0);
    read.coupon = coupon > 0 ? std::optional(coupon_id{coupon}) : std::nullopt;
    read.status = status();
    read_amounts(read);
    read.metadata = metadata();
    read.created_at = time(column::created_at, now_);
    read.updated_at = time(column::updated_at, read.created_at);
    if (faults_.count == before && read.updated_at < read.created_at)
      fault(column::updated_at, "must not be before createdAt");
    if (faults_.count == before)
      return &order_;
  }
  return nullptr;
}

void import_reader::read_amounts(order& into) {
  const std::int64_t before = faults_.count;
  into.total = {number(column::total, 0, won_max.value, 0)};
  if (field(column::total).empty())
    fault(column::total, "is missing");
  into.discount = {number(column::discount, 0, won_max.value, 0)};
  const bool all = into.status == order_status::refunded;
  if (faults_.count > before)
    return;
  if (into.discount > into.total)
    return fault(column::discount, "must not be more than totalAmount");
  const std::int64_t final_amount = into.final_amount().value;
  into.refunded = {number(column::refunded, 0, won_max.value, all ? final_amount : 0)};
  if (faults_.count > before)
    return;
  if (all && into.refunded != into.final_amount())
    fault(column::refunded, "must be all that was paid, " + std::to_string(final_amount) +
                                ", of an order that is REFUNDED");
  if (into.status == order_status::paid && into.refunded.value > 0 &&
      into.refunded >= into.final_amount())
    fault(column::refunded, "must be less than was paid, " + std::to_string(final_amount) +
                                ", of an order that is PAID");
  if (!all && into.status != order_status::paid && into.refunded.value > 0)
    fault(column::refunded, "must be 0 of an order that was not paid");
}

} // namespace paymentd::transfer
