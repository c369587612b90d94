#!/usr/bin/env bash
# Installs what is missing, builds, fills a new database with demo users and orders, and serves it:
#   scripts/run.sh [--config FILE] [--set section.key=value]...
# Only what is still to do is done. The database is paymentd.db in the project's folder, unless the
# settings name another.
set -euo pipefail

# A settings file is named from where the caller stands; everything else from the project's folder.
arguments=()
previous=
for argument in "$@"; do
  case $argument in
  --config=*) argument=--config=$(realpath -m "${argument#--config=}") ;;
  *) [[ $previous == --config ]] && argument=$(realpath -m "$argument") ;;
  esac
  arguments+=("$argument")
  previous=$argument
done
set -- "${arguments[@]}"

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/jobs.sh

scripts/install-packages.sh

echo "run: building (the first time takes some minutes)"
log=build/run.log
mkdir -p build
if ! { cmake --preset release -DPAYMENTD_TESTS=OFF -DPAYMENTD_BENCH=OFF &&
  cmake --build --preset release --parallel "$(build_jobs)" --target paymentd fake-alimtalk; } \
  >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "run: the build failed; all of its output is in $log" >&2
  exit 1
fi
paymentd=build/release/paymentd

# One setting in force, by section and key. Bad settings end the script here, with their lines.
settings=$("$paymentd" config "$@")
setting() {
  awk -v section="[$1]" -v key="$2" \
    '/^\[/ { here = $0 == section } here && $1 == key { gsub(/"/, "", $3); print $3 }' \
    <<<"$settings"
}

database=$(setting database url)
if [[ $database == sqlite:* && ! -e ${database#sqlite:} ]]; then
  file=${database#sqlite:}
  # A database that was filled by half would be taken for a full one the next time.
  trap 'rm -f "$file" "$file"-*' EXIT
  echo "run: filling $file with 100 users of 1,000,000 won each and 1,000 orders of 12,000 won"
  "$paymentd" migrate "$@"
  "$paymentd" seed "$@" --users 100 --orders 1000 --balance 1000000 --amount 12000
  trap - EXIT
fi

api=http://$(setting http listen)
cat <<TEXT

To pay in another terminal, a user with a balance, an order, the payment, and what is left:

  user=\$(curl -s $api/v1/users --json '{"phone":"01012345678","balance":50000}' | jq .id)
  order=\$(curl -s $api/v1/orders --json "{\"userId\":\$user,\"totalAmount\":12000,\"discountAmount\":2000}" | jq .id)
  curl -s $api/v1/payments --json "{\"orderId\":\$order,\"userId\":\$user}" | jq
  curl -s $api/v1/users/\$user | jq

The message to the customer shows here. Ctrl-C stops the server.

TEXT
exec "$paymentd" serve "$@"
