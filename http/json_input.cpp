#include "http/json_input.hpp"

#include "domain/model.hpp"
#include "http/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace paymentd::http {

namespace {

std::string what_fits(const field_rule& rule) {
  if (rule.type == field_rule::kind::metadata)
    return "must be an object of at most " + std::to_string(metadata_members_max) +
           " members, whose names are 1 to " + std::to_string(metadata_name_max) +
           " of [A-Za-z0-9_.-] and whose values are strings of at most " +
           std::to_string(metadata_value_max) + " characters, " +
           std::to_string(metadata_bytes_max) + " bytes in all";
  if (rule.type == field_rule::kind::text && rule.characters_max > 0)
    return "must be a string of at most " + std::to_string(rule.characters_max) + " characters";
  if (rule.type == field_rule::kind::text)
    return "must be a string";
  if (rule.type == field_rule::kind::boolean)
    return "must be true or false";
  return "must be a whole number from " + std::to_string(rule.min) + " to " +
         std::to_string(rule.max);
}

constexpr int number_overflow = 406; // nlohmann_json's out_of_range.406: "1e400" is valid JSON

problem bad_json(std::size_t position) {
  return {problem_code::invalid_json,
          "The body is not valid JSON, as far as it was read: " + std::to_string(position) +
              " bytes.",
          {},
          {}};
}

/// Whether a text in UTF-8 has more characters than `most`, where that is a bound.
bool is_too_long(std::string_view text, std::size_t most) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  return most > 0 &&
         text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues)) > most;
}

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

/// Called back by the JSON parser, token by token; `false` ends the parse.
class object_handler {
 public:
  object_handler(std::span<const field_rule> rules, std::span<field_value> values)
      : rules_(rules), values_(values), seen_(rules.size(), false) {}

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
    // A NUL is text to JSON, and none to PostgreSQL.
    if (!takes(field_rule::kind::text) || value.find('\0') != std::string::npos ||
        is_too_long(value, field_->characters_max))
      return mismatch();
    set().text = std::move(value);
    return true;
  }
  bool start_object(std::size_t) {
    if (takes(field_rule::kind::metadata)) {
      of_metadata_ = std::exchange(field_, nullptr);
      metadata_.emplace();
      return deeper();
    }
    return depth_ == 0 ? deeper() : mismatch() && deeper();
  }
  bool start_array(std::size_t) { return mismatch() && deeper(); }
  bool end_object() {
    shallower();
    return depth_ == 1 && metadata_ ? end_metadata() : true;
  }
  bool end_array() { return shallower(); }
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
  bool end_metadata() {
    auto text = metadata_->take();
    metadata_.reset();
    field_ = of_metadata_;
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
  const field_rule* field_ = nullptr; // whose value comes next
  const field_rule* of_metadata_ = nullptr;
  std::optional<metadata_reader> metadata_; // while its members come
  std::optional<std::size_t> bad_at_;
  int depth_ = 0;
  bool too_deep_ = false;
  bool is_object_ = true;
};

/// The handler of {"<name>": [{…}, …]}: gives each object to an object_handler of its own. All that
/// does not fit this frame ends the parse.
class list_handler {
 public:
  list_handler(std::string_view name, std::span<const field_rule> rules, std::size_t elements_max)
      : name_(name), rules_(rules), elements_max_(elements_max) {}

  bool null() { return element_ ? element_->null() : misfit(); }
  bool boolean(bool value) { return element_ ? element_->boolean(value) : misfit(); }
  bool number_float(double value, const std::string& text) {
    return element_ ? element_->number_float(value, text) : misfit();
  }
  bool binary(nlohmann::json::binary_t&) { return misfit(); }
  bool number_integer(std::int64_t value) {
    return element_ ? element_->number_integer(value) : misfit();
  }
  bool number_unsigned(std::uint64_t value) {
    return element_ ? element_->number_unsigned(value) : misfit();
  }
  bool string(std::string& value) { return element_ ? element_->string(value) : misfit(); }
  bool key(std::string& name) {
    if (element_)
      return element_->key(name);
    if (name != name_)
      return fault(echoed(name), "is not a field of this call");
    if (std::exchange(named_, true))
      return fault(std::string{name_}, "is given more than once");
    return true;
  }
  bool start_object(std::size_t size) {
    if (element_)
      return element_->start_object(size);
    if (at_ == place::outside) {
      at_ = place::frame;
      return true;
    }
    if (at_ != place::list)
      return misfit();
    if (elements_.size() >= elements_max_)
      return wrong_count();
    values_.assign(rules_.size(), {});
    element_.emplace(rules_, values_);
    return element_->start_object(size);
  }
  bool end_object() {
    if (!element_) {
      at_ = place::outside;
      return true;
    }
    const bool goes_on = element_->end_object();
    if (element_->depth() > 0)
      return goes_on;
    auto read = element_->result(true);
    element_.reset();
    if (read)
      elements_.emplace_back(std::move(values_));
    else
      elements_.emplace_back(std::unexpect, std::move(read.error()));
    return true;
  }
  bool start_array(std::size_t size) {
    if (element_)
      return element_->start_array(size);
    if (at_ != place::frame)
      return misfit();
    at_ = place::list;
    return true;
  }
  bool end_array() {
    if (element_)
      return element_->end_array();
    at_ = place::frame;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& why) {
    if (why.id == number_overflow)
      return fault(std::string{name_}, "holds a number that no field takes");
    if (!fault_)
      fault_ = bad_json(position);
    return false;
  }

  std::expected<std::vector<list_element>, problem> result() {
    if (element_ && !fault_) // it ended the parse: it nests too deep
      if (auto read = element_->result(false); !read)
        fault_ = std::move(read.error());
    if (!fault_ && !named_)
      fault(std::string{name_}, "is missing");
    if (!fault_ && elements_.empty())
      wrong_count();
    if (fault_)
      return std::unexpected(*std::move(fault_));
    return std::move(elements_);
  }

 private:
  enum class place : std::uint8_t { outside, frame, list };

  bool fault(std::string field, std::string message) {
    if (!fault_)
      fault_ = problem{problem_code::invalid_request, {}, {{std::move(field), std::move(message)}}};
    return false;
  }
  bool misfit() {
    if (at_ == place::outside)
      return fault("", "must be a JSON object");
    return fault(std::string{name_}, "must be a list of JSON objects");
  }
  bool wrong_count() {
    return fault(std::string{name_},
                 "must hold 1 to " + std::to_string(elements_max_) + " elements");
  }

  std::string_view name_;
  std::span<const field_rule> rules_;
  std::size_t elements_max_;
  place at_ = place::outside;
  bool named_ = false;
  std::vector<field_value> values_; // of the present element
  std::optional<object_handler> element_;
  std::vector<list_element> elements_;
  std::optional<problem> fault_;
};

/// The fault of a body that no parser should see; nothing where it can be parsed.
std::optional<problem> unreadable(std::string_view body) {
  if (body.empty())
    return problem{problem_code::invalid_json, "The body is missing.", {}, {}};
  // The parser takes a NUL for the end of its input, and would let anything stand after it.
  if (body.find('\0') != std::string_view::npos)
    return problem{problem_code::invalid_json, "The body holds a NUL character.", {}, {}};
  // The parser would skip it; JSON is sent without one (RFC 8259, 8.1).
  if (body.starts_with("\xEF\xBB\xBF"))
    return problem{problem_code::invalid_json, "The body begins with a byte order mark.", {}, {}};
  return std::nullopt;
}

} // namespace

std::expected<void, problem> read_object(std::string_view body, std::span<const field_rule> rules,
                                         std::span<field_value> values) {
  if (auto fault = unreadable(body))
    return std::unexpected(*std::move(fault));
  object_handler handler{rules, values};
  const bool parsed = nlohmann::json::sax_parse(body.data(), body.data() + body.size(), &handler);
  return handler.result(parsed);
}

std::optional<std::string> read_metadata(std::string_view object) {
  static constexpr std::array rules{
      field_rule{.name = "metadata", .type = field_rule::kind::metadata}};
  std::array<field_value, 1> values;
  std::string body(R"({"metadata":)");
  body.append(object).push_back('}');
  if (!read_object(body, rules, values))
    return std::nullopt;
  return std::move(values.front().text);
}

std::expected<std::vector<list_element>, problem> read_list(std::string_view body,
                                                            std::string_view name,
                                                            std::span<const field_rule> rules,
                                                            std::size_t elements_max) {
  if (auto fault = unreadable(body))
    return std::unexpected(*std::move(fault));
  list_handler handler{name, rules, elements_max};
  nlohmann::json::sax_parse(body.data(), body.data() + body.size(), &handler);
  return handler.result();
}

problem invalid_field(std::string_view field, std::string_view message) {
  return {problem_code::invalid_request, {}, {{std::string{field}, std::string{message}}}, {}};
}

} // namespace paymentd::http
