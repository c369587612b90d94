// The final results of messages, asked of NHN. Its list of news names messages by the ids of
// their calls, not by ours, so each call that is in it is searched for, which tells both.
#pragma once

#include "net/http_client.hpp"
#include "providers/provider.hpp"

#include <functional>
#include <string>

namespace paymentd::providers {

/// Does a GET of what lies below the app key's path; the function is called once, on the client's
/// thread or at once.
using nhn_get =
    std::function<void(std::string below_app_key, std::function<void(net::http_result)>)>;

/// Reads one page of results, of at most 250 messages. As provider::results.
void read_nhn_results(nhn_get get, results_query what, std::function<void(results_answer)> done);

} // namespace paymentd::providers
