# shellcheck shell=bash disable=SC2154
# Makes a bare Debian in a folder, by debootstrap. Sourced by the scripts that try the package and the
# image; `release`, `mirror` and `base` are their options, and `work` is their folder.

# The lines of sources.list: those of this machine for Debian itself, with the other release's name.
debian_sources() {
  local here
  if [[ -n $mirror ]]; then
    echo "deb $mirror $release main"
    return
  fi
  here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  # shellcheck disable=SC2016 # apt's own names
  apt-get indextargets --format '$(CREATED_BY) $(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' |
    awk -v here="$here" -v release="$release" '
      $1 == "Packages" && $2 == "Debian" && index($4, here) == 1 && $5 == "main" {
        print "deb", $3, release substr($4, length(here) + 1), $5 }' | sort --unique
}

# make_debian FOLDER OPTION...: by debootstrap with these options, or as a copy of $base. Its lists of
# packages are fresh. Prints nothing; a line on the standard error says why it failed.
make_debian() {
  local folder=$1 main proxy=''
  shift
  debian_sources >"$work/sources.list"
  main=$(awk -v release="$release" '$3 == release { print $2; exit }' "$work/sources.list")
  if [[ -z $main ]]; then
    echo "apt of this machine knows no mirror of Debian: name one by --mirror, or run apt-get update" >&2
    return 1
  fi
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [[ -z $proxy ]] || export http_proxy=$proxy
  if [[ -n $base ]]; then
    cp --archive --reflink=auto "$base" "$folder"
  elif ! timeout 1800 debootstrap "$@" "$release" "$folder" "$main" >"$work/debootstrap.log" 2>&1; then
    echo "debootstrap: $(tail --lines=3 "$work/debootstrap.log")" >&2
    return 1
  fi
  cp "$work/sources.list" "$folder/etc/apt/sources.list"
  if ! timeout 300 chroot "$folder" apt-get --quiet=2 update >"$work/apt.log" 2>&1; then
    echo "apt-get update: $(tail --lines=3 "$work/apt.log")" >&2
    return 1
  fi
}
