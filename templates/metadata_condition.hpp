// A condition on the metadata of an order, as [[alimtalk.template]] has it: `metadata.kind = gift`.
// Parsed once at the start, asked for every message. Immutable; any thread.
#pragma once

#include "templates/text_template.hpp"

namespace paymentd::templates {

class metadata_condition {
 public:
  /// `metadata.NAME = VALUE`: the value is all that follows the first `=`, without the spaces at
  /// its ends. An error is one line, to be read behind the name of the setting.
  static std::expected<metadata_condition, std::string> parse(std::string_view text);

  /// Whether the order has a member of that name with exactly that value.
  bool holds(const event_fields& of) const;

  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  /// As `parse` takes it.
  std::string text() const { return "metadata." + name_ + " = " + value_; }
  friend bool operator==(const metadata_condition&, const metadata_condition&) = default;

 private:
  metadata_condition(std::string_view name, std::string_view value) : name_(name), value_(value) {}
  std::string name_;
  std::string value_;
};

} // namespace paymentd::templates
