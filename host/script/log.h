// The history of a script as a log of its versions, from the store alone.
#pragma once

#include <string>

#include "base/result.h"
#include "base/value.h"
#include "store/database.h"

namespace clade::script {

// {name, current=<hash>, before?=<hash that is in force if `current` fails>, versions}: newest first, each
// {hash, parent, origin=file|published|rolled_back, by, at, verdict, reason?, decided_at?, runs?, with=[names
// of the same install], lineage?}. `verdict`: "confirmed", "on probation", "undone", "cut off", "replaced"
// (by another one, before anything was decided) or "refused" (it never became current). Errors: "not_found"
// (names the nearest), those of Statement.
Result<Value> script_log(store::Database& database, const std::string& name);

// What became of a script's newest versions, as a paragraph for people: why it runs what it runs. `log`: what
// script_log returned.
std::string why_text(const Value& log);

}  // namespace clade::script
