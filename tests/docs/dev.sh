#!/usr/bin/env bash
# `./dev help` names every verb that ./dev knows, README.md names every package that ./dev installs, and a verb that does
# not exist is refused with the nearest. `./dev run` keeps the last swarm until its options are known to be good, and stays
# for a person who wants to approve. Takes the root of the repository and the program `clade`.
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
done < <(sed -n '/^[a-z_]*packages=(/,/^)/ p' dev | grep -v '[()]' | xargs -n 1)

status=0
message=$(./dev bench-mark 2>&1) || status=$?
((status == 2)) || complain "a verb that does not exist ended with $status, not 2"
grep -q '"bench"' <<<"$message" || complain "the nearest verb was not named: $message"

# A build that is done, with a `clade` that only notes what it is to run in a swarm.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source <(grep -E '^luajit_(flags|recipe)=' dev)
mkdir -p "$work"/{bin,build/release,build/luajit/lib}
touch "$work/build/luajit/lib/libluajit.a"
printf '%s\n' "$luajit_recipe" >"$work/build/luajit/recipe"
printf 'build clade: phony\n' >"$work/build/release/build.ninja"
cat >"$work/bin/dpkg-query" <<'TEXT'
#!/bin/sh
for name; do printf 'installed=%s ' "$name"; done
TEXT
printf '#!/bin/sh\n' >"$work/bin/apt-get"
cat >"$work/build/release/clade" <<TEXT
#!/bin/sh
if [ "\$1" = run ] && [ -e "\$2/swarm.yaml" ]; then echo "\$*" >"$work/called"; else exec "$2" "\$@"; fi
TEXT
chmod +x "$work"/bin/* "$work/build/release/clade"

swarm=$work/build/first-swarm
# Runs `./dev run` with the arguments; sets output, status and called.
dev_run() {
  rm -f "$work/called"
  status=0
  output=$(PATH="$work/bin:$PATH" CLADE_BUILD=$work/build ./dev run "$@" 2>&1) || status=$?
  called=$(cat "$work/called" 2>/dev/null || true)
}

dev_run --seed 2
[[ $called == "run $swarm --until-idle --approve auto --seed 2" ]] || complain "./dev run --seed 2 called: $called; $output"
[[ $output == *"No report yet. "*"first-swarm --until-idle" ]] || complain "./dev run told no way to go on: $output"
for choice in "--approve ask" "--approve=ask"; do
  dev_run $choice
  [[ $called == "run $swarm $choice" ]] || complain "./dev run $choice called: $called; $output"
  [[ $output == *"clade approval approve ID -C "*"Ctrl-C ends the run."* ]] ||
    complain "./dev run $choice does not say how to approve: $output"
  [[ $output == *"No report yet. "*"first-swarm"* && $output != *--until-idle* ]] ||
    complain "./dev run $choice tells a way to go on that ends at once: $output"
done
dev_run --detach
[[ $called == *--detach* && $output != *"No report yet"* ]] || complain "./dev run --detach looked for a report: $output"

mkdir -p "$swarm/report"
touch "$swarm/report/kept"
for wrong in --frob elsewhere "--seed x" "--approve maybe" --approve "--instances weibull:3"; do
  dev_run $wrong
  ((status == 2)) || complain "./dev run $wrong ended with $status, not 2: $output"
  [[ -z $called && -e $swarm/report/kept ]] || complain "./dev run $wrong took the last swarm away"
  [[ $output == *"clade: "* ]] || complain "./dev run $wrong does not say what is wrong: $output"
done

((failures == 0)) && echo "./dev explains itself"
