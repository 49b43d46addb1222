// The audit: who did what that changes what runs or what is allowed, as an append-only chain of hashes.
//
//   line  one act: a row of `audit`, which names the row of another table that tells of it (an edge in
//         task_event, an event in script_event, a vote, a closed proposal, or a row of `act` for what no
//         other table tells). The facts stay where they are; the chain holds the hash of what that row says.
//   link  closes the lines that one group commit brought: BLAKE2b(link before ‖ BLAKE2b of each line),
//   written
//         by the writer in the transaction of the group.
//
// So a line, or what it tells of, cannot be changed, taken away or put elsewhere without the chain showing
// it. What it cannot show by itself: that lines were cut off at its end together with their links, or that it
// was computed anew from some line on, by somebody who may write the store. Whoever noted the newest link
// (the head) elsewhere sees that, too. There is no secret in it: that a line was added at its end by another
// program than a host, nobody can see.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::store {

// An act that no other table tells of.
struct Act {
  int64_t at = 0;       // ms since 1970
  std::string who;      // a person's name, an agent's, or "host"
  std::string what;     // "host.start", "setting.set", …
  std::string subject;  // what it was done to
  Value detail;         // no secrets: everybody who may read the store reads this
};
// Stores it, and its line.
void record_act(Act act, Batch& batch);
// Adds a line for what the change before this one wrote: the row of `source` ("task_event", "script_event",
// "vote" or "proposal") with this key; "" stands for the row it inserted last, by its number. The key of a
// vote is "<proposal> <voter>".
void note_act(const std::string& source, const std::string& key, Batch& batch);

// For what takes old rows out of the store, before it does: the lines that tell of a row of `source`, or that
// are a run's doing. Errors: those of Statement.
Result<std::vector<int64_t>> lines_of(Database& database, const std::string& source, const std::string& key);
// The same.
Result<std::vector<int64_t>> lines_of_run(Database& database, int64_t run);
// Adds the line that tells of what was taken out, `at` ms since 1970: the lines are forgotten, not broken.
// For a change of a batch that is marked (mark_act).
Status forget_lines(Database& database, const std::vector<int64_t>& lines, int64_t at);

// Closes the lines since the last link with one. For the writer, at the end of a group that has acts and
// within its transaction.
Status seal_acts(Database& database);

// A line with what it tells of, as it is stored now.
struct AuditLine {
  int64_t number = 0;   // from 1
  std::string source;   // table
  std::string key;      // row there
  int64_t run = 0;      // whose doing it was; 0: a person's or the host's own
  std::string version;  // of the script that this run ran; ""
  int64_t at = 0;
  std::string who;
  std::string what;
  std::string subject;
  Value detail = Value::Map();
  std::string content;  // hash of what is too long for a line, as a task's payload; ""
  bool gone = false;    // its row is not there any more: what follows `version` is empty
};

struct AuditFilter {
  int64_t since = 0;   // ms since 1970
  std::string who;     // "" for everybody
  int64_t limit = 50;  // the newest so many
};
// Lines in the order of the chain. Errors: those of Statement.
Result<std::vector<AuditLine>> audit_lines(Database& database, const AuditFilter& filter);
// One line. Errors: "not_found", those of Statement.
Result<AuditLine> audit_line(Database& database, int64_t number);

// The newest link.
struct AuditHead {
  int64_t line = 0;  // the last that it closes; 0 while there is none
  std::string hash;  // 64 hexadecimal digits; ""
};
// Errors: those of Statement.
Result<AuditHead> audit_head(Database& database);

struct AuditVerdict {
  int64_t broken_line = 0;  // the first line that is not what the chain says; 0: none
  std::string problem;      // what is wrong, for a person; "" while all is well
  int64_t lines = 0;        // checked before the problem, or all
  int64_t forgotten = 0;    // of these, what has left the store by age
  AuditHead head;
  int64_t noted_line = 0;  // the last line that was there when the head was noted
};
// Walks the whole chain as of one moment. `noted`: a head that somebody kept, in full, or "". Errors: those
// of Statement.
Result<AuditVerdict> verify_audit(Database& database, const std::string& noted);

}  // namespace clade::store
