// Lua that the fuzz target of the cell's end loads and evaluates: what agents do, and what they should not.
#pragma once

namespace clade::fuzz {

// Agents' scripts.
inline constexpr const char* kAgents[] = {
    R"lua(return {
  api = 1, tasks = { "*" }, state = { runs = 0 },
  on_task = function(self, task)
    self.state.runs = self.state.runs + 1
    local value, message, code = clade.queue.get(task)
    return { value = value, message = message, code = code, name = self.name, now = clade.now() }
  end,
  on_mail = function(self, mail) self.state.last = mail return mail end,
  migrate = function(from, state) return state end,
  check = function(state) return type(state) == "table", "no table" end,
  selftest = function() return { ok = true } end,
})lua",
    R"lua(return {
  api = 1, tasks = { "*" },
  on_task = function(self, task)
    local values = clade.all({
      function() return clade.queue.get(task) end,
      function() clade.sleep(1) error("in a strand") end })
    print("got", values)
    self.state = values or {}
    return values
  end,
})lua",
    R"lua(return {
  api = 1, tasks = { "*" },
  on_task = function(self, task)
    local ok, problem = pcall(clade.queue.add, task)
    for _ = 1, 3 do problem = { clade.queue.get("t1") } end
    return function() return ok, problem end
  end,
  selftest = function() error({ "no text" }) end,
})lua",
    R"lua(return {
  api = 1, tasks = { "*" },
  on_task = function(self, task)
    local loop = {} loop.loop = loop
    self.state = task.shared and { task, task } or loop
    coroutine.wrap(function() coroutine.yield(clade.queue.get("t1")) end)()
  end,
})lua",
    "return { api = 1, on_mail = function(self, mail) while true do pcall(clade.queue.get, mail) end end }",
    "local m = require 'm' return { api = 1, on_task = m.on_task, tasks = m.tasks }",
};

// Chunks to evaluate, in the place of a judge or of its subject.
inline constexpr const char* kChunks[] = {
    "return { run = function(...) count(select('#', ...)) print(...) return ... end }",
    "return subject.call('run', 1, 'two', { three = 3 })",
    "local ok, value = subject.call('run', setmetatable({}, { __index = error })) return { ok, value }",
    "return { run = function(value) return value, { value }, tostring(value) end }",
    "return { run = function(value) for k, v in pairs(value) do value[v] = k end return value end }",
    "while true do pcall(count, 1) end",
    "local function deep(n) return n and { deep(n > 1 and n - 1) } end return deep(80)",
    "return require('m').run",
};

}  // namespace clade::fuzz
