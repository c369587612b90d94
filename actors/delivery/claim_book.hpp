// The notification actor's book: which streams are held, which claims are open in them, and what
// is to be committed about them next. Plain bookkeeping without clock, chance and I/O.
#pragma once

#include "actors/delivery/claim_machine.hpp"
#include "db/store.hpp"
#include "domain/types.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace paymentd::actors {

/// The step that the store was asked to do, without the results, which stay with their claims.
struct asked_step {
  stream_lease stream;
  std::vector<claim_id> ended;
  std::vector<claim_id> regenerate;
  std::vector<claim_id> split;
  std::vector<std::pair<claim_id, std::uint64_t>> noted; // open_claim::tried by then
  int open_max = 0;
  std::optional<instant> quiet_until = {};
};

/// A stream whose messages are this process's to deliver.
struct held_stream {
  stream_lease lease;
  std::optional<steady_instant> lease_until; // by the actors' clock; nothing: for ever

  enum class loading : std::uint8_t { wanted, asked, done };
  loading claims_known = loading::wanted; // whether `claims` is all that is open in the database
  std::map<claim_id, open_claim> claims;

  std::optional<asked_step> step;     // what the store is doing
  std::vector<claim_id> may_be_ended; // by a step that may have happened or not
  bool more = true;                   // there may be something to claim at once
  std::optional<instant> next_due;    // then there is something to claim
  int store_failures = 0;             // in a row
  steady_instant store_not_before;    // the store is not asked before
  steady_instant gather_until;        // nor asked for what may wait a little
};

class claim_book {
 public:
  std::map<stream_id, held_stream>& streams() { return streams_; }
  held_stream* find(stream_id stream);

  /// A stream is held, or held on, or held under another epoch.
  void hold(const stream_lease& lease, std::optional<steady_instant> until);
  void drop(stream_id stream) { streams_.erase(stream); }

  /// Claims that take a slot: under way, or as soon as there is time for them; and those that a
  /// store may be opening.
  int used(instant now) const;
  int parked(instant now) const;                            // claims that wait for a time
  bool all_linger(instant since_before, instant now) const; // all that take a slot are in doubt,
                                                            // and stood that early already

  /// Compares with the database, after a restart or after a step whose outcome was lost. A
  /// claim that is new here may have been sent. Gives the claims that have ended.
  std::vector<open_claim> take_over(held_stream& stream, std::vector<claim> open,
                                    const delivery_policy& policy, instant now);

  /// The step that the stream's claims ask for.
  static delivery_step make_step(const held_stream& stream, subscriber_id subscriber, instant now);
  /// It is asked of the store now.
  static void step_asked(held_stream& stream, const delivery_step& step);
  /// Gives the claims that have ended.
  std::vector<open_claim> step_done(held_stream& stream, delivery_answer answer,
                                    const delivery_policy& policy, instant now);
  static void step_undone(held_stream& stream);
  /// It may have happened or not: the claims are to be loaded.
  static void step_in_doubt(held_stream& stream);

  /// The next claim to call about: those surely not sent before go first, then the small ones, then
  /// the old ones. A claim whose stream's lease is over by `clock` is not sent.
  open_claim* next_call(instant now, steady_instant clock, const delivery_policy& policy);
  open_claim* find_call(std::uint64_t number);

  /// Tells every claim but `but` that a call succeeded.
  void others_worked(const open_claim* but, instant now);

  /// The wall clock was put forward: no claim counts as older because of it.
  void put_forward(std::chrono::milliseconds by);

  /// Ends what surely was not sent, to be claimed anew.
  void put_back(instant now, bool at_once);

  /// When the oldest event in an open claim happened.
  std::optional<instant> oldest() const;

  /// When time alone next makes something possible, later than `now`; and when it does by the
  /// actors' clock, later than `clock`.
  std::optional<instant> next_change(instant now) const;
  std::optional<steady_instant> next_change(steady_instant clock) const;

 private:
  std::map<stream_id, held_stream> streams_;
};

} // namespace paymentd::actors
