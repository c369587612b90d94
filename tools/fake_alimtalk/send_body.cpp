#include "tools/fake_alimtalk/send_body.hpp"

#include <nlohmann/json.hpp>

namespace paymentd::providers {
namespace {

/// Follows the JSON without building a tree of it: bodies of 250 kB come thirty times a second.
class reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit reader(send_body& into) : into_(into) {}

  bool null() override { return not_a_known_field(); }
  bool boolean(bool given) override {
    if (std::exchange(expects_is_resend_, false))
      into_.recipients[into_.count - 1].with_resend = given;
    return not_a_known_field();
  }
  bool number_integer(number_integer_t) override { return not_a_known_field(); }
  bool number_unsigned(number_unsigned_t) override { return not_a_known_field(); }
  bool number_float(number_float_t, const string_t&) override { return not_a_known_field(); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& text) override {
    if (target_ != nullptr)
      target_->swap(text);
    target_ = nullptr;
    return !expects_recipients_;
  }
  bool start_object(std::size_t) override {
    ++depth_;
    if (in_recipients_ && depth_ == recipient_depth) {
      if (into_.count == into_.recipients.size())
        into_.recipients.emplace_back();
      send_recipient& next = into_.recipients[into_.count++];
      next.phone.clear();
      next.key.clear();
      next.with_resend.reset();
    }
    in_resend_ = std::exchange(expects_resend_, false);
    return not_a_known_field();
  }
  bool end_object() override {
    in_resend_ = false; // it has no objects
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    ++depth_;
    in_recipients_ |= std::exchange(expects_recipients_, false);
    return target_ == nullptr;
  }
  bool end_array() override {
    if (depth_-- == recipient_depth - 1)
      in_recipients_ = false;
    return true;
  }
  bool key(string_t& name) override {
    target_ = nullptr;
    expects_is_resend_ = in_resend_ && name == "isResend";
    if (depth_ == 1) {
      if (name == "senderKey")
        target_ = &into_.sender_key;
      else if (name == "templateCode")
        target_ = &into_.template_code;
      else if (name == "senderGroupingKey")
        target_ = &into_.sender_grouping_key;
      else
        expects_recipients_ = name == "recipientList";
    } else if (in_recipients_ && depth_ == recipient_depth) {
      send_recipient& recipient = into_.recipients[into_.count - 1];
      if (name == "recipientNo")
        target_ = &recipient.phone;
      else if (name == "recipientGroupingKey")
        target_ = &recipient.key;
      expects_resend_ = name == "resendParameter";
    }
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  static constexpr int recipient_depth = 3; // {"recipientList": [{

  bool not_a_known_field() const { return target_ == nullptr && !expects_recipients_; }

  send_body& into_;
  std::string* target_ = nullptr; // where the next value goes
  bool expects_recipients_ = false;
  bool in_recipients_ = false;
  bool expects_resend_ = false; // the value of resendParameter
  bool in_resend_ = false;
  bool expects_is_resend_ = false;
  int depth_ = 0;
};

} // namespace

bool send_body::read(std::string_view json) {
  sender_key.clear();
  template_code.clear();
  sender_grouping_key.clear();
  count = 0;
  reader follows(*this);
  return nlohmann::json::sax_parse(json, &follows);
}

} // namespace paymentd::providers
