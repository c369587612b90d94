// NHN's words for the codes that the fake API answers with, as its page "Error Code" and the API
// guide of v2.3 have them (docs.nhncloud.com, Notification, KakaoTalk Bizmessage). Pure functions.
#pragma once

#include <string_view>

namespace paymentd::providers {

/// The resultMessage of an answer's or a recipient's code; "refused" for a code that a test made
/// up.
std::string_view nhn_message(int result_code);

/// The resultCodeName of a delivery result: "1000", "3016", "3018"; empty for others.
std::string_view nhn_delivery_name(std::string_view code);

/// The resendStatusName of RSC01 to RSC05; empty for others.
std::string_view nhn_resend_name(std::string_view status);

} // namespace paymentd::providers
