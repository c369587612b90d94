#include "db/postgres/step_writer.hpp"

#include "db/claim_key.hpp"
#include "db/postgres/delivery_sql.hpp"
#include "db/postgres/upkeep_sql.hpp"
#include "db/results_turns.hpp"
#include "db/row_readers.hpp"
#include "domain/check.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

/// A new claim as it stands from now on, but for its entries.
claim_record record_of(claim_id id, const planned_claim& what) {
  return {.id = id,
          .retries = !what.retries.empty(),
          .first = what.first,
          .last = what.last,
          .provider = what.provider};
}

template <class Try>
std::int64_t took_of(const Try& one) {
  return one.took.count();
}

/// A part of the result that a planned one is about.
auto of_result(auto part) {
  return [part](const planned_result& one) { return std::invoke(part, *one.result); };
}

auto message_text(const delivery_result& one) {
  return or_null(one.provider_message_id);
}

bool delivered_at_once(const planned_result& one) {
  const delivery_result& result = *one.result;
  return result.status == delivery_status::delivered && result.attempts == 1 &&
         result.last_error.empty();
}

} // namespace

step_writer::step_writer(session& on, const locked_cursor& at, const delivery_step& step,
                         delivery_plan plan, std::string instance, bool reads_user, instant now)
    : on_(on), at_(at), step_(step), plan_(std::move(plan)), instance_(std::move(instance)),
      reads_user_(reads_user), now_(now) {}

bool step_writer::writes() const {
  return !plan_.writes_nothing() || step_.quiet_until || !step_.noted.empty();
}

std::size_t step_writer::add(const statement& what, const parameters& with) {
  on_.add(what, with);
  return added_++;
}

void step_writer::add_statements() {
  const auto of_claims = [&](const std::vector<claim_id>& ids) {
    return parameters{}.add_ids(ids).add(at_.subscriber, at_.stream.stream);
  };
  if (!plan_.deleted.empty())
    add(sql::end_claims, of_claims(plan_.deleted));
  if (const auto from = read_again_from(step_)) // the mark before deliveries, as who stores results
    add(sql::read_results_again, parameters{}.add(at_.subscriber, *from, now_));
  add_results();
  add_tries();
  add_notes();
  if (!plan_.taken.empty())
    add(sql::take_retries, parameters{}.add(at_.subscriber).add_ids(plan_.taken));
  if (!plan_.regenerated.empty()) {
    std::vector<claim_id> ids;
    for (const claim_record& one : plan_.regenerated)
      ids.push_back(one.id);
    generations_ = add(sql::next_generation, of_claims(ids).add(now_));
  }
  add_claims();
  if (plan_.moves)
    cursor_ = add(sql::move_cursor, parameters{}.add(at_.address, plan_.position));
  if (step_.quiet_until)
    add(sql::hold_subscriber, parameters{}.add(at_.subscriber, *step_.quiet_until));
  for (const claim_record& one : plan_.regenerated)
    messages_.push_back(add_messages(one));
  for (const planned_claim& one : plan_.opened)
    if (one.messages.empty()) {
      claim_record what = record_of({}, one);
      for (const entry_id id : one.retries)
        what.entries.push_back({id, {}});
      messages_.push_back(add_messages(what));
    }
}

void step_writer::add_results() {
  std::vector<planned_result> fresh;
  std::vector<planned_result> retried;
  std::vector<const delivery_result*> marked; // what few have
  for (const planned_result& one : plan_.results) {
    (one.retried ? retried : fresh).push_back(one);
    if (one.result->copies > 0 || one.result->channel)
      marked.push_back(one.result);
  }
  if (!fresh.empty() && std::ranges::all_of(fresh, delivered_at_once))
    add(sql::add_delivered, parameters{}
                                .add(at_.subscriber)
                                .add_array(element::int8, fresh, of_result(&delivery_result::entry))
                                .add_texts(fresh, of_result(message_text))
                                .add_array(element::timestamptz, fresh, &planned_result::created_at)
                                .add(now_));
  else if (!fresh.empty())
    add(sql::add_deliveries,
        results(fresh)
            .add_array(element::timestamptz, fresh, &planned_result::created_at)
            .add(now_));
  if (!retried.empty())
    add(sql::change_deliveries, results(retried).add(now_));
  if (!marked.empty())
    add(sql::mark_deliveries, parameters{}
                                  .add(at_.subscriber)
                                  .add_array(element::int8, marked, &delivery_result::entry)
                                  .add_array(element::int2, marked, &delivery_result::copies)
                                  .add_array(element::int2, marked, [](const auto* one) {
                                    return std::int64_t{channel_number(one->channel)};
                                  }));
  if (!plan_.in_doubt.empty())
    add(sql::set_copies_by, parameters{}
                                .add(at_.subscriber)
                                .add_array(element::int8, plan_.in_doubt, &planned_doubt::entry)
                                .add_texts(plan_.in_doubt, &planned_doubt::provider));
}

void step_writer::add_tries() {
  if (plan_.tries.empty())
    return;
  const auto detail = [](const planned_try& one) { return std::optional(one.detail); };
  add(sql::add_tries, parameters{}
                          .add(at_.subscriber)
                          .add_array(element::int8, plan_.tries, &planned_try::entry)
                          .add_array(element::timestamptz, plan_.tries, &planned_try::at)
                          .add_array(element::int8, plan_.tries, took_of<planned_try>)
                          .add_array(element::int2, plan_.tries, &planned_try::outcome)
                          .add_texts(plan_.tries, detail)
                          .add(std::int64_t{tries_max}));
}

void step_writer::add_notes() {
  for (const noted_claim& one : step_.noted)
    add(sql::note_tries, parameters{}
                             .add(one.id, at_.subscriber, at_.stream.stream)
                             .add_array(element::timestamptz, one.tries, &delivery_try::at)
                             .add_array(element::int8, one.tries, took_of<delivery_try>)
                             .add_array(element::int2, one.tries, &delivery_try::outcome)
                             .add_texts(one.tries, &delivery_try::detail));
}

parameters step_writer::results(std::span<const planned_result> of) const {
  const auto error_text = [](const delivery_result& one) { return or_null(one.last_error); };
  const auto next_attempt = [](const delivery_result& one) {
    return one.status == delivery_status::pending ? std::optional(one.next_attempt) : std::nullopt;
  };
  return parameters{}
      .add(at_.subscriber)
      .add_array(element::int8, of, of_result(&delivery_result::entry))
      .add_array(element::int2, of, of_result(&delivery_result::status))
      .add_array(element::int8, of, of_result(&delivery_result::attempts))
      .add_texts(of, of_result(error_text))
      .add_texts(of, of_result(message_text))
      .add_array(element::timestamptz, of, of_result(next_attempt));
}

/// All ranges by one statement, and each list of retries by its own.
void step_writer::add_claims() {
  const auto begin = [&] {
    return parameters{}.add(at_.subscriber, at_.stream.stream, instance_, now_);
  };
  std::vector<const planned_claim*> ranges;
  for (const planned_claim& one : plan_.opened)
    if (one.retries.empty())
      ranges.push_back(&one);
  std::size_t of_ranges = 0;
  if (!ranges.empty()) // those of a step are for one provider, but halves keep their own
    of_ranges = add(sql::add_ranges, begin()
                                         .add_array(element::int8, ranges, &planned_claim::first)
                                         .add_array(element::int8, ranges, &planned_claim::last)
                                         .add_texts(ranges, &planned_claim::provider));
  int range = 0;
  for (const planned_claim& one : plan_.opened)
    if (one.retries.empty())
      ids_.emplace_back(of_ranges, range++);
    else
      ids_.emplace_back(add(sql::add_retries, begin().add_ids(one.retries).add(one.provider)), 0);
}

std::size_t step_writer::add_messages(const claim_record& of) {
  if (!of.retries)
    return add(sql::events_of_range, range_of(of.first, of.last, at_.wanted).add(reads_user_));
  return add(sql::events_of_list,
             parameters{}
                 .add_array(element::int8, of.entries, &claim_record::claimed_entry::id)
                 .add(at_.subscriber, reads_user_));
}

locked_cursor step_writer::cursor_after(std::span<const rows> answers) const {
  locked_cursor after = at_;
  if (plan_.moves) {
    after.position = plan_.position;
    after.address = answers[cursor_][0].address(0);
  }
  return after;
}

std::vector<std::pair<claim_record, claim>>
step_writer::read_claims(std::span<const rows> answers) {
  std::vector<std::pair<claim_record, claim>> all;
  auto messages = messages_.begin();
  for (claim_record& what : plan_.regenerated) {
    const rows& generations = answers[generations_];
    const rows& found = answers[*messages++];
    for (const row_view row : generations) {
      if (row.integer(0) != what.id.value)
        continue;
      claim one = make_claim(row.text(2), what.id, static_cast<int>(row.integer(1)), now_,
                             messages_in(found, what.retries), what.provider);
      all.emplace_back(std::move(what), std::move(one));
      break;
    }
  }
  check(ids_.size() == plan_.opened.size(), "each claim that is opened has its id");
  for (std::size_t i = 0; i < plan_.opened.size(); ++i) {
    planned_claim& opened = plan_.opened[i];
    const claim_id id{answers[ids_[i].first][ids_[i].second].integer(0)};
    claim_record what = record_of(id, opened);
    if (opened.messages.empty())
      opened.messages = messages_in(answers[*messages++], what.retries);
    all.emplace_back(std::move(what), make_claim(instance_, id, first_generation, now_,
                                                 std::move(opened.messages), opened.provider));
  }
  return all;
}

} // namespace paymentd::db::postgres
