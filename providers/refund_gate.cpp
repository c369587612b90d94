#include "providers/refund_gate.hpp"

#include <algorithm>
#include <utility>

namespace paymentd::providers {
namespace {

class refund_gate final : public provider {
 public:
  refund_gate(std::unique_ptr<provider> behind, std::vector<conditional_template> others,
              std::string reason)
      : behind_(std::move(behind)), others_(std::move(others)), reason_(std::move(reason)) {}

  std::string_view name() const override { return behind_->name(); }

  void send(call what, std::function<void(call_result)> done) override {
    const auto passes = [this](const recipient& one) { return has_template(others_, one.event); };
    if (std::ranges::all_of(what.recipients, passes))
      return behind_->send(std::move(what), std::move(done));
    call rest{.key = what.key, .recipients = {}, .instance = what.instance};
    std::vector<std::size_t> places; // of the rest in the whole call
    const std::size_t count = what.recipients.size();
    for (std::size_t i = 0; i < count; ++i)
      if (passes(what.recipients[i])) {
        places.push_back(i);
        rest.recipients.push_back(std::move(what.recipients[i]));
      }
    if (places.empty())
      return done(std::unexpected(stopped_here()));
    behind_->send(std::move(rest), [count, places = std::move(places), held = stopped_here(),
                                    done = std::move(done)](call_result answer) {
      if (!answer)
        return done(std::move(answer));
      std::vector<recipient_result> all(count, std::unexpected(held));
      for (std::size_t i = 0; i < places.size(); ++i)
        all[places[i]] = std::move((*answer)[i]);
      done(std::move(all));
    });
  }

  std::optional<shown_request> show(const call& what) const override { return behind_->show(what); }
  void search(call what, std::function<void(search_result)> done) override {
    behind_->search(std::move(what), std::move(done));
  }
  bool can_search() const override { return behind_->can_search(); }
  void results(results_query what, std::function<void(results_answer)> done) override {
    behind_->results(std::move(what), std::move(done));
  }
  bool can_tell_results() const override { return behind_->can_tell_results(); }
  std::optional<std::chrono::milliseconds> ahead() const override { return behind_->ahead(); }
  std::chrono::milliseconds key_window() const override { return behind_->key_window(); }
  bool repeats_are_copies() const override { return behind_->repeats_are_copies(); }
  bool needs_phone() const override { return behind_->needs_phone(); }
  std::size_t recipients_max() const override { return behind_->recipients_max(); }
  void stop() override { behind_->stop(); }

 private:
  failure stopped_here() const { return {.kind = failure_class::transient, .reason = reason_}; }

  const std::unique_ptr<provider> behind_;
  const std::vector<conditional_template> others_;
  const std::string reason_;
};

} // namespace

std::unique_ptr<provider> make_refund_gate(std::unique_ptr<provider> behind,
                                           std::vector<conditional_template> others,
                                           std::string reason) {
  return std::make_unique<refund_gate>(std::move(behind), std::move(others), std::move(reason));
}

} // namespace paymentd::providers
