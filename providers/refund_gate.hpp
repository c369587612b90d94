// Stands before a provider whose settings have no template for some refunds. Such a message is for
// a refund that happened while there was one, or while another process's settings had one: it is
// tried again later, and never goes by a template that says that something was paid.
#pragma once

#include "providers/message.hpp"
#include "providers/provider.hpp"

#include <memory>
#include <string>
#include <vector>

namespace paymentd::providers {

/// `behind` is the provider itself, which is never called with a message that none of `others` is
/// for. Such messages fail transiently, for the reason that is given; a call of nothing else fails
/// as a whole, so that it says nothing of the API.
std::unique_ptr<provider> make_refund_gate(std::unique_ptr<provider> behind,
                                           std::vector<conditional_template> others,
                                           std::string reason);

} // namespace paymentd::providers
