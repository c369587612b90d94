#!/usr/bin/env bash
# Measures the work behind the payments, end to end: paymentd, its database and the message API on this
# machine.
#
#   bench/delivery.sh [--seconds S] [--orders N] [--waiting N] [--outage N] [SCENARIO]...
#
# Scenarios (all of them, unless some are named):
#   drain-embedded, drain-postgres
#         N payments wait to be told (--waiting, 300000), and the API comes up: messages a second
#         into an API that answers at once, and into one that takes 100 ms
#   isolation-embedded, isolation-postgres
#         payments a second with the API healthy, slow (10 s), answering 500, refusing connections,
#         hanging, failing half of all calls, and healthy again, --seconds (12) each
#   outage-embedded, outage-postgres
#         resident memory while N payments (--outage, 1000000) are made and the API is not there
#
# PostgreSQL is a cluster of this script's own, with fsync and synchronous_commit on. Everything is
# removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=12
orders=400000
waiting=300000
outage=1000000
run_over=150000 # orders seeded beyond a number that is to be reached: the last run goes past it
scenarios=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --orders) orders=$2; shift 2 ;;
    --waiting) waiting=$2; shift 2 ;;
    --outage) outage=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    -*) echo "bench/delivery.sh: unknown option $1" >&2; exit 2 ;;
    *) scenarios+=("$1"); shift ;;
  esac
done
[ ${#scenarios[@]} -gt 0 ] || scenarios=(drain-embedded drain-postgres isolation-embedded
  isolation-postgres outage-embedded outage-postgres)
source bench/common.sh

# ---- databases ----------------------------------------------------------------------------------

url_of() { # STORE NAME
  if [ "$1" = embedded ]; then echo "sqlite:$work/$2.db"; else echo "postgresql:///$2?host=$cluster&user=bench"; fi
}

seed() { # STORE NAME ORDERS: everything that is payable
  [ "$1" = embedded ] || sql -d postgres -c "create database $2"
  "$programs/paymentd" seed --set "database.url=$(url_of "$1" "$2")" --users "$3" --orders "$3" \
    --balance 1000000 --amount 100 > /dev/null
  [ "$1" = embedded ] || sql -d "$2" -c 'vacuum analyze' -c checkpoint
}

copy() { # STORE FROM TO: as it is, with nobody on it
  if [ "$1" = embedded ]; then
    for part in "" -wal; do
      [ ! -e "$work/$2.db$part" ] || cp "$work/$2.db$part" "$work/$3.db$part"
    done
  else
    sql -d postgres -c "create database $3 template $2" -c checkpoint
  fi
}

drop() { # STORE NAME
  if [ "$1" = embedded ]; then rm -f "$work/$2".db*; else sql -d postgres -c "drop database $2"; fi
}

# ---- processes ----------------------------------------------------------------------------------

start_api() { # [ARGUMENTS OF fake-alimtalk]
  "$programs/fake-alimtalk" --listen "127.0.0.1:$((port + 2))" "$@" > "$work/fake.log" 2>&1 &
  api=$!
  started+=("$api")
  wait_for "http://127.0.0.1:$((port + 2))/received?count=1"
}

start_server() { # STORE NAME; sends to the API's address, whether or not it is there
  "$programs/paymentd" serve --set "database.url=$(url_of "$1" "$2")" \
    --set "http.listen=127.0.0.1:$port" --set "admin.listen=127.0.0.1:$((port + 1))" \
    --set alimtalk.provider=nhn --set "alimtalk.base_url=http://127.0.0.1:$((port + 2))" \
    --set alimtalk.app_key=bench --set alimtalk.secret_key=bench --set alimtalk.sender_key=bench \
    --set alimtalk.template_code=PAID ${BENCH_SETTINGS:-} > "$work/server.log" 2>&1 &
  server=$!
  started+=("$server")
  wait_for "http://127.0.0.1:$((port + 1))/readyz"
}

stop() { # PROCESS
  kill "$1"
  wait "$1" || true
}

# Pays orders FIRST to LAST, or for so long: payments, a second, p50, p99, refused, broken.
pay() { # FIRST LAST SECONDS SPREAD
  FIRST=$1 ORDERS=$2 SPREAD=$4 wrk -t1 -c256 -d"$3s" -s "$here/bench/pay.lua" \
    "http://127.0.0.1:$port" | sed -n 's/^RESULT //p'
}

# Pays about COUNT orders from $first on, in short runs, and moves $first behind them: wrk cannot be
# told a number. Those that are under way when a run ends are paid as well, and nobody counts them.
pay_about() { # COUNT SPREAD
  local paid=0 under_way_max=300 run_seconds=3 result requests
  while [ "$paid" -lt "$1" ]; do
    result=$(pay "$first" "$2" "$run_seconds" "$2")
    requests=${result%% *}
    paid=$((paid + requests))
    first=$((first + requests + under_way_max))
  done
}

audit() { # STORE NAME
  "$programs/paymentd" audit --set "database.url=$(url_of "$1" "$2")" > "$work/audit" || {
    echo "bench/delivery.sh: the audit of $2 found breaches:" >&2
    head "$work/audit" >&2
    exit 1
  }
}

# ---- drain --------------------------------------------------------------------------------------

drain() { # STORE
  local paid latency first=1
  seed "$1" paid $((waiting + run_over))
  start_server "$1" paid
  pay_about "$waiting" $((waiting + run_over))
  stop "$server"
  paid=$(sed -nE 's/.*stopped: ([0-9]+) commands settled.*/\1/p' "$work/server.log")
  echo "drain-$1: $paid payments wait to be told"
  printf '%-18s %8s %11s %9s %9s %9s %9s %8s\n' '' latency messages/s seconds 'us paymt' 'us db' 'us api' 'RSS MB'
  for latency in 0ms 100ms; do
    copy "$1" paid drained
    start_api --latency "$latency"
    local begin end before_db=0 after_db=0
    [ "$1" = embedded ] || before_db=$(cpu_of_cluster)
    begin=$(date +%s.%N)
    start_server "$1" drained
    for _ in $(seq 2400); do
      [ "$(messages)" -lt "$paid" ] || break
      sleep 0.05
    done
    end=$(date +%s.%N)
    [ "$1" = embedded ] || after_db=$(cpu_of_cluster)
    awk -v name="drain-$1" -v latency="$latency" -v count="$(messages)" -v s="$(awk "BEGIN { print $end - $begin }")" \
      -v server="$(cpu_of "$server")" -v db="$(awk "BEGIN { print $after_db - $before_db }")" \
      -v api="$(cpu_of "$api")" -v rss="$(rss_of "$server")" 'BEGIN {
        printf "%-18s %8s %11d %9.1f %9.1f %9.1f %9.1f %8.1f\n", name, latency, count / s, s, server * 1e6 / count,
          db * 1e6 / count, api * 1e6 / count, rss }'
    stop "$server"
    stop "$api"
    audit "$1" drained
    drop "$1" drained
  done
  drop "$1" paid
}

# ---- isolation ----------------------------------------------------------------------------------

isolation() { # STORE
  seed "$1" seeded "$orders"
  : > "$work/rows"
  local mode
  for mode in healthy slow-10s answers-500 refuses hangs fails-half healthy-again; do
    case $mode in
      healthy*) start_api ;;
      slow-10s) start_api --latency 10s ;;
      answers-500) start_api --status 500 ;;
      refuses) api= ;;
      hangs) start_api --hang ;;
      fails-half) start_api --fail-rate 0.5 ;;
    esac
    copy "$1" seeded isolated
    start_server "$1" isolated
    local rss told=0
    rss=$(rss_of "$server")
    local result; result=$(pay 1 "$orders" "$seconds" "$orders")
    [ -z "$api" ] || told=$(messages)
    echo "$mode $result $told $rss $(rss_of "$server")" >> "$work/rows"
    stop "$server"
    [ -z "$api" ] || stop "$api"
    audit "$1" isolated
    drop "$1" isolated
  done
  drop "$1" seeded
  echo "isolation-$1: 256 connections, $seconds s each; ratios to the mean of both healthy runs"
  awk -v s="$seconds" '
    { name[NR] = $1; rate[NR] = $3; p50[NR] = $4; p99[NR] = $5; errors[NR] = $6 + $7
      told[NR] = $8; before[NR] = $9; after[NR] = $10 }
    $1 ~ /^healthy/ { rates += $3; p99s += $5; ++healthy }
    END {
      printf "%-14s %10s %7s %8s %8s %7s %7s %10s %12s %11s\n", "API", "payments/s", "ratio", "p50 ms",
        "p99 ms", "ratio", "errors", "messages/s", "RSS MB begin", "RSS MB end"
      for (i = 1; i <= NR; ++i)
        printf "%-14s %10d %7.2f %8.2f %8.2f %7.2f %7d %10d %12.1f %11.1f\n", name[i], rate[i],
          rate[i] * healthy / rates, p50[i], p99[i], p99[i] * healthy / p99s, errors[i], told[i] / s,
          before[i], after[i]
    }' "$work/rows"
}

# ---- outage -------------------------------------------------------------------------------------

# The first 100,000 payments fill what is filled once (buffers, the orders kept in memory).
outage() { # STORE
  local warm=100000 first=1 count
  local all=$((warm + outage + 3 * run_over))
  seed "$1" out "$all"
  start_server "$1" out
  echo "outage-$1: nobody answers at the message API's address"
  printf '%-18s %10s %8s\n' '' payments 'RSS MB'
  printf '%-18s %10d %8s\n' "outage-$1" 0 "$(rss_of "$server")"
  for count in "$warm" $((outage / 2)) $((outage / 2)); do
    pay_about "$count" "$all"
    printf '%-18s %10d %8s\n' "outage-$1" "$first" "$(rss_of "$server")"
  done
  stop "$server"
  drop "$1" out
}

case " ${scenarios[*]} " in
  *-postgres*) start_cluster ;;
esac
echo "$(nproc) processors for wrk, paymentd, database and message API"
for scenario in "${scenarios[@]}"; do
  case $scenario in
    drain-embedded | drain-postgres) drain "${scenario#*-}" ;;
    isolation-embedded | isolation-postgres) isolation "${scenario#*-}" ;;
    outage-embedded | outage-postgres) outage "${scenario#*-}" ;;
    *) echo "bench/delivery.sh: unknown scenario $scenario" >&2; exit 2 ;;
  esac
done
