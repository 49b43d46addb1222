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
    std::string agent, kind, trigger, status, error;
    int64_t attempt = 0;
  };
  struct Proposal {
    std::string state, reason;
    std::vector<std::string> voters;
    std::map<std::string, std::string> votes;  // role → choice
    int64_t run = 0;
  };
  // What became of a combination of scripts at work.
  struct Standing {
    std::string verb, combination;
    int64_t at = 0;
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
  std::vector<Standing> standing;
  std::vector<File> files;
  std::string integrity;  // "ok"
};

// Reads all of it. `thorough`: lets SQLite check the file, too. Errors: those of Statement, "corrupt".
clade::Result<Stored> read_stored(clade::store::Database& database, bool thorough);

}  // namespace sim
