-- Guard: values
-- Attack: returns a message that was made a part of itself
-- Runs as: mail
-- Ends: refused failed "refers to a table that it is part of"

return {
  api = 1,
  on_mail = function(_, message)
    message.body.message = message
    return message
  end,
}
