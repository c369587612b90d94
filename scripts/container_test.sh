#!/usr/bin/env bash
# Builds the image of paymentd by scripts/container.sh and runs it, without a registry of images:
#   scripts/container_test.sh [OPTION]...
# --mirror URI     the mirror of Debian. Else those that apt of this machine uses.
# --base FOLDER    a fresh root that `debootstrap --variant=minbase` has made, of which a copy is used
# --runtime NAME   crun or runc, where podman's own choice does not work on this machine
# The base image is made by debootstrap, without documents as debian:12-slim is. The package is that of
# build/release/package. The container has no network, no rights and a root that it cannot write to.
# This needs root and the packages buildah, podman, debootstrap, curl and jq, and a mirror of Debian. The
# images are in a folder below TMPDIR (/var/tmp), 2 GB at the most; all is removed at the end. It takes
# some three minutes. One line is printed for each check; exit 1 at the first that fails.
set -euo pipefail
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/bare_debian.sh

ok() { printf 'ok    %s\n' "$*"; }
fail() {
  printf 'FAIL  %s\n' "$*" >&2
  exit 1
}
usage() {
  echo "container_test: $*" >&2
  exit 2
}
now() { date +%s%3N; } # ms

release=bookworm mirror='' base='' runtime=''
while (($# > 0)); do
  case $1 in
  --mirror | --runtime)
    declare "${1#--}=${2:?$1 needs a value}"
    shift 2
    ;;
  --base)
    base=$(cd "$called_from" && realpath "${2:?$1 needs a value}")
    shift 2
    ;;
  *) usage "unknown option $1" ;;
  esac
done
((EUID == 0)) || usage "run this as root"
for tool in buildah podman debootstrap curl jq nsenter; do
  command -v "$tool" >/dev/null || usage "$tool is missing: apt-get install buildah podman debootstrap curl jq"
done
package=$(find build/release/package -name 'paymentd_*.deb' 2>/dev/null || true)
[[ -n $package ]] || usage "there is no package: make it by scripts/package.sh"
image=localhost/paymentd:$(dpkg-deb --field "$package" Version)

work=$(mktemp --directory --tmpdir="${TMPDIR:-/var/tmp}" paymentd-image.XXXXXX)
log=$work/log
touch "$log"
# A storage of its own, so that no image of this machine is touched.
export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
cat >"$CONTAINERS_STORAGE_CONF" <<CONF
[storage]
driver = "vfs"
graphroot = "$work/storage"
runroot = "$work/run"
CONF
# The build uses this machine's own network, so that no bridge is made for it.
cat >"$CONTAINERS_CONF" <<CONF
[containers]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$work/tmp"
volume_path = "$work/volumes"
CONF
if [[ -n $runtime ]]; then
  echo "runtime = \"$runtime\"" >>"$CONTAINERS_CONF"
  export BUILDAH_RUNTIME=$runtime
fi

finish() {
  local status=$?
  trap - EXIT
  set +e
  if ((status == 1)); then
    tail --lines=10 "$log"
    podman logs paymentd
  fi >&2
  timeout 60 podman rm --force --time 5 --all >/dev/null 2>&1
  timeout 60 buildah rm --all >/dev/null 2>&1
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

megabytes() { echo $(($(podman image inspect --format '{{.Size}}' "$1") / 1000000)); }

# Makes the base image. debian:12-slim has no documents and no lists of packages either.
make_base() {
  local began container each
  began=$(now)
  make_debian "$work/root" --variant=minbase || fail "no bare Debian"
  for each in doc info locale man; do
    find "$work/root/usr/share/$each" -mindepth 1 -not -type d -not -name copyright -delete 2>/dev/null || true
    echo "path-exclude /usr/share/$each/*"
  done >"$work/root/etc/dpkg/dpkg.cfg.d/slim"
  echo "path-include /usr/share/doc/*/copyright" >>"$work/root/etc/dpkg/dpkg.cfg.d/slim"
  find "$work/root"/var/{lib/apt/lists,cache/apt,log} -type f -delete
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$work/root" / >>"$log" 2>&1 || fail "buildah add"
  buildah commit --quiet --rm "$container" localhost/bare-debian:12 >>"$log" 2>&1 || fail "buildah commit"
  rm -rf --one-file-system "$work/root"
  ok "a base image of Debian $release: $(megabytes localhost/bare-debian:12) MB, made in $((($(now) - began) / 1000)) s"
}

# start ARGUMENT...: the container paymentd, until /readyz is 200. podman would raise the limits beyond
# those of this shell, which is not allowed everywhere.
start() {
  local ended pid=0
  timeout 60 podman run --detach --name paymentd --network none --read-only --cap-drop all \
    --security-opt no-new-privileges --stop-timeout 20 --volume paymentd:/var/lib/paymentd \
    --ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --ulimit nproc=4096:4096 \
    "$@" "$image" >>"$log" 2>&1 || fail "podman run"
  pid=$(podman inspect --format '{{.State.Pid}}' paymentd)
  space=/proc/$pid/ns/net
  ended=$(($(now) + 30000))
  until [[ $(status "http://127.0.0.1:8081/readyz") == 200 ]]; do
    (($(now) < ended)) || fail "/readyz is not 200 within 30 s"
    sleep 0.1
  done
}

client() { nsenter --net="$space" curl --silent --max-time 10 "$@"; }
status() { client --location --output /dev/null --write-out '%{http_code}' "$@" || true; }

stop() {
  local began code
  began=$(now)
  timeout 60 podman stop paymentd >>"$log" 2>&1 || fail "podman stop"
  code=$(podman inspect --format '{{.State.ExitCode}}' paymentd)
  [[ $code == 0 ]] || fail "it ends with $code"
  stop_ms=$(($(now) - began))
}

make_base

began=$(now)
timeout 1200 scripts/container.sh --base localhost/bare-debian:12 >>"$log" 2>&1 || fail "scripts/container.sh"
ok "scripts/container.sh builds $image in $((($(now) - began) / 1000)) s: $(megabytes "$image") MB," \
  "$(($(megabytes "$image") - $(megabytes localhost/bare-debian:12))) MB more than its base"

began=$(now)
start
ok "podman run, without network, capabilities and a root to write to: /readyz is 200 after $(($(now) - began)) ms"
user=$(awk '$1 == "Uid:" { print $2 }' "/proc/$(podman inspect --format '{{.State.Pid}}' paymentd)/status")
[[ $user == 10001 ]] || fail "it runs as $user"
[[ $(status http://127.0.0.1:8081/console) == 200 ]] || fail "/console is $(status http://127.0.0.1:8081/console)"
given=$(timeout 60 podman exec paymentd paymentd doctor 2>&1) || fail "paymentd doctor: $given"
ok "it runs as 10001; /console is 200; podman exec paymentd paymentd doctor: $given"

user=$(client http://127.0.0.1:8080/v1/users --json '{"balance":50000}' | jq .id)
order=$(client http://127.0.0.1:8080/v1/orders --json "{\"userId\":$user,\"totalAmount\":12000}" | jq .id)
given=$(status http://127.0.0.1:8080/v1/payments --json "{\"orderId\":$order,\"userId\":$user}")
[[ $given == 201 ]] || fail "the payment is $given"
stop
timeout 60 podman rm paymentd >>"$log" 2>&1 || fail "podman rm"
ok "a payment is 201; podman stop ends it in order after $stop_ms ms"

start --env PAYMENTD_HTTP_LISTEN=127.0.0.1:8090
given=$(client "http://127.0.0.1:8090/v1/orders/$order" | jq --raw-output .status)
[[ $given == PAID ]] || fail "the order is '$given' in a new container with the same volume"
stop
ok "a new container with the same volume, and a setting from the environment, has the order PAID"
ok "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
