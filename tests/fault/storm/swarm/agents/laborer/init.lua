-- Each kind of task leaves something that check.sql can hold against the witness and the store.
local EVALUATION = [[return { double = function(n)
  count(3)
  local x = 0
  for i = 1, 200000 do x = x + i % 7 end
  return 2 * n
end }]]

-- What marks one attempt of a task, and no other: the random number is the run's.
local function mark_of(task)
  return task.id .. "/" .. task.attempt .. "/" .. clade.random(1000000000)
end

-- Runs the witness under a token of its own; counts in `seen` what became of it.
local function witnessed(task, token, hold_ms, seen, child)
  local payload = task.payload
  local command = { payload.program, payload.witness, "W:" .. token .. ";", tostring(hold_ms), child }
  local result, _, code = clade.process.run(command)
  if result then
    seen.done = seen.done + 1
  elseif code == "outcome_unknown" then
    seen.unknown = seen.unknown + 1
  else
    seen.other = seen.other + 1
  end
end

local work = {}

-- One command after the other.
function work.append(task)
  local mark, seen = mark_of(task), { done = 0, unknown = 0, other = 0 }
  for step = 1, 3 do witnessed(task, mark .. "/" .. step, clade.random(0, 40), seen) end
  return seen
end

-- Commands at the same time, one of them with a child that it leaves behind.
function work.pair(task)
  local mark, seen = mark_of(task), { done = 0, unknown = 0, other = 0 }
  local long, short = clade.random(20, 200), clade.random(0, 20)
  clade.all {
    function() witnessed(task, mark .. "/long", long, seen, "child") end,
    function() witnessed(task, mark .. "/short", short, seen) end,
  }
  return seen
end

-- Keeps its cell busy: who kills that takes an attempt.
function work.spin(task)
  local sum = 0
  for index = 1, 3000000 do sum = sum + index % 7 end
  return { sum = sum }
end

function work.sleep(task)
  clade.sleep(clade.random(5, 120))
  return { slept = true }
end

-- Adds tasks that depend on each other, and is not done with that yet.
function work.spawn(task)
  local payload = task.payload
  local ids = clade.queue.add_all {
    { key = "first", type = "append", payload = payload, max_attempts = 100 },
    { type = "spin", payload = payload, max_attempts = 100, after = { "first" } },
  }
  clade.queue.add { type = "sleep", payload = payload, max_attempts = 100, after = ids }
  clade.sleep(clade.random(5, 80))
  return { spawned = #ids + 1 }
end

-- Fails once, and not because of any fault.
function work.fragile(task)
  local seen = { done = 0, unknown = 0, other = 0 }
  witnessed(task, mark_of(task) .. "/1", 5, seen)
  if task.attempt == 1 then error("fragile") end
  return seen
end

function work.hopeless(task)
  clade.sleep(clade.random(0, 20))
  clade.queue.fail(task, "hopeless", { retry = false })
end

function work.ask(task)
  local reply, problem, code = clade.ask { to = "agent:oracle", kind = "question", body = task.payload }
  return reply and { answer = reply } or { problem = problem, code = code }
end

-- An evaluation whose process was killed is made again: it can be.
function work.evaluate(task)
  for attempt = 1, 50 do
    local result = clade.cell.eval { source = EVALUATION, entry = "double", args = { task.payload.n },
      wall_ms = 400, cpu_ms = 5000 }
    if result.ok then return { value = result.value, evaluations = attempt } end
    if result.code ~= "killed" and result.code ~= "wall" then error(result.error) end
  end
  error("no evaluation came to its end")
end

function work.scribe(task)
  clade.sleep(clade.random(0, 20))
  clade.file.write("report/" .. task.id .. ".txt", task.id)
  return { wrote = true }
end

local types = {}
for name in pairs(work) do types[#types + 1] = name end

return {
  api = 1,
  tasks = types,
  state = { runs = 0 },
  on_task = function(self, task)
    self.state.runs = self.state.runs + 1
    return work[task.type](task)
  end,
}
