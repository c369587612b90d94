#!/usr/bin/env bash
# Builds paymentd's package for Debian and checks it:
#   scripts/package.sh
# The package is build/release/package/paymentd_VERSION_ARCHITECTURE.deb. It is checked by lintian, its
# unit by systemd-analyze, its man pages by man, and all that it should hold is looked for. Nothing is
# installed but the packages that this needs; nothing is started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/jobs.sh

fail() {
  echo "package: $*" >&2
  exit 1
}

scripts/install-packages.sh

echo "package: building"
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(build_jobs)" --target paymentd packaging
rm -rf build/release/package
(cd build/release && cpack --config CPackConfig.cmake -G DEB)
packages=(build/release/package/paymentd_*.deb)
((${#packages[@]} == 1)) && [[ -f ${packages[0]} ]] || fail "cpack made no package"
package=${packages[0]}

echo "package: checking $package"
unpacked=$(mktemp --directory)
trap 'rm -rf "$unpacked"' EXIT
dpkg-deb --extract "$package" "$unpacked"
dpkg-deb --control "$package" "$unpacked/DEBIAN"

while read -r mode path; do
  [[ -e $unpacked$path ]] || fail "$path is not in the package"
  [[ $(stat --format=%a "$unpacked$path") == "$mode" ]] || fail "$path has not the mode $mode"
done <<'FILES'
755 /usr/bin/paymentd
644 /usr/lib/systemd/system/paymentd.service
644 /etc/paymentd/paymentd.toml
644 /usr/share/man/man1/paymentd.1.gz
644 /usr/share/man/man5/paymentd.toml.5.gz
644 /usr/share/bash-completion/completions/paymentd
644 /usr/share/zsh/vendor-completions/_paymentd
644 /usr/share/doc/paymentd/copyright
644 /usr/share/doc/paymentd/docs/operation.md
FILES
grep --quiet --line-regexp /etc/paymentd/paymentd.toml "$unpacked/DEBIAN/conffiles" ||
  fail "the settings are no conffile"
for script in postinst prerm postrm; do
  [[ -x $unpacked/DEBIAN/$script ]] || fail "there is no $script that can be run"
  sh -n "$unpacked/DEBIAN/$script"
done

# The program of the package, and the settings that it comes with.
program=$unpacked/usr/bin/paymentd
echo "package: paymentd $("$program" --version)"
"$program" config --config "$unpacked/etc/paymentd/paymentd.toml" |
  grep --quiet 'url = "sqlite:/var/lib/paymentd/paymentd.db"' ||
  fail "the settings name another database"

# The words that are completed are those that the command line knows.
bash -n "$unpacked/usr/share/bash-completion/completions/paymentd"
completed() {
  bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
    _paymentd; printf "%s\n" "${COMPREPLY[@]}"' _ \
    "$unpacked/usr/share/bash-completion/completions/paymentd" "$@"
}
[[ $(completed paymentd ser) == serve ]] || fail "bash does not complete serve"
[[ $(completed paymentd keys rev) == revoke ]] || fail "bash does not complete keys revoke"
[[ $(completed paymentd --set log.l) == log.level= ]] || fail "bash does not complete settings"
if command -v zsh >/dev/null; then
  zsh -n "$unpacked/usr/share/zsh/vendor-completions/_paymentd"
fi

for page in man1/paymentd.1.gz man5/paymentd.toml.5.gz; do
  complaints=$(LC_ALL=C.UTF-8 man --warnings --encoding=UTF-8 --local-file -Tutf8 \
    "$unpacked/usr/share/man/$page" 2>&1 >/dev/null)
  [[ -z $complaints ]] || fail "$page: $complaints"
done

# The unit, with the program where it is now. Exposure 2.0 of 10 is the bound.
unit=$unpacked/paymentd.service
sed "s#^ExecStart=/usr/bin/paymentd#ExecStart=$program#" \
  "$unpacked/usr/lib/systemd/system/paymentd.service" >"$unit"
complaints=$(systemd-analyze verify --man=no "$unit" 2>&1) || fail "the unit: $complaints"
[[ -z $complaints ]] || fail "the unit: $complaints"
systemd-analyze security --no-pager --offline=true --threshold=20 "$unit" | tail --lines=1

lintian --fail-on error,warning "$package"
echo "package: $package is fine"
