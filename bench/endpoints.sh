#!/usr/bin/env bash
# Webhooks side by side: whether some that do not work hold the others up, how fast one is told, and
# the part of the payments that many of them cost. wrk, paymentd, its database, the message API and the
# receivers are all on this machine.
#
#   bench/endpoints.sh [--endpoints N] [--rate R] [--seconds S] [--rounds N] [--backlog N] [--in-flight N]
#                      [--load-seconds S] [--connections C] [--orders N] [SCENARIO]...
#
# Scenarios (all of them, unless some are named):
#   latency-embedded, latency-postgres
#         N webhooks (--endpoints, 20) are told of R payments a second (--rate, 200) for S seconds
#         (--seconds, 30), --rounds (2) times (a) all of them healthy and (b) with one that hangs, one
#         that fails half of all POSTs and one that refuses connections, in turn. The time from the
#         event's own to its receipt is measured at the others. The goal: a p99 in (b) of at most 1.1
#         times that in (a)
#   drain-embedded, drain-postgres
#         one webhook (of maxInFlight --in-flight, 32) is paused, so many payments are made (--backlog,
#         100000), and it goes on. The goal: 5,000 events/s
#   load-embedded, load-postgres
#         payments a second at full load (--connections, 256; --load-seconds, 15) without a webhook and
#         with the N of (b), in turn, each of them first in every other round. The goal: 0.95. More events
#         fall due than this machine can carry, so nobody waits until all have come
#
# After latency and drain each receiver must have had each event: it counts them by their webhook-id, and
# the ledger says which ones there are. `lost` is the number of those that one did not take, `twice` that of
# those that came again after they were taken. A machine that is `busy` to the full, or a `rate` below R,
# tells that the rate is too high to measure anything but the machine. Exits 1 where an event was lost.
# PostgreSQL is a cluster of this script's own. Everything is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

endpoints=20
rate=200
seconds=30
rounds=2
backlog=100000
in_flight=32
load_seconds=15
connections=256
orders=1000000
scenarios=()
while [ $# -gt 0 ]; do
  case $1 in
    --endpoints) endpoints=$2; shift 2 ;;
    --rate) rate=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --backlog) backlog=$2; shift 2 ;;
    --in-flight) in_flight=$2; shift 2 ;;
    --load-seconds) load_seconds=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    --orders) orders=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    -*) echo "bench/endpoints.sh: unknown option $1" >&2; exit 2 ;;
    *) scenarios+=("$1"); shift ;;
  esac
done
[ "$endpoints" -ge 4 ] || { echo "bench/endpoints.sh: --endpoints must be at least 4" >&2; exit 2; }
[ ${#scenarios[@]} -gt 0 ] || scenarios=(latency-embedded latency-postgres drain-embedded drain-postgres
  load-embedded load-postgres)
[ -n "${BENCH_PROGRAMS:-}" ] || { cmake --preset release > /dev/null && cmake --build --preset release --target paying-clients webhook-receivers > /dev/null; }

source bench/common.sh

receivers_port=$((port + 3))
refusing_port=$((port + 4)) # nobody listens there
warm_up=2                   # seconds of payments before those that are measured
lost_in_all=0

# ---- a server with its message API and its receivers --------------------------------------------

begin() { # STORE ORDERS
  if [ "$1" = embedded ]; then
    rm -f "$work"/bench.db*
    url=sqlite:$work/bench.db
  else
    sql -d postgres -c "drop database if exists bench" -c "create database bench"
    url="postgresql:///bench?host=$cluster&user=bench"
  fi
  timeout 600 "$programs/paymentd" seed --set "database.url=$url" --users "$2" --orders "$2" \
    --balance 1000000 --amount 100 > /dev/null
  [ "$1" = embedded ] || sql -d bench -c 'vacuum analyze' -c checkpoint
  "$programs/fake-alimtalk" --listen "127.0.0.1:$((port + 2))" > "$work/fake.log" 2>&1 &
  fake=$!
  "$programs/paymentd" serve --set "database.url=$url" --set "http.listen=127.0.0.1:$port" \
    --set "admin.listen=127.0.0.1:$((port + 1))" --set alimtalk.provider=nhn \
    --set "alimtalk.base_url=http://127.0.0.1:$((port + 2))" --set alimtalk.app_key=bench \
    --set alimtalk.secret_key=bench --set alimtalk.sender_key=bench --set alimtalk.template_code=PAID \
    --set webhooks.networks=all ${BENCH_SETTINGS:-} > "$work/server.log" 2>&1 &
  server=$!
  started+=("$fake" "$server")
  wait_until_ready "$server" "http://127.0.0.1:$((port + 1))/readyz" 60 "$work/server.log"
  wait_for "http://127.0.0.1:$((port + 2))/received?count=1"
}

end() {
  end_process "$server" || echo "$script: the server ended with exit code $?" >&2
  end_process "$fake" || true
  audit_of "$url"
}

start_receivers() { # [COMMAND BEFORE IT]...
  coproc receivers { exec "$@" "$programs/webhook-receivers" "$receivers_port"; }
  # Kept apart, since bash forgets its own ones as soon as the process has ended.
  receiving=$receivers_PID
  started+=("$receiving")
  exec {to_receivers}>&"${receivers[1]}" {from_receivers}<&"${receivers[0]}"
  exec {receivers[0]}<&- {receivers[1]}>&-
  hear 10
  [ "$answer" = READY ] || fail "the receivers do not begin"
}
end_receivers() {
  exec {to_receivers}>&- {from_receivers}<&-
  end_process "$receiving" || true
}

# The next line of the receivers, within so many seconds.
hear() { # SECONDS
  answer=
  read -r -t "$1" -u "$from_receivers" answer || fail "the receivers do not answer"
}
ask() { # SECONDS WORDS
  local within=$1
  shift
  echo "$*" >&"$to_receivers"
  hear "$within"
}

make_webhook() { # NAME URL [FURTHER FIELDS]
  curl -fsS --max-time 10 -o /dev/null "http://127.0.0.1:$port/v1/webhooks" --json \
    "{\"name\":\"$1\",\"url\":\"$2\",\"events\":[\"paymentd.payment.succeeded.v1\"]${3:-}}" ||
    fail "the webhook $1 cannot be made"
}

# All of them, the last three healthy or not. `judged` of them are to take every event.
make_webhooks() { # healthy | troubled
  local n at=http://127.0.0.1:$receivers_port
  for n in $(seq $((endpoints - 3))); do make_webhook "measured-$n" "$at/measured/$n"; done
  if [ "$1" = healthy ]; then
    for n in 1 2 3; do make_webhook "other-$n" "$at/healthy/$n"; done
    judged=$endpoints
  else
    make_webhook hanging "$at/hanging/1"
    make_webhook half "$at/half/1"
    make_webhook gone "http://127.0.0.1:$refusing_port/gone"
    judged=$((endpoints - 2))
  fi
  sleep 2 # every process has them within a second
}

# Pays orders $1 to $2, $3 a second (0: as fast as it goes), and adds those that were answered 201 to $paid.
pay() { # FIRST LAST RATE CONNECTIONS
  timeout 900 "$programs/paying-clients" "$port" "$1" "$2" "$users" "$4" "$3" "$work/answers" > "$work/result" ||
    fail "the clients did not end"
  read -r _ requests paid_rate _ _ refused broken _ < "$work/result"
  [ "$requests" = $(($2 - $1 + 1)) ] || fail "$requests of $(($2 - $1 + 1)) payments were made"
  [ $((refused + broken)) = 0 ] || fail "$refused payments were refused, $broken got no answer"
  paid=$((paid + requests))
}

# Waits until all that are judged have taken every event; then sets late and last_us.
wait_until_taken() { # SECONDS
  ask $(($1 + 30)) "WAIT $judged $paid $1"
  read -r _ late last_us <<< "$answer"
  [ "$late" = 0 ] || echo "$script: not all events came within $1 s" >&2
}

# The receivers' account, after the server has ended: sets p50, p99, samples, lost, twice, refused.
account() {
  ledger_of "$url" | awk '$2 == "PAYMENT" { print $1 }' > "$work/ids"
  [ "$(wc -l < "$work/ids")" = "$paid" ] || fail "the ledger has $(wc -l < "$work/ids") payments of $paid"
  ask 60 "REPORT $judged $work/ids"
  read -r _ p50 p99 samples lost strange twice refused <<< "$answer"
  end_receivers
  [ "$strange" = 0 ] || fail "the receivers had $strange events that the ledger does not have"
  lost_in_all=$((lost_in_all + lost))
}

# Jiffies of all processors so far: BUSY ALL
processors() { awk '/^cpu / { all = 0; for (i = 2; i <= 9; ++i) all += $i; print all - $5 - $6, all }' /proc/stat; }

# ---- latency ------------------------------------------------------------------------------------

latency_once() { # STORE healthy|troubled ROUND
  local warm=$((warm_up * rate)) all=$(((warm_up + seconds) * rate)) busy_before all_before busy_after all_after kept
  users=$all
  begin "$1" "$all"
  start_receivers
  make_webhooks "$2"
  paid=0
  pay 1 "$warm" "$rate" 32
  wait_until_taken 60
  ask 10 MEASURE
  read -r busy_before all_before < <(processors)
  pay $((warm + 1)) "$all" "$rate" 32
  kept=$paid_rate
  read -r busy_after all_after < <(processors)
  wait_until_taken 180
  end
  account
  printf '%-18s %6d %-9s %6s %5.0f%% %10s %8s %8s %6s %6s %8s\n' "latency-$1" "$3" "$2" "$kept" \
    "$(awk "BEGIN { print 100 * ($busy_after - $busy_before) / ($all_after - $all_before) }")" \
    "$samples" "$p50" "$p99" "$lost" "$twice" "$refused"
  echo "$2 $p50 $p99" >> "$work/latencies"
}

latency() { # STORE
  local round
  echo "latency-$1: $endpoints webhooks, $rate payments/s for $seconds s; measured at $((endpoints - 3)) of them"
  printf '%-18s %6s %-9s %6s %6s %10s %8s %8s %6s %6s %8s\n' '' round others rate busy events 'p50 ms' 'p99 ms' \
    lost twice 'their 500'
  : > "$work/latencies"
  for round in $(seq "$rounds"); do
    latency_once "$1" healthy "$round"
    latency_once "$1" troubled "$round"
  done
  awk -v name="latency-$1" '
    { p50[$1] += $2; p99[$1] += $3; ++count[$1] }
    END { printf "%s: p50 %.2f ms beside healthy ones, %.2f beside the three others: %.3f; p99 %.2f and %.2f: %.3f\n",
      name, p50["healthy"] / count["healthy"], p50["troubled"] / count["troubled"], p50["troubled"] / p50["healthy"],
      p99["healthy"] / count["healthy"], p99["troubled"] / count["troubled"], p99["troubled"] / p99["healthy"] }' \
    "$work/latencies" | tee -a "$work/summary"
}

# ---- drain --------------------------------------------------------------------------------------

drain() { # STORE
  local begun told=0 cpu_before cpu_after db_before=0 db_after=0
  users=$backlog
  begin "$1" "$backlog"
  start_receivers
  make_webhook one "http://127.0.0.1:$receivers_port/measured/1" ",\"enabled\":false,\"maxInFlight\":$in_flight"
  judged=1
  paid=0
  pay 1 "$backlog" 0 64
  for _ in $(seq 1200); do # until the message API has its part, so that the webhook is alone
    told=$(messages)
    [ "$told" -lt "$backlog" ] || break
    sleep 0.05
  done
  [ "$told" -ge "$backlog" ] || fail "the message API has $told of $backlog messages after a minute: the webhook would not be alone"
  cpu_before=$(cpu_of "$server")
  [ "$1" = embedded ] || db_before=$(cpu_of_cluster)
  begun=$(date +%s%6N)
  curl -fsS --max-time 10 -o /dev/null -X PATCH "http://127.0.0.1:$port/v1/webhooks/one" --json '{"enabled":true}'
  wait_until_taken 600
  cpu_after=$(cpu_of "$server")
  [ "$1" = embedded ] || db_after=$(cpu_of_cluster)
  end
  account
  awk -v name="drain-$1" -v count="$paid" -v s="$(awk "BEGIN { print ($last_us - $begun) / 1e6 }")" \
    -v server="$(awk "BEGIN { print $cpu_after - $cpu_before }")" \
    -v db="$(awk "BEGIN { print $db_after - $db_before }")" -v lost="$lost" -v twice="$twice" 'BEGIN {
      printf "%s: %d events to one webhook in %.1f s: %d events/s; %.1f us of the server and %.1f us of the database an event; lost %d, twice %d\n",
        name, count, s, count / s, server * 1e6 / count, db * 1e6 / count, lost, twice }' | tee -a "$work/summary"
}

# ---- full load ----------------------------------------------------------------------------------

full_load() {
  timeout $((load_seconds + 60)) env "ORDERS=$orders" "SPREAD=$orders" wrk -t1 -c"$connections" \
    -d"${load_seconds}s" -s "$here/bench/pay.lua" "http://127.0.0.1:$port" | awk '/^RESULT/ { print $3 }'
}

load_without() { # STORE; sets without
  begin "$1" "$orders"
  without=$(full_load)
  end
}

load_beside() { # STORE; sets beside and told
  begin "$1" "$orders"
  start_receivers nice -n 10 # they stand for other machines
  make_webhooks troubled
  beside=$(full_load)
  ask 30 COUNT
  told=${answer#COUNTED }
  end
  end_receivers
}

load() { # STORE
  local round without beside told
  echo "load-$1: $connections connections, $load_seconds s; $endpoints webhooks, of them three that do not work"
  : > "$work/rates"
  for round in $(seq "$rounds"); do
    # Each of them is first in every other round, so that a machine that slows down is unfair to neither.
    if [ $((round % 2)) = 1 ]; then load_without "$1"; load_beside "$1"; else load_beside "$1"; load_without "$1"; fi
    printf 'load-%s round %d: %s payments/s without, %s beside the webhooks: %s; %d events/s taken\n' "$1" "$round" \
      "$without" "$beside" "$(awk "BEGIN { printf \"%.3f\", $beside / $without }")" $((told / load_seconds))
    echo "$without $beside" >> "$work/rates"
  done
  awk -v name="load-$1" '{ without += $1; beside += $2 }
    END { printf "%s: %.3f of the payments/s without webhooks\n", name, beside / without }' "$work/rates" |
    tee -a "$work/summary"
}

# -------------------------------------------------------------------------------------------------

case " ${scenarios[*]} " in *-postgres*) start_cluster ;; esac
ulimit -n "$(ulimit -H -n)"
echo "$(nproc) processors for all"
: > "$work/summary"
for scenario in "${scenarios[@]}"; do
  case $scenario in
    latency-embedded | latency-postgres) latency "${scenario#*-}" ;;
    drain-embedded | drain-postgres) drain "${scenario#*-}" ;;
    load-embedded | load-postgres) load "${scenario#*-}" ;;
    *) echo "bench/endpoints.sh: unknown scenario $scenario" >&2; exit 2 ;;
  esac
done
echo
cat "$work/summary"
echo "events lost: $lost_in_all"
[ "$lost_in_all" = 0 ]
