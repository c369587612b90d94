// The parameters of one statement, in PostgreSQL's binary format, as libpq takes them: numbers,
// times, texts and arrays of them. Built by the store for each execution; one thread.
#pragma once

#include "domain/types.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace paymentd::db::postgres {

/// The type of an array's elements, as the server numbers them (pg_type.dat; these never change).
enum class element : std::uint32_t {
  int2 = 21,
  int8 = 20,
  text = 25,
  bytea = 17,
  timestamptz = 1184,
  tid = 27,
  xid = 28,
  uuid = 2950
};

/// Microseconds since 2000, which is how the server keeps a timestamptz.
constexpr std::int64_t to_server_time(instant at) {
  constexpr std::int64_t ms_from_1970_to_2000 = 946'684'800'000;
  return (at.time_since_epoch().count() - ms_from_1970_to_2000) * 1000;
}
constexpr instant from_server_time(std::int64_t us) {
  constexpr std::int64_t ms_from_1970_to_2000 = 946'684'800'000;
  // Rounded down, so that times before 2000 are kept too.
  const std::int64_t ms = us >= 0 ? us / 1000 : -((-us + 999) / 1000);
  return instant{std::chrono::milliseconds{ms + ms_from_1970_to_2000}};
}

/// Where a row lies in its table (its ctid): block and line, as the server sends them.
struct row_address {
  std::array<char, 6> raw;
};

/// The transaction that wrote the version of a row which was read (its xmin), as the server sends
/// it.
struct row_version {
  std::array<char, 4> raw;
};

class parameters {
 public:
  parameters& add(std::int64_t value);
  /// A bool and nothing that becomes one, such as a pointer to characters.
  template <std::same_as<bool> Bool>
  parameters& add(Bool value) {
    bytes_.push_back(value ? 1 : 0);
    end_value();
    return *this;
  }
  parameters& add(std::string_view text);
  parameters& add(row_address at) { return add(std::string_view(at.raw.data(), at.raw.size())); }
  parameters& add(instant at) { return add(to_server_time(at)); }
  template <class Tag>
  parameters& add(strong_id<Tag> id) {
    return add(id.value);
  }
  /// Several, in this order.
  template <class First, class Second, class... More>
  parameters& add(const First& first, const Second& second, const More&... more) {
    add(first);
    return add(second, more...);
  }

  /// An array of one element for each item: `number`, a function of the item or a pointer to its
  /// member, gives a whole number, an enumerator, an id, won, an instant, or an optional of one.
  template <std::ranges::input_range Items, class Number>
  parameters& add_array(element type, const Items& items, Number number) {
    const auto size = static_cast<std::size_t>(std::ranges::size(items));
    begin_array(type, size);
    // Room for all at once, and written from left to right: batches are made of these.
    const std::size_t from = bytes_.size();
    bytes_.resize(from + size * element_bytes_max);
    char* at = bytes_.data() + from;
    for (const auto& item : items)
      at = put_element(at, type, std::invoke(number, item));
    bytes_.resize(static_cast<std::size_t>(at - bytes_.data()));
    end_value();
    return *this;
  }
  /// `text` gives a string, or an optional of a view of one. `type` is text or bytea.
  template <std::ranges::input_range Items, class Text>
  parameters& add_texts(const Items& items, Text text, element type = element::text) {
    begin_array(type, static_cast<std::size_t>(std::ranges::size(items)));
    for (const auto& item : items)
      add_text_element(std::invoke(text, item));
    end_value();
    return *this;
  }
  template <std::ranges::input_range Items>
  parameters& add_ids(const Items& ids) {
    return add_array(element::int8, ids, std::identity{});
  }

  int count() const noexcept { return static_cast<int>(ends_.size()); }

  /// The arguments of PQsendQueryPrepared. Valid until the next add.
  struct view {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
  };
  view for_libpq() const;

 private:
  void begin_array(element type, std::size_t size);
  void end_value() { ends_.push_back(bytes_.size()); }
  void add_text_element(std::optional<std::string_view> text);

  // An element behind its length; at most this many bytes. Gives the end of it.
  static constexpr std::size_t element_bytes_max = 4 + 16;
  template <class Tag>
  static char* put_element(char* at, element type, strong_id<Tag> id) {
    return put_element(at, type, id.value);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  static char* put_element(char* at, element type, Enum value) {
    return put_element(at, type, static_cast<std::int64_t>(value));
  }
  static char* put_element(char* at, element type, won amount) {
    return put_element(at, type, amount.value);
  }
  static char* put_element(char* at, element type, instant time) {
    return put_element(at, type, to_server_time(time));
  }
  static char* put_element(char* at, element type, std::int64_t number) {
    return type == element::int2 ? put_value(at, static_cast<std::int16_t>(number))
                                 : put_value(at, number);
  }
  static char* put_element(char* at, element, row_address address) {
    return put_bytes(at, address.raw);
  }
  static char* put_element(char* at, element, row_version version) {
    return put_bytes(at, version.raw);
  }
  static char* put_element(char* at, element, const std::array<std::uint8_t, 16>& uuid) {
    return put_bytes(at, uuid);
  }
  static char* put_bytes(char* at, const auto& bytes) {
    at = put(at, static_cast<std::int32_t>(bytes.size()));
    return std::ranges::copy(bytes, at).out;
  }
  template <class Value>
  static char* put_element(char* at, element type, const std::optional<Value>& value) {
    return value ? put_element(at, type, *value) : put(at, null_length);
  }
  template <class Number>
  static char* put_value(char* at, Number number) {
    return put(put(at, std::int32_t{sizeof number}), number);
  }
  // The server's format is big-endian.
  template <class Number>
  static char* put(char* at, Number number) {
    static_assert(std::endian::native == std::endian::little);
    const Number swapped = std::byteswap(number);
    std::memcpy(at, &swapped, sizeof swapped);
    return at + sizeof swapped;
  }
  template <class Number>
  void append(Number number) {
    std::array<char, sizeof number> raw;
    put(raw.data(), number);
    bytes_.append(raw.data(), raw.size());
  }

  // The length of a null element.
  static constexpr std::int32_t null_length = -1;

  std::string bytes_;
  std::vector<std::size_t> ends_; // of each value in bytes_
};

} // namespace paymentd::db::postgres
