#include "tools/fake_alimtalk/nhn_words.hpp"

#include <algorithm>
#include <iterator>

namespace paymentd::providers {
namespace {

struct code_message {
  int code;
  std::string_view text;
};

// "API Response Code", the column of messages.
constexpr code_message messages[] = {
    {0, "SUCCESS"},
    {-1001, "Invalid secretKey."},
    {-1005, "The same 'X-NC-API-IDEMPOTENCY-KEY' was used within the last 10 minute."},
    {-1031, "All of receivers are failed to send."},
    {-3003, "Template does not exist."},
    {-3004, "Please check template parameter."},
    {-3005, "Please check template status."},
    {-3010,
     "The contents do not match the template. This message can be resent via SMS if the resend "
     "setting is enabled."},
    {-3011,
     "The buttons or quickReplies are not matched to template. This message can be resend by sms "
     "service if the resend setting is on."},
    {-3042,
     "The templateHeader are not matched to template. This message can be resend by sms service if "
     "the resend setting is on."},
    {-3043,
     "The templateItem or templateItemHighlight are not matched to template. This message can be "
     "resend by sms service if the resend setting is on."},
    {-3046,
     "The templateRepresentLink is not matched to template. This message can be resend by sms "
     "service if the resend setting is on."},
    {-4000, "Invalid parameter"},
    {-4003, "Search is possible within 31 days."},
    {-4017, "You can not search the messages before 90 days."},
    {-4103, "RequestId or startRequestDate/endRequestDate is invalid."},
    {-5000, "RecipientNo is invalid."},
    {-7000, "Vender request API is failed."},
    {-9999, "System error. Please inquire at support@toast.com."}};

struct word {
  std::string_view code;
  std::string_view text;
};

// "Delivery Result Code"
constexpr word deliveries[] = {{"1000", "Success"},
                               {"3016", "Message content does not mismatch template"},
                               {"3018", "Unable to send message"}};

// "SMS/LMS Resending Status Code"
constexpr word resends[] = {
    {"RSC01", "Not a target of resending"},
    {"RSC02", "Target of resending (If sending fails, resending is performed.)"},
    {"RSC03", "Resending in progress"},
    {"RSC04", "Resending successful"},
    {"RSC05", "Resending failed"}};

template <class Table, class Code>
std::string_view text_of(const Table& table, Code code, std::string_view otherwise) {
  const auto found = std::ranges::find(table, code, &std::ranges::range_value_t<Table>::code);
  return found == std::ranges::end(table) ? otherwise : found->text;
}

} // namespace

std::string_view nhn_message(int result_code) {
  return text_of(messages, result_code, "refused");
}

std::string_view nhn_delivery_name(std::string_view code) {
  return text_of(deliveries, code, "");
}

std::string_view nhn_resend_name(std::string_view status) {
  return text_of(resends, status, "");
}

} // namespace paymentd::providers
