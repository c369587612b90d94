// Goal: the result of the last audit is known, and so is that of the last one that found nothing,
// beside a lane that settles on. Method: audits of sound and of broken databases are noted from a
// connection of their own, as by another process, and read by the lane's.
#include "tests/db/conformance.hpp"

namespace paymentd::db {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class audits_noted : public conformance {
 protected:
  noted_audits known() { return read<noted_audits>(get_audits{}); }

  /// As `paymentd audit` does it, at `now_`.
  audit_result audit_and_note() {
    const auto beside = open("beside");
    auto found = must(beside->audit([](std::string_view) {}));
    found.began_at = now_;
    found.took = milliseconds{1234};
    found.version = "1.2.3 (commit 0123456789ab)";
    must(beside->note_audit(found));
    return found;
  }
};

TEST_P(audits_noted, nothing_is_known_before_the_first) {
  EXPECT_EQ(known(), noted_audits{});
  must(database_->audit([](std::string_view) {}));
  EXPECT_EQ(known(), noted_audits{}) << "an audit by itself writes nothing";
}

TEST_P(audits_noted, a_clean_one_is_the_last_and_the_last_clean_one) {
  paid_orders(3); // with a charge
  const auto found = audit_and_note();
  EXPECT_EQ(found.breaches, 0);
  EXPECT_EQ(found.orders, 3);
  EXPECT_EQ(found.entries, 4);
  EXPECT_EQ(known(), (noted_audits{found, found}));
}

TEST_P(audits_noted, the_last_one_takes_the_place_of_the_one_before_and_the_last_clean_one_stays) {
  paid_orders(1);
  const auto clean = audit_and_note();
  fresh_->raw("update users set balance = balance + 1");
  now_ += std::chrono::hours{24};
  const auto broken = audit_and_note();
  EXPECT_EQ(broken.breaches, 1);
  EXPECT_THAT(broken.first_breaches, ElementsAre(HasSubstr("the balance is")));
  EXPECT_EQ(known(), (noted_audits{broken, clean}));
  now_ += std::chrono::hours{24};
  const auto again = audit_and_note();
  EXPECT_EQ(known(), (noted_audits{again, clean}));
  fresh_->raw("update users set balance = balance - 1");
  now_ += std::chrono::hours{24};
  const auto mended = audit_and_note();
  EXPECT_EQ(known(), (noted_audits{mended, mended}));
}

TEST_P(audits_noted, one_at_an_earlier_time_of_day_is_the_last_one_all_the_same) {
  audit_and_note();
  now_ -= std::chrono::hours{1}; // the clock was set back
  const auto found = audit_and_note();
  EXPECT_EQ(known().last, found);
}

TEST_P(audits_noted, of_many_breaches_the_first_few_are_kept_with_short_texts) {
  for (int i = 0; i < 20; ++i)
    new_user(5);
  fresh_->raw("update users set balance = balance + 1");
  const auto found = audit_and_note();
  EXPECT_EQ(found.breaches, 20);
  EXPECT_THAT(found.first_breaches, SizeIs(first_breaches_max));
  EXPECT_EQ(known(), (noted_audits{found, std::nullopt}));
}

TEST_P(audits_noted, any_text_comes_back_as_it_was_noted) {
  audit_result found{.began_at = now_, .took = milliseconds{0}, .entries = safe_integer_max};
  found.version = "'; drop table users; --";
  for (const std::string& text : {std::string("it's \"quoted\" \\ %s $1 {}"), std::string("원 €"),
                                  std::string(10'000, 'x'), std::string("a\nb"), std::string(" ")})
    add_breach(found, text);
  must(open("beside")->note_audit(found));
  EXPECT_EQ(known(), (noted_audits{found, std::nullopt}));
}

TEST_P(audits_noted, the_lane_settles_on_and_other_things_are_asked_with_it) {
  const auto who = new_user(10);
  const auto found = audit_and_note();
  EXPECT_EQ(settle_one<ledger_entry>(charge{who.id, won{5}}).balance_after, won{15});
  audit_and_note();
  const std::vector<query> asked{get_user{who.id}, get_audits{}, list_users{}};
  const auto answers = must(lane_->read(asked));
  EXPECT_EQ(std::get<user>(answers.at(0)).balance, won{15});
  EXPECT_TRUE(std::get<noted_audits>(answers.at(1)).last);
  EXPECT_THAT(std::get<user_page>(answers.at(2)).items, SizeIs(1));
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_P(audits_noted, a_restart_forgets_none) {
  const auto found = audit_and_note();
  reopen();
  EXPECT_EQ(known().last, found);
}

INSTANTIATE_TEST_SUITE_P(stores, audits_noted, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
