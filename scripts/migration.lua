-- The form of an agent's state: its script numbers it (`schema`) and says how a state of another form is brought to its
-- own (`migrate`). `enter` calls a script's function, so that its errors name the script. Returns {problem_of, goes_back, new}.
--
--   migrate = function(from_version, state) … end    called whenever another version wrote the state
--   migrate = {                                      called only if the numbers differ:
--     [2] = function(state) … end,                   a state of schema 1 → 2, [3] of 2 → 3, and so on
--     back = function(from_schema, state) … end,     a state of a higher number → this version's
--   }

local enter = ...

local migration = {}

-- What is wrong with the two in an agent's table, or nil.
function migration.problem_of(module)
  local schema, migrate = module.schema == nil and 1 or module.schema, module.migrate
  if type(schema) ~= "number" or schema < 1 or schema > 2 ^ 53 or schema % 1 ~= 0 then
    return "`schema` must be a whole number, 1 or more"
  end
  local kind = type(migrate)
  if kind == "nil" or kind == "function" then return nil end
  if kind ~= "table" then return "`migrate` must be a function or a table of steps, not " .. kind end
  for key, step in next, migrate do
    local name = key == "back" and "migrate.back" or "migrate[" .. tostring(key) .. "]"
    if key ~= "back" and type(key) ~= "number" then
      return "`" .. name .. "` is neither a numbered step nor `back`"
    end
    if key ~= "back" and not (key >= 2 and key <= schema and key % 1 == 0) then
      return "`" .. name .. "` is no step: they go from 2 to `schema`, which is " .. ("%.0f"):format(schema)
    end
    if type(step) ~= "function" then return "`" .. name .. "` must be a function, not " .. type(step) end
  end
  return nil
end

-- Does it say how a state of a higher number is brought back to its own?
function migration.goes_back(module)
  return type(module.migrate) == "function" or type(module.migrate) == "table" and module.migrate.back ~= nil
end

local function moved(name, state)
  if type(state) ~= "table" then error(name .. " must return the new state, not " .. type(state), 0) end
  return state
end

-- Of a table in which problem_of finds nothing wrong. Returns its schema, and
-- bring(state, from_version, from_schema) → the state in this version's form. from_version: who wrote it, nil if this
-- version did; from_schema: the form in which it is, nil or 0 if nobody knows. Raises what a step raises, or what is missing.
function migration.new(module)
  local schema, whole, steps = module.schema or 1, nil, {}
  if type(module.migrate) == "function" then whole = module.migrate end
  if type(module.migrate) == "table" then
    for key, step in next, module.migrate do steps[key] = step end
  end

  local function missing(from, name)
    error(("the state has schema %.0f, this version knows %.0f and has no %s"):format(from, schema, name), 0)
  end

  return schema, function(state, from_version, from_schema)
    if whole then return from_version and moved("migrate", enter(whole, from_version, state)) or state end
    if not from_schema or from_schema == 0 or from_schema == schema then return state end
    if from_schema > schema then
      if not steps.back then missing(from_schema, "migrate.back") end
      return moved("migrate.back", enter(steps.back, from_schema, state))
    end
    -- All or nothing: a step that is missing is found before the first one.
    for number = from_schema + 1, schema do
      if not steps[number] then missing(from_schema, ("migrate[%.0f]"):format(number)) end
    end
    for number = from_schema + 1, schema do
      state = moved(("migrate[%.0f]"):format(number), enter(steps[number], state))
    end
    return state
  end
end

return migration
