// Reads one JSON object by rules, token by token, as nlohmann_json's parser calls back. Private to
// json_input.cpp, which reads bodies of one object, and json_list.cpp, which reads lists of them.
#pragma once

#include "domain/check.hpp"
#include "domain/model.hpp"
#include "http/json_input.hpp"
#include "http/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace paymentd::http {

/// nlohmann_json's out_of_range.406: "1e400" is valid JSON.
inline constexpr int number_overflow = 406;

/// The fault of a body that no parser should see; nothing where it can be parsed.
std::optional<problem> unreadable(std::string_view body);
/// `position`: the byte at which it is wrong, from 1; one behind the last where it ends too soon.
problem bad_json(std::size_t position);
/// The reason that a value is refused with, by the rule of its field.
std::string what_fits(const field_rule& rule);
/// Whether a text in UTF-8 has more characters than `most`, where that is a bound.
bool is_too_long(std::string_view text, std::size_t most);

/// Gathers the members of metadata, in the order that they came in.
class metadata_reader {
 public:
  void name(std::string& given) {
    good_ = good_ && valid_metadata_name(given) &&
            std::ranges::find(names_, given) == names_.end() &&
            names_.size() < metadata_members_max;
    if (!good_)
      return;
    text_ += names_.empty() ? '{' : ',';
    append_quoted(text_, given);
    text_ += ':';
    names_.push_back(std::move(given));
  }
  void value(const std::string& given) {
    good_ =
        good_ && given.find('\0') == std::string::npos && !is_too_long(given, metadata_value_max);
    if (good_)
      append_quoted(text_, given);
  }
  void misfit() { good_ = false; }

  /// Nothing where something did not fit.
  std::optional<std::string> take() {
    if (!names_.empty())
      text_ += '}';
    if (!good_ || text_.size() > metadata_bytes_max)
      return std::nullopt;
    return std::move(text_);
  }

 private:
  std::vector<std::string> names_;
  std::string text_;
  bool good_ = true;
};

/// Gathers the texts of a list, with a line's end between.
class texts_reader {
 public:
  void add(const std::string& given) {
    good_ = good_ && !given.empty() &&
            std::ranges::none_of(given, [](char c) { return c >= 0 && c < ' '; });
    if (good_)
      text_.append(text_.empty() ? "" : "\n").append(given);
  }
  void misfit() { good_ = false; }
  /// Nothing where something did not fit.
  std::optional<std::string> take() {
    return good_ ? std::optional(std::move(text_)) : std::nullopt;
  }

 private:
  std::string text_;
  bool good_ = true;
};

/// Called back by the JSON parser, token by token; `false` ends the parse.
class object_handler {
 public:
  object_handler(std::span<const field_rule> rules, std::span<field_value> values)
      : rules_(rules), values_(values), seen_(rules.size(), false) {
    check(rules.size() == values.size(), "there is a value for each rule");
  }

  bool null() {
    if (field_ && field_->null_is_empty && depth_ == 1) {
      set().is_null = true;
      return true;
    }
    if (field_ && !field_->required && depth_ == 1) {
      field_ = nullptr;
      return true;
    }
    return mismatch();
  }
  bool boolean(bool value) {
    if (!takes(field_rule::kind::boolean))
      return mismatch();
    set().integer = value ? 1 : 0;
    return true;
  }
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
    if (metadata_ && depth_ == 2) {
      metadata_->value(value);
      return true;
    }
    if (texts_ && depth_ == 2) {
      texts_->add(value);
      return true;
    }
    if (!takes(field_rule::kind::text) || is_too_long(value, field_->characters_max))
      return mismatch();
    // A NUL is text to JSON, and none to PostgreSQL.
    if (value.find('\0') != std::string::npos)
      return error(std::string{std::exchange(field_, nullptr)->name},
                   "must not hold the character U+0000");
    set().text = std::move(value);
    return true;
  }
  bool start_object(std::size_t) {
    if (takes(field_rule::kind::metadata)) {
      gathers_ = std::exchange(field_, nullptr);
      metadata_.emplace();
      return deeper();
    }
    return depth_ == 0 ? deeper() : mismatch() && deeper();
  }
  bool start_array(std::size_t) {
    if (takes(field_rule::kind::texts)) {
      gathers_ = std::exchange(field_, nullptr);
      texts_.emplace();
      return deeper();
    }
    return mismatch() && deeper();
  }
  bool end_object() {
    shallower();
    return depth_ == 1 && metadata_ ? end_of(metadata_) : true;
  }
  bool end_array() {
    shallower();
    return depth_ == 1 && texts_ ? end_of(texts_) : true;
  }
  bool key(std::string& name) {
    if (metadata_ && depth_ == 2)
      metadata_->name(name);
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
    if (why.id != number_overflow || !mismatch() || errors_.empty())
      bad_at_ = position;
    return false;
  }

  int depth() const { return depth_; }

  std::expected<void, problem> result(bool parsed) {
    if (too_deep_)
      return std::unexpected(problem{
          problem_code::invalid_json, "The body nests deeper than this server reads.", {}, {}});
    if (bad_at_)
      return std::unexpected(bad_json(*bad_at_));
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
    if (metadata_)
      metadata_->misfit();
    if (texts_)
      texts_->misfit();
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
  /// The end of what a field gathers.
  bool end_of(auto& reader) {
    auto text = reader->take();
    reader.reset();
    field_ = gathers_;
    if (!text)
      return mismatch();
    set().text = *std::move(text);
    return true;
  }
  bool shallower() {
    --depth_;
    return true;
  }

  std::span<const field_rule> rules_;
  std::span<field_value> values_;
  std::vector<bool> seen_; // the rules whose names came, well or badly
  std::vector<field_error> errors_;
  const field_rule* field_ = nullptr;       // whose value comes next
  const field_rule* gathers_ = nullptr;     // whose members or elements come
  std::optional<metadata_reader> metadata_; // while its members come
  std::optional<texts_reader> texts_;       // while they come
  std::optional<std::size_t> bad_at_;
  int depth_ = 0;
  bool too_deep_ = false;
  bool is_object_ = true;
};

} // namespace paymentd::http
