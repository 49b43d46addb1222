-- Guard: nesting
-- Attack: a module that requires itself
-- Runs as: module
-- Ends: refused error "modules require each other in a circle: attack → attack"

return require("attack")
