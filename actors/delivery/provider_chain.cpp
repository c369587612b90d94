#include "actors/delivery/provider_chain.hpp"

#include "domain/check.hpp"
#include "domain/log_fields.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace paymentd::actors {

namespace {

bool is_down(const provider_record& of, const chain_times& times, steady_instant now) {
  return of.failing_since &&
         std::min(of.failed_until, now) - *of.failing_since >= times.failover_after;
}

} // namespace

void note_failure(provider_record& of, const chain_times& times, steady_instant now,
                  steady_instant until) {
  if (!of.failing_since || now - of.failed_until > times.gap_max) {
    of.failing_since = now;
    of.failed_until = now;
  }
  of.failed_until = std::max({of.failed_until, now, until});
}

void note_success(std::span<provider_record> from_it_on) {
  for (provider_record& each : from_it_on)
    each = {};
}

std::optional<std::size_t> serving(std::span<const provider_record> all, const chain_times& times,
                                   steady_instant now) {
  const auto first = std::ranges::find_if(
      all, [&](const provider_record& each) { return !is_down(each, times, now); });
  if (first == all.end())
    return std::nullopt;
  return static_cast<std::size_t>(first - all.begin());
}

intake intake_of(std::span<const provider_record> all, std::size_t place, const chain_times& times,
                 steady_instant now) {
  const auto first = serving(all, times, now);
  if (!first || *first == place)
    return intake::all;
  if (place > *first)
    return intake::none;
  const auto& probed_at = all[place].probed_at;
  return !probed_at || now - *probed_at >= times.failover_after ? intake::probe : intake::none;
}

provider_chain::provider_chain(std::string subscriber, std::vector<std::string> names,
                               chain_times times)
    : subscriber_(std::move(subscriber)), names_(std::move(names)), times_(times),
      records_(names_.size()) {
  check(names_.size() > 1, "a chain has several providers");
}

std::vector<std::string> provider_chain::others(std::size_t place) const {
  std::vector<std::string> all = names_;
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(place));
  return all;
}

bool provider_chain::is_for(std::size_t place, const std::string& provider) const {
  const auto known = std::ranges::find(names_, provider);
  return place == (known == names_.end() ? 0 : static_cast<std::size_t>(known - names_.begin()));
}

void provider_chain::failed(std::size_t place, steady_instant now, steady_instant until) {
  const std::lock_guard lock{guard_};
  note_failure(records_.at(place), times_, now, until);
  look(now);
}

void provider_chain::worked(std::size_t place, steady_instant now) {
  const std::lock_guard lock{guard_};
  note_success(std::span(records_).subspan(place));
  look(now);
}

void provider_chain::probed(std::size_t place, steady_instant now) {
  const std::lock_guard lock{guard_};
  records_.at(place).probed_at = now;
}

intake provider_chain::of(std::size_t place, steady_instant now) {
  const std::lock_guard lock{guard_};
  look(now);
  return intake_of(records_, place, times_, now);
}

void provider_chain::look(steady_instant now) {
  const auto before = std::exchange(serving_, serving(records_, times_, now));
  if (serving_ == before)
    return;
  if (!serving_) {
    spdlog::error(
        "{}", with_fields(fmt::format("{}: all of its providers have failed for long", subscriber_),
                          {{"subscriber", subscriber_}}));
    return;
  }
  const std::size_t place = *serving_;
  const std::size_t from = before.value_or(names_.size());
  const bool back = place < from;
  spdlog::log(
      back ? spdlog::level::info : spdlog::level::warn, "{}",
      with_fields(
          fmt::format("{}: new messages go to {} from now on, since {}", subscriber_, names_[place],
                      back ? std::string("it works again") : names_[from] + " has failed for long"),
          {{"subscriber", subscriber_}, {"provider", names_[place]}}));
}

} // namespace paymentd::actors
