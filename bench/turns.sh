#!/usr/bin/env bash
# Compares two builds, or two settings of one, in one run: payments/s of the one as a ratio to the other's.
#
#   bench/turns.sh [--turns N] [--seconds S] [--orders N] [--connections C] OLD NEW [SCENARIO]...
#
# OLD and NEW each are the directory of a build, and what is asked of it, with commas between them:
# `build/release,log.requests=off`. That is a setting, SETTING=VALUE, or one of
#   keyed   each payment under an Idempotency-Key
#   bulk    100 payments in a request, on 16 connections; with the scenarios embedded and postgres alone
#   bearer  each request with an API key
#   tls     over TLS
# Every order is paid once: a fast machine needs more --orders (800000), and more for bulk.
# A program older than a setting refuses it: name it for the other one alone.
#
# Scenarios, as bench/load.sh has them (all of them, unless some are named): embedded, embedded-one,
# embedded-silent, embedded-reads, postgres, postgres-one, postgres-zipf, postgres-scatter,
# postgres-single, postgres-reads.
#
# Four servers stand side by side, two of each, each with a database and a message API of its own. In a
# turn (--turns, 16) each in its place has the load alone for S seconds (--seconds, 1): old, new, new,
# old, and in the next turn new, old, old, new. So neither a slow hour of the machine nor the place in
# the row favours one. The ratio is that of both new ones to both old ones in a turn; its mean stands
# with twice its standard error. `us` is processor time for each payment, with its message.
#
# wrk, the message API and the load's scripts are those of this build, or of BENCH_PROGRAMS. PostgreSQL is
# a cluster of this script's own. Everything is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

turns=16
seconds=1
orders=800000
connections=256
words=()
while [ $# -gt 0 ]; do
  case $1 in
    --turns) turns=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --orders) orders=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    -*) echo "bench/turns.sh: unknown option $1" >&2; exit 2 ;;
    *) words+=("$1"); shift ;;
  esac
done
[ ${#words[@]} -ge 2 ] || { echo "bench/turns.sh: name the old and the new build" >&2; exit 2; }
specs=("${words[0]}" "${words[1]}" "${words[1]}" "${words[0]}") # of the four places
scenarios=("${words[@]:2}")
[ ${#scenarios[@]} -gt 0 ] || scenarios=(embedded embedded-one embedded-silent embedded-reads postgres
  postgres-one postgres-zipf postgres-scatter postgres-single postgres-reads)

source bench/common.sh

# The servers by their place, 0 to 3.
server=() fake=() paid=() message_port=() http_port=() http_url=() load=() bearer=() seen=()

# Reads what stands behind the build of place $1: sets `directory`, `settings` and `load`.
take_spec() {
  local part
  settings=()
  load[$1]=pay
  bearer[$1]=
  directory=
  while IFS= read -r -d, part; do
    case $part in
      *=*) settings+=(--set "$part") ;;
      keyed | bulk) load[$1]=$part ;;
      bearer)
        settings+=(--set "http.api_keys_file=$work/keys.$1")
        bearer[$1]=$("$directory/paymentd" keys create bench --scopes pay,read --set "http.api_keys_file=$work/keys.$1" \
          2> "$work/keys.log")
        ;;
      tls)
        [ -f "$work/tls.crt" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
          -subj /CN=127.0.0.1 -keyout "$work/tls.key" -out "$work/tls.crt" 2> /dev/null
        settings+=(--set "http.tls_certificate=$work/tls.crt" --set "http.tls_private_key=$work/tls.key")
        http_url[$1]=https
        ;;
      *) directory=$(cd "$part" && pwd) ;;
    esac
  done <<< "${specs[$1]},"
}

# Seeds the database of place $1 and starts its server and its message API.
start_place() { # PLACE STORE SPREAD USERS_FILE PROVIDER
  local url directory settings
  paid[$1]=0
  http_port[$1]=$((port + 3 * $1))
  message_port[$1]=$((port + 3 * $1 + 2))
  http_url[$1]=http
  take_spec "$1"
  http_url[$1]=${http_url[$1]}://127.0.0.1:${http_port[$1]}
  if [ "$2" = sqlite ]; then url=sqlite:$work/place.$1.db; else url="postgresql:///place$1?host=$cluster&user=bench"; fi
  [ "$2" = sqlite ] || sql -d postgres -c "drop database if exists place$1" -c "create database place$1"
  "$directory/paymentd" seed --set "database.url=$url" --users "$3" --orders "$orders" \
    --balance $((orders * 100)) --amount 100 > /dev/null
  [ -z "$4" ] || give_orders_by_zipf "place$1" "$3" "$4"
  [ "$2" = sqlite ] || sql -d "place$1" -c 'vacuum analyze' -c checkpoint
  "$programs/fake-alimtalk" --listen "127.0.0.1:${message_port[$1]}" > "$work/fake.$1.log" 2>&1 &
  fake[$1]=$!
  "$directory/paymentd" serve --set "database.url=$url" --set "http.listen=127.0.0.1:${http_port[$1]}" \
    --set "admin.listen=127.0.0.1:$((http_port[$1] + 1))" --set "alimtalk.provider=$5" \
    --set "alimtalk.base_url=http://127.0.0.1:${message_port[$1]}" --set alimtalk.app_key=bench \
    --set alimtalk.secret_key=bench --set alimtalk.sender_key=bench --set alimtalk.template_code=PAID \
    "${settings[@]}" > "$work/server.$1.log" 2>&1 &
  server[$1]=$!
  started+=("${fake[$1]}" "${server[$1]}")
  wait_until_ready "${server[$1]}" "http://127.0.0.1:$((http_port[$1] + 1))/readyz" 30 "$work/server.$1.log"
  wait_for "http://127.0.0.1:${message_port[$1]}/received?count=1"
}

stop_places() {
  local place
  for place in 0 1 2 3; do
    end_process "${server[$place]}" || fail "a server ended with exit code $?: $(tail -n 1 "$work/server.$place.log")"
    end_process "${fake[$place]}" || true
  done
  rm -f "$work"/place.* "$work"/keys.*
}

# Waits until the messages of place $1 are as many as its payments, and no more come.
drain() {
  local before=-1 count
  for _ in $(seq 600); do
    count=$(port=$((message_port[$1] - 2)) messages)
    if [ "$count" -ge $((seen[$1] + answered)) ] && [ "$count" = "$before" ]; then seen[$1]=$count; return; fi
    before=$count
    sleep 0.02
  done
  fail "place $1 keeps messages: $count of $((seen[$1] + answered)) came"
}

# One load on place $1: prints "RATE SERVER_US DATABASE_US P50".
run_place() { # PLACE STORE SPREAD USERS_FILE PROVIDER SEQUENCE SCRIPT CLIENTS
  local keys='' lua=$7 clients=$8 size=1 before after before_db=0 after_db=0 answered rate p50 refused broken
  case ${load[$1]} in
    keyed) keys=yes ;;
    bulk) lua=bulk.lua clients=16 size=100 ;;
  esac
  before=$(cpu_of "${server[$1]}")
  [ "$2" = sqlite ] || before_db=$(cpu_of_cluster)
  read -r _ answered rate p50 _ refused broken <<< "$(SKIP=${paid[$1]} ORDERS=$orders SPREAD=$3 USERS_FILE=$4 \
    SEQUENCE=$6 KEYS=$keys BEARER=${bearer[$1]} wrk -t1 -c"$clients" -d"${seconds}s" \
    -s "$here/bench/$lua" "${http_url[$1]}" | grep ^RESULT)"
  [ -n "$broken" ] || fail "the load of place $1 failed"
  [ "$((refused + broken))" = 0 ] || fail "place $1 refused $refused requests, $broken had no answer"
  if [ "$lua" != get.lua ]; then
    # Those under way when wrk ended are paid as well, or will be.
    paid[$1]=$((paid[$1] + answered + clients * size))
    [ "${paid[$1]}" -lt "$orders" ] || fail "--orders $orders are too few: ${paid[$1]} are paid by turn $turn of $turns"
    [ "$5" = none ] || drain "$1"
  fi
  after=$(cpu_of "${server[$1]}")
  [ "$2" = sqlite ] || after_db=$(cpu_of_cluster)
  measured="$rate $(awk "BEGIN { print ($after - $before) * 1e6 / $answered, ($after_db - $before_db) * 1e6 / $answered }") $p50"
}

# NAME STORE SPREAD [USERS_FILE] [PROVIDER] [SEQUENCE] [SCRIPT] [CLIENTS]
compare() {
  local name=$1 store=$2 spread=$3 users_file=${4:-} provider=${5:-nhn} sequence=${6:-ascending} lua=${7:-pay.lua}
  local clients=${8:-$connections} place places turn measured
  seen=(0 0 0 0)
  for place in 0 1 2 3; do start_place "$place" "$store" "$spread" "$users_file" "$provider"; done
  : > "$work/turns"
  # The first turn warms up what was just started.
  for turn in $(seq 0 "$turns"); do
    places=(0 1 2 3)
    [ $((turn % 2)) = 0 ] || places=(1 0 3 2)
    for place in "${places[@]}"; do
      run_place "$place" "$store" "$spread" "$users_file" "$provider" "$sequence" "$lua" "$clients"
      [ "$turn" = 0 ] || echo "$turn $([ "$place" = 0 ] || [ "$place" = 3 ] && echo old || echo new) $measured" >> "$work/turns"
    done
  done
  stop_places
  awk -v name="$name" '
    { rate[$2, $1] += $3; all[$2] += $3; server[$2] += $4; db[$2] += $5; p50[$2] += $6; runs[$2]++; last = $1 }
    END {
      for (t = 1; t <= last; ++t) { r = log(rate["new", t] / rate["old", t]); sum += r; squares += r * r }
      mean = sum / last
      error = last > 1 ? 2 * sqrt((squares / last - mean * mean) / (last - 1)) : 0
      printf "%-18s %7.3f +-%.3f %10d %10d %8.1f %8.1f %8.1f %8.1f %8.2f %8.2f\n", name, exp(mean), exp(mean) * error,
        all["old"] / runs["old"], all["new"] / runs["new"], server["old"] / runs["old"], server["new"] / runs["new"],
        db["old"] / runs["old"], db["new"] / runs["new"], p50["old"] / runs["old"], p50["new"] / runs["new"] }' "$work/turns"
}

case "${words[0]},${words[1]}," in
  *,bulk,*)
    for scenario in "${scenarios[@]}"; do
      case $scenario in embedded | postgres) ;; *) fail "bulk is for the scenarios embedded and postgres alone" ;; esac
    done
    ;;
esac
case " ${scenarios[*]} " in *postgres*) start_cluster ;; esac
echo "$(nproc) processors for all; $connections connections, $turns turns of $seconds s; old ${words[0]}, new ${words[1]}"
printf '%-18s %14s %10s %10s %8s %8s %8s %8s %8s %8s\n' scenario 'new / old' 'old /s' 'new /s' 'us old' 'us new' \
  'db old' 'db new' 'p50 old' 'p50 new'
for scenario in "${scenarios[@]}"; do
  case $scenario in
    embedded) compare "$scenario" sqlite "$orders" ;;
    embedded-one) compare "$scenario" sqlite 1 ;;
    embedded-silent) compare "$scenario" sqlite "$orders" '' none ;;
    embedded-reads) compare "$scenario" sqlite "$orders" '' none scattered get.lua ;;
    postgres) compare "$scenario" postgres "$orders" ;;
    postgres-one) compare "$scenario" postgres 1 ;;
    postgres-zipf) compare "$scenario" postgres 10000 "$work/users" ;;
    postgres-scatter) compare "$scenario" postgres "$orders" '' nhn scattered ;;
    postgres-single) compare "$scenario" postgres "$orders" '' nhn ascending pay.lua 1 ;;
    postgres-reads) compare "$scenario" postgres "$orders" '' none scattered get.lua ;;
    *) echo "bench/turns.sh: unknown scenario $scenario" >&2; exit 2 ;;
  esac
done
