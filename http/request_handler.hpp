// One request and its answer: finds the call that the head names, turns the request into a step for
// the gateway, and writes the answer from what comes back. Each session has one, and does the
// reading, the waiting and the sending; requests follow one another. One thread.
#pragma once

#include "actors/requests.hpp"
#include "http/admission.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace paymentd::http {

class io_thread;

class request_handler {
 public:
  /// Both outlive it.
  request_handler(io_thread& owner, connection& from);

  /// Forgets the request before. Its memory is kept, as far as a usual request needs it.
  void begin();
  /// The request that the parser fills.
  request& incoming() { return request_; }
  const response& answer() const { return answer_; }
  std::string_view request_id();

  /// The head is there: finds the call. False where there is an objection: then the body need not
  /// be sent, and `prepare` or `refuse` tells the client why.
  bool judge_head(bool has_body);
  /// Makes the objection the answer.
  void refuse() { fail(*objection_); }
  /// The request is there as a whole: gives what is to be asked. `answered`: the answer is written.
  step prepare();

  // The answer, by what the gateway gave back. None of them throws but for memory.
  void answer_with(const command& what, const actors::outcome_reply& reply);
  void answer_with(const actors::answer_reply& reply);
  /// `replies` are one for each command of `commands_of(many)`, in their order.
  void answer_with(const bulk& many, const std::vector<actors::outcome_reply>& replies);
  void fail(const problem& what);

  /// The commands of a bulk, each under its own key, or under the request's with its index.
  std::vector<command> commands_of(const bulk& many) const;
  /// The command that keeps the key of a bulk with its body, to be settled before the others: else
  /// another body under the key would do the items that the first one had not. Nothing where the
  /// key is not used.
  std::optional<command> note_of(const bulk& many) const;
  /// Whether the bulk may go on; otherwise the answer says why not.
  bool is_noted(const command& note, const actors::outcome_reply& reply);

  /// The client's API key; null where it has none.
  const std::shared_ptr<const held_key>& key() const { return admission_.key(); }

 private:
  call_input input() const;
  std::string_view key_name() const;
  idempotency_key key_of(std::string_view key, std::string_view body) const;
  std::optional<problem> write_outcome(const command& what, const actors::outcome_reply& reply,
                                       response& answer) const;
  void fail_internally(const char* why);

  io_thread& owner_;
  connection& from_;
  admission admission_;
  request request_;
  response answer_;
  route_match call_;
  std::optional<problem> objection_; // known since the head; told once the body is read
};

} // namespace paymentd::http
