-- Guard: memory
-- Attack: unpacks more values than any stack holds, and packs what comes into varargs again and again
-- Runs as: evaluation
-- Limits: memory_mb = 16
-- Ends: refused memory "not enough memory: the cap is 16 MB"

assert(not pcall(unpack, {}, 1, 1e8), "a hundred million values were unpacked")
assert(not pcall(unpack, {}, -2 ^ 31, 2 ^ 31 - 1), "the count of values wrapped round")
local function pack(...) return { ... } end
local list, held = {}, {}
for index = 1, 7000 do list[index] = index end
while true do held[#held + 1] = pack(unpack(list)) end
