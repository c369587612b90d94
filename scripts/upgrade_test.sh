#!/usr/bin/env bash
# Tries the upgrade from the program of another release to this one under a load of payments, on both
# stores, and fails where a request is lost or the ledger does not add up:
#   scripts/upgrade_test.sh [REVISION] [OPTION]...
# REVISION is a tag or a commit of this repository; the newest tag before this commit, unless one is
# named. Its program is built in build/upgrade-from/REVISION, once. The options go to bench/upgrade.sh;
# without any it takes 100,000 orders and 500 payments a second, some 90 seconds in all.
# scripts/test.sh --upgrade-from REVISION runs it, too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/jobs.sh

revision=
if [[ ${1:-} != -* ]]; then
  revision=${1:-}
  (($# == 0)) || shift
fi
[[ -n $revision ]] || revision=$(git describe --tags --abbrev=0 'HEAD^' 2>/dev/null) || {
  echo "upgrade_test: there is no tag before this commit; name a revision" >&2
  exit 2
}
commit=$(git rev-parse --verify --quiet "$revision^{commit}") || {
  echo "upgrade_test: $revision is no revision of this repository" >&2
  exit 2
}
(($# > 0)) || set -- --orders 100000 --rate 500

scripts/install-packages.sh
old=build/upgrade-from/${commit:0:12}
if [[ ! -x $old/build/release/paymentd ]]; then
  echo "upgrade_test: building paymentd of $revision"
  rm -rf "$old"
  mkdir -p "$old"
  git archive "$commit" | tar --extract --directory "$old"
  (cd "$old" && cmake --preset release -DPAYMENTD_TESTS=OFF -DPAYMENTD_BENCH=OFF)
  cmake --build "$old/build/release" --target paymentd --parallel "$(build_jobs)"
fi

echo "upgrade_test: building paymentd of this commit"
cmake --preset release -DPAYMENTD_BENCH=ON
cmake --build --preset release --target paymentd paying-clients --parallel "$(build_jobs)"
BENCH_PROGRAMS=build/release bench/upgrade.sh "$@" "$old/build/release/paymentd"
