// The parts of a payment: users, orders and the append-only ledger. Plain values; any thread.
#pragma once

#include "domain/rare_text.hpp"
#include "domain/trace_context.hpp"
#include "domain/types.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd {

struct user {
  user_id id;
  std::string phone;              // digits only, as `valid_phone` takes it; empty: none
  won balance;                    // 0 to won_max; the sum of the user's ledger entries
  std::int64_t last_sequence = 0; // the sequence of the user's newest ledger entry; 0 if none
  instant created_at;
  instant updated_at = {};  // when the balance, the phone or the metadata changed
  rare_text reference = {}; // the client's own name for it, as `valid_reference`; empty: none
  rare_text metadata = {};  // likewise its own notes, a JSON object as text; empty: none
  friend bool operator==(const user&, const user&) = default;
};

/// A client's idempotency key: its digest within its scope (API key, method, path), which names it
/// here, and that of the body it came with. Two requests with the same ones are the same request.
struct idempotency_key {
  std::array<std::uint8_t, 16> digest{};
  std::int64_t body = 0;
  friend bool operator==(const idempotency_key&, const idempotency_key&) = default;
};

/// The key that an order was paid under, and when: with them its first answer can be given again.
struct payment_key {
  idempotency_key key;
  instant paid_at;
  std::optional<std::string> metadata = std::nullopt; // as it was then, where it has changed since
  friend bool operator==(const payment_key&, const payment_key&) = default;
};

/// PENDING becomes PAID or CANCELLED; PAID becomes REFUNDED once all that was paid is given back;
/// nothing else ever changes.
enum class order_status : std::uint8_t { pending = 0, paid = 1, cancelled = 2, refunded = 3 };

struct order {
  order_id id;
  user_id owner;
  std::optional<coupon_id> coupon;
  won total;    // 0 to won_max
  won discount; // 0 to total
  order_status status = order_status::pending;
  std::optional<entry_id> payment_entry; // there since it was paid
  std::optional<entry_id> refund_entry;  // the newest one; there since a part was refunded
  instant created_at;
  instant updated_at;
  won refunded = {}; // 0 to final_amount(); all of it where REFUNDED
  std::optional<payment_key> paid_under = std::nullopt; // where the payment had a key
  rare_text reference = {};                             // as of a user
  rare_text metadata = {};
  friend bool operator==(const order&, const order&) = default;

  /// The amount that is to be paid.
  constexpr won final_amount() const { return {total.value - discount.value}; }
  /// The amount that can still be refunded, once it is paid.
  constexpr won refundable() const { return {final_amount().value - refunded.value}; }
};

enum class entry_kind : std::uint8_t { charge = 0, payment = 1, refund = 2, withdrawal = 3 };

/// One movement of one balance. Written once, never changed.
struct ledger_entry {
  entry_id id;
  user_id user;
  std::int64_t sequence = 0;     // the user's own running number, from 1 without gaps
  std::optional<order_id> order; // of a payment or a refund
  entry_kind kind = entry_kind::charge;
  won amount; // negative for a payment and a withdrawal
  won balance_after;
  instant created_at;
  rare_text reason = {};     // the client's own words; empty: none
  won refunded_after = {};   // of a refund: of its order, with this one
  rare_text created_by = {}; // the name of the API key that asked for it; empty: none
  /// That of the request, of a payment or a refund: of others nobody is told. On its way to the
  /// store alone: reads of entries leave it out, and those of events have it (payment_event).
  trace_context trace = {};
  friend bool operator==(const ledger_entry&, const ledger_entry&) = default;
};

/// The names that clients see: "PENDING", "PAYMENT" and so on.
std::string_view to_string(order_status) noexcept;
std::string_view to_string(entry_kind) noexcept;

/// A reason's length, in characters.
inline constexpr std::size_t reason_max = 200;

/// A reference's length, in characters.
inline constexpr std::size_t reference_max = 64;

/// Whether `text` can be a reference: 1 to reference_max visible ASCII characters.
bool valid_reference(std::string_view text) noexcept;

/// The bounds of metadata: members, characters of a name and of a value, bytes as JSON in all.
inline constexpr std::size_t metadata_members_max = 20;
inline constexpr std::size_t metadata_name_max = 40;
inline constexpr std::size_t metadata_value_max = 500;
inline constexpr std::size_t metadata_bytes_max = 4096;

/// Whether `name` can be the name of a member of metadata: 1 to metadata_name_max of
/// [A-Za-z0-9_.-].
bool valid_metadata_name(std::string_view name) noexcept;

/// Whether `phone` is a Korean mobile number as the message API takes it: 10 or 11 digits that
/// begin with 010, 011, 016, 017, 018 or 019, nothing else.
bool valid_phone(std::string_view phone) noexcept;

/// A Korean mobile number as people write it, as valid_phone takes it: dashes and spaces are left
/// out, and +82 in front becomes 0. Nothing where it is none.
std::optional<std::string> read_phone(std::string_view text);

/// Enough of a phone number to recognise it, not enough to call it: "010****5678". A number of
/// seven characters or fewer is hidden wholly.
std::string masked_phone(std::string_view phone);

} // namespace paymentd
