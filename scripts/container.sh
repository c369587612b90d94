#!/usr/bin/env bash
# Builds the image localhost/paymentd:VERSION from the package that scripts/package.sh made, by buildah,
# podman or docker, whichever is there:
#   scripts/container.sh [--base IMAGE]
# --base: an image of Debian 12 in place of docker.io/library/debian:12-slim.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

base=()
case ${1:-} in
'') ;;
--base) base=(--build-arg "BASE=${2:?--base needs an image}") ;;
*)
  echo "container: unknown option $1" >&2
  exit 2
  ;;
esac

for tool in buildah podman docker none; do
  command -v "$tool" >/dev/null && break
done
if [[ $tool == none ]]; then
  echo "container: install buildah, podman or docker" >&2
  exit 1
fi

folder=build/release/package
package=$(find "$folder" -name 'paymentd_*.deb' 2>/dev/null || true)
if [[ -z $package ]]; then
  scripts/package.sh
  package=$(find "$folder" -name 'paymentd_*.deb')
fi
version=$(dpkg-deb --field "$package" Version)

"$tool" build "${base[@]}" --file packaging/Containerfile --tag "localhost/paymentd:$version" "$folder"
echo "container: localhost/paymentd:$version"
