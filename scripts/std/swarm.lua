-- clade.swarm: what swarm.yaml and the command line say.

local host = ...

local swarm = {}

-- { name, goals, settings = { seed, evaluations, instances, commit, … }, report = "report" }. No grant. Read.
--   local seed = clade.swarm.info().settings.seed
function swarm.info()
  return host.request("swarm.info", {})
end

return swarm
