#include "transfer/csv_text.hpp"

#include "net/json_text.hpp"
#include "net/utc_text.hpp"

namespace paymentd::transfer {
namespace {

constexpr std::string_view begins_of_formulas = "=+-@\t\r";

} // namespace

void append_csv_text(std::string& out, std::string_view text) {
  const bool formula =
      !text.empty() && begins_of_formulas.find(text.front()) != begins_of_formulas.npos;
  const bool quoted = text.find_first_of(",\"\r\n") != text.npos;
  if (quoted)
    out += '"';
  if (formula)
    out += '\'';
  for (const char c : text) {
    if (c == '"')
      out += '"';
    out += c;
  }
  if (quoted)
    out += '"';
}

void append_csv_header(std::string& out) {
  out += "id,userId,sequence,orderId,kind,amount,balanceAfter,reason,createdBy,createdAt\r\n";
}

void append_csv_line(std::string& out, const ledger_entry& what) {
  const auto number = [&out](std::int64_t value) {
    net::append_number(out, value);
    out += ',';
  };
  number(what.id.value);
  number(what.user.value);
  number(what.sequence);
  if (what.order)
    net::append_number(out, what.order->value);
  out += ',';
  out += to_string(what.kind);
  out += ',';
  number(what.amount.value);
  number(what.balance_after.value);
  append_csv_text(out, what.reason);
  out += ',';
  append_csv_text(out, what.created_by);
  out += ',';
  net::append_utc(out, what.created_at);
  out += "\r\n";
}

} // namespace paymentd::transfer
