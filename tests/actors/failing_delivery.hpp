// The stage of delivery_stage.hpp with a provider that fails as the test tells it: what the tests
// of failures share. Single-threaded.
#pragma once

#include "delivery_stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace paymentd::actors::test {

class failing_delivery : public testing::Test {
 public:
  /// Starts and lets some calls succeed, so that the actor runs at full speed.
  void start_warm() {
    stage.start();
    for (int i = 0; i < 5; ++i) {
      stage.pay(1);
      stage.run();
    }
    provider.sent.clear();
    provider.sent_at.clear();
  }
  void fail_next(alimtalk::failure why, bool accept = false, int times = 1) {
    provider.on_send = [why, accept, left = times](const alimtalk::call&) mutable {
      return left-- > 0 ? treatment{.accept = accept, .says = why} : treatment{};
    };
  }
  static bool has(const alimtalk::call& what, entry_id entry) {
    return std::ranges::any_of(what.recipients, [&](const alimtalk::recipient& each) {
      return each.event.entry == entry;
    });
  }
  void fail_recipient(entry_id whom, alimtalk::failure why, int times = 1) {
    provider.on_send = [=, left = times](const alimtalk::call&) mutable {
      return treatment{
          .recipient =
              [=, &left](const alimtalk::recipient& each) -> std::optional<alimtalk::failure> {
            if (each.event.entry != whom || left <= 0)
              return std::nullopt;
            --left;
            return why;
          }};
    };
  }

  delivery_stage stage;
  model_provider& provider = *stage.provider;
};

} // namespace paymentd::actors::test
