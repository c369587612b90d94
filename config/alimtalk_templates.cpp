#include "config/alimtalk_templates.hpp"

#include "config/parameters.hpp"
#include "config/refunds.hpp"
#include "domain/utf8.hpp"
#include "providers/kind.hpp"

#include <algorithm>
#include <set>

namespace paymentd::config {

const std::string_view template_example = R"(
# Other templates, each for the orders whose metadata meet its condition, in an
# [[alimtalk.template]] of its own (of which there may be 16). They stand in this file alone. The
# first whose condition holds is taken; [alimtalk] has the template of all other orders.
#
#   [[alimtalk.template]]
#   when = "metadata.kind = gift"    # a name of the order's metadata, and its value
#   event = "payment"                # or "refund": for messages about refunds
#   template_code = "GIFT_PAID"      # or template_id and so on, as the provider's in [alimtalk]
#   template_text = ""               # its own text and buttons, for a provider that wants them
#   template_buttons = ""
#   fallback = "sms"                 # these three: where they are not given, as in [alimtalk]
#   fallback_title = ""
#   fallback_text = "#{받는분}님께 선물이 갑니다."
#
#   [alimtalk.template.parameters]   # its variables; without this table, as in [alimtalk]
#   "받는분" = "{order.metadata.receiver|고객}"
)";

namespace {

constexpr std::size_t templates_max = 16;
constexpr std::size_t shown_key_max = 60;
constexpr std::string_view when_key = "when";
constexpr std::string_view event_key = "event";

/// The settings of [alimtalk] that a template may have for itself, beside its parameters.
std::vector<const setting*> own_settings() {
  std::set<std::string, std::less<>> keys{"alimtalk.template_text", "alimtalk.template_buttons",
                                          "alimtalk.fallback", "alimtalk.fallback_title",
                                          "alimtalk.fallback_text"};
  for (const auto& kind : providers::provider_kinds())
    if (!kind.template_key.empty())
      keys.insert("alimtalk." + std::string{kind.template_key});
  std::vector<const setting*> own;
  for (const setting& each : registry())
    if (keys.contains(each.key))
      own.push_back(&each);
  return own;
}

/// Reads one table, key by key.
class template_reader {
 public:
  template_reader(const file_table& table, const std::string& file, const settings& others,
                  std::vector<std::string>& errors)
      : table_(table), where_(file + ":"), alimtalk_(others.alimtalk), made_(others),
        errors_(errors) {
    // It decides what the others mean, wherever it stands.
    if (const file_value* const event = find(event_key);
        event != nullptr && event->type == toml_type::text && event->text == "refund") {
      about_ = entry_kind::refund;
      made_.alimtalk = refund_settings(others.alimtalk);
    }
    made_.alimtalk.template_text.clear(); // they are another template's
    made_.alimtalk.template_buttons.clear();
  }

  /// Nothing where it has no good condition.
  std::optional<alimtalk_template> read() {
    templates::message_plan parameters;
    for (const file_value& each : table_.values)
      if (each.key.starts_with(parameter_prefix))
        take_parameter_of(each, parameters);
      else if (const std::string wrong = take(each); !wrong.empty())
        fail(each.line, each.key, wrong);
    const bool has_parameters = !parameters.parameters().empty();
    if (has_parameters)
      made_.alimtalk.parameters = std::move(parameters);
    if (!has(when_key))
      fail(table_.line, when_key, "must be given");
    look_at_provider();
    if (good_)
      look_at_text(has_parameters);
    if (good_)
      look_at_fallback(has_parameters);
    if (!when_)
      return std::nullopt;
    return alimtalk_template{.where = where_ + std::to_string(table_.line),
                             .about = about_,
                             .when = *std::move(when_),
                             .alimtalk = std::move(made_.alimtalk)};
  }

 private:
  static constexpr std::string_view parameter_prefix = "parameters.";

  /// Why it cannot be taken, if so.
  std::string take(const file_value& value) {
    const bool is_text = value.type == toml_type::text;
    if (value.key == when_key) {
      if (!is_text || !is_utf8(value.text))
        return "must be a text in UTF-8";
      auto parsed = templates::metadata_condition::parse(value.text);
      if (!parsed)
        return std::move(parsed).error();
      when_ = *std::move(parsed);
      return {};
    }
    if (value.key == event_key)
      return is_text && (value.text == "payment" || value.text == "refund")
                 ? ""
                 : "must be payment or refund";
    if (value.key == parameters_key)
      return "must be a table, [alimtalk.template.parameters]";
    for (const setting* each : own_settings())
      if (each->name() == value.key)
        return is_text && each->set(made_, value.text) ? "" : "must be " + each->takes;
    return "unknown key";
  }

  void take_parameter_of(const file_value& value, templates::message_plan& into) {
    const std::string_view name = std::string_view{value.key}.substr(parameter_prefix.size());
    if (value.type != toml_type::text)
      return fail(value.line, value.key, "must be a text, not " + value.text);
    if (const auto taken = take_parameter(name, value.text, about_, into); !taken)
      fail(value.line, value.key, taken.error());
  }

  /// The code in [alimtalk] is another template's.
  void look_at_provider() {
    for (const auto& kind : providers::provider_kinds())
      if (names_provider(made_.alimtalk, kind.name) && !kind.template_key.empty() &&
          !is_given(kind.template_key))
        fail(table_.line, kind.template_key,
             "must be given, because alimtalk.provider is " + named_providers(made_.alimtalk));
    if (about_ == entry_kind::refund && alimtalk_.refunds != refund_messages::off &&
        !has_refund_template(alimtalk_))
      fail(table_.line, event_key,
           "is refund, but [alimtalk] has no template for the refunds of all other orders");
  }

  /// The table that its parameters are from.
  std::string_view parameters_of(bool has_parameters) const {
    if (has_parameters)
      return "alimtalk.template.parameters";
    return about_ == entry_kind::refund && !alimtalk_.refund_parameters.parameters().empty()
               ? refund_parameters_section
               : parameters_section;
  }

  void look_at_text(bool has_parameters) {
    for (const conflict& each :
         text_conflicts(made_.alimtalk, parameters_of(has_parameters), has_parameters)) {
      const std::string& key = each.keys.front();
      fail(table_.line, key.substr(key.find('.') + 1), each.line);
    }
  }

  /// Of a fallback that is wholly as [alimtalk] has it, a fault is told there.
  void look_at_fallback(bool has_parameters) {
    if (!has_parameters && !has("fallback") && !has("fallback_title") && !has("fallback_text"))
      return;
    const bool falls_back_anyway = alimtalk_.fallback != alimtalk_fallback::off;
    for (const conflict& each : fallback_conflicts(
             made_.alimtalk, has("fallback") ? "alimtalk.template.fallback" : "alimtalk.fallback",
             parameters_of(has_parameters))) {
      const std::string& key = each.keys.front();
      if (key != "alimtalk.fallback_from")
        fail(table_.line, key.substr(key.find('.') + 1), each.line);
      else if (!falls_back_anyway) // else it is told there
        errors_.push_back(where_ + std::to_string(table_.line) + ": " + key + ": " + each.line);
    }
  }

  const file_value* find(std::string_view key) const {
    const auto found = std::ranges::find(table_.values, key, &file_value::key);
    return found == table_.values.end() ? nullptr : &*found;
  }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  bool is_given(std::string_view key) const {
    const file_value* const value = find(key);
    return value != nullptr && (value->type != toml_type::text || !value->text.empty());
  }

  void fail(int line, std::string_view key, const std::string& why) {
    good_ = false;
    const bool odd =
        key.empty() || key.size() > shown_key_max || !is_utf8(key) ||
        std::ranges::any_of(key, [](char c) { return (c >= 0 && c <= ' ') || c == '\x7f'; });
    errors_.push_back(where_ + std::to_string(line) + ": " + std::string{template_section} + "." +
                      (odd ? "a key" : std::string{key}) + ": " + why);
  }

  const file_table& table_;
  const std::string where_;           // the file
  const alimtalk_settings& alimtalk_; // as [alimtalk] has them
  settings made_;
  entry_kind about_ = entry_kind::payment;
  std::vector<std::string>& errors_;
  std::optional<templates::metadata_condition> when_;
  bool good_ = true;
};

} // namespace

std::vector<alimtalk_template> read_templates(const std::vector<file_table>& tables,
                                              const std::string& file, const settings& others,
                                              std::vector<std::string>& errors) {
  std::vector<alimtalk_template> read;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::string where =
        file + ":" + std::to_string(tables[i].line) + ": " + std::string{template_section};
    if (i == templates_max) {
      errors.push_back(where + ": there may be 16 at the most");
      break;
    }
    auto next = template_reader{tables[i], file, others, errors}.read();
    if (!next)
      continue;
    const auto same = std::ranges::find_if(read, [&](const alimtalk_template& each) {
      return each.about == next->about && each.when == next->when;
    });
    if (same != read.end())
      errors.push_back(where + ".when: is never asked, since the template of " + same->where +
                       " has the same condition");
    read.push_back(*std::move(next));
  }
  return read;
}

std::string template_toml(const alimtalk_template& of) {
  settings shown;
  shown.alimtalk = of.alimtalk;
  std::string toml =
      "[[" + std::string{template_section} + "]]\nwhen = " + toml_text(of.when.text()) + "\n";
  if (of.about == entry_kind::refund)
    toml += std::string{event_key} + " = \"refund\"\n";
  for (const setting* each : own_settings())
    toml += each->name() + " = " + each->show(shown) + "\n";
  const std::string table = parameters_toml(
      std::string{template_section} + "." + std::string{parameters_key}, of.alimtalk.parameters);
  return toml + (table.empty() ? "" : "\n" + table);
}

} // namespace paymentd::config
