// The base of providers whose API takes one template a request: a call whose messages go by several
// templates is several requests, by the rule of call_parts.hpp. Answers come on the thread of the
// client.
#pragma once

#include "providers/call_parts.hpp"
#include "providers/http_provider.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::providers {

class per_template_provider : public http_provider {
 public:
  using http_provider::http_provider;
  void send(call what, std::function<void(call_result)> done) final;
  bool needs_phone() const final { return true; }

 protected:
  /// `others`, `timeout` and `now` of them are used; they never change.
  virtual const api_options& options() const = 0;
  /// The request for messages that all go by the template `by` (0: the provider's own one). `key`
  /// is that of the call or of its part.
  virtual net::http_request post_of(const call& what, std::size_t by,
                                    const std::string& key) const = 0;
  virtual call_result result_of(const call& what, std::size_t by,
                                net::http_result answer) const = 0;

  /// The template that the first message of a call goes by.
  std::size_t first_template_of(const call& what) const;

 private:
  /// The wall's clock, which goes on while the machine sleeps, and the one that nobody sets.
  struct both_clocks {
    instant wall;
    std::chrono::steady_clock::time_point steady;
  };
  struct send_in_parts {
    call_parts parts;
    std::function<void(call_result)> done;
    both_clocks begun;
  };

  both_clocks now_by_both() const;
  bool has_taken_long(const both_clocks& since) const;
  std::vector<std::size_t> templates_of(const call& what) const;
  void next_part(std::shared_ptr<send_in_parts> on);
};

} // namespace paymentd::providers
