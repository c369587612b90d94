#!/usr/bin/env bash
# Installs what is missing of packages.txt, as root or through sudo. Does nothing when all is there.
#   scripts/install-packages.sh [--serve | --sanitize]
# --serve leaves out what only tests and measurements need; --sanitize adds what the sanitizers and the
# fuzzer need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

wanted=packages.txt
case ${1:-} in
'') names=$(sed '/^# ---- the sanitizers/,$d' "$wanted") ;;
--sanitize) names=$(cat "$wanted") ;;
--serve) names=$(sed '/^# ---- tests/,$d' "$wanted") ;;
*)
  echo "install-packages: unknown option $1" >&2
  exit 2
  ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install-packages: paymentd is built on Debian 12; this is no Debian system." >&2
  echo "install-packages: install what scripts/packages.txt names, then build as README.md says." >&2
  exit 1
fi

missing=()
while read -r package; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done < <(grep --extended-regexp '^[a-z0-9]' <<<"$names")

if ((${#missing[@]} == 0)); then
  exit 0
fi

# Another Debian, or a system that is made from it, may have these packages too, or other versions.
system=$( (. /etc/os-release && echo "${ID:-unknown} ${VERSION_ID:-}") 2>/dev/null || echo unknown)
if [[ $system != "debian 12" ]]; then
  echo "install-packages: this is $system; paymentd is built and tested on Debian 12 alone" >&2
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install-packages: run this as root, or install sudo; missing: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "install-packages: installing ${missing[*]}"
# Another apt may be at work, as on a machine that has just started: wait for it.
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet=2
  -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
"${apt[@]}" update
absent=()
for package in "${missing[@]}"; do
  apt-cache show "$package" >/dev/null 2>&1 || absent+=("$package")
done
if ((${#absent[@]} > 0)); then
  echo "install-packages: $system has no package ${absent[*]}: use Debian 12" >&2
  exit 1
fi
# One after the other, so that it shows how far it is.
done=0
for package in "${missing[@]}"; do
  done=$((done + 1))
  echo "install-packages: [$done/${#missing[@]}] $package"
  "${apt[@]}" install --no-install-recommends --yes "$package" >/dev/null
done
echo "install-packages: done"
