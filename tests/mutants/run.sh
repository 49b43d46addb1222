#!/usr/bin/env bash
# Do the tests notice when a promise is broken? run.sh ROOT BUILD [NAME…]
#
# tests/mutants/NAME.patch breaks one promise. The text above its first diff line says which, and which test must notice:
#   Promise: what is acknowledged is on disk
#   Test: ^store: .*fsync
#   Red: 2                      (if given: so many of the tests that match; else one)
# Each patch is applied to a copy of the checkout, built, and that test must turn red. A patch that survives, that no
# longer applies or does not compile fails the whole.
set -euo pipefail

root=$1 build=$2
shift 2
tree=$build/mutants/tree
folder=$tree/build/release  # as in a checkout, so that ccache finds what `./dev build` compiled
jobs=$(nproc)
seconds_allowed=120
source "$root/tests/support/targets.sh"
source "$root/tests/support/patches.sh"

# The value of header line $2 in patch $1.
header() { patch_header "$root/tests/mutants/$1.patch" "$2"; }

# Builds what the tests that match $1 need.
compile() {
  local targets
  mapfile -t targets < <(test_targets "$folder" "$1")
  CCACHE_BASEDIR=$tree ninja -C "$folder" -j"$jobs" "${targets[@]}"
}

# Runs the tests that match $1. 0: fewer than $2 (default 1) failed; 1: at least so many; 2: there is none.
run_test() {
  local status=0 red
  ctest --test-dir "$folder" -R "$1" -j"$jobs" --timeout "$seconds_allowed" --output-on-failure >"$build/mutants/log" 2>&1 ||
    status=$?
  if grep -q 'No tests were found' "$build/mutants/log"; then return 2; fi
  if ((status == 0)); then return 0; fi
  red=$(sed -n 's/^.*tests passed, \([0-9]*\) tests\? failed out of.*$/\1/p' "$build/mutants/log")
  ((red < ${2:-1}))
}

main() {
  local names=("$@") name test patch status verdict bad=0
  if ((${#names[@]} == 0)); then
    mapfile -t names < <(cd "$root/tests/mutants" && find . -name '*.patch' | sed 's|^\./||; s|\.patch$||' | sort)
  fi
  ((${#names[@]})) || { echo "There is no patch in tests/mutants."; exit 1; }

  mkdir -p "$build/mutants"
  # What tests leave behind when they fail.
  TMPDIR=$(mktemp -d)
  export TMPDIR
  trap 'rm -rf "$TMPDIR"' EXIT
  exec 9>"$build/mutants/lock"
  flock -n 9 || { echo "Another ./dev mutants is at work in $build/mutants."; exit 1; }

  for name in "${names[@]}"; do
    [[ -e $root/tests/mutants/$name.patch ]] || { echo "There is no tests/mutants/$name.patch."; exit 1; }
    [[ -n $(header "$name" Promise) && -n $(header "$name" Test) ]] ||
      { echo "tests/mutants/$name.patch needs the lines Promise: and Test: above its diff."; exit 1; }
  done

  copy_tree "$root" "$tree"
  if [[ ! -e $folder/build.ninja ]]; then
    (cd "$tree" && cmake --preset release -DCLADE_LUAJIT="$build/luajit") >"$build/mutants/log" 2>&1 ||
      { cat "$build/mutants/log"; exit 1; }
  fi

  # A test that is red anyway would notice nothing.
  echo "Without a patch:"
  local -A green=()
  for name in "${names[@]}"; do
    test=$(header "$name" Test)
    if [[ -n ${green[$test]:-} ]]; then continue; fi
    green[$test]=yes
    compile "$test" >"$build/mutants/log" 2>&1 || { tail -n 30 "$build/mutants/log"; echo "The checkout does not build."; exit 1; }
    status=0
    run_test "$test" || status=$?
    case $status in
      1) tail -n 30 "$build/mutants/log"; echo "$name: its test is red without it: $test"; exit 1 ;;
      2) echo "$name: no test is called $test"; exit 1 ;;
    esac
  done
  echo "  the tests that they name are green"

  printf '\n%-28s %-14s %s\n' mutant verdict promise
  for name in "${names[@]}"; do
    patch=$root/tests/mutants/$name.patch
    test=$(header "$name" Test)
    if ! apply_patch "$tree" "$patch" >"$build/mutants/log" 2>&1; then
      verdict="NO LONGER FITS"
    else
      if ! compile "$test" >"$build/mutants/log" 2>&1; then
        verdict="NO BUILD"
        grep -m 5 -E 'error|Error' "$build/mutants/log" || true
      else
        status=0
        run_test "$test" "$(header "$name" Red)" || status=$?
        case $status in
          0) verdict=SURVIVED ;;
          1) verdict=noticed ;;
          *) verdict="NO TEST" ;;
        esac
      fi
      copy_tree "$root" "$tree"
    fi
    if [[ $verdict != noticed ]]; then bad=$((bad + 1)); fi
    printf '%-28s %-14s %s\n' "$name" "$verdict" "$(header "$name" Promise)"
  done
  echo
  if ((bad)); then
    echo "$bad of ${#names[@]} went unnoticed or no longer fit."
    exit 1
  fi
  echo "All ${#names[@]} were noticed."
}

main "$@"; exit  # on one line: the file may change while it runs
