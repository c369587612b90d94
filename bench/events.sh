#!/usr/bin/env bash
# Payments a second with many clients that follow the events beside them, over those without, in turn; and
# whether each client saw each event once. wrk, paymentd, its database, the message API and the clients are all
# on this machine.
#
#   bench/events.sh [--seconds S] [--connections C] [--orders N] [--clients N] [--rounds N] [STORE]...
#
# STORE is embedded or postgres; both, unless one is named. The clients run with less priority than the rest,
# since they stand for other machines. After each load with clients a few thousand payments are made by one
# connection, and the clients have two minutes to see those of a server of their own: with the full load they
# would have more to receive than one machine can carry.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=15
connections=256
orders=1000000
clients=1000
rounds=3
stores=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    --orders) orders=$2; shift 2 ;;
    --clients) clients=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    -*) echo "bench/events.sh: unknown option $1" >&2; exit 2 ;;
    *) stores+=("$1"); shift ;;
  esac
done
[ ${#stores[@]} -gt 0 ] || stores=(embedded postgres)
[ -n "${BENCH_PROGRAMS:-}" ] || { cmake --preset release > /dev/null && cmake --build --preset release --target event-clients > /dev/null; }

source bench/common.sh

# A server with a fresh database: NAME STORE
begin() {
  if [ "$2" = embedded ]; then
    url=sqlite:$work/$1.db
  else
    sql -d postgres -c "drop database if exists bench" -c "create database bench"
    url="postgresql:///bench?host=$cluster&user=bench"
  fi
  "$programs/paymentd" seed --set "database.url=$url" --users "$orders" --orders "$orders" \
    --balance $((orders * 100)) --amount 100 > /dev/null
  [ "$2" = embedded ] || sql -d bench -c 'vacuum analyze' -c checkpoint
  "$programs/fake-alimtalk" --listen "127.0.0.1:$((port + 2))" > "$work/fake.log" 2>&1 &
  fake=$!
  "$programs/paymentd" serve --set "database.url=$url" --set "http.listen=127.0.0.1:$port" \
    --set "admin.listen=127.0.0.1:$((port + 1))" --set alimtalk.provider=nhn \
    --set "alimtalk.base_url=http://127.0.0.1:$((port + 2))" --set alimtalk.app_key=bench \
    --set alimtalk.secret_key=bench --set alimtalk.sender_key=bench \
    --set alimtalk.template_code=PAID ${BENCH_SETTINGS:-} > "$work/server.log" 2>&1 &
  server=$!
  started+=("$fake" "$server")
  wait_for "http://127.0.0.1:$((port + 1))/readyz"
  wait_for "http://127.0.0.1:$((port + 2))/received?count=1"
}

end() { # NAME
  kill "$server" "$fake"
  wait "$server" || true
  wait "$fake" || true
  "$programs/paymentd" audit --set "database.url=$url" > "$work/audit" || { head "$work/audit" >&2; exit 1; }
  rm -f "$work/$1".db*
}

follow() {
  coproc followers { exec nice -n 10 "$programs/event-clients" "$port" "$clients"; }
  started+=("$followers_PID")
  local word
  read -r word <&"${followers[0]}"
  [ "$word" = READY ]
}

# The clients' account, once they have seen so many events or the time is up: EVENTS SUM SECONDS
account() {
  echo "$1 $2 $3" >&"${followers[1]}"
  read -r _ open fewest most megabytes disordered whole <&"${followers[0]}"
}

pay() { # CONNECTIONS SECONDS
  ORDERS=$orders SPREAD=$orders wrk -t1 -c"$1" -d"${2}s" -s "$here/bench/pay.lua" "http://127.0.0.1:$port" |
    awk '/^RESULT/ { print $3 }'
}

# How many events there are, and what the ends of their ids add up to, from pages.
ledger() {
  local cursor=start events=0 sum=0 page more=true
  while [ "$more" = true ]; do
    page=$(curl -fsS -H 'Accept: application/json' "http://127.0.0.1:$port/v1/events?limit=100&cursor=$cursor" |
      jq -r '"\(.items | length) \([.items[].id | tonumber % 1048576] | add // 0) \(.hasMore) \(.nextCursor)"')
    read -r count part more cursor <<< "$page"
    events=$((events + count))
    sum=$((sum + part))
  done
  echo "$events $sum"
}

case " ${stores[*]} " in *postgres*) start_cluster ;; esac
ulimit -n "$(ulimit -H -n)"
echo "$(nproc) processors for all; $connections connections, $seconds s, $clients clients, $rounds rounds"
for store in "${stores[@]}"; do
  rates=
  for round in $(seq "$rounds"); do
    begin without "$store"
    without=$(pay "$connections" "$seconds")
    end without
    begin beside "$store"
    follow
    beside=$(pay "$connections" "$seconds")
    rss=$(rss_of "$server")
    account 0 0 0
    end beside
    echo "$store round $round: $without payments/s without, $beside beside $clients clients: $(awk "BEGIN { printf \"%.3f\", $beside / $without }"); each saw $fewest to $most events, all $megabytes MB; $open open, $disordered disordered; RSS $rss MB"
    rates="$rates $without $beside"
  done
  awk -v store="$store" '{ for (i = 1; i < NF; i += 2) { without += $i; beside += $(i + 1) }
    printf "%s: %.3f of the payments/s without\n", store, beside / without }' <<< "$rates"
  begin check "$store"
  follow
  pay 1 2 > /dev/null
  read -r events sum <<< "$(ledger)"
  account "$events" "$sum" 120
  end check
  echo "$store: $whole of $clients clients saw each of $events events once ($disordered disordered)"
done
