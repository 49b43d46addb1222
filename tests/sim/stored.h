// The database of a history as plain rows: what `sqlite3 clade.db` would show.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "sim/witness.h"
#include "store/database.h"

namespace sim {

struct Stored {
  struct Task {
    std::string state, type, reviewer, error, approval;
    int64_t run = 0, attempt = 0, max_attempts = 0, lease_run = 0;
    std::vector<std::string> after;
  };
  struct Event {
    std::string verb, state, agent, detail;
    int64_t run = 0;
  };
  struct Message {
    std::string sender, recipient, state;
    bool wants_reply = false;
    int64_t run = 0, seq = 0, attempt = 0;
  };
  struct Run {
    std::string agent, kind, trigger, status, error, role, version, pins;
    int64_t attempt = 0;
  };
  struct Proposal {
    std::string state, reason;
    std::vector<std::string> voters;
    std::map<std::string, std::string> votes;  // role → choice
    int64_t run = 0;
  };
  struct ScriptEvent {
    std::string name, hash, parent, verb, by;
    clade::Value detail;
    int64_t at = 0, install = 0;
  };
  struct Script {
    std::string hash, fallback;
    int64_t install = 0;
  };
  struct Entry {
    std::string op, status;
    std::string code;  // of one that was given up
  };
  struct File {
    std::string path, content;
    int64_t run = 0, done = 0;
  };
  std::map<std::string, Task> tasks;
  std::map<std::string, std::vector<Event>> events;  // by task
  std::map<std::string, Message> messages;
  std::map<int64_t, Run> runs;
  std::map<Place, Entry> journal;
  std::map<std::string, clade::Value> states;                       // of agents
  std::map<std::string, std::map<std::string, clade::Value>> data;  // by agent and key
  std::map<std::string, Proposal> proposals;
  std::map<std::string, clade::Value> rules;
  std::vector<ScriptEvent> script_events;
  std::map<std::string, Script> scripts;     // by name
  std::map<std::string, std::string> texts;  // of scripts, by hash
  std::vector<File> files;
  std::string integrity;  // "ok"
};

// Reads all of it. `thorough`: lets SQLite check the file, too. Errors: those of Statement, "corrupt".
clade::Result<Stored> read_stored(clade::store::Database& database, bool thorough);
// What happened to scripts, alone. Errors: those of Statement.
clade::Result<std::vector<Stored::ScriptEvent>> read_script_events(clade::store::Database& database);

}  // namespace sim
