#!/usr/bin/env bash
# How long hostile agents can keep the host's loop busy at a stretch: six of them at once, each with what costs the host
# most per message, for some seconds; beside them the same host with nothing to do.
set -euo pipefail

folder=$(mktemp -d)
trap '"$CLADE" -C "$folder" stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT

# agent NAME BODY: an agent whose on_task is BODY.
agent() {
  mkdir -p "$folder/agents/$1"
  printf 'summary: attacks\ngrants: ["queue.add:**", "mail.send:**"]\n' >"$folder/agents/$1/agent.yaml"
  printf 'return { api = 1, tasks = { "%s" }, on_task = function()\n%s\nend }\n' "$1" "$2" >"$folder/agents/$1/init.lua"
  printf '  %s: {grants: ["queue.add:**", "mail.send:**"]}\n' "$1" >>"$folder/swarm.yaml"
}

printf 'swarm: attacked\nagents:\n' >"$folder/swarm.yaml"
rounds='for _ = 1, 60 do local list = {} for n = 1, 8 do list[n] = attack end clade.all(list) end'
agent keys "local map = {} for n = 1, 4000 do map['key' .. n * 7919] = n end
local function attack() pcall(clade.mail.send, { to = 'agent:nobody', kind = 'x', body = map }) end $rounds"
agent values "local values = {} for n = 1, 30000 do values[n] = true end
local function attack() pcall(clade.mail.send, { to = 'agent:nobody', kind = 'x', body = values }) end $rounds"
agent lists "local lists = {} for n = 1, 15000 do lists[n] = { n } end
local function attack() pcall(clade.mail.send, { to = 'agent:nobody', kind = 'x', body = lists }) end $rounds"
agent texts "local text = ('x'):rep(2 ^ 20 - 1000)
local function attack() pcall(clade.mail.send, { to = 'agent:nobody', kind = 'x', body = text }) end $rounds"
agent logs "for _ = 1, 200 do for _ = 1, 5000 do clade.log('') end clade.sleep(0) end"
agent results "local map = {} for n = 1, 30000 do map[n] = 0.1 end return map"

# Starts the host, does what is given, waits until nothing is left to do, prints the longest stall in ms.
stall() {
  "$CLADE" -C "$folder" run --detach >/dev/null
  local name left=1
  for name; do "$CLADE" -C "$folder" task add "$name" >/dev/null; done
  while ((left > 0)); do
    sleep 0.2  # what polls takes the processor from what is measured
    left=$("$CLADE" -C "$folder" status --json | grep -oE '"(in_flight|queued)":[ ]*[0-9]+' | grep -cvE ':[ ]*0$' || true)
  done
  "$CLADE" -C "$folder" status --json | sed -nE 's/.*"longest_stall_us": *([0-9]+).*/\1/p' | awk '{ printf "%.1f", $1 / 1000 }'
  "$CLADE" -C "$folder" stop >/dev/null
}

printf 'idle\t%s\tms\tlower\n' "$(stall)"
printf 'attacked\t%s\tms\tlower\n' "$(stall keys values lists texts logs results)"
