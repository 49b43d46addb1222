#!/usr/bin/env bash
# Makes a kept file: make.sh CLADE NAME, with the binary of the commit whose state is to be kept. A host is killed while
# the task "later" waits; what it had committed by then is the file. Needs sqlite3.
set -euo pipefail

clade=$1 name=$2
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -r "$here/swarm/." "$folder"
cd "$folder"
"$clade" run --detach
for _ in 1 2 3; do "$clade" task add sum; done
"$clade" task add broken
until [[ $("$clade" task list --json | grep -o '"dead_letter"\|"completed"' | wc -l) -ge 4 ]]; do sleep 0.2; done
"$clade" task add later
until [[ $(sqlite3 .clade/clade.db "SELECT count(*) FROM journal WHERE op = 'sleep'") -ge 1 ]]; do sleep 0.2; done
"$clade" task add sum --after t5
pid=$(cat .clade/lock)
kill -9 "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
rm -f "$here/$name"
sqlite3 .clade/clade.db "VACUUM INTO '$here/$name'"
