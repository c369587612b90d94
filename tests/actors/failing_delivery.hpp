// The fixture of delivery_fixture.hpp with a provider that fails as the test tells it: what the
// tests of failures share. Single-threaded.
#pragma once

#include "tests/actors/delivery_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace paymentd::actors::test {

class failing_delivery : public testing::Test {
 public:
  /// Starts and lets some calls succeed, so that the actor runs at full speed.
  void start_warm() {
    fixture.start();
    for (int i = 0; i < 5; ++i) {
      fixture.pay(1);
      fixture.run();
    }
    provider.sent.clear();
    provider.sent_at.clear();
  }
  void fail_next(providers::failure why, bool accept = false, int times = 1) {
    provider.on_send = [why, accept, left = times](const providers::call&) mutable {
      return left-- > 0 ? treatment{.accept = accept, .says = why} : treatment{};
    };
  }
  static bool has(const providers::call& what, entry_id entry) {
    return std::ranges::any_of(what.recipients, [&](const providers::recipient& each) {
      return each.event.entry == entry;
    });
  }
  void fail_recipient(entry_id whom, providers::failure why, int times = 1) {
    provider.on_send = [=, left = times](const providers::call&) mutable {
      return treatment{
          .recipient =
              [=, &left](const providers::recipient& each) -> std::optional<providers::failure> {
            if (each.event.entry != whom || left <= 0)
              return std::nullopt;
            --left;
            return why;
          }};
    };
  }

  delivery_fixture fixture;
  model_provider& provider = *fixture.provider;
};

} // namespace paymentd::actors::test
