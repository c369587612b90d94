#include "http/admission.hpp"

#include "http/session.hpp"

namespace paymentd::http {

namespace {

address_bytes bytes_of(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  return address.is_v6() ? address.to_v6().to_bytes()
                         : ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

} // namespace

std::optional<problem> admission::objection_to(const request& what, const route* call) {
  if (auto objection = foreign(what))
    return objection;
  return lacking_key(what, call);
}

std::optional<problem> admission::foreign(const request& what) {
  // Most clients say the same in each request of a connection: that is judged once.
  const bool says_host_alone = what.origin.empty() && what.fetch_site.empty() &&
                               what.target.starts_with('/') && !what.host.empty();
  if (says_host_alone && what.host == good_host_)
    return std::nullopt;
  // An absolute target wins over Host (RFC 9112, 3.2.2).
  const std::string_view named = host_of_target(what.target);
  const bool reads = what.method == http_method::get || what.method == http_method::head;
  auto objection = http::objection_to({.host = named.empty() ? std::string_view{what.host} : named,
                                       .origin = what.origin,
                                       .fetch_site = what.fetch_site,
                                       .changes = !reads},
                                      options_.site);
  if (says_host_alone && !objection)
    good_host_ = what.host;
  return objection;
}

std::optional<problem> admission::lacking_key(const request& what, const route* call) {
  const scope needs = call != nullptr ? call->needs : scope::none;
  if (options_.keys == nullptr || (call != nullptr && needs == scope::none))
    return std::nullopt;
  const auto wall_now = std::chrono::system_clock::now();
  return options_.keys->objection_to(
      {.authorization = what.authorization,
       .repeated = what.authorization_repeated,
       .needs = needs,
       .from = bytes_of(from_.peer()),
       .now = std::chrono::steady_clock::now(),
       .wall_now = std::chrono::floor<std::chrono::milliseconds>(wall_now)},
      key_);
}

} // namespace paymentd::http
