#!/usr/bin/env bash
# Installs what is missing, builds, fills a new database with demo users and orders, and serves it:
#
#   scripts/run.sh [--config FILE] [--set section.key=value]...
#
# It does only what is still to do. The database is paymentd.db in the project's folder, unless the
# settings name another. `build/release/paymentd serve --help` tells more of --config and --set, and
# config/paymentd.toml has every setting.
set -euo pipefail

for argument in "$@"; do
  case $argument in
  -h | --help)
    sed -n '2,/^set/p' "${BASH_SOURCE[0]}" | sed '$d; s/^# \{0,1\}//'
    exit 0
    ;;
  esac
done

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

scripts/install-packages.sh --serve

echo "run: building (the first time takes some minutes)"
log=build/run.log
mkdir -p build
: >"$log"
if ! { cmake --preset release -DPAYMENTD_TESTS=OFF -DPAYMENTD_BENCH=OFF &&
  cmake --build --preset release --parallel "$(build_jobs)" --target paymentd fake-alimtalk; } \
  2>&1 | show_progress "$log"; then
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

# Says which address is taken before anything else is done.
for section in http admin; do
  address=$(setting "$section" listen)
  host=${address%:*}
  host=${host#[}
  if (exec 3<>"/dev/tcp/${host%]}/${address##*:}") 2>/dev/null; then
    echo "run: something listens on $address already: stop it, or choose another address with" \
      "--set $section.listen=127.0.0.1:PORT" >&2
    exit 1
  fi
done

database=$(setting database url)
if [[ $database == sqlite:* && ! -e ${database#sqlite:} ]]; then
  file=${database#sqlite:}
  # A database that was filled by half would be taken for a full one the next time.
  trap 'rm -f "$file" "$file"-* "$file.lock"' EXIT
  echo "run: filling $file with 100 users of 1,000,000 won each and 1,000 orders of 12,000 won"
  "$paymentd" migrate "$@"
  "$paymentd" seed "$@" --users 100 --orders 1000 --balance 1000000 --amount 12000
  trap - EXIT
fi

provider=$(setting alimtalk provider)
base_url=$(setting alimtalk base_url)
case $provider in
log) message="The message to the customer shows here." ;;
none) message="No messages are sent, since alimtalk.provider is none." ;;
*) message="The message to the customer goes to $provider${base_url:+ at $base_url}." ;;
esac

api=http://$(setting http listen)
cat <<TEXT

To pay in another terminal, a user with a balance, an order, the payment, and what is left:

  user=\$(curl -s $api/v1/users --json '{"phone":"01012345678","balance":50000}' | jq .id)
  order=\$(curl -s $api/v1/orders --json "{\"userId\":\$user,\"totalAmount\":12000,\"discountAmount\":2000}" | jq .id)
  curl -s $api/v1/payments --json "{\"orderId\":\$order,\"userId\":\$user}" | jq
  curl -s $api/v1/users/\$user | jq

$message Ctrl-C stops the server.
To look at it all: http://$(setting admin listen)/console

TEXT
exec "$paymentd" serve "$@"
