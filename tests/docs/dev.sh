#!/usr/bin/env bash
# `./dev help` names every verb that ./dev knows, README.md names every package that ./dev installs, and a verb that does
# not exist is refused with the nearest. Takes the root of the repository.
set -euo pipefail
cd "$1"

failures=0
complain() {
  echo "$*"
  failures=$((failures + 1))
}

help=$(./dev help)
while read -r verb; do
  grep -qE "^  (.* \| )?$verb( |\$)" <<<"$help" || complain "./dev help does not tell of $verb"
done < <(sed -n '/^main() {/,/^}/ { /^    [a-z|. -]*)/ p }' dev | sed 's/).*//; s/|/\n/g' | tr -d ' ' | grep -v '^-')

while read -r package; do
  grep -q "\`$package\`" README.md || complain "README.md does not say what $package is for"
done < <(sed -n '/^packages=(/,/^)/ p' dev | grep -v '[()]' | xargs -n 1)

status=0
message=$(./dev bench-mark 2>&1) || status=$?
((status == 2)) || complain "a verb that does not exist ended with $status, not 2"
grep -q '"bench"' <<<"$message" || complain "the nearest verb was not named: $message"

((failures == 0)) && echo "./dev explains itself"
