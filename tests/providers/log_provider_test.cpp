// Goal: the log adapter writes one line a message and accepts all. Method: spdlog's default logger
// is replaced by one that writes to a string for the time of a test.
#include "providers/log/log_provider.hpp"

#include "domain/log_fields.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

namespace paymentd::providers {
namespace {

class log_provider_test : public testing::Test {
 protected:
  log_provider_test() {
    auto logger = std::make_shared<spdlog::logger>(
        "captured", std::make_shared<spdlog::sinks::ostream_sink_mt>(written_));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(logger);
  }
  ~log_provider_test() override { spdlog::set_default_logger(before_); }

  static call two_messages() {
    payment_event event;
    event.phone = "01012345678";
    event.order = {1};
    event.total = {12000};
    event.discount = {2000};
    call what{.key = "1.0", .recipients = {{"alimtalk-1", event}, {"alimtalk-{}", event}}};
    return what;
  }

  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream written_;
};

TEST_F(log_provider_test, each_message_is_one_line_at_info_with_the_phone_masked) {
  int answered = 0;
  make_log_provider()->send(two_messages(), [&](call_result result) {
    ++answered;
    ASSERT_TRUE(result);
    ASSERT_EQ(result->size(), 2u);
    EXPECT_TRUE(result->at(0) && result->at(1));
  });
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(written_.str(), "info AlimTalk to 010****5678: order 1 paid, 10,000원 at 1970-01-01 "
                            "09:00 (Korea) [alimtalk-1]\n"
                            "info AlimTalk to 010****5678: order 1 paid, 10,000원 at 1970-01-01 "
                            "09:00 (Korea) [alimtalk-{}]\n");
}

TEST_F(log_provider_test, a_line_has_the_trace_of_its_request_as_a_field) {
  call what = two_messages();
  what.recipients[1].event.trace.id.fill(0xab);
  make_log_provider()->send(std::move(what), [](call_result) {});
  std::istringstream lines(written_.str());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_TRUE(split_fields(line).fields.empty());
  ASSERT_TRUE(std::getline(lines, line));
  const log_line traced = split_fields(line);
  ASSERT_EQ(traced.fields.size(), 1u);
  EXPECT_EQ(traced.fields[0].name, "trace_id");
  EXPECT_EQ(std::get<std::string_view>(traced.fields[0].value), "abababababababababababababababab");
}

TEST_F(log_provider_test, the_whole_phone_is_written_only_where_asked_for) {
  make_log_provider({.mask_phone = false})->send(two_messages(), [](call_result) {});
  EXPECT_NE(written_.str().find("AlimTalk to 01012345678: "), std::string::npos);
}

TEST_F(log_provider_test, a_stopped_one_writes_nothing_and_answers_with_an_outage) {
  const auto log = make_log_provider();
  log->stop();
  int answered = 0;
  log->send(two_messages(), [&](call_result result) {
    ++answered;
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, failure_class::outage);
    EXPECT_TRUE(result.error().never_written);
  });
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(written_.str(), "");
}

} // namespace
} // namespace paymentd::providers
