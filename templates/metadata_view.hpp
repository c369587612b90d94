// The members of metadata, found in its JSON text without copying it: it is looked at for every
// message that is sent. Views into the text, which must outlive them. Pure; any thread.
#pragma once

#include "domain/model.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::templates {

class metadata_view {
 public:
  metadata_view() = default;
  /// Of an object of texts, as domain/model.hpp has it. Of another text, those of its members that
  /// come before the first thing that does not belong there; at most metadata_members_max.
  explicit metadata_view(std::string_view json) noexcept;

  /// The member's text as JSON writes it, between its quotes; nothing where there is none.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

 private:
  struct member {
    std::string_view name;
    std::string_view value;
  };
  std::array<member, metadata_members_max> members_;
  std::size_t count_ = 0;
};

/// Appends a text that JSON wrote, its escapes undone. An escape that is none becomes U+FFFD.
void append_unescaped(std::string& out, std::string_view json);

} // namespace paymentd::templates
