// The final results of messages, as Aligo tells them. It lists calls by the day on which they came,
// newest first, and the messages of one call at a time, and has no list of what changed. So each
// call is looked at three times: in the turn of its own time, ten minutes later and an hour later.
// A result that comes after that is not read.
#pragma once

#include "net/http_client.hpp"
#include "providers/aligo/aligo_form.hpp"
#include "providers/provider.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace paymentd::providers {

/// Makes a request of this path and form.
using aligo_post = std::function<void(std::string path, std::string form,
                                      std::function<void(net::http_result)> then)>;

/// Reads one page. `done` is called once, on the thread that the answers come on, as a rule within
/// `patience` and the time of two requests. `account`, whose key is the secret of the messages'
/// ids, must outlive it.
void read_aligo_results(aligo_post post, const aligo_account& account,
                        std::chrono::milliseconds patience, results_query what,
                        std::function<void(results_answer)> done);

} // namespace paymentd::providers
