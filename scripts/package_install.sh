#!/usr/bin/env bash
# Tries paymentd's package on a bare Debian, as its administrator uses it: installs it, looks at the
# service, pays while it is upgraded, reinstalled and killed, boots again, removes and purges it.
#   scripts/package_install.sh [OPTION]... [PACKAGE]
# PACKAGE: the .deb; build/release/package/paymentd_*.deb where none is named (scripts/package.sh).
# --release NAME      the release of Debian: bookworm, or trixie
# --older PACKAGE     the .deb that is upgraded from. Else it is PACKAGE itself under a smaller version.
# --mirror URI        the mirror of Debian. Else those that apt of this machine uses.
# --base FOLDER       a fresh root that debootstrap has made, of which a copy is used: saves minutes
# --screenshot FILE   where Chromium puts a picture of the console (PNG)
# The Debian is made by debootstrap in a folder below TMPDIR (/var/tmp), 1 GB at the most, and booted by
# systemd-nspawn with systemd as its first process and no network but its own loopback. So this needs
# root and the packages debootstrap, systemd-container, curl and jq; and Chromium, or the console is
# asked by curl alone. Nothing is installed on this machine, and all that was made is removed at the end.
# It takes some five minutes. One line is printed for each check; exit 1 at the first that fails.
set -euo pipefail
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/bare_debian.sh

ok() { printf 'ok    %s\n' "$*"; }
say() { printf '      %s\n' "$*"; }
fail() {
  printf 'FAIL  %s\n' "$*" >&2
  exit 1
}
usage() {
  echo "package_install: $*" >&2
  exit 2
}
now() { date +%s%3N; } # ms

path() { (cd "$called_from" && realpath "$1"); } # of a name that an option gives

release=bookworm older='' mirror='' base='' screenshot='' package=''
while (($# > 0)); do
  case $1 in
  --release | --mirror)
    declare "${1#--}=${2:?$1 needs a value}"
    shift 2
    ;;
  --older | --base | --screenshot)
    declare "${1#--}=$(path "${2:?$1 needs a value}")"
    shift 2
    ;;
  -*) usage "unknown option $1" ;;
  *)
    package=$(path "$1")
    shift
    ;;
  esac
done
if [[ -z $package ]]; then
  package=$(find build/release/package -name 'paymentd_*.deb' 2>/dev/null || true)
  [[ -n $package ]] || usage "there is no package: name one, or make it by scripts/package.sh"
fi
for file in "$package" ${older:+"$older"}; do
  [[ -f $file ]] || usage "$file is not there"
done
((EUID == 0)) || usage "run this as root"
for tool in debootstrap systemd-nspawn nsenter curl jq dpkg-deb; do
  command -v "$tool" >/dev/null ||
    usage "$tool is missing: apt-get install debootstrap systemd-container curl jq"
done

work=$(mktemp --directory --tmpdir="${TMPDIR:-/var/tmp}" bare-debian.XXXXXX)
root=$work/root
groups=() # of control, where this machine has no systemd
nspawn='' leader='' key=''
workers=()

# ---- the machine ----

# inside COMMAND...: runs it in the booted Debian, as root, 300 s at the most.
inside() {
  timeout --kill-after=5 300 nsenter --target "$leader" --all --wd=/ \
    env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

# A client on the loopback of the booted Debian, which has no curl of its own.
client() {
  nsenter --target "$leader" --net curl --silent --max-time 10 \
    ${key:+--header "Authorization: Bearer $key"} "$@"
}

# status ARGUMENT...: the status of the answer, which is then in $work/answer; 000 where there is none.
status() { client --output "$work/answer" --write-out '%{http_code}' "$@" || true; }

boot() {
  local began options=() ended state='' hierarchy each
  began=$(now)
  # Where this machine has no systemd, nobody makes a scope for the container: it gets a group of its own
  # in each hierarchy that systemd-nspawn uses.
  if [[ ! -d /run/systemd/system ]]; then
    options+=(--keep-unit)
    groups=()
    for hierarchy in /sys/fs/cgroup{,/unified,/systemd}; do
      [[ ! -e $hierarchy/cgroup.procs ]] || groups+=("$hierarchy/paymentd-install-$$")
    done
    mkdir --parents "${groups[@]}"
  fi
  (
    for each in "${groups[@]}"; do
      echo "$BASHPID" >"$each/cgroup.procs"
    done
    exec systemd-nspawn --quiet --boot --directory="$root" --machine="paymentd-install-$$" --private-network \
      --register=no "${options[@]}" --resolv-conf=off --timezone=off --link-journal=no --console=pipe
  ) </dev/null >>"$work/console.log" 2>&1 &
  nspawn=$!
  ended=$((began + 120000))
  while (($(now) < ended)); do
    kill -0 "$nspawn" 2>/dev/null || break
    leader=$(pgrep --parent "$nspawn" | head --lines=1 || true)
    if [[ -n $leader ]]; then
      state=$(inside systemctl is-system-running 2>/dev/null || true)
      [[ $state == running || $state == degraded ]] && break
    fi
    sleep 0.1
  done
  [[ $state == running || $state == degraded ]] ||
    fail "systemd does not boot: $(tail --lines=5 "$work/console.log")"
  boot_ms=$(($(now) - began))
  failed=$(inside systemctl list-units --failed --plain --no-legend | awk '{ print $1 }' |
    paste --serial --delimiters=' ')
}

halt() {
  local each
  [[ -n $nspawn ]] || return 0
  # SIGTERM has systemd-nspawn shut the container down in order.
  kill -TERM "$nspawn" 2>/dev/null || true
  for _ in $(seq 300); do
    kill -0 "$nspawn" 2>/dev/null || break
    sleep 0.1
  done
  if kill -0 "$nspawn" 2>/dev/null; then
    [[ -z $leader ]] || kill -KILL "$leader" 2>/dev/null || true
    kill -KILL "$nspawn" 2>/dev/null || true
  fi
  wait "$nspawn" 2>/dev/null || true
  nspawn='' leader=''
  for each in "${groups[@]}"; do
    [[ ! -d $each ]] || find "$each" -depth -type d -exec rmdir {} +
  done
}

finish() {
  local status=$?
  trap - EXIT
  set +e
  if ((status == 1)) && [[ -n $leader ]]; then
    inside journalctl --unit=paymentd --lines=20 --no-pager >&2
  fi
  touch "$work/stop"
  ((${#workers[@]} == 0)) || wait "${workers[@]}" 2>/dev/null
  halt
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

make_root() {
  local began
  began=$(now)
  make_debian "$root" || fail "no bare Debian"
  ok "a bare Debian: $(. "$root/etc/os-release" && echo "$PRETTY_NAME") $(cat "$root/etc/debian_version")," \
    "$(chroot "$root" dpkg-query --show | wc --lines) packages, $(du --summarize --block-size=M "$root" | cut --fields=1)," \
    "made in $((($(now) - began) / 1000)) s"
}

# repack FROM VERSION TO: the same package under another version.
repack() {
  rm -rf "$work/repacked"
  dpkg-deb --raw-extract "$1" "$work/repacked"
  sed --in-place "s/^Version: .*/Version: $2/" "$work/repacked/DEBIAN/control"
  dpkg-deb --root-owner-group --build "$work/repacked" "$3" >/dev/null
  rm -rf "$work/repacked"
}

# apt ARGUMENT...: what apt-get says is kept for the line of a failure. Of two settings' files the
# administrator's is kept, as docs/packaging.md says.
apt() {
  inside apt-get --yes -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=60 \
    -o Dpkg::Options::=--force-confold "$@" >"$work/apt.log" 2>&1 ||
    fail "apt-get $*: $(tail --lines=10 "$work/apt.log")"
}

# ---- the service ----

property() { inside systemctl show paymentd --property="$1" --value; }

# expect TEXT WANTED GIVEN
expect() {
  [[ $3 == "$2" ]] || fail "$1 is '$3', not '$2'"
}

# wait_for SECONDS TEXT COMMAND...
wait_for() {
  local ended=$(($(now) + $1 * 1000)) text=$2
  shift 2
  until "$@"; do
    (($(now) < ended)) || fail "$text: not within its time"
    sleep 0.2
  done
}

serves() {
  [[ $(property ActiveState) == active ]] || fail "the service is $(property ActiveState): $(property Result)"
  expect "/readyz" 200 "$(status http://127.0.0.1:8081/readyz)"
}

# Mode, owner, group and path of all that docs/packaging.md names.
look_at_files() {
  local mode owner path given count=0
  while read -r mode owner path; do
    given=$(inside stat --format='%a %U:%G' "$path") || fail "$path is not there"
    expect "$path" "$mode $owner" "$given"
    count=$((count + 1))
  done <<'FILES'
755 root:root /usr/bin/paymentd
644 root:root /usr/lib/systemd/system/paymentd.service
750 root:paymentd /etc/paymentd
640 root:paymentd /etc/paymentd/paymentd.toml
700 paymentd:paymentd /var/lib/paymentd
600 paymentd:paymentd /var/lib/paymentd/paymentd.db
644 root:root /usr/share/man/man1/paymentd.1.gz
644 root:root /usr/share/man/man5/paymentd.toml.5.gz
644 root:root /usr/share/bash-completion/completions/paymentd
644 root:root /usr/share/zsh/vendor-completions/_paymentd
644 root:root /usr/share/doc/paymentd/docs/operation.md
FILES
  ok "$count files and folders have the modes and owners of docs/packaging.md"
  given=$(inside getent passwd paymentd)
  expect "home and shell of the user" /var/lib/paymentd:/usr/sbin/nologin \
    "$(cut --delimiter=: --fields=6,7 <<<"$given")"
  given=$(inside dpkg --verify paymentd)
  [[ -z $given ]] || fail "dpkg --verify: $given"
  ok "the user paymentd cannot log in; dpkg --verify finds nothing"
}

look_at_unit() {
  local pid each later given=''
  for each in Type ActiveState SubState UnitFileState WatchdogUSec NRestarts; do
    given+="$(property $each) "
  done
  expect "the unit" "notify active running enabled 30s 0 " "$given"
  pid=$(property MainPID)
  expect "the user of the process" paymentd "$(inside stat --format=%U "/proc/$pid")"
  ok "the unit: notify, active, running, enabled, as the user paymentd; \"$(property StatusText)\""
  alive=$(property WatchdogTimestampMonotonic)
  later_alive() { (($(property WatchdogTimestampMonotonic) > alive)); }
  wait_for 20 "a sign of life" later_alive
  later=$(property WatchdogTimestampMonotonic)
  ok "the watchdog: a sign of life came after $(((later - alive) / 1000)) ms, the bound is 30 s"
  ok "$(inside systemd-analyze security --no-pager paymentd | tail --lines=1 | grep --only-matching 'Overall.*[A-Z]')"
}

as_service() { inside runuser --user paymentd -- "$@" --config /etc/paymentd/paymentd.toml; }

look_at_console() {
  local chromium user order shown flags page
  user=$(client http://127.0.0.1:8080/v1/users --json '{"phone":"01012345678","balance":50000}' | jq .id)
  order=$(client http://127.0.0.1:8080/v1/orders --json "{\"userId\":$user,\"totalAmount\":12000}" | jq .id)
  expect "a payment" 201 \
    "$(status http://127.0.0.1:8080/v1/payments --json "{\"orderId\":$order,\"userId\":$user}")"
  expect "/console" 200 "$(status --location http://127.0.0.1:8081/console)"
  chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
  if [[ -z $chromium ]]; then
    ok "/console is 200; Chromium is not there, so the page was not tried in it"
    return
  fi
  # shellcheck disable=SC2054 # one word
  flags=(--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --lang=en
    --user-data-dir="$work/chromium" --window-size=1100,900 --virtual-time-budget=8000)
  page=http://127.0.0.1:8081/console/#/orders/$order
  shown=$(timeout --kill-after=5 90 nsenter --target "$leader" --net "$chromium" "${flags[@]}" --dump-dom \
    "$page" 2>"$work/chromium.log") || fail "Chromium: $(tail --lines=3 "$work/chromium.log")"
  [[ $shown == *"$order"* && $shown == *PAID* ]] || fail "Chromium does not show the order in the console: ${shown:0:2000}"
  [[ -z $screenshot ]] || timeout --kill-after=5 90 nsenter --target "$leader" --net "$chromium" "${flags[@]}" \
    --screenshot="$screenshot" "$page" >/dev/null 2>&1 ||
    fail "Chromium makes no picture"
  ok "a payment is 201, and the console shows its order PAID in Chromium${screenshot:+: $screenshot}"
}

# API keys as docs/packaging.md makes them. The settings are changed from here on.
use_keys() {
  key=$(as_service paymentd keys create shop --scopes pay,read,charge \
    --set http.api_keys_file=/var/lib/paymentd/keys.json 2>"$work/keys.log") ||
    fail "keys create: $(cat "$work/keys.log")"
  key=$(grep --only-matching 'pmd_[A-Za-z0-9]*' <<<"$key")
  inside sed --in-place 's|^#api_keys_file = .*|api_keys_file = "/var/lib/paymentd/keys.json"|' \
    /etc/paymentd/paymentd.toml
  inside systemctl restart paymentd || fail "systemctl restart: $(property Result)"
  serves
  expect "a call without a key" 401 "$(key='' status http://127.0.0.1:8080/v1/orders)"
  expect "a call with the key" 200 "$(status http://127.0.0.1:8080/v1/orders)"
  inside systemctl reload paymentd || fail "systemctl reload"
  serves
  ok "a key made by the user paymentd is asked for after a restart; reload works"
}

# ---- payments ----

# repeated KEY PATH BODY: posts until it is 201, as a client does, under one Idempotency-Key; prints the answer.
repeated() {
  local answer
  for _ in $(seq 300); do
    answer=$(client --write-out '\n%{http_code}' --header "Idempotency-Key: $1" --json "$3" \
      "http://127.0.0.1:8080$2" || true)
    if [[ ${answer##*$'\n'} == 201 ]]; then
      printf '%s\n' "$answer"
      return
    fi
    echo "${answer##*$'\n'}" >>"$work/again"
    sleep 0.1
  done
  return 1
}

# pay_on WORKER: orders and payments, one after the other, until there is a file named stop.
pay_on() {
  local user number=0 order
  [[ $(repeated "user-$1" /v1/users '{"balance":10000000}') =~ \"id\":([0-9]+) ]] || return 1
  user=${BASH_REMATCH[1]}
  echo "$user" >"$work/user.$1"
  while [[ ! -e $work/stop ]]; do
    number=$((number + 1))
    [[ $(repeated "order-$1-$number" /v1/orders "{\"userId\":$user,\"totalAmount\":100}") =~ \"id\":([0-9]+) ]] ||
      return 1
    order=${BASH_REMATCH[1]}
    repeated "pay-$1-$number" /v1/payments "{\"orderId\":$order,\"userId\":$user}" >/dev/null || return 1
    echo "$order $(now)" >>"$work/paid.$1"
    sleep 0.02
  done
}

begin_load() {
  local each
  rm -f "$work"/{stop,again,paid.*,user.*}
  touch "$work/again"
  for each in 1 2; do
    pay_on "$each" &
    workers+=($!)
  done
  sleep 2
}

# Every order whose payment was answered 201 is PAID, no other is, and the balances are what is left.
end_load() {
  local each user count balance answered cursor=''
  touch "$work/stop"
  for each in "${workers[@]}"; do
    wait "$each" || fail "a client was not answered 201 for its last request: $(tail --lines=1 "$work/again")"
  done
  workers=()
  : >"$work/stored"
  for each in 1 2; do
    user=$(cat "$work/user.$each")
    cursor=''
    while :; do
      client "http://127.0.0.1:8080/v1/orders?userId=$user&status=PAID&limit=100${cursor:+&cursor=$cursor}" >"$work/page"
      jq '.items[].id' "$work/page" >>"$work/stored" || fail "the list of orders: $(cat "$work/page")"
      [[ $(jq .hasMore "$work/page") == true ]] || break
      cursor=$(jq --raw-output '.nextCursor | @uri' "$work/page")
    done
    count=$(wc --lines <"$work/paid.$each")
    balance=$(client "http://127.0.0.1:8080/v1/users/$user" | jq .balance)
    expect "the balance after $count payments" $((10000000 - 100 * count)) "$balance"
  done
  cat "$work"/paid.? | awk '{print $1}' | sort >"$work/answered"
  sort --output="$work/stored" "$work/stored"
  answered=$(wc --lines <"$work/answered")
  ((answered > 50)) || fail "the load was no load: $answered payments"
  cmp --silent "$work/answered" "$work/stored" ||
    fail "$(comm -23 "$work/answered" "$work/stored" | wc --lines) payments are lost," \
      "$(comm -13 "$work/answered" "$work/stored" | wc --lines) are PAID without a 201"
  ok "$answered payments were answered 201, and just these orders are PAID; the balances are what is left." \
    "$(wc --lines <"$work/again") tries were refused and repeated"
}

# longest_gap FROM TO: the longest time without a payment that ended between these times, in ms.
longest_gap() {
  cat "$work"/paid.? | awk '{ print $2 }' | sort --numeric-sort |
    awk -v from="$1" -v to="$2" 'NR > 1 && $1 >= from && $1 <= to && $1 - last > gap { gap = $1 - last }
      { last = $1 } END { print gap + 0 }'
}

audited() {
  local given
  given=$(as_service paymentd audit 2>&1) || fail "audit: $given"
  ok "paymentd audit: ${given//$'\n'/; }"
}

# packages_of FILE: the names of the packages in the output of state_of_root.
packages_of() { awk '$1 == "package" { print $2 }' "$1" | sort; }

version() { inside dpkg-query --show --showformat='${Version}' paymentd; }

# ---- what is left ----

# Each file with its mode and owner, and the content of those below /etc. Not: logs, caches, and the
# lists of dpkg, apt and systemd, which hold the machine's history; dpkg is asked for its packages.
state_of_root() {
  (cd "$root" && find . -xdev \( -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./var/lib/dpkg \
    -o -path ./var/lib/systemd/timers -o -path ./var/backups -o -path ./tmp -o -path ./var/tmp -o -path ./run -o -path ./srv \) -prune \
    -o -printf '%P %M %U:%G %l\n' | sort
    find etc -xdev -type f -exec md5sum {} + | awk '{print $2, $1}' | sort)
  inside dpkg-query --show --showformat='package ${Package} ${Version} ${db:Status-Abbrev} ${Installed-Size}\n'
}

purge() {
  local left rest
  apt purge paymentd
  expect "the unit after the purge" not-found "$(property LoadState)"
  ! inside getent passwd paymentd >/dev/null || fail "the user stays"
  ! inside getent group paymentd >/dev/null || fail "the group stays"
  ok "purged: no unit, no user, no group"
  # apt removes the packages that came with it, and keeps those that others recommend, such as certificates.
  apt autoremove --purge
  state_of_root >"$work/after"
  rest=$(comm -13 <(packages_of "$work/before") <(packages_of "$work/after") | paste --serial --delimiters=' ')
  say "apt-get autoremove keeps of these, since others recommend them: ${rest:-none}"
  if [[ -n $rest ]]; then
    # shellcheck disable=SC2086 # several names
    apt purge $rest
    state_of_root >"$work/after"
  fi
  # passwd- and the like are the copies that useradd and userdel keep of the file before.
  left=$(diff "$work/before" "$work/after" | grep '^[<>]' |
    grep --invert-match --extended-regexp '^[<>] etc/(passwd|group|shadow|gshadow|subuid|subgid)- ' || true)
  [[ -z $left ]] || fail "the purge leaves $(wc --lines <<<"$left"): $(head --lines=20 <<<"$left")"
  ok "without the packages that came with it, all $(grep --count --invert-match '^package' "$work/before") files, their owners," \
    "the content of /etc and the list of packages are as before"
  left=$(cd "$root" && find . -xdev -name '*paymentd*' -not -path './srv/*' | sort | paste --serial --delimiters=' ')
  [[ -z $left ]] || fail "files with the package's name are left: $left"
  left=$(cd "$root" && { grep --recursive --files-with-matches --text paymentd etc var || true; } | sort |
    paste --serial --delimiters=' ')
  say "by Debian's design these still have its name in them: ${left:-none}"
}

# ---- from here on it happens ----

version=$(dpkg-deb --field "$package" Version)
architecture=$(dpkg-deb --field "$package" Architecture)
make_root
repack "${older:-$package}" "$version~older" "$root/srv/paymentd_older.deb"
cp "$package" "$root/srv/paymentd_${version}_$architecture.deb"
new=/srv/paymentd_${version}_$architecture.deb
# All packages are fetched now, since the booted Debian has no network.
fetch() {
  timeout 600 chroot "$root" apt-get --yes --download-only "$@" >"$work/apt.log" 2>&1 ||
    fail "apt-get $* on $release: $(sed --quiet '/unmet dependencies/,$p' "$work/apt.log")"
}
fetch dist-upgrade
fetch install /srv/paymentd_older.deb
fetch install "$new"

boot
systemd=$(inside systemctl --version | awk 'NR == 1 { print $2 }')
ok "it boots in $boot_ms ms with systemd $systemd as its first process${failed:+; failed before any installation: $failed}"
apt dist-upgrade
state_of_root >"$work/before"

began=$(now)
apt install "$new"
took=$(($(now) - began))
serves
[[ $(cat "$work/answer") == *'"status":"ok"'* ]] || fail "/readyz: $(cat "$work/answer")"
ok "apt-get install takes $took ms, and the service is then active; /readyz is 200 $(cat "$work/answer")"
state_of_root >"$work/installed"
came=$(comm -13 <(packages_of "$work/before") <(packages_of "$work/installed") | grep --invert-match --line-regexp paymentd)
say "the package: $(stat --format=%s "$package") bytes, installed $(dpkg-deb --field "$package" Installed-Size) kB;" \
  "with it came $(wc --lines <<<"$came") packages of" \
  "$(awk 'NR == FNR { came[$1]; next } $1 == "package" && $2 in came { sum += $NF } END { print sum }' - "$work/installed" <<<"$came") kB:" \
  "$(paste --serial --delimiters=' ' <<<"$came")"

look_at_files
look_at_unit
given=$(as_service paymentd doctor 2>&1) || fail "paymentd doctor: $given"
ok "paymentd doctor: $given"
look_at_console
apt purge paymentd
began=$(now)
apt install /srv/paymentd_older.deb
took=$(($(now) - began))
serves
older_version=$(version)
ok "purged, and $older_version installed afresh: $took ms with all other packages there"
use_keys
begin_load
upgraded=$(now)
apt install "$new"
expect "the version" "$version" "$(version)"
serves
sleep 2
reinstalled=$(now)
apt install --reinstall "$new"
serves
sleep 2
killed=$(now)
restarts=$(property NRestarts)
inside systemctl kill --signal=KILL paymentd
restarted() { (($(property NRestarts) == restarts + 1)) && [[ $(property ActiveState) == active ]]; }
wait_for 30 "a new start after SIGKILL" restarted
sleep 2
end_load
ok "meanwhile apt-get upgraded it from $older_version to $version: at the most $(longest_gap "$upgraded" "$reinstalled") ms" \
  "without a payment; reinstalled it: $(longest_gap "$reinstalled" "$killed") ms;" \
  "and SIGKILL ended it: $(longest_gap "$killed" "$(now)") ms"
audited
inside grep --quiet '^api_keys_file = "/var/lib/paymentd/keys.json"' /etc/paymentd/paymentd.toml || fail "the settings are lost"
expect "the settings" "640 root:paymentd" "$(inside stat --format='%a %U:%G' /etc/paymentd/paymentd.toml)"
ok "the upgrade keeps the settings that were changed, and their rights"

restarts=$(property NRestarts)
began=$(now)
inside systemctl kill --signal=STOP paymentd
wait_for 100 "a new start by the watchdog" restarted
serves
ok "a process that stands still is ended by the watchdog and started again, after $((($(now) - began) / 1000)) s"

halt
boot
active() { [[ $(property ActiveState) == active ]]; }
wait_for 100 "the service after a boot" active
serves
ok "after a boot the service is there by itself; the machine is up in $boot_ms ms"

paid=$(wc --lines <"$work/answered")
apt remove paymentd
expect "the unit after the removal" not-found "$(property LoadState)"
inside test -e /etc/paymentd/paymentd.toml -a -e /var/lib/paymentd/paymentd.db || fail "a removal takes settings or data"
apt install "$new"
serves
audited
ok "a removal leaves settings, database and user, and the next installation serves them: $paid payments"

purge
ok "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
