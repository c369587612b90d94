// The house rules as functions from a file to what is wrong with it, one line for each breach.
// Used by the house test, which runs them over the tree and over samples that break them.
#pragma once

#include "tests/house/source.hpp"

#include <functional>
#include <string>
#include <vector>

namespace paymentd::house {

using breaches = std::vector<std::string>;
/// Finds a file of the tree by its path: null where there is none.
using lookup = std::function<const source*(const std::string&)>;

/// Each room includes only the rooms and libraries that the design lets it. Where a room must not
/// see another one at all, the headers that its includes bring with them count as well.
breaches walls(const source& file, const lookup& find);
/// SQL stands in db/ only (and in tests, which break and inspect databases).
breaches sql_stays_in_db(const source& file);
/// Headers open with a comment and #pragma once, and have no `using namespace`.
breaches headers(const source& file);
/// Tests open with their goal, and wait on conditions: they never sleep.
breaches tests_do_not_sleep(const source& file);
/// Nothing is left for later, and nothing names a place of somebody's machine.
breaches nothing_left_over(const source& file);

/// No function is longer than 70 lines, head and braces included. Those of tests may be.
breaches functions_are_short(const source& file);
/// A diff of docs/recipes.md begins from lines that its file has.
breaches recipes_fit(const source& file, const lookup& find);
/// Comments, docs and help name their subject: no sentence, no point of a list and no cell of a
/// table begins with What, Who or Whoever.
breaches sentences_name_their_subject(const source& file);
/// Code and docs say the words of docs/glossary.md, and none of those that mean the same.
breaches one_word_for_one_thing(const source& file);

} // namespace paymentd::house
