# shellcheck shell=bash
# Prints how many compilers may run at once: one a processor, and none without its memory.
# Sourced by the scripts that build.

# What the largest file takes to compile, with some to spare.
readonly compiler_memory_kb=1800000

build_jobs() {
  local processors available by_memory
  processors=$(nproc)
  available=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
  by_memory=$((available / compiler_memory_kb))
  ((by_memory < processors)) && processors=$by_memory
  echo $((processors > 0 ? processors : 1))
}
