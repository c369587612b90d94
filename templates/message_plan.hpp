// How the variables of an approved template are filled in, as [alimtalk.parameters] has it: made
// once at the start, followed for every message. After that immutable; any thread.
#pragma once

#include "templates/text_template.hpp"

namespace paymentd::templates {

/// The most that message APIs let a message have: variables of a template, and characters in all.
inline constexpr std::size_t parameters_max = 40;
inline constexpr std::size_t message_characters_max = 1300;

/// A variable, which stands as `#{name}` in the approved template, and what becomes of it.
struct parameter {
  std::string name;
  std::string text; // as the settings have it
  text_template value;
};

class message_plan {
 public:
  static constexpr std::size_t name_characters_max = 50;

  /// The plan where the settings have none: `orderId` ("1"), `amount` ("12,000원"), `time`
  /// ("2026-11-22 23:05") and `status` ("결제 완료").
  static message_plan standard();

  /// Adds a parameter, or gives one of that name another text. An error is one line, to be read
  /// behind the name of the setting, and changes nothing.
  std::expected<void, std::string> set(std::string_view name, std::string_view text);

  /// In the order in which they were added.
  const std::vector<parameter>& parameters() const { return parameters_; }
  bool has(std::string_view name) const;
  /// Whether any of them has a field of the user's reference or metadata.
  bool reads_user() const;
  /// The names of all members of metadata that `what` (order_metadata or user_metadata) asks for.
  std::vector<std::string> metadata_names(field what) const;

  /// The values for an event, in the order of the parameters, each cut to what the message APIs
  /// take: one to `excess_max` characters more than its name has (0: no bound), and all together to
  /// message_characters_max, the longest first. `values` is written over, so that its memory serves
  /// again. No event makes it fail.
  void render(const event_fields& of, std::size_t excess_max,
              std::vector<std::string>& values) const;

 private:
  std::vector<parameter> parameters_;
};

} // namespace paymentd::templates
