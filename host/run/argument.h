// What a handler is given: its task or message as a value, live or from the store.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "mail/mail.h"
#include "queue/task.h"
#include "run/run.h"
#include "store/database.h"

namespace clade::run {

// {id, type, payload, priority, attempt, parent, error}: the argument of on_task.
Value argument_of(const queue::Task& task);
// {id, sender, kind, body, thread, wants_reply, ephemeral = true (of such)}: the argument of on_mail.
Value argument_of(const mail::Message& message);

// The argument that a past run had: its trigger from the store, with the attempt and the error of that time.
// Errors: "not_found" (the task or message is gone), "corrupt", those of Statement.
Result<Value> past_argument(store::Database& database, Trigger trigger, const std::string& id,
                            int64_t attempt, const std::string& error);

}  // namespace clade::run
