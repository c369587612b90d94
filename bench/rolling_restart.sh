#!/usr/bin/env bash
# Restarts paymentd behind a proxy, under load, and counts the requests that were lost: two processes
# on one PostgreSQL, six restarts in turn, behind haproxy and then behind nginx.
#
#   bench/rolling_restart.sh [--restarts N] [--connections C] [--delay D] [PROXY]...
#
# PROXY is haproxy, nginx, or nginx-keepalive, where nginx keeps connections to paymentd open
# (which docs/proxies.md advises against); by default all three. D is shutdown.drain_delay.
# Every request of the load pays another order; one that is not answered 201 is lost. Needs haproxy
# and nginx to be installed; their system services are not touched. Everything is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

restarts=6
connections=32
delay=3s
proxies=()
while [ $# -gt 0 ]; do
  case $1 in
    --restarts) restarts=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    --delay) delay=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    -*) echo "bench/rolling_restart.sh: unknown option $1" >&2; exit 2 ;;
    *) proxies+=("$1"); shift ;;
  esac
done
[ ${#proxies[@]} -gt 0 ] || proxies=(haproxy nginx nginx-keepalive)

source bench/common.sh

orders=2000000
users=10000
front=$((port + 10))
pids=()

# Starts process $1, 0 or 1, and waits until it is ready.
start_server() {
  "$programs/paymentd" serve --set "database.url=$url" \
    --set "http.listen=127.0.0.1:$((port + $1 * 2))" \
    --set "admin.listen=127.0.0.1:$((port + $1 * 2 + 1))" --set alimtalk.provider=none \
    --set "shutdown.drain_delay=$delay" --set shutdown.timeout=20s >> "$work/server-$1.log" 2>&1 &
  pids[$1]=$!
  started+=("${pids[$1]}")
  wait_for "http://127.0.0.1:$((port + $1 * 2 + 1))/readyz"
}

start_nginx() { # "keepalive" or nothing
  local keeps='' passes=''
  if [ "${1:-}" = keepalive ]; then
    keeps='keepalive 64;'
    passes='proxy_http_version 1.1; proxy_set_header Connection "";'
  fi
  cat > "$work/nginx.conf" << CONF
daemon off;
pid $work/nginx.pid;
error_log $work/nginx-error.log warn;
events { worker_connections 1000; }
http {
  access_log off;
  client_body_temp_path $work/body;
  proxy_temp_path $work/proxied;
  fastcgi_temp_path $work/fastcgi;
  uwsgi_temp_path $work/uwsgi;
  scgi_temp_path $work/scgi;
  keepalive_requests 1000000;
  upstream paymentd {
    server 127.0.0.1:$port max_fails=1 fail_timeout=1s;
    server 127.0.0.1:$((port + 2)) max_fails=1 fail_timeout=1s;
    $keeps
  }
  server {
    listen 127.0.0.1:$front;
    location / {
      proxy_pass http://paymentd;
      proxy_set_header Host localhost;
      $passes
      proxy_connect_timeout 2s;
      proxy_next_upstream error timeout;
    }
  }
}
CONF
  nginx -c "$work/nginx.conf" > "$work/proxy.log" 2>&1 &
}

# One proxy: its name.
run() {
  local proxy load result code
  sql -d postgres -c "drop database if exists bench" -c "create database bench"
  url="postgresql:///bench?host=$cluster&user=bench"
  "$programs/paymentd" seed --set "database.url=$url" --users "$users" --orders "$orders" \
    --balance $((orders * 100)) --amount 100 > /dev/null
  start_server 0
  start_server 1
  case $1 in
    haproxy) start_haproxy "$front" "$port" $((port + 2)) ;;
    nginx) start_nginx ;;
    nginx-keepalive) start_nginx keepalive ;;
  esac
  proxy=$!
  started+=("$proxy")
  wait_for "http://127.0.0.1:$front/v1/orders/1"
  ORDERS=$orders SPREAD=$users timeout 600 wrk -t1 "-c$connections" -d600s -s "$here/bench/pay.lua" \
    "http://127.0.0.1:$front" > "$work/result" &
  load=$!
  started+=("$load")
  sleep 2
  for n in $(seq "$restarts"); do
    local which=$((n % 2))
    kill -TERM "${pids[$which]}"
    code=0
    wait "${pids[$which]}" || code=$?
    [ "$code" = 0 ] || echo "bench/rolling_restart.sh: a stop ended with exit code $code" >&2
    start_server "$which"
    sleep 3 # until the proxy knows
  done
  kill -INT "$load"
  wait "$load" || true
  result=$(grep ^RESULT "$work/result")
  read -r _ requests rate p50 p99 refused broken <<< "$result"
  printf '%-18s %9d %10d %12.0f %8.2f %8.2f %14d %10d\n' "$1" "$restarts" "$requests" "$rate" "$p50" \
    "$p99" "$refused" "$broken"
  kill "$proxy" "${pids[@]}"
  wait "$proxy" "${pids[@]}" || true
  "$programs/paymentd" audit --set "database.url=$url" > "$work/audit" || {
    head "$work/audit" >&2
    exit 1
  }
}

start_cluster
printf '%-18s %9s %10s %12s %8s %8s %14s %10s\n' proxy restarts requests requests/s 'p50 ms' 'p99 ms' \
  'not 201 (lost)' 'no answer'
for proxy in "${proxies[@]}"; do
  run "$proxy"
done
