// A call whose messages go by several templates. NHN takes one template a request, so the call is
// made of parts, one request a template, one after the other:
//
// The first part bears the call's own key, and no other is sent before NHN has accepted a message
// of it. So NHN knows the key wherever a part behind the first can have been sent: when the call is
// repeated, by whomever, and whichever template each message has by then, NHN says `seen`, nothing
// is accepted twice, and a search by the key, which all parts have as sender grouping key, tells
// what each message became.
//
// Pure: no clock and no I/O. Used by nhn_provider.cpp; one thread at a time.
#pragma once

#include "providers/provider.hpp"

#include <optional>
#include <vector>

namespace paymentd::providers {

class nhn_parts {
 public:
  struct part {
    std::size_t of_template;              // all of its messages
    std::string key;                      // its idempotency key
    call what;                            // its key is the whole call's: the sender grouping key
    std::vector<std::size_t> places = {}; // of its messages in the whole call
  };

  /// `templates` has one for each recipient of `whole`, which has at least one.
  nhn_parts(call whole, const std::vector<std::size_t>& templates);

  /// The part to be sent now.
  const part& now() const { return parts_[at_]; }

  /// Takes the answer to that part. Gives the result of the whole call where nothing more is to be
  /// sent; else the next part is to be sent.
  std::optional<call_result> answered(call_result answer);

  /// The result where nothing more is sent, for whatever reason: messages that were not sent are an
  /// outage that was never written. Precondition: a part was answered. Call once.
  call_result result() { return std::move(results_); }

 private:
  call_result refused_first(failure why) const;
  /// Whether the parts behind it may be sent.
  bool take(const part& of, call_result answer);

  std::vector<part> parts_;
  std::size_t at_ = 0;
  std::vector<recipient_result> results_; // of the whole call
};

} // namespace paymentd::providers
