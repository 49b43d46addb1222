-- Which globals each kind of script has. A script that reads or sets any other is wrong.
std = "luajit"
max_line_length = 130
codes = true
ignore = { "581" }            -- not (x <= y) is not x > y for what is no number
self = false                  -- handlers of agents take `self` whether they need it or not
unused_args = false

-- The Lua face: built on one primitive of the host.
files["scripts"] = { read_globals = { "host" }, globals = { "clade" } }
-- Agents are given `clade`, no files, no processes.
files["agents"] = { std = "cell", read_globals = { "clade" } }
-- Skills are pure; their tests and benchmarks may count work and call the subject under test.
files["skills"] = { std = "cell" }
files["skills/**/bench.lua"] = { std = "cell", read_globals = { "count", "subject" } }

-- Specs run in the harness of tests/support/spec.lua.
files["tests/lua"] = { read_globals = { "describe", "it", "expect", "source", "load_module", "fake_clade" } }
-- The agents of the storm, of benches, and of the times whose states are kept.
files["tests/fault/storm"] = { std = "cell", read_globals = { "clade" } }
files["tests/bench/swarm"] = { std = "cell", read_globals = { "clade" } }
files["tests/host/store/kept"] = { std = "cell", read_globals = { "clade" } }
-- A bench's program for tarantool.
files["tests/bench/core/peers_tarantool.lua"] = { read_globals = { "box" } }
-- Attacks on cells: as agents or evaluations. They set what cannot be set, and do nothing with what they hold.
files["tests/lua/hostile"] = {
  std = "cell", read_globals = { "clade", "count", "subject", "_G", "load", "loadstring", "collectgarbage" },
  ignore = { "122", "142", "241", "512", "581" },
}

stds.cell = {
  read_globals = {
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawset",
    "require", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION",
    "coroutine", "math", "string", "table", "bit",
  },
}
