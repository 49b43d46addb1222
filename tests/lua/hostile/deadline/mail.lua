-- Guard: deadline
-- Attack: walks a message again and again
-- Runs as: mail
-- Ends: refused failed "(slice_ms): deadline/mail.lua:"

return {
  api = 1,
  on_mail = function(_, message)
    local name
    while true do name = next(message, name) end
  end,
}
