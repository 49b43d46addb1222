#!/usr/bin/env bash
# The simulator at work on a bug that is planted in its own world, a disk whose syncs do nothing: it must find it, find it
# again from the seed that it names, and leave out what the bug does not need. Takes the program tests_sim.
set -euo pipefail
simulator=$1

complain() {
  echo "$*"
  exit 1
}

found=$("$simulator" --seeds 200 --lying-disk) && complain "the planted bug was not found"
seed=$(sed -n 's/^Seed \([0-9]*\) breaks: .*/\1/p' <<<"$found")
promise=$(sed -n 's/^Seed [0-9]* breaks: //p' <<<"$found")
[[ -n $seed && -n $promise ]] || complain "no seed was named: $found"
grep -q "again: tests_sim --seed $seed --lying-disk --verbose" <<<"$found" || complain "no command was named: $found"

first=$("$simulator" --seed "$seed" --lying-disk) && complain "seed $seed breaks nothing by itself"
second=$("$simulator" --seed "$seed" --lying-disk) && complain "seed $seed breaks nothing the second time"
[[ $first == "$second" ]] || complain "seed $seed is not always the same history: $first, and then $second"
[[ $first == *"Broken: $promise"* ]] || complain "seed $seed breaks another promise by itself: $first"

small=$("$simulator" --seed "$seed" --lying-disk --shrink) && complain "--shrink says that all is well"
[[ $small == *"Broken: $promise"* ]] || complain "the small history breaks another promise: $small"
[[ $small =~ It\ takes\ ([0-9]+)\ of\ the\ ([0-9]+)\ parts ]] || complain "it does not say how small it is: $small"
((BASH_REMATCH[1] * 2 <= BASH_REMATCH[2])) || complain "it is not small: ${BASH_REMATCH[0]}"
read -ra again <<<"$(sed -n 's/^Again: tests_sim //p' <<<"$small")"
again=("${again[@]/--verbose/}")
last=$("$simulator" ${again[@]}) && complain "what was made small breaks nothing: ${again[*]}"
[[ $last == *"Broken: $promise"* ]] || complain "what was made small breaks another promise: $last"

# Without the bug the same history keeps every promise.
"$simulator" --seed "$seed" >/dev/null || complain "seed $seed breaks a promise on an honest disk"
