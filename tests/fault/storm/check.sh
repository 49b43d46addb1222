#!/usr/bin/env bash
# Did a swarm keep its promises? check.sh FOLDER
#
# Holds what is in FOLDER/swarm, a swarm of tests/fault/storm/swarm whose host has stopped with all work done, against
# FOLDER/witness, which its effects appended to, and FOLDER/sent, which the operator did. Knows nothing of the host: the
# database is read by plain sqlite3. Prints a line per violation, "what: which"; none and status 0 if all is well.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
folder=$1
touch "$folder/witness" "$folder/sent"

# Neither a log that nobody merged, nor half-written files.
files_left_over() {
  local file
  while read -r file; do
    case $file in
      ./swarm.yaml | ./agents/*/init.lua | ./agents/*/agent.yaml) ;;
      ./.clade/clade.db | ./.clade/clade.log | ./.clade/lock | ./.clade/ballast) ;;
      ./report/t*.txt) ;;
      *) echo "a file is left over: $file" ;;
    esac
  done < <(cd "$folder/swarm" && find . -type f -o -type s)
}

# Whatever a command started is gone, also what it left behind. A number may be another process's by now.
processes_left_over() {
  local what token process start stat fields
  while read -r what token process start; do
    [[ $what == begin || $what == child ]] || continue
    stat=$(cat "/proc/$process/stat" 2>/dev/null) || continue
    read -r -a fields <<<"${stat##*) }"
    if [[ ${fields[19]} == "$start" && ${fields[0]} != Z ]]; then
      echo "a process is left over: $process of $token"
    fi
  done <"$folder/witness"
}

store="file:$folder/swarm/.clade/clade.db?immutable=1"  # a visitor must not mend what it looks at

damage() {
  local line
  while read -r line; do
    [[ $line == ok ]] || echo "the database is damaged: $line"
  done < <(sqlite3 -batch "$store" 'PRAGMA integrity_check')
  while read -r line; do
    echo "a row refers to nothing: $line"
  done < <(sqlite3 -batch "$store" 'PRAGMA foreign_key_check')
}

rows_that_contradict() {
  sqlite3 -batch -bail :memory: <<SQL
ATTACH '$store' AS store;
CREATE TABLE place (swarm TEXT);
INSERT INTO place VALUES ('$folder/swarm');
CREATE TABLE witness (what TEXT, token TEXT, process INTEGER, start TEXT);
CREATE TABLE sent (what TEXT, number INTEGER, detail TEXT);
.mode list
.separator " " "\n"
.import '$folder/witness' witness
.import '$folder/sent' sent
.separator ": " "\n"
.read '$here/check.sql'
SQL
}

violations=$(files_left_over; processes_left_over; damage; rows_that_contradict || echo "the rules could not all be checked")
[[ -z $violations ]] || { printf '%s\n' "$violations"; exit 1; }
