// The chain of providers of one subscriber: which of them new messages go to. Each has a
// notification actor of its own, which tells it of its calls and asks it before it claims messages.
// So a provider that fails for long is passed over, and gets a message now and then as a probe
// until it takes one. A process keeps its own; nothing of it is stored. Any thread.
#pragma once

#include "domain/types.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace paymentd::actors {

/// The messages that a provider gets now of those that no provider may have sent yet.
enum class intake : std::uint8_t {
  all,
  probe, // one
  none,
};

/// The memory of one provider.
struct provider_record {
  std::optional<steady_instant> failing_since; // its first call that failed since one was taken
  steady_instant failed_until;                 // with it: its last one, or the end of its quiet
  std::optional<steady_instant> probed_at;     // when it last got a new message as a probe
};

/// The patience of a chain.
struct chain_times {
  /// A provider that has failed for so long is passed over. Also the time between two probes of it.
  std::chrono::milliseconds failover_after = std::chrono::minutes{5};
  /// Failures that lie further apart are not of one outage.
  std::chrono::milliseconds gap_max = std::chrono::minutes{10};
};

// The rule: pure functions.

/// A call of the provider failed at `now`, and others will until `until`, as far as is known.
void note_failure(provider_record& of, const chain_times& times, steady_instant now,
                  steady_instant until);
/// It took a call: of itself, and of those behind it, which get no messages from now on, nothing
/// else is known any more.
void note_success(std::span<provider_record> from_it_on);

/// The place of the provider that new messages go to: the first one that has not failed for so
/// long. Nothing where all have.
std::optional<std::size_t> serving(std::span<const provider_record> all, const chain_times& times,
                                   steady_instant now);

/// The part that the provider at `place` gets. Where all have failed for long each gets all, as it
/// would alone, so that the first one that works again takes it.
intake intake_of(std::span<const provider_record> all, std::size_t place, const chain_times& times,
                 steady_instant now);

class provider_chain {
 public:
  /// `names` in their order of preference: at least two, each once. `subscriber` is for the log.
  provider_chain(std::string subscriber, std::vector<std::string> names, chain_times times);

  const std::vector<std::string>& names() const { return names_; }
  /// All but that one.
  std::vector<std::string> others(std::size_t place) const;
  /// Whether a claim that was opened for `provider` is for the notification actor of that one.
  /// Those of providers that are not in the chain, or not known, are for the first.
  bool is_for(std::size_t place, const std::string& provider) const;

  void failed(std::size_t place, steady_instant now, steady_instant until);
  void worked(std::size_t place, steady_instant now);
  /// It got a new message as a probe.
  void probed(std::size_t place, steady_instant now);
  intake of(std::size_t place, steady_instant now);

 private:
  void look(steady_instant now); // says in the log what has changed

  const std::string subscriber_;
  const std::vector<std::string> names_;
  const chain_times times_;
  std::mutex guard_;
  std::vector<provider_record> records_;
  std::optional<std::size_t> serving_ = 0; // as it was said last
};

} // namespace paymentd::actors
