// A text that most things of its kind do not have. Where there is none it is one null pointer, so
// that an order or a ledger entry, which is moved many times on its way, carries little. A plain
// value; any thread.
#pragma once

#include <concepts>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace paymentd {

class rare_text {
 public:
  rare_text() = default;
  rare_text(std::string text) // empty: none
      : text_(text.empty() ? nullptr : std::make_unique<const std::string>(std::move(text))) {}
  rare_text(std::string_view text)
      : text_(text.empty() ? nullptr : std::make_unique<const std::string>(text)) {}
  rare_text(const char* text) : rare_text(std::string_view(text)) {}
  rare_text(const rare_text& from)
      : text_(from.text_ ? std::make_unique<const std::string>(*from.text_) : nullptr) {}
  rare_text(rare_text&&) noexcept = default;
  rare_text& operator=(const rare_text& from) { return *this = rare_text(from); }
  rare_text& operator=(rare_text&&) noexcept = default;
  ~rare_text() = default;

  bool empty() const noexcept { return text_ == nullptr; }
  std::size_t size() const noexcept { return text_ ? text_->size() : 0; }
  std::string_view view() const noexcept { return text_ ? *text_ : std::string_view{}; }
  operator std::string_view() const noexcept { return view(); }
  std::string str() const { return std::string(view()); }

  friend bool operator==(const rare_text& a, const rare_text& b) noexcept {
    return a.view() == b.view();
  }
  template <std::convertible_to<std::string_view> Text>
    requires(!std::same_as<Text, rare_text>)
  friend bool operator==(const rare_text& a, const Text& b) noexcept {
    return a.view() == std::string_view(b);
  }
  friend std::ostream& operator<<(std::ostream& out, const rare_text& text) {
    return out << text.view();
  }

 private:
  std::unique_ptr<const std::string> text_;
};

} // namespace paymentd
