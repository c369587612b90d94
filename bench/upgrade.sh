#!/usr/bin/env bash
# An upgrade under load, from an older program to this one, and the requests that it lost.
#
#   bench/upgrade.sh [--orders N] [--rate R] [--connections C] [--delay D] OLD_PROGRAM [STORE]...
#
# STORE is embedded or postgres; both, unless one is named. OLD_PROGRAM is a paymentd of another release
# or commit. It fills a database with N users and orders (--orders, 1000000), whose schema is its own.
#
#   postgres   two processes of OLD_PROGRAM stand behind haproxy, and R payments a second (--rate, 2000; 0:
#              as fast as C connections go) arrive. `paymentd migrate` of this program upgrades the schema;
#              then the processes are replaced by this program's, one after the other. The table has the
#              phases: how long each took, what was not answered 201, and the longest time without a 201.
#              D is shutdown.drain_delay (3s)
#   embedded   the process is stopped, and this program started on the file: the time until it is ready,
#              and that of a second start, which has no schema to upgrade
#
# Each payment is another order; one that is not answered 201 is lost. At the end the ledger must have each
# payment that was answered 201, and no other, and `paymentd audit` must find nothing. Exits 1 where a request
# was lost. Both programs must know the settings in `settings` below. Messages are off. Needs haproxy, whose
# system service is not touched. PostgreSQL is a cluster of this script's own. Everything is removed at the
# end.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")/.."

orders=1000000
rate=2000
connections=32
delay=3s
old=
stores=()
while [ $# -gt 0 ]; do
  case $1 in
    --orders) orders=$2; shift 2 ;;
    --rate) rate=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    --delay) delay=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    -*) echo "bench/upgrade.sh: unknown option $1" >&2; exit 2 ;;
    *) if [ -z "$old" ]; then old=$1; else stores+=("$1"); fi; shift ;;
  esac
done
[ -n "$old" ] || { echo "bench/upgrade.sh: the older program is not named; --help tells how" >&2; exit 2; }
old=$(cd "$called_from" && realpath "$old")
[ -x "$old" ] || { echo "bench/upgrade.sh: $old is no program" >&2; exit 2; }
[ ${#stores[@]} -gt 0 ] || stores=(postgres embedded)
[ -n "${BENCH_PROGRAMS:-}" ] || { cmake --preset release > /dev/null && cmake --build --preset release --target paying-clients > /dev/null; }

source bench/common.sh

new=$programs/paymentd
front=$((port + 10))
pids=()
phases=()
unsound=0

# Those of process $1, 0 or 1, which both programs must know.
settings_of() {
  printf '%s\n' --set "database.url=$url" --set "http.listen=127.0.0.1:$((port + $1 * 2))" \
    --set "admin.listen=127.0.0.1:$((port + $1 * 2 + 1))" --set alimtalk.provider=none \
    --set "shutdown.drain_delay=$delay" --set shutdown.timeout=20s
}

start_server() { # PROGRAM PROCESS; sets ready_ms
  local begun settings
  mapfile -t settings < <(settings_of "$2")
  begun=$(now_ms)
  "$1" serve "${settings[@]}" >> "$work/server-$2.log" 2>&1 &
  pids[$2]=$!
  started+=("${pids[$2]}")
  wait_until_ready "${pids[$2]}" "http://127.0.0.1:$((port + $2 * 2 + 1))/readyz" 600 "$work/server-$2.log"
  ready_ms=$(($(now_ms) - begun))
}

stop_server() { # PROCESS; sets stop_ms
  local begun
  begun=$(now_ms)
  end_process "${pids[$1]}" || echo "$script: a stop ended with exit code $?: $(tail -n 1 "$work/server-$1.log")" >&2
  stop_ms=$(($(now_ms) - begun))
}

seed() {
  local settings
  mapfile -t settings < <(settings_of 0)
  "$old" config "${settings[@]}" > "$work/config" 2>&1 ||
    fail "the older program does not take the settings: $(head -n 1 "$work/config")"
  timeout 900 "$old" seed --set "database.url=$url" --users "$orders" --orders "$orders" --balance 1000000 \
    --amount 100 > /dev/null
}

begin_load() { # PORT RATE FIRST
  timeout 1800 "$programs/paying-clients" "$1" "$3" "$orders" "$orders" "$connections" "$2" "$work/answers" \
    > "$work/result" &
  load=$!
  started+=("$load")
}

# Ends the load, and sets requests, per_second, p50, p99, refused, broken, gap. Its answers go to $work/told.
end_load() {
  kill -0 "$load" 2> /dev/null || fail "the load has paid all $orders orders too soon: give it more"
  end_process "$load" || fail "the clients did not end well"
  read -r _ requests per_second p50 p99 refused broken gap < "$work/result"
  awk '$4 == 201 { print $1 }' "$work/answers" >> "$work/told"
}

# The next phase begins now.
phase() { phases+=("$(now_ms) $*"); }

# A time without a 201 that goes on over the end of a phase counts in each of the two by its own part. Of the
# last phase it ends with the last answer of any kind, since the load ends there.
phase_table() {
  printf '%-28s %8s %9s %13s %9s %12s\n' '' seconds requests 'not 201' 'no answer' 'no 201, ms'
  printf '%s\n' "${phases[@]}" | awk '
    FNR == NR { from[++count] = $1; $1 = ""; name[count] = substr($0, 2); next }
    {
      if (last == 0) last = from[1]
      while (at + 1 < count && $3 >= from[at + 2]) { ++at; close_gap(at, from[at + 1]) }
      i = at + 1
      ++requests[i]
      seen = $3
      if ($4 == 201) close_gap(i, $3)
      else if ($4 == 0) ++broken[i]
      else ++refused[i]
    }
    function close_gap(phase, until) {
      if (until - last > gap[phase]) gap[phase] = until - last
      last = until
    }
    END {
      if (last == 0) last = from[1]
      while (at + 2 < count) { ++at; close_gap(at, from[at + 1]) }
      close_gap(at + 1, seen)
      for (i = 1; i < count; ++i)
        printf "%-28s %8.1f %9d %13d %9d %12d\n", name[i], (from[i + 1] - from[i]) / 1000, requests[i],
          refused[i], broken[i], gap[i]
    }' - "$work/answers"
  awk '$4 != 201 { ++count[$4] } END { for (each in count) printf "answers %s: %d\n", each, count[each] }' "$work/answers"
}

# The ledger has what was answered 201, each once, and no more.
compare() { # NAME
  local there missing unknown lost
  ledger_of "$url" | awk '$2 == "PAYMENT" { print $3 }' | LC_ALL=C sort > "$work/paid"
  LC_ALL=C sort -o "$work/told" "$work/told"
  there=$(wc -l < "$work/paid")
  missing=$(LC_ALL=C comm -23 "$work/told" "$work/paid" | wc -l)
  unknown=$(LC_ALL=C comm -13 "$work/told" "$work/paid" | wc -l)
  audit_of "$url"
  lost=$((all_refused + all_broken))
  echo "$1: $lost requests lost; $there payments in the ledger, $missing of those answered 201 are not in it, $unknown in it were not answered 201; the audit found nothing" |
    tee -a "$work/summary"
  [ $((lost + missing + unknown)) = 0 ] || unsound=1
}

# ---- two processes on PostgreSQL ----------------------------------------------------------------

version_of_schema() { sql -d bench -c 'select max(version) from paymentd.schema_migrations'; }

upgrade_postgres() {
  local proxy from migrated
  url="postgresql:///bench?host=$cluster&user=bench"
  sql -d postgres -c "drop database if exists bench" -c "create database bench"
  seed
  sql -d bench -c 'vacuum analyze' -c checkpoint
  start_server "$old" 0
  start_server "$old" 1
  from=$(version_of_schema)
  start_haproxy "$front" "$port" $((port + 2))
  proxy=$!
  started+=("$proxy")
  wait_for "http://127.0.0.1:$front/v1/orders/1"
  : > "$work/told"
  phases=()
  echo "postgres: two processes, $orders orders, $rate payments/s asked for over $connections connections"
  phase 'before'
  begin_load "$front" "$rate" 1
  sleep 5
  phase 'the schema is upgraded'
  migrated=$(now_ms)
  timeout 1800 "$new" migrate --set "database.url=$url" > "$work/migrated" 2>&1 ||
    fail "the schema was not upgraded: $(head -n 1 "$work/migrated")"
  migrated=$(($(now_ms) - migrated))
  phase 'old processes, new schema'
  sleep 5
  for process in 0 1; do
    phase "process $((process + 1)) is replaced"
    stop_server "$process"
    start_server "$new" "$process"
    sleep 3 # until the proxy knows
  done
  phase 'after'
  sleep 5
  end_load
  phase 'end'
  phase_table
  echo "postgres: schema $from to $(version_of_schema) by paymentd migrate in $migrated ms, with the load going on; $per_second payments/s, p50 $p50 ms, p99 $p99 ms, longest time without a 201 $gap ms" |
    tee -a "$work/summary"
  stop_server 0
  stop_server 1
  end_process "$proxy" || true
  all_refused=$refused
  all_broken=$broken
  compare postgres
}

# ---- the embedded database ----------------------------------------------------------------------

# The file's header has it, once the file is closed.
version_of_file() { od -An -j60 -N4 --endian=big -tu4 "$1" | tr -d ' '; }

load_for_a_while() { # FIRST
  begin_load "$port" "$rate" "$1"
  sleep 5
  end_load
  all_refused=$((all_refused + refused))
  all_broken=$((all_broken + broken))
  first=$(($1 + requests))
}

upgrade_embedded() {
  local from stopped upgraded megabytes
  local delay=0s # nobody stands before it
  url=sqlite:$work/bench.db
  seed
  : > "$work/told"
  all_refused=0
  all_broken=0
  start_server "$old" 0
  load_for_a_while 1
  stop_server 0
  stopped=$stop_ms
  from=$(version_of_file "$work/bench.db")
  megabytes=$(du -m "$work/bench.db" | cut -f 1)
  start_server "$new" 0
  upgraded=$ready_ms
  load_for_a_while "$first"
  stop_server 0
  start_server "$new" 0
  load_for_a_while "$first"
  echo "embedded: schema $from to $(version_of_file "$work/bench.db"), $orders orders, $megabytes MB: stopped in $stopped ms, the new program ready in $upgraded ms; a second start in $ready_ms ms" |
    tee -a "$work/summary"
  stop_server 0
  compare embedded
  rm -f "$work"/bench.db*
}

# -------------------------------------------------------------------------------------------------

case " ${stores[*]} " in *postgres*) start_cluster ;; esac
echo "$(nproc) processors for all; from $("$old" --version 2> /dev/null || echo 'a program that does not tell its version') to $("$new" --version)"
: > "$work/summary"
for store in "${stores[@]}"; do
  case $store in
    postgres) upgrade_postgres ;;
    embedded) upgrade_embedded ;;
    *) echo "bench/upgrade.sh: unknown store $store" >&2; exit 2 ;;
  esac
done
echo
cat "$work/summary"
exit "$unsound"
