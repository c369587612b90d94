#include "db/postgres/parameters.hpp"

namespace paymentd::db::postgres {

parameters& parameters::add(std::int64_t value) {
  append(value);
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
  constexpr std::size_t header_bytes = 20;
  bytes_.reserve(bytes_.size() + header_bytes + size * element_bytes_max);
  append(std::int32_t{size == 0 ? 0 : 1});
  append(std::int32_t{0}); // array_recv looks for nulls itself
  append(static_cast<std::int32_t>(type));
  if (size == 0)
    return;
  append(static_cast<std::int32_t>(size));
  append(std::int32_t{1});
}

void parameters::add_text_element(std::optional<std::string_view> text) {
  if (!text)
    return append(null_length);
  append(static_cast<std::int32_t>(text->size()));
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
