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
port=$((20000 + $$ % 20000))
started=()

# PostgreSQL does not run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

finish() {
  for pid in "${started[@]}"; do kill "$pid" 2> /dev/null || true; done
  [ -d "$cluster/data" ] && as_postgres "$bin/pg_ctl" -D "$cluster/data" -m immediate stop > /dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

start_cluster() {
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
CONF
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

wait_for() { # URL
  for _ in $(seq 200); do
    curl -fsS -o /dev/null "$1" 2> /dev/null && return
    sleep 0.05
  done
  echo "$script: $1 does not answer" >&2
  exit 1
}

# How many messages the message API has accepted.
messages() { curl -fsS "http://127.0.0.1:$((port + 2))/received?count=1" | jq .count; }
