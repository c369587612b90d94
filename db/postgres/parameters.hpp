// The parameters of one statement, in PostgreSQL's binary format, as libpq takes them: numbers,
// times, texts and arrays of them. Built by the store for each execution; one thread.
#pragma once

#include "domain/types.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::db::postgres {

/// The type of an array's elements, as the server numbers them (pg_type.dat; these never change).
enum class element : std::uint32_t {
  int2 = 21,
  int8 = 20,
  text = 25,
  timestamptz = 1184,
  tid = 27
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
struct row_place {
  std::array<char, 6> raw;
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
  parameters& add(row_place place) {
    return add(std::string_view(place.raw.data(), place.raw.size()));
  }
  parameters& add(instant at) { return add(to_server_time(at)); }
  template <class Tag>
  parameters& add(strong_id<Tag> id) {
    return add(id.value);
  }

  /// An array of one element for each item: `number(item)` gives a whole number, an id, won, an
  /// instant, or an optional of one.
  template <std::ranges::input_range Items, class Number>
  parameters& add_array(element type, const Items& items, Number number) {
    begin_array(type, static_cast<std::size_t>(std::ranges::size(items)));
    for (const auto& item : items)
      add_element(type, number(item));
    end_value();
    return *this;
  }
  template <std::ranges::input_range Items, class Text>
  parameters& add_texts(const Items& items, Text text) {
    begin_array(element::text, static_cast<std::size_t>(std::ranges::size(items)));
    for (const auto& item : items)
      add_text_element(text(item));
    end_value();
    return *this;
  }
  template <std::ranges::input_range Items>
  parameters& add_ids(const Items& ids) {
    return add_array(element::int8, ids, [](auto id) { return id; });
  }

  int count() const noexcept { return static_cast<int>(ends_.size()); }

  /// What PQsendQueryPrepared wants. Valid until the next add.
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

  template <class Tag>
  void add_element(element type, strong_id<Tag> id) {
    add_element(type, id.value);
  }
  void add_element(element type, won amount) { add_element(type, amount.value); }
  void add_element(element type, instant at) { add_element(type, to_server_time(at)); }
  void add_element(element type, std::int64_t number);
  void add_element(element type, row_place place);
  template <class Value>
  void add_element(element type, const std::optional<Value>& value) {
    if (value)
      add_element(type, *value);
    else
      add_null_element();
  }
  void add_null_element();

  std::string bytes_;
  std::vector<std::size_t> ends_; // of each value in bytes_
};

} // namespace paymentd::db::postgres
