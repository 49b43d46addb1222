#!/usr/bin/env bash
# How long a person waits for the program to start, and for `./dev run` when there is nothing to build: medians.
set -euo pipefail

# Median milliseconds of $1 runs of the command that follows.
median() {
  local runs=$1 i before
  shift
  for ((i = 0; i < runs; i++)); do
    before=${EPOCHREALTIME/[.,]/}
    "$@" >/dev/null 2>&1
    echo $((${EPOCHREALTIME/[.,]/} - before))
  done | sort -n | awk '{ all[NR] = $1 } END { printf "%.1f", all[int((NR + 1) / 2)] / 1000 }'
}

printf 'version\t%s\tms\tlower\n' "$(median 50 "$CLADE" --version)"
printf 'dev_run\t%s\tms\tlower\n' "$(median 5 "$CLADE_ROOT/dev" run --help)"
