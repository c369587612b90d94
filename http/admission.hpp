// Whether a request is served at all, judged by its head: it comes from a page of this site or from
// no page, and carries a key that is in force for the call. Each connection has one, which
// remembers what most of its requests say again. One thread.
#pragma once

#include "http/connection.hpp"
#include "http/keys/key_ring.hpp"
#include "http/request.hpp"
#include "http/router.hpp"

#include <memory>
#include <optional>
#include <string>

namespace paymentd::http {

struct session_options;

class admission {
 public:
  /// Both outlive it.
  admission(const session_options& options, connection& from) : options_(options), from_(from) {}

  /// Nothing where the request may be served; otherwise the answer. `call` is null where there is
  /// no such call: a stranger does not learn that, and is asked for a key all the same.
  std::optional<problem> objection_to(const request& what, const route* call);

  /// The API key of the last request that was admitted; null where it needed none.
  const std::shared_ptr<const held_key>& key() const { return key_.key; }

 private:
  std::optional<problem> foreign(const request& what);
  std::optional<problem> lacking_key(const request& what, const route* call);

  const session_options& options_;
  connection& from_;
  remembered_key key_;
  std::string good_host_; // the last Host that there was nothing against
};

} // namespace paymentd::http
