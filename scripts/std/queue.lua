-- clade.queue: tasks. What a handler adds or decides here happens when its run commits, all of it or nothing.

local host, check = ...

local queue = {}

local TASK = {
  type = "string", payload = "any?", priority = "integer?", after = "strings?", approval = "string?",
  max_attempts = "integer?",
}
local KEYED_TASK = { key = "string?" }
for name, kind in next, TASK do KEYED_TASK[name] = kind end

-- Adds a task. Fields: type (a role's pattern must match it), payload (plain data), priority (1 … 10, 10 first;
-- default 5), after (ids that must be completed first), approval (a question: the task waits for a person's
-- yes), max_attempts (default 3). Returns its id. Raises: misuse, no role for the type, no grant
-- queue.add:<type>, a full queue, more than 10,000 effects in one run. Outbox.
--   local id = clade.queue.add { type = "write_spec", payload = { idea = "…" }, priority = 7 }
function queue.add(task)
  check.fields("clade.queue.add", task, TASK)
  return host.put("queue.add", task)
end

-- Adds several tasks that may depend on each other: `after` may name the `key` of another in the list. All or none.
-- Returns their ids in order. Raises as queue.add, and for circles.
--   clade.queue.add_all { { key = "a", type = "build" }, { type = "test", after = { "a" } } }
function queue.add_all(tasks)
  check.argument("clade.queue.add_all", "tasks", tasks, "list")
  for index, task in ipairs(tasks) do
    check.fields("clade.queue.add_all", task, KEYED_TASK, " of task " .. index)
  end
  return host.put("queue.add_all", { tasks = tasks })
end

-- Hands this run's task over to a review: a task { type, payload } is added whose payload also gets `reviews` (this
-- task's id). This task goes to `reviewing` with the handler's return value as its result; the review's run
-- decides with accept or reject. Once per run. Returns the review task's id. Grant queue.add:<type>. Outbox.
--   clade.queue.review { type = "code_review", payload = { hash = hash } }
function queue.review(task)
  check.fields("clade.queue.review", task, { type = "string", payload = "table?", priority = "integer?" })
  return host.put("queue.review", task)
end

-- The verdict of a review task's run: the reviewed task is completed. `task` is its id (payload.reviews).
-- Returns true. Raises unless that task waits for this one's verdict. Outbox.
--   return clade.queue.accept(task.payload.reviews)
function queue.accept(task)
  check.argument("clade.queue.accept", "task", task, "string")
  return host.put("queue.accept", { task = task })
end

-- The other verdict: the reviewed task is queued again, `reason` is its `error`. Returns true. Outbox.
--   return clade.queue.reject(task.payload.reviews, "uses os.execute in line 12")
function queue.reject(task, reason)
  check.argument("clade.queue.reject", "task", task, "string")
  check.argument("clade.queue.reject", "reason", reason, "string")
  return host.put("queue.reject", { task = task, reason = reason })
end

-- This run's task fails when the run commits; what else the run emitted still happens. `task` is the handler's
-- argument. options.retry = false: no further attempt. Returns true; the handler returns it. Outbox.
--   return clade.queue.fail(task, "no headroom left", { retry = false })
function queue.fail(task, reason, options)
  check.argument("clade.queue.fail", "task", task, "table")
  check.argument("clade.queue.fail", "reason", reason, "string")
  check.fields("clade.queue.fail", options or {}, { retry = "boolean?" }, " of options")
  local retry = not options or options.retry ~= false
  return host.put("queue.fail", { reason = reason, retry = retry })
end

-- A task by id: { id, type, state, priority, payload, result, parent, attempt, error, history, … }, or nil,
-- message, "not_found". Grant queue.read. Read.
--   local task = clade.queue.get("t7")
function queue.get(id)
  check.argument("clade.queue.get", "id", id, "string")
  return host.request("queue.get", { id = id })
end

-- Tasks, newest first. filter: state, type (a pattern like "test_*"), limit (at most 1000), after (the id of the last
-- task of the page before). What this run has added itself comes last on the first page. Raises if the tasks take more
-- than 4 MB. Grant queue.read. Read.
--   local page = clade.queue.list { state = "dead_letter", limit = 100 }
--   local more = clade.queue.list { state = "dead_letter", limit = 100, after = page[#page].id }
function queue.list(filter)
  filter = filter or {}
  check.fields("clade.queue.list", filter, {
    state = "string?", type = "string?", limit = "integer?", after = "string?",
  })
  return host.request("queue.list", filter)
end

return queue
