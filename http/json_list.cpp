// Bodies that are a list of objects. A fault of the list is one of the body; one of an object is
// that object's own.
#include "http/json_object.hpp"

namespace paymentd::http {

namespace {

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
    if (at_ == level::outside) {
      at_ = level::frame;
      return true;
    }
    if (at_ != level::list)
      return misfit();
    if (elements_.size() >= elements_max_)
      return wrong_count();
    values_.assign(rules_.size(), {});
    element_.emplace(rules_, values_);
    return element_->start_object(size);
  }
  bool end_object() {
    if (!element_) {
      at_ = level::outside;
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
    if (at_ != level::frame)
      return misfit();
    at_ = level::list;
    return true;
  }
  bool end_array() {
    if (element_)
      return element_->end_array();
    at_ = level::frame;
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
  enum class level : std::uint8_t { outside, frame, list };

  bool fault(std::string field, std::string message) {
    if (!fault_)
      fault_ = problem{problem_code::invalid_request, {}, {{std::move(field), std::move(message)}}};
    return false;
  }
  bool misfit() {
    if (at_ == level::outside)
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
  level at_ = level::outside;
  bool named_ = false;
  std::vector<field_value> values_; // of the present element
  std::optional<object_handler> element_;
  std::vector<list_element> elements_;
  std::optional<problem> fault_;
};

} // namespace

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

} // namespace paymentd::http
