-- Life cycles of tasks in tarantool: tarantool peers_tarantool.lua FOLDER FIBERS TASKS prints how many per second. Each
-- step is a transaction of its own, on disk before its fiber goes on.
local fiber = require "fiber"
local clock = require "clock"

local QUEUED, EXECUTING = 0, 1
local folder, fibers, tasks = arg[1], tonumber(arg[2]), tonumber(arg[3])

box.cfg {
  wal_mode = "fsync", memtx_dir = folder, wal_dir = folder, vinyl_dir = folder, log = folder .. "/log",
  work_dir = folder, checkpoint_interval = 0,
}
local space = box.schema.space.create("task")
space:create_index("id", { parts = { 1, "unsigned" } })
local waiting = space:create_index("waiting", { parts = { 2, "unsigned", 1, "unsigned" } })

local text = ("x"):rep(200)
local added, completed = 0, 0
local done = fiber.cond()

local function work()
  while added < tasks do
    added = added + 1
    space:insert { added, QUEUED, text }
    local id = waiting:min(QUEUED)[1]
    space:update(id, { { "=", 2, EXECUTING } })
    space:delete(id)
    completed = completed + 1
  end
  done:signal()
end

local began = clock.monotonic()
for _ = 1, fibers do fiber.create(work) end
while completed < tasks do done:wait() end
print(completed / (clock.monotonic() - began))
os.exit(space:len() == 0 and 0 or 1)
