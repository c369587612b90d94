#include "http/http_counters.hpp"

namespace paymentd::http {

namespace {

constexpr int status_max = 599;

/// The number of each status among those that are counted.
constexpr auto status_numbers = [] {
  std::array<std::uint8_t, status_max + 1> all{};
  all.fill(counted_statuses.size() - 1);
  for (std::size_t at = 0; at + 1 < counted_statuses.size(); ++at)
    all[static_cast<std::size_t>(counted_statuses[at])] = static_cast<std::uint8_t>(at);
  return all;
}();

} // namespace

void request_counts::count(const route* to, int status, std::chrono::nanoseconds took) {
  const std::size_t row =
      to == nullptr ? routes_.size() : static_cast<std::size_t>(to - routes_.data());
  const std::size_t column = status >= 0 && status <= status_max
                                 ? status_numbers[static_cast<std::size_t>(status)]
                                 : counted_statuses.size() - 1;
  cells_[row * counted_statuses.size() + column].observe(took);
}

} // namespace paymentd::http
