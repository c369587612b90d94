# The common part of the load scripts: programs, a PostgreSQL cluster of the script's own, processor time, and
# waiting. Sourced, with the working directory at the project's root; everything that it starts ends
# with the script.
programs=${BENCH_PROGRAMS:-build/release}
if [ -z "${BENCH_PROGRAMS:-}" ]; then
  cmake --preset release > /dev/null
  cmake --build --preset release --target paymentd fake-alimtalk > /dev/null
fi
programs=$(cd "$programs" && pwd)
here=$(pwd)
script=bench/$(basename "$0")
work=$(mktemp -d)
chmod 755 "$work"
cluster=$work/cluster
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
port=$((20000 + $$ % 12000)) # below those that Linux gives to clients, from 32768 on
started=()
data_directories=() # of clusters that run

# PostgreSQL does not run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

finish() {
  for pid in "${started[@]}"; do kill "$pid" 2> /dev/null || true; done
  for data in "${data_directories[@]}"; do
    as_postgres "$bin/pg_ctl" -D "$data" -m immediate stop > /dev/null 2>&1 || true
  done
  rm -rf "$work"
}
trap finish EXIT

start_cluster() { # [SETTING = VALUE]...
  mkdir -p "$cluster"
  [ "$(id -u)" != 0 ] || chown postgres "$cluster"
  as_postgres "$bin/initdb" -D "$cluster/data" -U bench --auth=trust -E UTF8 --locale=C > /dev/null
  as_postgres tee -a "$cluster/data/postgresql.conf" > /dev/null << CONF
listen_addresses = ''
unix_socket_directories = '$cluster'
max_connections = 100
shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 15min
fsync = on
synchronous_commit = on
$(printf '%s\n' "$@")
CONF
  data_directories+=("$cluster/data")
  as_postgres "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w start > /dev/null
  postmaster=$(head -n 1 "$cluster/data/postmaster.pid")
  echo "PostgreSQL $(sql -d postgres -c 'show server_version'): fsync $(sql -d postgres -c 'show fsync'), synchronous_commit $(sql -d postgres -c 'show synchronous_commit'), shared_buffers $(sql -d postgres -c 'show shared_buffers')"
}

sql() { PGOPTIONS='-c client_min_messages=warning' psql -h "$cluster" -U bench -X -q -A -t "$@"; }

# CPU seconds of a process with its ended children, or of the whole cluster.
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) / hz }' "/proc/$1/stat"; }
cpu_of_cluster() {
  local sum pid
  sum=$(cpu_of "$postmaster")
  for pid in $(pgrep -P "$postmaster"); do
    sum="$sum + $(cpu_of "$pid" 2> /dev/null || echo 0)"
  done
  awk "BEGIN { print $sum }"
}

rss_of() { awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

fail() { # WORDS
  echo "$script: $*" >&2
  exit 1
}

wait_for() { # URL [SECONDS]
  for _ in $(seq $((${2:-10} * 20))); do
    curl -fsS --max-time 5 -o /dev/null "$1" 2> /dev/null && return
    sleep 0.05
  done
  fail "$1 does not answer"
}

# The same of a process of this script, which must not end before.
wait_until_ready() { # PROCESS URL SECONDS LOG
  for _ in $(seq $(($3 * 20))); do
    curl -fsS --max-time 5 -o /dev/null "$2" 2> /dev/null && return
    kill -0 "$1" 2> /dev/null || fail "a process ended: $(tail -n 1 "$4")"
    sleep 0.02
  done
  fail "$2 does not answer"
}

# Ends a process of this script and gives its exit code. One that does not end in a minute is killed.
end_process() { # PROCESS
  local code=0
  kill "$1" 2> /dev/null || true
  for _ in $(seq 1200); do
    kill -0 "$1" 2> /dev/null || break
    sleep 0.05
  done
  kill -KILL "$1" 2> /dev/null || true
  wait "$1" 2> /dev/null || code=$?
  return "$code"
}

# Gives the orders of a seeded database to its users as Zipf's law with exponent 1 has it, from an even
# sequence of fractions, and writes the owner of each order into a file.
give_orders_by_zipf() { # DATABASE USERS FILE
  sql -d "$1" -c "update paymentd.orders set user_id = least($2,
    floor(power($2::float8 + 1, mod(id * 0.6180339887498949::numeric, 1)::float8)))"
  sql -d "$1" -c "select user_id from paymentd.orders order by id" > "$3"
}

now_ms() { date +%s%3N; }
seconds_between() { awk "BEGIN { printf \"%.1f\", ($2 - $1) / 1000 }"; } # BEGIN END, in milliseconds

# The ledger of a database that nobody serves, a line an entry: "ID KIND ORDER", KIND as the API has it.
ledger_of() { # URL
  timeout 600 "$programs/paymentd" export entries --set "database.url=$1" --from 2020-01-01 --to 2100-01-01 \
    2> "$work/export" | awk -F, 'NR > 1 { print $1, $5, $4 }' || fail "no export: $(tail -n 1 "$work/export")"
}

audit_of() { # URL
  timeout 1200 "$programs/paymentd" audit --set "database.url=$1" > "$work/audit" 2>&1 || {
    head "$work/audit" >&2
    fail "the audit of $1 found breaches"
  }
}

# haproxy before two processes, as docs/proxies.md has it: at port $1, to the two at $2 and $3, whose
# operators' listeners are one port higher.
start_haproxy() { # PORT PORT PORT
  cat > "$work/haproxy.cfg" << CONF
global
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout check 5s
  option redispatch 1
  retries 3
  retry-on conn-failure
frontend shop
  bind 127.0.0.1:$1
  default_backend paymentd
backend paymentd
  option httpchk GET /readyz
  default-server check inter 500ms fall 2 rise 2
  server one 127.0.0.1:$2 check port $(($2 + 1))
  server two 127.0.0.1:$3 check port $(($3 + 1))
CONF
  haproxy -db -f "$work/haproxy.cfg" > "$work/proxy.log" 2>&1 &
}

# How many messages the message API has accepted.
messages() { curl -fsS --max-time 30 "http://127.0.0.1:$((port + 2))/received?count=1" | jq .count; }
