#include "providers/log/log_provider.hpp"

#include "domain/log_fields.hpp"
#include "providers/kind.hpp"

#include <spdlog/spdlog.h>

#include <atomic>

namespace paymentd::providers {
namespace {

class log_provider final : public provider {
 public:
  explicit log_provider(log_provider_options options) : options_(options) {}

  std::string_view name() const override { return "log"; }

  void send(call what, std::function<void(call_result)> done) override {
    if (stopped_) {
      done(std::unexpected(stopped_failure()));
      return;
    }
    std::vector<recipient_result> results;
    results.reserve(what.recipients.size());
    for (const recipient& one : what.recipients) {
      std::string line = log_line(one.delivery_id, one.event, options_.mask_phone);
      if (!one.event.trace.empty()) {
        const std::string trace = trace_id_text(one.event.trace);
        line = with_fields(line, {{"trace_id", std::string_view{trace}}});
      }
      // As an argument, not as the format: the text is not ours alone.
      spdlog::info("{}", line);
      results.emplace_back(accepted{"log"});
    }
    done(std::move(results));
  }

  void search(call, std::function<void(search_result)> done) override {
    done(std::unexpected(failure{.kind = failure_class::outage,
                                 .reason = "the log cannot be searched",
                                 .never_written = true}));
  }
  bool can_search() const override { return false; }
  bool needs_phone() const override { return true; }
  std::chrono::milliseconds key_window() const override { return std::chrono::milliseconds{0}; }
  std::size_t recipients_max() const override { return options_.recipients_max; }
  void stop() override { stopped_ = true; }

 private:
  static failure stopped_failure() {
    return {.kind = failure_class::outage, .reason = "stopped", .never_written = true};
  }

  const log_provider_options options_;
  std::atomic<bool> stopped_ = false;
};

} // namespace

std::unique_ptr<provider> make_log_provider(log_provider_options options) {
  return std::make_unique<log_provider>(options);
}

provider_kind log_kind() {
  return {.name = "log",
          .sentence = "log writes them to the log",
          .credentials = {},
          .make = [](const api_options& common, const credential_values&)
              -> std::expected<std::unique_ptr<provider>, std::string> {
            return make_log_provider({.recipients_max = common.recipients_max});
          }};
}

} // namespace paymentd::providers
