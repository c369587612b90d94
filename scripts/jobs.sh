# shellcheck shell=bash
# Prints how many compilers may run at once: one a processor, and none without its memory.
# Sourced by the scripts that build.

# The memory that the largest file takes to compile, with some to spare.
readonly compiler_memory_kb=1800000

build_jobs() {
  local processors available by_memory
  processors=$(nproc)
  available=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
  by_memory=$((available / compiler_memory_kb))
  ((by_memory < processors)) && processors=$by_memory
  echo $((processors > 0 ? processors : 1))
}

# Copies the output of a build to the file $1, and shows how far it is: on a terminal in one line,
# elsewhere every 25 steps.
show_progress() {
  local terminal=0
  [[ -t 1 ]] && terminal=1
  tee -a "$1" | awk -v terminal="$terminal" '
    match($0, /^\[[0-9]+\/[0-9]+\]/) {
      split(substr($0, 2, RLENGTH - 2), n, "/")
      if (terminal) printf "\r  [%d/%d] compiled", n[1], n[2]
      else if (n[1] % 25 == 0 || n[1] == n[2]) printf "  [%d/%d] compiled\n", n[1], n[2]
      fflush()
      shown = 1
    }
    END { if (terminal && shown) printf "\n" }'
}
