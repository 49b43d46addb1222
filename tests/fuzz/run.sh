#!/usr/bin/env bash
# Feeds the parsers made-up input. run.sh ROOT BUILD [--seconds N] [--fresh | --planted] [NAME…]
#
# tests/fuzz/NAME.cpp is a target: libFuzzer calls it with inputs that it makes from those of tests/fuzz/seeds/NAME, by the
# words of tests/fuzz/NAME.dict where there are some. Inputs that reach new code are kept in BUILD/fuzz/NAME, for the next
# time; --fresh starts from the seeds alone. An input that breaks a promise is kept in BUILD/fuzz/findings.
#
# --planted asks whether a fault would be found: each tests/fuzz/planted/NAME.patch puts one into a copy of the checkout,
# and its target must find it, from the seeds alone and by more than the seeds. The text above its diff says what it breaks:
#   Planted: an answer is sent to a strand that does not wait
set -euo pipefail

root=$1 build=$2
shift 2
folder=$build/fuzz
findings=$folder/findings
planted_tree=$folder/planted
jobs=$(nproc)
seconds=30
mode=grow
source "$root/tests/support/patches.sh"

fail() { printf 'fuzz: %s\n' "$*" >&2; exit 1; }
# A path as someone in the current folder would type it.
shown() { realpath -m --relative-to="$PWD" "$1"; }

# Runs target $1, the program $2, with the seeds alone if $3 is "fresh", and writes what it says to $4. Returns its status.
fuzz_target() {
  local name=$1 program=$2 start=$3 log=$4 inputs=$folder/$1 options=()
  if [[ $start == fresh ]]; then inputs=$(mktemp -d -p "$folder"); fi
  mkdir -p "$inputs" "$findings"
  if [[ -e $root/tests/fuzz/$name.dict ]]; then options+=(-dict="$root/tests/fuzz/$name.dict"); fi
  local status=0
  # A report names its lines by addr2line where llvm-symbolizer is not installed.
  ASAN_OPTIONS=allow_addr2line=1 UBSAN_OPTIONS=print_stacktrace=1 \
    "$program" "${options[@]}" -max_total_time="$seconds" -timeout=10 -max_len=1024 -len_control=20 -report_slow_units=60 \
    -print_final_stats=1 -artifact_prefix="$findings/$name-" "$inputs" "$root/tests/fuzz/seeds/$name" \
    >"$log" 2>&1 || status=$?
  if [[ $start == fresh ]]; then rm -rf "$inputs"; fi
  return "$status"
}

# The last number that line $2 of log $1 gives, or 0.
number_in() { { sed -n "s/.*$2 *\([0-9][0-9]*\).*/\1/p" "$1" | tail -n 1; } | grep . || echo 0; }

# Runs target $1 and prints its line. Fails if it finds something, and says how to see it again.
fuzz_one() {
  local name=$1 program=$folder/tests/fuzz/fuzz_$1 log=$folder/$1.log found=0 input
  fuzz_target "$name" "$program" "$mode" "$log" || found=1
  printf '%-16s %12s %10s %8s %8s %9s\n' "$name" "$(number_in "$log" number_of_executed_units:)" \
    "$(number_in "$log" average_exec_per_sec:)" "$(number_in "$log" cov:)" "$(number_in "$log" corp:)" "$found"
  if ((found == 0)); then return 0; fi
  grep -m 3 -E '^== FOUND|ERROR: |runtime error: ' "$log" || tail -n 5 "$log"
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  if [[ -z $input ]]; then echo "It ended without an input to keep; all that it said: $(shown "$log")"
  else echo "Input: $(shown "$input"). To see it again: $(shown "$program") $(shown "$input")"; fi
  return 1
}

# Builds the planted fault $1 and prints whether, and after how many seconds, its target finds it.
find_planted() {
  local name=$1 patch=$root/tests/fuzz/planted/$1.patch log=$folder/planted-$1.log verdict start found=no
  local program=$planted_tree/build/fuzz/tests/fuzz/fuzz_$name
  copy_tree "$root" "$planted_tree"
  if ! apply_patch "$planted_tree" "$patch" >"$log" 2>&1; then verdict="NO LONGER FITS"
  elif ! CCACHE_BASEDIR=$planted_tree ninja -C "$planted_tree/build/fuzz" -j"$jobs" "fuzz_$name" >"$log" 2>&1; then verdict="NO BUILD"
  elif ! "$program" -runs=0 "$root/tests/fuzz/seeds/$name" >"$log" 2>&1; then verdict="SEEDS DO IT"
  else
    start=$(date +%s%N)
    if fuzz_target "$name" "$program" fresh "$log"; then verdict="NOT FOUND"
    else
      found=yes
      verdict="after $((($(date +%s%N) - start) / 100000000))"
      verdict="${verdict%?}.${verdict: -1} s"
      verdict=${verdict/after ./after 0.}
    fi
  fi
  printf '%-16s %-16s %s\n' "$name" "$verdict" "$(patch_header "$patch" Planted)"
  [[ $found == yes ]]
}

# The names of the files tests/fuzz/$1*.$2.
names_of() { (cd "$root/tests/fuzz/$1" && find . -maxdepth 1 -name "*.$2" | sed 's|^\./||; s|\.[a-z]*$||' | sort); }

plant() {
  local name bad=0
  findings=$folder/planted-findings
  copy_tree "$root" "$planted_tree"
  if [[ ! -e $planted_tree/build/fuzz/build.ninja ]]; then
    (cd "$planted_tree" && cmake --preset fuzz -DCLADE_LUAJIT="$build/luajit") >"$folder/planted.log" 2>&1 ||
      { cat "$folder/planted.log"; exit 1; }
  fi
  printf '%-16s %-16s %s\n' planted found "what is broken"
  for name; do find_planted "$name" || bad=$((bad + 1)); done
  copy_tree "$root" "$planted_tree"
  if ((bad)); then fail "$bad of $# planted faults were not found within $seconds seconds."; fi
}

main() {
  local names=() known name
  while (($#)); do
    case $1 in
      --seconds)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "--seconds needs a number from 1."
        seconds=$2
        shift
        ;;
      --fresh) mode=fresh ;;
      --planted) mode=planted ;;
      -*) fail "there is no option $1; there are --seconds N, --fresh and --planted." ;;
      *) names+=("$1") ;;
    esac
    shift
  done
  if [[ $mode == planted ]]; then known=$(names_of planted patch); else known=$(names_of . cpp); fi
  if ((${#names[@]} == 0)); then mapfile -t names <<<"$known"; fi
  for name in "${names[@]}"; do
    grep -qxF -- "$name" <<<"$known" || fail "nothing is called $name. There are:" $known
  done

  exec 9>"$folder/lock"
  flock -n 9 || fail "another ./dev fuzz is at work in $folder."
  if [[ $mode == planted ]]; then
    plant "${names[@]}"
    return
  fi
  printf '%-16s %12s %10s %8s %8s %9s\n' target executions per-second edges corpus findings
  export root folder findings seconds mode
  export -f fuzz_one fuzz_target number_in shown
  printf '%s\0' "${names[@]}" | xargs -0 -P "$jobs" -n 1 bash -c 'set -euo pipefail; fuzz_one "$0"' || exit 1
}

main "$@"; exit  # on one line: the file may change while it runs
