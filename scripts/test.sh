#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test:
#   scripts/test.sh [--sanitize] [--tsan] [--upgrade-from REVISION] [arguments of ctest]...
# --sanitize runs them again under the address and undefined-behaviour sanitizers, --tsan under the
# thread sanitizer; --upgrade-from builds the program of REVISION and upgrades it under load. Tests that
# need PostgreSQL start one of their own, as another user if run by root, since PostgreSQL refuses to be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/jobs.sh

presets=(release)
packages=
upgrade_from=
while (($# > 0)); do
  case $1 in
  --sanitize) presets+=(debug) packages=--sanitize ;;
  --tsan) presets+=(tsan) packages=--sanitize ;;
  --upgrade-from)
    upgrade_from=${2:?"--upgrade-from needs a tag or a commit"}
    shift
    ;;
  *) break ;;
  esac
  shift
done

scripts/install-packages.sh ${packages:+"$packages"}

for preset in "${presets[@]}"; do
  echo "test: building $preset"
  bench=OFF # measuring means nothing under a sanitizer
  [[ $preset == release ]] && bench=ON
  cmake --preset "$preset" -DPAYMENTD_TESTS=ON -DPAYMENTD_BENCH=$bench
  cmake --build --preset "$preset" --parallel "$(build_jobs)"
  echo "test: running $preset"
  ctest --preset "$preset" --parallel "$(nproc)" --no-tests=error --output-on-failure "$@"
done

if [[ -n $upgrade_from ]]; then
  echo "test: running scripts/upgrade_test.sh $upgrade_from"
  scripts/upgrade_test.sh "$upgrade_from"
fi

# The package, of the release that was built above.
echo "test: running scripts/package.sh"
scripts/package.sh

# The packages of others, the console and the client for TypeScript, where npm is: the server needs none.
if ! command -v npm >/dev/null; then
  echo "test: npm is not there, so tests/clients, tests/console and clients/typescript are left out"
  exit 0
fi
programs=$PWD/build/release
if ! (cd tests/clients && npm install); then
  echo "test: the packages of tests/clients cannot be installed, so it is left out"
else
  echo "test: running tests/clients"
  (cd tests/clients && PAYMENTD=$programs/paymentd FAKE_ALIMTALK=$programs/fake-alimtalk npm test)
fi

# The console: its modules, and the whole page where Chromium is.
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if ! (cd tests/console && npm install); then
  echo "test: the packages of tests/console cannot be installed, so it is left out"
else
  echo "test: running tests/console"
  [[ -n $chromium ]] || echo "test: Chromium is not there, so the console is not tried in it"
  (cd tests/console && PAYMENTD=$programs/paymentd FAKE_ALIMTALK=$programs/fake-alimtalk CHROMIUM=$chromium npm test)
fi

if ! (cd clients/typescript && npm install); then
  echo "test: the packages of clients/typescript cannot be installed, so it is left out"
else
  echo "test: running clients/typescript"
  # First that http/documents/openapi.json is clean, and that the types are those that it gives.
  (cd clients/typescript && npm run lint:api && npm run build && npm run check &&
    PAYMENTD=$programs/paymentd PAYMENTS=2000 npm test)

  # The shop in NestJS, which uses that client. Nest wants a newer Node than Debian 12 has.
  if (($(node --print 'process.versions.node.split(".")[0]') < 20)); then
    echo "test: Node is older than 20, so examples/nestjs is left out"
  elif ! (cd examples/nestjs && npm install); then
    echo "test: the packages of examples/nestjs cannot be installed, so it is left out"
  else
    echo "test: running examples/nestjs"
    (cd examples/nestjs && PAYMENTD=$programs/paymentd npm test)
  fi
fi
