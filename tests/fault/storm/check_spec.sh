#!/usr/bin/env bash
# Does the checker notice? check_spec.sh STORM: lets a short storm run, plants one violation after the other in copies of
# what it left, and holds what check.sh says against it. Each rule of the checker has its violation here.
set -euo pipefail

storm=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
work=$(mktemp -d)
lingering=
trap '[[ -z $lingering ]] || kill "$lingering"; rm -rf "$work"' EXIT

failures=0
complain() {
  echo "$*"
  failures=$((failures + 1))
}

"$storm" --rounds 12 --faults host,command --seed 2 --folder "$work/storm" >"$work/said" || { cat "$work/said"; exit 1; }
calm=$work/storm/1
planted=$work/planted
"$here/check.sh" "$calm" || complain "what the storm left is not in order"

noticed=()
# Runs the checker on the copy: it must complain of $1.
must_notice() {
  local said
  noticed+=("$1")
  if said=$("$here/check.sh" "$planted" 2>&1); then complain "not noticed: $1"
  elif ! grep -q "^$1" <<<"$said"; then complain "not noticed: $1; instead: $(head -n 3 <<<"$said")"; fi
  rm -rf "$planted"
}
copy() {
  rm -rf "$planted"
  cp -R "$calm" "$planted"
}
# $1: what the checker must say once the SQL of $2 has changed the store.
by_sql() {
  copy
  sqlite3 -batch -bail "$planted/swarm/.clade/clade.db" "PRAGMA journal_mode = DELETE; $2;
    SELECT 'nothing was planted' WHERE changes() = 0;" >"$work/planted.out"
  if grep -q 'nothing was planted' "$work/planted.out"; then complain "cannot plant: $1"; fi
  must_notice "$1"
}
# The same for a change of the files by the shell's words of $2, run in the copy.
by_shell() {
  copy
  (cd "$planted" && bash -c "$2") || complain "cannot plant: $1"
  must_notice "$1"
}

first_of() { printf "(SELECT min(id) FROM task WHERE run = 0 AND type = '%s')" "$1"; }
done_command="op = 'process.run' AND status = 'done' AND instr(result, x'a4636f646500') > 0
  AND run IN (SELECT id FROM run WHERE status = 'committed')"
done_token=$(grep '^end' "$calm/witness" | head -n 1 | cut -d ' ' -f 2)

by_shell 'a file is left over' 'touch swarm/report/.half-written'
sleep 300 &
lingering=$!
read -r -a fields <<<"$(sed 's/.*) //' "/proc/$lingering/stat")"
by_shell 'a process is left over' "echo 'begin $done_token $lingering ${fields[19]}' >>witness"
kill "$lingering"
lingering=

by_shell 'the database is damaged' 'store=swarm/.clade/clade.db
  page=$(sqlite3 "$store" "SELECT rootpage FROM sqlite_schema WHERE name = \"task_state\"")
  printf "\0\0\0\0\0\0\0\0" | dd of="$store" bs=1 seek=$(((page - 1) * 4096 + 8)) conv=notrunc status=none'
by_sql 'a row refers to nothing' 'DELETE FROM version'
by_sql 'an acknowledged task is not there' "DELETE FROM task WHERE id = $(first_of sleep)"
by_shell 'a task that nobody sent' "sed -i '/ 1 /d' sent"
by_sql 'a task was added twice' "UPDATE task SET payload = json_set(payload, '\$.n', 1) WHERE run = 0"
by_shell 'a refused task is there' "echo 'refused 1 limit' >>sent"
by_sql 'a task did not end as it should' "UPDATE task SET state = 'queued' WHERE id = $(first_of sleep)"
by_sql 'a task was not done exactly once' "UPDATE run SET status = 'lost' WHERE trigger_id = $(first_of sleep)"
by_sql 'a task was completed more than once' "INSERT INTO task_event SELECT seq + 100000, task, at, verb, state, run, agent,
  detail FROM task_event WHERE verb = 'complete' LIMIT 1"
by_sql 'a task was started by a run and completed by another' "UPDATE task_event SET run = run + 1 WHERE verb = 'complete'"
by_sql 'a task took a way that does not exist' "UPDATE task_event SET verb = 'start' WHERE verb = 'assign start'"
by_sql 'a task is not where its events lead' "DELETE FROM task_event WHERE verb = 'complete'"
by_sql 'a run is not over' "UPDATE run SET status = 'running' WHERE id = 1"
by_sql 'a run failed, and no fault was the cause' "UPDATE run SET status = 'failed', error = 'it would not' WHERE id = 1"
by_sql 'an agent counted other than it ran' "UPDATE agent SET state = json_set(state, '\$.runs', 0)"
by_sql 'an agent that ran has no state' "DELETE FROM agent WHERE name = 'sink'"
by_sql 'an await of a committed run has no end' "UPDATE journal SET status = 'started' WHERE $done_command"
by_sql 'a journal belongs to no run' "UPDATE journal SET run = run + 100000 WHERE $done_command"
by_sql 'a token stands twice in the journal' "INSERT INTO journal (run, strand, position, op, args, status, result, started_at,
  finished_at) SELECT run, strand, position + 1000, op, args, status, result, started_at, finished_at FROM journal
  WHERE $done_command LIMIT 1"
by_sql 'an effect began that the journal does not know' "DELETE FROM journal WHERE $done_command"
by_shell 'a finished effect did not happen exactly once' "sed -i '\\|^begin $done_token|d' witness"
by_sql 'an attempt waited in more than one run' "UPDATE run SET attempt = 1
  WHERE trigger_id IN (SELECT id FROM task WHERE type = 'fragile')"
by_shell 'an effect was repeated' "grep '^begin $done_token' witness >>witness.more; cat witness.more >>witness"
by_sql 'a command failed otherwise than by a crash' "UPDATE journal SET status = 'error', result = x'c0' WHERE $done_command"
by_sql 'a script was not told which outcomes are unknown' "UPDATE task SET result = json_set(result, '\$.unknown', 7)
  WHERE type = 'append'"
by_sql 'the ledger and the journal differ' "INSERT INTO ledger (seq, at, run, task, agent, kind, units, cpu_us, wall_us) SELECT seq + 100000, at, run, task, agent, kind, units, cpu_us,
  wall_us FROM ledger LIMIT 1"
by_sql 'a run that added tasks did not add all of them, or none' "UPDATE task SET run = run + 100000 WHERE run <> 0
  AND type = 'spin'"
by_sql 'a task came before what it waits for' "UPDATE task_event SET seq = -seq WHERE verb = 'assign start'
  AND task IN (SELECT task FROM task_dependency)"
by_sql 'a question was answered wrongly' "UPDATE task SET result = '{\"answer\":1}' WHERE type = 'ask'"
by_sql 'an evaluation came out wrong' "UPDATE task SET result = '{\"value\":1}' WHERE type = 'evaluate'"
by_shell 'a file is not as its run wrote it' 'for file in swarm/report/*; do echo more >>"$file"; done'
by_sql 'a file was not written just once' 'UPDATE file_write SET done = 2'
by_sql 'a message was not handled' "UPDATE message SET state = 'stored'"
by_sql 'a message was not handled exactly once' "UPDATE run SET status = 'lost' WHERE trigger_kind = 'mail'"
by_sql 'mail came out of order' "UPDATE agent SET state = json_set(state, '\$.disorder', 1) WHERE name = 'sink'"
by_sql 'mail was lost or doubled' "UPDATE agent SET state = json_set(state, '\$.last', '{}') WHERE name = 'sink'"
by_sql 'a relay sent other than it was asked to' "UPDATE agent SET state = json_set(state, '\$.sent', 1) WHERE name = 'relay'"

while read -r rule; do
  printf '%s\n' "${noticed[@]}" | grep -qxF "$rule" || complain "no violation is planted of: $rule"
done < <(sed -n "s/^SELECT '\([^']*\)'.*/\1/p" "$here/check.sql"; sed -n 's/.*echo "\([^:"]*\):.*/\1/p' "$here/check.sh")

if ((failures)); then exit 1; fi
echo "${#noticed[@]} planted violations were noticed"
