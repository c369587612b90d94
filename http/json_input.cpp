#include "http/json_input.hpp"

#include "http/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

namespace paymentd::http {

namespace {

std::string what_fits(const field_rule& rule) {
  if (rule.type == field_rule::kind::text)
    return "must be a string";
  return "must be a whole number from " + std::to_string(rule.min) + " to " +
         std::to_string(rule.max);
}

/// Called back by the JSON parser, token by token; `false` ends the parse.
class object_handler {
 public:
  object_handler(std::span<const field_rule> rules, std::span<field_value> values)
      : rules_(rules), values_(values), seen_(rules.size(), false) {}

  bool null() {
    if (field_ && field_->null_is_absent && depth_ == 1) {
      field_ = nullptr;
      return true;
    }
    return mismatch();
  }
  bool boolean(bool) { return mismatch(); }
  bool number_float(double, const std::string&) { return mismatch(); }
  bool binary(nlohmann::json::binary_t&) { return mismatch(); }
  bool number_integer(std::int64_t value) {
    if (!takes(field_rule::kind::integer) || value < field_->min || value > field_->max)
      return mismatch();
    set().integer = value;
    return true;
  }
  bool number_unsigned(std::uint64_t value) {
    // Every bound is below 2^63, so what does not fit is out of range anyway.
    return value > static_cast<std::uint64_t>(safe_integer_max)
               ? mismatch()
               : number_integer(static_cast<std::int64_t>(value));
  }
  bool string(std::string& value) {
    if (!takes(field_rule::kind::text))
      return mismatch();
    set().text = std::move(value);
    return true;
  }
  bool start_object(std::size_t) { return depth_ == 0 ? deeper() : mismatch() && deeper(); }
  bool start_array(std::size_t) { return mismatch() && deeper(); }
  bool end_object() { return shallower(); }
  bool end_array() { return shallower(); }
  bool key(std::string& name) {
    if (depth_ != 1)
      return true;
    const auto rule = std::ranges::find(rules_, name, &field_rule::name);
    if (rule == rules_.end()) {
      field_ = nullptr;
      return error(echoed(name), "is not a field of this call");
    }
    field_ = &*rule;
    const auto at = static_cast<std::size_t>(rule - rules_.begin());
    if (seen_[at])
      return error(std::string{rule->name}, "is given more than once");
    seen_[at] = true;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& why) {
    constexpr int number_overflow = 406; // nlohmann_json's out_of_range.406: "1e400" is valid JSON
    if (why.id != number_overflow || !mismatch() || errors_.empty())
      bad_at_ = position;
    return false;
  }

  std::expected<void, problem> result(bool parsed) {
    if (too_deep_)
      return std::unexpected(problem{
          problem_code::invalid_json, "The body nests deeper than this server reads.", {}, {}});
    if (bad_at_)
      return std::unexpected(problem{problem_code::invalid_json,
                                     "The body is not valid JSON, as far as it was read: " +
                                         std::to_string(*bad_at_) + " bytes.",
                                     {},
                                     {}});
    if (parsed && is_object_)
      for (std::size_t at = 0; at < rules_.size(); ++at)
        if (rules_[at].required && !seen_[at])
          error(std::string{rules_[at].name}, "is missing");
    if (errors_.empty())
      return {};
    return std::unexpected(problem{problem_code::invalid_request, {}, std::move(errors_), {}});
  }

 private:
  bool takes(field_rule::kind type) const {
    return depth_ == 1 && field_ != nullptr && field_->type == type;
  }
  field_value& set() {
    field_value& value = values_[static_cast<std::size_t>(field_ - rules_.data())];
    value.given = true;
    field_ = nullptr;
    return value;
  }
  /// A value that is not what its field takes. Inside an array or object that was reported already,
  /// and after an unknown name, it is nobody's.
  bool mismatch() {
    if (depth_ == 0) {
      is_object_ = false;
      return error("", "must be a JSON object");
    }
    if (depth_ > 1 || field_ == nullptr)
      return true;
    const field_rule& rule = *field_;
    field_ = nullptr;
    return error(std::string{rule.name}, what_fits(rule));
  }
  bool error(std::string field, std::string message) {
    if (errors_.size() < field_errors_max)
      errors_.push_back({std::move(field), std::move(message)});
    return true;
  }
  bool deeper() {
    too_deep_ = ++depth_ > json_depth_max;
    return !too_deep_;
  }
  bool shallower() {
    --depth_;
    return true;
  }

  std::span<const field_rule> rules_;
  std::span<field_value> values_;
  std::vector<bool> seen_; // the rules whose names came, well or badly
  std::vector<field_error> errors_;
  const field_rule* field_ = nullptr; // whose value comes next
  std::optional<std::size_t> bad_at_;
  int depth_ = 0;
  bool too_deep_ = false;
  bool is_object_ = true;
};

} // namespace

std::expected<void, problem> read_object(std::string_view body, std::span<const field_rule> rules,
                                         std::span<field_value> values) {
  if (body.empty())
    return std::unexpected(problem{problem_code::invalid_json, "The body is missing.", {}, {}});
  // The parser takes a NUL for the end of its input, and would let anything stand after it.
  if (body.find('\0') != std::string_view::npos)
    return std::unexpected(
        problem{problem_code::invalid_json, "The body holds a NUL character.", {}, {}});
  // The parser would skip it; JSON is sent without one (RFC 8259, 8.1).
  if (body.starts_with("\xEF\xBB\xBF"))
    return std::unexpected(
        problem{problem_code::invalid_json, "The body begins with a byte order mark.", {}, {}});
  object_handler handler{rules, values};
  const bool parsed = nlohmann::json::sax_parse(body.data(), body.data() + body.size(), &handler);
  return handler.result(parsed);
}

problem invalid_field(std::string_view field, std::string_view message) {
  return {problem_code::invalid_request, {}, {{std::string{field}, std::string{message}}}, {}};
}

} // namespace paymentd::http
