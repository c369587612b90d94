#include "db/postgres/parameters.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace paymentd::db::postgres {
namespace {

static_assert(std::endian::native == std::endian::little, "the server's format is big-endian");

void put32(std::string& to, std::uint32_t value) {
  const std::uint32_t swapped = __builtin_bswap32(value);
  std::array<char, sizeof swapped> raw;
  std::memcpy(raw.data(), &swapped, sizeof swapped);
  to.append(raw.data(), raw.size());
}

void put64(std::string& to, std::int64_t value) {
  const std::uint64_t swapped = __builtin_bswap64(static_cast<std::uint64_t>(value));
  std::array<char, sizeof swapped> raw;
  std::memcpy(raw.data(), &swapped, sizeof swapped);
  to.append(raw.data(), raw.size());
}

// The length of a null element, in the server's format.
constexpr std::uint32_t null_length = 0xFFFF'FFFF;

} // namespace

parameters& parameters::add(std::int64_t value) {
  put64(bytes_, value);
  end_value();
  return *this;
}

parameters& parameters::add(std::string_view text) {
  bytes_.append(text);
  end_value();
  return *this;
}

// array_recv: dimensions, whether there may be nulls, element type, then size and lower bound of
// each dimension, then the elements, each behind its length.
void parameters::begin_array(element type, std::size_t size) {
  constexpr std::size_t element_bytes = 12;
  bytes_.reserve(bytes_.size() + 20 + size * element_bytes);
  put32(bytes_, size == 0 ? 0 : 1);
  put32(bytes_, 0); // array_recv looks for nulls itself
  put32(bytes_, static_cast<std::uint32_t>(type));
  if (size == 0)
    return;
  put32(bytes_, static_cast<std::uint32_t>(size));
  put32(bytes_, 1);
}

void parameters::add_element(element type, std::int64_t number) {
  if (type == element::int2) {
    const auto swapped = __builtin_bswap16(static_cast<std::uint16_t>(number));
    put32(bytes_, sizeof swapped);
    std::array<char, sizeof swapped> raw;
    std::memcpy(raw.data(), &swapped, sizeof swapped);
    bytes_.append(raw.data(), raw.size());
    return;
  }
  put32(bytes_, sizeof number);
  put64(bytes_, number);
}

void parameters::add_element(element, row_place place) {
  put32(bytes_, static_cast<std::uint32_t>(place.raw.size()));
  bytes_.append(place.raw.data(), place.raw.size());
}

void parameters::add_null_element() {
  put32(bytes_, null_length);
}

void parameters::add_text_element(std::optional<std::string_view> text) {
  if (!text)
    return add_null_element();
  put32(bytes_, static_cast<std::uint32_t>(text->size()));
  bytes_.append(*text);
}

parameters::view parameters::for_libpq() const {
  view out;
  out.values.reserve(ends_.size());
  out.lengths.reserve(ends_.size());
  std::size_t from = 0;
  for (const std::size_t end : ends_) {
    out.values.push_back(bytes_.data() + from);
    out.lengths.push_back(static_cast<int>(end - from));
    from = end;
  }
  out.formats.assign(ends_.size(), 1);
  return out;
}

} // namespace paymentd::db::postgres
