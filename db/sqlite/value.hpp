// A value on its way into SQLite: for a parameter of a statement, or for a cell of given_rows.
#pragma once

#include "domain/types.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace paymentd::db::sqlite {

/// Bytes that are no text.
struct blob {
  std::string_view bytes;
};

/// NULL, an integer, a text or a blob. Of the latter two it holds a view.
class value {
 public:
  enum class type : std::uint8_t { null, integer, text, blob };

  value(std::nullopt_t) noexcept {}
  template <std::integral Integer>
  value(Integer number) noexcept
      : type_(type::integer), number_(static_cast<std::int64_t>(number)) {}
  value(instant time) noexcept : value(time.time_since_epoch().count()) {}
  value(won amount) noexcept : value(amount.value) {}
  template <class Tag>
  value(strong_id<Tag> id) noexcept : value(id.value) {}
  value(std::string_view text) noexcept : type_(type::text), bytes_(text) {}
  value(struct blob bytes) noexcept : type_(type::blob), bytes_(bytes.bytes) {}
  template <class Inner>
  value(const std::optional<Inner>& inner) noexcept
      : value(inner ? value(*inner) : value(std::nullopt)) {}

  type kind() const noexcept { return type_; }
  std::int64_t number() const noexcept { return number_; }
  /// Never a null pointer, which SQLite would take for NULL.
  std::string_view bytes() const noexcept {
    return bytes_.data() != nullptr ? bytes_ : std::string_view("");
  }

 private:
  type type_ = type::null;
  std::int64_t number_ = 0;
  std::string_view bytes_;
};

} // namespace paymentd::db::sqlite
