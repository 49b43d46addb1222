// What the store keeps of a past run so that it can be run again, offline: how it was called, every answer
// that it got, and how it ended.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "run/executor.h"
#include "store/blob.h"
#include "store/database.h"

namespace clade::run {

struct Recording {
  // A call that was journaled: an await, a read, or an effect that was refused.
  struct Answer {
    std::string strand;
    int64_t position = 0;
    std::string op;
    std::string args;    // canonical bytes
    bool known = false;  // false: the run ended, or gave the strand up, before there was an answer
    Result<Value> result = Value();  // when known
    int64_t finished_at = 0;         // ms since 1970
    int64_t turn = 0;                // as Journal::Entry
  };

  std::string agent;  // instance
  std::string role;
  std::string version;  // hash of the agent's script
  Value pins;           // skill id → hash
  std::string trigger;  // id of the task or message
  std::string status;   // those of run/status.h
  std::string error;
  std::string state_version;    // the version that wrote the state; "" if there was none
  Invocation invocation;        // `from_version` as it was; `from_schema` that of state_version, 0: unknown
  std::vector<Answer> answers;  // by strand and position
  std::string state_after;      // hash, of a committed run
  std::string result;           // the same
};

// Reads the recording of a run that has ended. Errors: "not_found", "not_recorded" (it has not ended, an
// older clade ran it, it read more than is kept, its message was ephemeral, or its task, message or state has
// been removed: says which), "corrupt", those of Statement.
Result<Recording> read_recording(store::Database& database, const store::Blobs& blobs, int64_t run);

// A state that runs began with, by its hash; nil for "". Errors: "not_found", "invalid", those of Statement.
Result<Value> read_state(store::Database& database, const std::string& hash);

}  // namespace clade::run
