// The keeper of webhooks: has each one that the database holds told of events by this process, from
// a moment after it was made there, by whichever process, until it is paused or deleted. It makes
// their endpoints and supervisors, tells the others of them, takes clients' requests, and sees
// which ones fail for too long. One a process, on a thread of its own, since the making of an
// endpoint may take a while.
#pragma once

#include "actors/counters.hpp"
#include "actors/delivery/notification_supervisor.hpp"
#include "actors/requests.hpp"
#include "actors/store_worker.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace paymentd::actors {

/// All that a webhook runs by. The provider of `supervised` is `endpoint`.
struct webhook_part {
  std::shared_ptr<providers::endpoint> endpoint;
  notification_supervisor_options supervised;
};
/// Makes it; an error is one line, for a webhook that cannot work. On the keeper's thread.
using webhook_maker = std::function<std::expected<webhook_part, std::string>(const webhook&)>;

struct webhook_keeper_options {
  worker_of<db::webhook_store> store;
  worker_of<db::delivery_store> deliveries; // for those that deliver
  std::shared_ptr<step_pace> pace;          // of all that deliver; may be null
  webhook_maker make;
  std::function<std::string()> make_secret; // a new "whsec_…" each time
  /// Stops an endpoint that is used no more. That may take as long as the system looks for a name,
  /// which the keeper has no time to wait for.
  std::function<void(const std::shared_ptr<providers::endpoint>&)> stop =
      [](const std::shared_ptr<providers::endpoint>& what) { what->stop(); };
  std::vector<caf::actor> told;            // of subscribers that begin and end
  std::chrono::milliseconds interval{300}; // between looks at the database
  std::chrono::milliseconds grace{500};    // for the calls under way of one that ends
  std::chrono::milliseconds pause_after = std::chrono::hours{120};
  std::chrono::milliseconds tested_within{3000}; // a test is answered by then
  std::size_t requests_max = 100;                // at once; one more is answered `overloaded`
  /// Between the tries of a notice, which are as many as there are pauses, and one more.
  std::vector<std::chrono::milliseconds> notice_pauses{
      std::chrono::seconds{1}, std::chrono::seconds{10}, std::chrono::minutes{1},
      std::chrono::minutes{10}};
  std::size_t notices_max = 1000; // under way; further ones are not sent
  wall_clock now = system_wall_clock;
  std::shared_ptr<webhook_board> board = std::make_shared<webhook_board>();
};

struct webhook_keeper_state {
  static inline const char* name = "webhook-keeper";

  /// Numbers that outlive each of its supervisors.
  struct numbers {
    webhook_board::numbers shown = {};
    std::uint64_t taken = 0;  // as they were looked at last
    std::uint64_t failed = 0; // likewise
  };
  /// A webhook that events are delivered to.
  struct running {
    webhook by; // as it was when it began
    std::shared_ptr<providers::endpoint> endpoint;
    std::vector<std::string> secrets; // that it signs by
    caf::actor supervisor;
    bool ends = false;
    bool judged = false; // the store has not answered yet
  };
  struct test {
    ticket from;
    steady_instant since;
    std::shared_ptr<providers::endpoint> made; // of one that is paused; else null
  };
  struct notice {
    std::string to; // the webhook's name
    webhook_notice what;
    std::size_t tries = 0;
  };

  webhook_keeper_options options;
  std::vector<webhook> wanted; // as the database has them
  std::string instance;        // of the database
  std::map<std::string, running> all;
  std::map<std::string, numbers> counted;
  std::map<std::string, std::string> faults; // that were told, by name
  std::map<std::uint64_t, test> tests;
  std::map<std::uint64_t, notice> notices;
  std::uint64_t last_number = 0; // of tests and notices
  std::size_t requests = 0;      // at the store
  bool asked = false;            // a look has no answer yet
  bool again = false;            // and is out of date
  bool tends = false;            // the store is at what is left to be done
  std::uint64_t alarm = 0;       // the number of the newest; those before it are void
  bool finishing = false;
  std::size_t unfinished = 0;
  std::optional<caf::response_promise> finished;
};

/// Takes webhook_asked and finish_deliveries.
caf::behavior webhook_keeper(caf::stateful_actor<webhook_keeper_state>* self,
                             webhook_keeper_options options);

} // namespace paymentd::actors
