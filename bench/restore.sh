#!/usr/bin/env bash
# Backups under load, and what a restore of each has.
#
#   bench/restore.sh [--orders N] [--rate R] [--connections C] [--seconds S] [WAY]...
#
# WAY is, all of them unless some are named:
#   base       PostgreSQL: pg_basebackup and archived WAL; restored to a time S seconds after the backup
#   dump       PostgreSQL: pg_dump, restored by pg_restore into an empty database
#   embedded   `paymentd backup`
#
# C connections (--connections, 32) pay orders, each another one of N (--orders, 1500000), as fast as it goes
# or R a second (--rate). The backup is made after S seconds (--seconds, 8) of load. The load goes on for S
# seconds behind it and for 5 more, whose payments the restore loses; then its process ends. The restored copy
# is audited and served; orders that are PENDING in it are paid, and users and orders are created. The table
# has
#
#   backup, MB          the time and the size of the backup, with base that of the WAL since then as well
#   before, during, after, ratio
#                       payments/s in the S seconds before the backup, while it was made, and in the S seconds
#                       after it; and the last two over the first
#   not 201             payments of the load that were not answered 201
#   restore, audit, ready
#                       seconds until the data are in place (with base: until the WAL is replayed), of
#                       `paymentd audit`, and until paymentd on it is ready
#   answered, missing   payments that were answered 201 before the time that is restored to (with dump and
#                       embedded: before the backup began), and those of them that the copy does not have
#   too late            payments in the copy that were sent after that time (with dump and embedded: after the
#                       backup had ended)
#   lost                payments that were answered 201 later and that the copy does not have, as it must be
#   new, again          ids of ledger entries, users and orders that were given after the restore, and those of
#                       them that had been given before it, by the old process up to its end
#
# Exits 1 where a payment is missing or too late, an id was given again, or a payment after the restore was
# refused. PostgreSQL is a cluster of this script's own. Messages are off. Everything is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

orders=1500000
rate=0
connections=32
seconds=8
ways=()
while [ $# -gt 0 ]; do
  case $1 in
    --orders) orders=$2; shift 2 ;;
    --rate) rate=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    -*) echo "bench/restore.sh: unknown option $1" >&2; exit 2 ;;
    *) ways+=("$1"); shift ;;
  esac
done
[ ${#ways[@]} -gt 0 ] || ways=(base dump embedded)
[ -n "${BENCH_PROGRAMS:-}" ] || { cmake --preset release > /dev/null && cmake --build --preset release --target paying-clients > /dev/null; }

source bench/common.sh

users=$((orders / 10 + 1))
paid_again=20000 # orders that are paid after the restore, at the most
unsound=0
archive=$cluster/archive
restored_data=$cluster/restored
restored_socket=$cluster/restored-socket

# ---- paymentd and its clients -------------------------------------------------------------------

start_server() { # URL; sets ready_ms
  local begun
  begun=$(now_ms)
  "$programs/paymentd" serve --set "database.url=$1" --set "http.listen=127.0.0.1:$port" \
    --set "admin.listen=127.0.0.1:$((port + 1))" --set alimtalk.provider=none ${BENCH_SETTINGS:-} \
    >> "$work/server.log" 2>&1 &
  server=$!
  started+=("$server")
  wait_until_ready "$server" "http://127.0.0.1:$((port + 1))/readyz" 120 "$work/server.log"
  ready_ms=$(($(now_ms) - begun))
}

stop_server() { end_process "$server" || echo "$script: the server ended with exit code $?" >&2; }

begin_load() {
  timeout 1800 "$programs/paying-clients" "$port" 1 "$orders" "$users" "$connections" "$rate" "$work/answers" \
    > "$work/result" &
  load=$!
  started+=("$load")
  sleep 2 # until it runs evenly
  sleep "$seconds"
}

end_load() {
  kill -0 "$load" 2> /dev/null || fail "the load has paid all $orders orders too soon: give it more"
  end_process "$load" || fail "the clients did not end well"
  read -r _ _ _ _ _ refused broken _ < "$work/result"
  not_paid=$((refused + broken))
}

# Creates some users, and a paid order of each, and writes their ids to a file.
create_some() { # FILE
  local user order
  for _ in $(seq 20); do
    user=$(curl -fsS --max-time 10 "http://127.0.0.1:$port/v1/users" --json '{"balance":1000}' | jq .id)
    order=$(curl -fsS --max-time 10 "http://127.0.0.1:$port/v1/orders" \
      --json "{\"userId\":$user,\"totalAmount\":10,\"pay\":true}" | jq .id)
    printf 'user %s\norder %s\n' "$user" "$order"
  done > "$1"
}

# The ids of a ledger's entries, and those of users and orders in a file, sorted.
ids_of() { # FILE_OF_LEDGER [FILE_OF_IDS]
  { awk '{ print "entry", $1 }' "$1"; cat "${2:-/dev/null}"; } | LC_ALL=C sort -u
}

# ---- one way ------------------------------------------------------------------------------------

seed() { # URL
  timeout 900 "$programs/paymentd" seed --set "database.url=$1" --users "$users" --orders "$orders" \
    --balance 1000000000 --amount 100 > /dev/null
}

# Payments a second that were answered 201 between two times.
rate_between() { # BEGIN END
  awk -v from="$1" -v to="$2" '$4 == 201 && $3 >= from && $3 < to { ++count }
    END { printf "%.0f", count * 1000 / (to > from ? to - from : 1) }' "$work/answers"
}

# After the load: stops the process and keeps all that it gave.
end_old() { # URL
  create_some "$work/created-by-old"
  end_load
  stop_server
  ledger_of "$1" > "$work/old"
  ids_of "$work/old" "$work/created-by-old" > "$work/ids-of-old"
}

# Judges the restored copy at URL. Payments answered before $point must be in it, and none sent after $not_after.
judge() { # NAME URL MEGABYTES
  local begun audit_ms answered missing late lost first last given again refused broken
  begun=$(now_ms)
  audit_of "$2"
  audit_ms=$(($(now_ms) - begun))
  ledger_of "$2" > "$work/restored"
  awk '$2 == "PAYMENT" { print $3 }' "$work/restored" | LC_ALL=C sort > "$work/paid"
  awk -v point="$point" '$4 == 201 && $3 < point { print $1 }' "$work/answers" | LC_ALL=C sort > "$work/before"
  awk -v not_after="$not_after" '$2 > not_after { print $1 }' "$work/answers" | LC_ALL=C sort > "$work/after"
  awk '$4 == 201 { print $1 }' "$work/answers" | LC_ALL=C sort > "$work/told"
  answered=$(wc -l < "$work/before")
  missing=$(LC_ALL=C comm -23 "$work/before" "$work/paid" | wc -l)
  late=$(LC_ALL=C comm -12 "$work/after" "$work/paid" | wc -l)
  lost=$(LC_ALL=C comm -23 "$work/told" "$work/paid" | wc -l)

  # Orders are paid in their order, so those behind the last one are PENDING here.
  first=$(($(awk -v last="$orders" '$1 <= last && $1 > most { most = $1 } END { print most + 0 }' "$work/paid") + 1))
  last=$((first + paid_again - 1))
  [ "$last" -le "$orders" ] || last=$orders
  start_server "$2"
  create_some "$work/created-anew"
  timeout 300 "$programs/paying-clients" "$port" "$first" "$last" "$users" "$connections" 0 "$work/answers-anew" \
    > "$work/result" || fail "the clients did not end well"
  read -r _ _ _ _ _ refused broken _ < "$work/result"
  stop_server
  audit_of "$2"
  ledger_of "$2" > "$work/went-on"
  ids_of "$work/restored" > "$work/ids-restored"
  ids_of "$work/went-on" "$work/created-anew" | LC_ALL=C comm -23 - "$work/ids-restored" > "$work/ids-anew"
  given=$(wc -l < "$work/ids-anew")
  again=$(LC_ALL=C comm -12 "$work/ids-anew" "$work/ids-of-old" | wc -l)

  local before during after
  before=$(rate_between $((backup_begun - seconds * 1000)) "$backup_begun")
  during=$(rate_between "$backup_begun" "$backup_ended")
  after=$(rate_between "$backup_ended" $((backup_ended + seconds * 1000)))
  awk -v name="$1" -v took="$(seconds_between "$backup_begun" "$backup_ended")" -v mb="$3" -v before="$before" \
    -v during="$during" -v after="$after" -v not_paid="$not_paid" 'BEGIN {
      printf "%-10s %8.1f %8s %9d %9d %9d %7.2f %7.2f %8d\n", name, took, mb, before, during, after,
        during / (before + (before == 0)), after / (before + (before == 0)), not_paid }' >> "$work/costs"
  printf '%-10s %9s %7s %7s %9d %8d %9d %9d %9d %6d\n' "$1" "$(seconds_between 0 "$restore_ms")" \
    "$(seconds_between 0 "$audit_ms")" "$(seconds_between 0 "$ready_ms")" "$answered" "$missing" "$late" "$lost" \
    "$given" "$again" >> "$work/checks"
  [ $((refused + broken)) = 0 ] || echo "$script: after the restore $refused payments were refused, $broken got no answer" >&2
  [ $((missing + late + again + refused + broken)) = 0 ] || unsound=1
  # Else these checks have looked at nothing.
  for each in "$answered" "$lost" "$given"; do
    [ "$each" -gt 0 ] || fail "$1: too little was paid to judge by"
  done
}

megabytes_of() { du -smc "$@" | tail -n 1 | cut -f 1; }

begin_backup() {
  echo "$1: backup under load"
  backup_begun=$(now_ms)
}
end_backup() {
  backup_ended=$(now_ms)
  sleep "$seconds"
}

# ---- the ways -----------------------------------------------------------------------------------

fresh_database() {
  sql -d postgres -c "drop database if exists bench" -c "create database bench"
  url="postgresql:///bench?host=$cluster&user=bench"
  seed "$url"
  sql -d bench -c 'vacuum analyze' -c checkpoint
}

# Until the log that is written so far is in the archive.
wait_for_archive() {
  local last
  last=$(sql -d postgres -c 'select pg_walfile_name(pg_switch_wal())')
  for _ in $(seq 2400); do
    [ ! -e "$archive/$last" ] || return 0
    sleep 0.05
  done
  fail "the WAL does not come into the archive: $(tail -n 1 "$cluster/log")"
}

# A cluster of the base backup and the archive, at the time $point.
recover() {
  as_postgres mkdir -m 700 "$restored_socket"
  as_postgres cp -a "$cluster/base" "$restored_data"
  as_postgres tee -a "$restored_data/postgresql.auto.conf" > /dev/null << CONF
unix_socket_directories = '$restored_socket'
archive_mode = off
restore_command = 'cp $archive/%f %p'
recovery_target_time = '$(date -u -d "@$((point / 1000))" '+%F %T').$(printf %03d $((point % 1000)))+00'
recovery_target_action = 'promote'
CONF
  as_postgres touch "$restored_data/recovery.signal"
  data_directories+=("$restored_data")
  as_postgres "$bin/pg_ctl" -D "$restored_data" -l "$cluster/restored-log" -w -t 900 start > /dev/null ||
    fail "the restored cluster does not start: $(tail -n 1 "$cluster/restored-log")"
  for _ in $(seq 18000); do
    [ "$(psql -h "$restored_socket" -U bench -X -q -A -t -d postgres -c 'select pg_is_in_recovery()' 2> /dev/null)" != f ] || return 0
    sleep 0.05
  done
  fail "the restored cluster does not end its recovery"
}

restore_base() {
  local begun
  fresh_database
  wait_for_archive
  find "$archive" -type f -delete # nothing from before the backup is needed
  start_server "$url"
  begin_load
  begin_backup base
  as_postgres timeout 1200 "$bin/pg_basebackup" -h "$cluster" -U bench -D "$cluster/base" --checkpoint=fast
  end_backup
  point=$(now_ms)
  not_after=$point
  sleep 5
  end_old "$url"
  wait_for_archive
  as_postgres "$bin/pg_ctl" -D "$cluster/data" -m fast -w -t 300 stop > /dev/null
  echo "base: restore to $(date -u -d "@$((point / 1000))" '+%F %T').$(printf %03d $((point % 1000))) UTC"
  begun=$(now_ms)
  recover
  restore_ms=$(($(now_ms) - begun))
  judge base "postgresql:///bench?host=$restored_socket&user=bench" "$(megabytes_of "$cluster/base" "$archive")"
  as_postgres "$bin/pg_ctl" -D "$restored_data" -m immediate -w -t 300 stop > /dev/null
  rm -rf "$restored_data" "$restored_socket" "$cluster/base"
  find "$archive" -type f -delete
  as_postgres "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w -t 300 start > /dev/null
}

restore_dump() {
  local begun
  fresh_database
  start_server "$url"
  begin_load
  begin_backup dump
  timeout 1200 pg_dump -h "$cluster" -U bench --format=custom --schema=paymentd --file="$work/paymentd.dump" bench
  end_backup
  point=$backup_begun
  not_after=$backup_ended
  sleep 5
  end_old "$url"
  echo "dump: restore"
  begun=$(now_ms)
  sql -d postgres -c "drop database if exists restored" -c "create database restored"
  timeout 1200 pg_restore -h "$cluster" -U bench --exit-on-error --dbname=restored "$work/paymentd.dump"
  restore_ms=$(($(now_ms) - begun))
  judge dump "postgresql:///restored?host=$cluster&user=bench" "$(megabytes_of "$work/paymentd.dump")"
  sql -d postgres -c "drop database restored"
  rm -f "$work/paymentd.dump"
}

restore_embedded() {
  local begun
  url=sqlite:$work/bench.db
  seed "$url"
  start_server "$url"
  begin_load
  begin_backup embedded
  timeout 1200 "$programs/paymentd" backup "$work/copy.db" --set "database.url=$url" > /dev/null
  end_backup
  point=$backup_begun
  not_after=$backup_ended
  sleep 5
  end_old "$url"
  echo "embedded: restore"
  begun=$(now_ms)
  rm -f "$work/bench.db" "$work/bench.db-wal" "$work/bench.db-shm"
  cp "$work/copy.db" "$work/bench.db"
  sync "$work/bench.db"
  restore_ms=$(($(now_ms) - begun))
  judge embedded "$url" "$(megabytes_of "$work/copy.db")"
  rm -f "$work"/bench.db* "$work/copy.db"
}

# -------------------------------------------------------------------------------------------------

case " ${ways[*]} " in
  *" base "* | *" dump "*)
    start_cluster "archive_mode = on" \
      "archive_command = 'mkdir -p $archive && cp %p $archive/%f.part && mv $archive/%f.part $archive/%f'"
    ;;
esac
echo "$(nproc) processors for all; $orders orders, $connections connections, $seconds s before and after the backup"
: > "$work/costs"
: > "$work/checks"
for way in "${ways[@]}"; do
  case $way in
    base) restore_base ;;
    dump) restore_dump ;;
    embedded) restore_embedded ;;
    *) echo "bench/restore.sh: unknown way $way" >&2; exit 2 ;;
  esac
done
echo
printf '%-10s %8s %8s %9s %9s %9s %7s %7s %8s\n' '' 'backup s' MB before/s during/s after/s during after 'not 201'
cat "$work/costs"
echo
printf '%-10s %9s %7s %7s %9s %8s %9s %9s %9s %6s\n' '' 'restore s' 'audit s' 'ready s' answered missing 'too late' \
  lost new again
cat "$work/checks"
exit "$unsound"
