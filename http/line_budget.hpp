// How many lines of one kind go to the log: a few a second, however often it happens, and how many
// were left out. A value; one thread.
#pragma once

#include "domain/types.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace paymentd::http {

class line_budget {
 public:
  static constexpr int lines_a_second = 5;

  explicit line_budget(int a_second = lines_a_second) : a_second_(a_second) {}

  /// Nothing where the line is to be left out; otherwise how many were, since the last one.
  std::optional<std::uint64_t> take(steady_instant now) {
    if (now - since_ >= std::chrono::seconds{1}) {
      since_ = now;
      written_ = 0;
    }
    if (written_ >= a_second_) {
      ++left_out_;
      return std::nullopt;
    }
    ++written_;
    return std::exchange(left_out_, 0);
  }

 private:
  int a_second_;
  steady_instant since_{};
  int written_ = 0;
  std::uint64_t left_out_ = 0;
};

} // namespace paymentd::http
