#!/usr/bin/env bash
# Builds the fuzz targets with clang's libFuzzer and looks for inputs that break them:
#   scripts/fuzz.sh [--seconds S] [--merge] [TARGET]...
# Without a target all of them, one after the other, each for S seconds (60). New inputs that reach
# something new are kept in build/fuzz/corpus/TARGET, those that break something in
# build/fuzz/broken/TARGET. --merge then adds to fuzz/corpus/TARGET the few that it lacks. Installs
# clang-19 where it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/jobs.sh

seconds=60
merge=0
targets=()
while (($# > 0)); do
  case $1 in
  --seconds)
    seconds=${2:?--seconds wants a number}
    shift
    ;;
  --merge) merge=1 ;;
  -*)
    echo "fuzz: unknown option $1" >&2
    exit 2
    ;;
  *) targets+=("$1") ;;
  esac
  shift
done
if ((${#targets[@]} == 0)); then
  for folder in fuzz/corpus/*/; do
    targets+=("$(basename "$folder")")
  done
fi
scripts/install-packages.sh --sanitize

cmake --preset fuzz
cmake --build --preset fuzz --parallel "$(build_jobs)" --target "${targets[@]/#/fuzz_}"

input_bytes_max=8192
input_seconds_max=10
for target in "${targets[@]}"; do
  found=build/fuzz/corpus/$target
  broken=build/fuzz/broken/$target
  mkdir -p "$found" "$broken"
  words=()
  [[ -f fuzz/dictionaries/$target.dict ]] && words=(-dict="fuzz/dictionaries/$target.dict")
  echo "fuzz: $target for $seconds s"
  "build/fuzz/fuzz_$target" "$found" "fuzz/corpus/$target" -max_total_time="$seconds" \
    -max_len=$input_bytes_max -timeout=$input_seconds_max -artifact_prefix="$broken/" \
    -print_final_stats=1 "${words[@]}" </dev/null
  if ((merge)); then
    "build/fuzz/fuzz_$target" -merge=1 "fuzz/corpus/$target" "$found" </dev/null
  fi
done
