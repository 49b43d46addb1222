-- Guard: deadline
-- Attack: endless `repeat` and `goto` within each other, each caught and begun again
-- Runs as: evaluation
-- Limits: cpu_ms = 150
-- Ends: refused cpu "stopped after 150 ms of CPU (cpu_ms): deadline/repeat_goto.lua:"

::again::
pcall(function()
  local turn = 0
  repeat
    ::inner::
    turn = turn + 1
    if turn % 2 == 0 then goto inner end
  until turn < 0
end)
goto again
