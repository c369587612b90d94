#!/usr/bin/env bash
# Formats all C++ of the project, or with --check says what is not formatted. Needs clang-format 19
# (Debian's clang-format-19): other versions format a little differently.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v clang-format-19 >/dev/null; then
  echo "format: install clang-format-19 first" >&2
  exit 1
fi
how=(-i)
[[ ${1:-} == --check ]] && how=(--dry-run --Werror)
git ls-files -z --cached --others --exclude-standard '*.cpp' '*.hpp' |
  xargs -0 --no-run-if-empty clang-format-19 "${how[@]}"
