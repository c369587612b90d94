#!/usr/bin/env bash
# Payments a second, end to end: wrk, paymentd, its database and the message API on this machine.
#
#   bench/load.sh [--seconds S] [--connections C] [--orders N] [SCENARIO]...
#
# Scenarios (all of them, unless some are named):
#   embedded          distinct users, SQLite
#   embedded-one      all orders of one user, SQLite
#   embedded-silent   distinct users, SQLite, nobody is told of payments
#   postgres          distinct users, PostgreSQL
#   postgres-one      all orders of one user, PostgreSQL
#   postgres-zipf     users as Zipf's law has them, PostgreSQL
#   postgres-scatter  distinct users, orders paid in scattered order, PostgreSQL
#   postgres-single   one connection, one payment after another, PostgreSQL
#   embedded-keyed    as embedded, each payment under an Idempotency-Key
#   postgres-keyed    as postgres, likewise
#   embedded-bulk     100 payments in a request, distinct users, SQLite; 16 connections
#   postgres-bulk     the same, PostgreSQL
#   embedded-few      8 connections, one payment after another on each, SQLite
#   embedded-beside   the same while embedded-bulk runs beside it; its figures are of these payments alone
#   postgres-few, postgres-beside   the same, PostgreSQL
#   embedded-reads    GET /v1/orders/{id} instead of payments, SQLite; scattered over all orders
#   postgres-reads    the same, PostgreSQL
#   pgbench           the whole payment as one PL/pgSQL call, without any HTTP, 64 clients
#
# PostgreSQL is a cluster of this script's own, with fsync and synchronous_commit on. Messages go to
# fake-alimtalk over HTTP in the same seconds. Everything is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=15
connections=256
orders=1000000
scenarios=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    --orders) orders=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    -*) echo "bench/load.sh: unknown option $1" >&2; exit 2 ;;
    *) scenarios+=("$1"); shift ;;
  esac
done
[ ${#scenarios[@]} -gt 0 ] || scenarios=(embedded embedded-one embedded-silent postgres postgres-one postgres-zipf
  postgres-scatter postgres-single embedded-keyed postgres-keyed embedded-bulk postgres-bulk embedded-few embedded-beside postgres-few postgres-beside embedded-reads postgres-reads pgbench)

source bench/common.sh

header() {
  printf '%-18s %10s %8s %8s %7s %7s %10s %10s %7s %9s %9s %7s\n' scenario payments/s 'p50 ms' \
    'p99 ms' errors batch messages/s 'backlog' 'drain s' 'us paymt' 'us db' 'RSS MB'
}

# One scenario of paymentd: NAME STORE SPREAD CONNECTIONS [USERS_FILE] [SEQUENCE] [PROVIDER] [SCRIPT]
# With BESIDE=yes a bulk load pays the upper half of the orders in the same seconds.
run() {
  local name=$1 store=$2 spread=$3 clients=$4 users_file=${5:-} sequence=${6:-ascending} provider=${7:-nhn} script=${8:-pay.lua}
  local url server fake result before_db=0 after_db=0 sent left drained begin
  if [ "$store" = sqlite ]; then
    url=sqlite:$work/$name.db
  else
    sql -d postgres -c "drop database if exists bench" -c "create database bench"
    url="postgresql:///bench?host=$cluster&user=bench"
  fi
  "$programs/paymentd" seed --set "database.url=$url" --users "$spread" --orders "$orders" \
    --balance $((orders * 100)) --amount 100 > /dev/null
  [ -z "$users_file" ] || give_orders_by_zipf bench "$spread" "$users_file"
  [ "$store" = sqlite ] || sql -d bench -c 'vacuum analyze' -c checkpoint
  "$programs/fake-alimtalk" --listen "127.0.0.1:$((port + 2))" > "$work/fake.log" 2>&1 &
  fake=$!
  started+=("$fake")
  "$programs/paymentd" serve --set "database.url=$url" --set "http.listen=127.0.0.1:$port" \
    --set "admin.listen=127.0.0.1:$((port + 1))" --set "alimtalk.provider=$provider" \
    --set "alimtalk.base_url=http://127.0.0.1:$((port + 2))" --set alimtalk.app_key=bench \
    --set alimtalk.secret_key=bench --set alimtalk.sender_key=bench \
    --set alimtalk.template_code=PAID ${BENCH_SETTINGS:-} > "$work/server.log" 2>&1 &
  server=$!
  started+=("$server")
  wait_for "http://127.0.0.1:$((port + 1))/readyz"
  wait_for "http://127.0.0.1:$((port + 2))/received?count=1"
  [ "$store" = sqlite ] || before_db=$(cpu_of_cluster)
  local before; before=$(cpu_of "$server")
  local last=$orders
  if [ -n "${BESIDE:-}" ]; then
    last=$((orders / 2))
    FIRST=$((last + 1)) ORDERS=$orders SPREAD=$spread wrk -t1 -c16 -d"${seconds}s" -s "$here/bench/bulk.lua" \
      "http://127.0.0.1:$port" > "$work/beside" &
    beside=$!
    started+=("$beside")
  fi
  result=$(ORDERS=$last SPREAD=$spread USERS_FILE=$users_file SEQUENCE=$sequence KEYS=${KEYS:-} \
    wrk -t1 -c"$clients" -d"${seconds}s" -s "$here/bench/$script" "http://127.0.0.1:$port" |
    grep ^RESULT)
  [ -z "${BESIDE:-}" ] || wait "$beside"
  sent=$(messages)
  local after; after=$(cpu_of "$server")
  [ "$store" = sqlite ] || after_db=$(cpu_of_cluster)
  local rss; rss=$(rss_of "$server")
  read -r _ requests rate p50 p99 refused broken <<< "$result"
  # All that was paid: the last answers may have been lost when wrk stopped.
  begin=$(date +%s.%N)
  if [ -n "${BESIDE:-}" ]; then
    read -r _ bulk_payments _ <<< "$(grep ^RESULT "$work/beside")"
    requests=$((requests + bulk_payments))
  fi
  if [ "$store" = sqlite ]; then
    left=$((requests - refused - sent))
  else
    left=$(($(sql -d bench -c 'select count(*) from paymentd.ledger_entries where kind = 1') - sent))
  fi
  [ "$left" -gt 0 ] && [ "$provider" != none ] || left=0
  drained=$sent
  for _ in $(seq 1200); do
    drained=$(messages)
    [ "$drained" -lt $((sent + left)) ] || break
    sleep 0.05
  done
  local drain; drain=$(awk "BEGIN { print $(date +%s.%N) - $begin }")
  kill "$server"
  wait "$server" || true
  kill "$fake"
  wait "$fake" || true
  local batch; batch=$(sed -nE 's/.*stopped: .* in batches of ([0-9.]+).*/\1/p' "$work/server.log")
  awk -v n="$name" -v rate="$rate" -v p50="$p50" -v p99="$p99" -v errors=$((refused + broken)) \
    -v batch="$batch" -v sent="$sent" -v s="$seconds" -v left="$left" -v drain="$drain" \
    -v paymt="$(awk "BEGIN { print ($after - $before) * 1e6 / $requests }")" \
    -v db="$(awk "BEGIN { print ($after_db - $before_db) * 1e6 / $requests }")" -v rss="$rss" 'BEGIN {
      printf "%-18s %10d %8.2f %8.2f %7d %7.1f %10d %10d %7.1f %9.1f %9.1f %7.0f\n", n, rate, p50,
        p99, errors, batch, sent / s, left, drain, paymt, db, rss }'
  "$programs/paymentd" audit --set "database.url=$url" > "$work/audit" || {
    echo "bench/load.sh: the audit after $name found breaches:" >&2
    head "$work/audit" >&2
    exit 1
  }
  rm -f "$work/$name".db*
}

# The whole payment as one PL/pgSQL call, on the same tables.
run_pgbench() {
  sql -d postgres -c "drop database if exists bench" -c "create database bench"
  local url="postgresql:///bench?host=$cluster&user=bench"
  "$programs/paymentd" seed --set "database.url=$url" --users "$orders" --orders "$orders" \
    --balance $((orders * 100)) --amount 100 > /dev/null
  sql -d bench -f "$here/bench/single_call.sql" -c 'vacuum analyze' -c checkpoint
  echo "select paymentd.pay(nextval('paymentd.next_order'));" > "$work/pay.pgbench"
  local before after out
  before=$(cpu_of_cluster)
  out=$(pgbench -h "$cluster" -U bench -n -M prepared -c 64 -j 1 -T "$seconds" -f "$work/pay.pgbench" bench)
  after=$(cpu_of_cluster)
  local rate; rate=$(sed -nE 's/^tps = ([0-9.]+).*/\1/p' <<< "$out")
  local count; count=$(sed -nE 's/.*actually processed: ([0-9]+).*/\1/p' <<< "$out")
  local latency; latency=$(sed -nE 's/^latency average = ([0-9.]+).*/\1/p' <<< "$out")
  local failed; failed=$(sed -nE 's/^number of failed transactions: ([0-9]+).*/\1/p' <<< "$out")
  printf '%-18s %10.0f %8s %8s %7d %7s %10s %10s %7s %9s %9.1f %7s   (average %s ms)\n' pgbench \
    "$rate" - - "$failed" 1 - - - - \
    "$(awk "BEGIN { print ($after - $before) * 1e6 / $count }")" - "$latency"
}

case " ${scenarios[*]} " in
  *postgres* | *pgbench*)
    start_cluster
    ;;
esac
echo "$(nproc) processors for wrk, paymentd, database and message API; $connections connections, $seconds s, $orders orders"
header
for scenario in "${scenarios[@]}"; do
  case $scenario in
    embedded) run "$scenario" sqlite "$orders" "$connections" ;;
    embedded-one) run "$scenario" sqlite 1 "$connections" ;;
    embedded-silent) run "$scenario" sqlite "$orders" "$connections" '' ascending none ;;
    postgres) run "$scenario" postgres "$orders" "$connections" ;;
    postgres-one) run "$scenario" postgres 1 "$connections" ;;
    postgres-zipf) run "$scenario" postgres 10000 "$connections" "$work/users" ;;
    postgres-scatter) run "$scenario" postgres "$orders" "$connections" '' scattered ;;
    postgres-single) run "$scenario" postgres "$orders" 1 ;;
    embedded-keyed) KEYS=yes run "$scenario" sqlite "$orders" "$connections" ;;
    postgres-keyed) KEYS=yes run "$scenario" postgres "$orders" "$connections" ;;
    embedded-bulk) run "$scenario" sqlite "$orders" 16 '' ascending nhn bulk.lua ;;
    postgres-bulk) run "$scenario" postgres "$orders" 16 '' ascending nhn bulk.lua ;;
    embedded-few) run "$scenario" sqlite "$orders" 8 ;;
    embedded-beside) BESIDE=yes run "$scenario" sqlite "$orders" 8 ;;
    postgres-few) run "$scenario" postgres "$orders" 8 ;;
    postgres-beside) BESIDE=yes run "$scenario" postgres "$orders" 8 ;;
    embedded-reads) run "$scenario" sqlite "$orders" "$connections" '' scattered none get.lua ;;
    postgres-reads) run "$scenario" postgres "$orders" "$connections" '' scattered none get.lua ;;
    pgbench) run_pgbench ;;
    *) echo "bench/load.sh: unknown scenario $scenario" >&2; exit 2 ;;
  esac
done
