#!/usr/bin/env bash
# Payments a second on PostgreSQL while somebody holds an old snapshot, as a long dump does: slice by
# slice, so that a decay shows. All payments are of different users.
#
#   bench/held_snapshot.sh [--slices N] [--seconds S] [--connections C] [--orders N] [--free]
#
# --free: nobody holds a snapshot, for the comparison.
set -euo pipefail
cd "$(dirname "$0")/.."

slices=10
seconds=15
connections=64
orders=2000000
held=yes
while [ $# -gt 0 ]; do
  case $1 in
    --slices) slices=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    --orders) orders=$2; shift 2 ;;
    --free) held=no; shift ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    *) echo "bench/held_snapshot.sh: unknown option $1" >&2; exit 2 ;;
  esac
done

source bench/common.sh
start_cluster
sql -d postgres -c "create database bench"
url="postgresql:///bench?host=$cluster&user=bench"
"$programs/paymentd" seed --set "database.url=$url" --users "$orders" --orders "$orders" \
  --balance 100 --amount 100 > /dev/null
sql -d bench -c 'vacuum analyze' -c checkpoint
"$programs/fake-alimtalk" --listen "127.0.0.1:$((port + 2))" > "$work/fake.log" 2>&1 &
started+=("$!")
"$programs/paymentd" serve --set "database.url=$url" --set "http.listen=127.0.0.1:$port" \
  --set "admin.listen=127.0.0.1:$((port + 1))" --set alimtalk.provider=nhn \
  --set "alimtalk.base_url=http://127.0.0.1:$((port + 2))" --set alimtalk.app_key=bench \
  --set alimtalk.secret_key=bench --set alimtalk.sender_key=bench \
  --set alimtalk.template_code=PAID > "$work/server.log" 2>&1 &
server=$!
started+=("$server")
wait_for "http://127.0.0.1:$((port + 1))/readyz"
if [ "$held" = yes ]; then
  sql -d bench -c 'begin isolation level repeatable read' -c 'select count(*) from paymentd.streams' \
    -c 'select pg_sleep(100000)' > /dev/null 2>&1 &
  started+=("$!")
fi
echo "$(nproc) processors, $connections connections, $slices slices of $seconds s, snapshot held: $held"
first=1
for slice in $(seq "$slices"); do
  before=$(cpu_of_cluster)
  result=$(FIRST=$first ORDERS=$orders SPREAD=$orders \
    wrk -t1 -c"$connections" -d"${seconds}s" -s bench/pay.lua "http://127.0.0.1:$port" | grep ^RESULT)
  read -r _ requests rate p50 p99 refused broken <<< "$result"
  first=$((first + requests + connections))
  awk -v n="$slice" -v rate="$rate" -v p50="$p50" -v p99="$p99" -v e=$((refused + broken)) \
    -v db="$(awk "BEGIN { print ($(cpu_of_cluster) - $before) * 1e6 / $requests }")" \
    'BEGIN { printf "slice %2d: %7d payments/s, p50 %.2f ms, p99 %.2f ms, %d errors, %.1f us of the database a payment\n", n, rate, p50, p99, e, db }'
done
kill "$server"
wait "$server" || true
