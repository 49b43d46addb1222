// The schema, as the steps that led to it. A step is never edited once it has been released: a new one is
// added.
#include <array>
#include <string>

#include "store/database.h"

namespace clade::store {
namespace {

// Times are ms since 1970; columns that hold JSON say so; ids as the command line shows them.
constexpr const char* kFirst = R"sql(
CREATE TABLE task (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL,
  payload TEXT NOT NULL,              -- JSON
  result TEXT NOT NULL,               -- JSON
  parent TEXT NOT NULL, run INTEGER NOT NULL, approval TEXT NOT NULL, reviewer TEXT NOT NULL,
  attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL, error TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
  lease_run INTEGER NOT NULL, lease_epoch INTEGER NOT NULL, lease_until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX task_active ON task (state) WHERE state NOT IN ('completed', 'dead_letter', 'cancelled');
CREATE INDEX task_created ON task (created_at);
CREATE INDEX task_parent ON task (parent);
CREATE TABLE task_dependency (
  task TEXT NOT NULL REFERENCES task (id), after TEXT NOT NULL, PRIMARY KEY (task, after)
) WITHOUT ROWID;
CREATE INDEX task_dependency_after ON task_dependency (after);
-- What happened to a task: every edge, every attempt, every refused late write.
CREATE TABLE task_event (
  seq INTEGER PRIMARY KEY, task TEXT NOT NULL, at INTEGER NOT NULL, verb TEXT NOT NULL, state TEXT NOT NULL,
  run INTEGER NOT NULL, agent TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX task_event_task ON task_event (task, seq);
CREATE TABLE message (
  id TEXT PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL,
  body TEXT NOT NULL,                 -- JSON
  thread TEXT NOT NULL, wants_reply INTEGER NOT NULL, run INTEGER NOT NULL, seq INTEGER NOT NULL,
  created_at INTEGER NOT NULL, state TEXT NOT NULL, -- stored, handled, dead_letter
  attempt INTEGER NOT NULL, error TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX message_waiting ON message (recipient, seq) WHERE state = 'stored';
CREATE INDEX message_seq ON message (seq);
CREATE TABLE agent (
  name TEXT PRIMARY KEY, version TEXT NOT NULL,
  state TEXT NOT NULL,                -- JSON
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE version (hash TEXT PRIMARY KEY, source BLOB NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE script (name TEXT PRIMARY KEY, hash TEXT NOT NULL REFERENCES version (hash)) WITHOUT ROWID;
CREATE TABLE script_event (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL, parent TEXT NOT NULL,
  verb TEXT NOT NULL,                 -- those of script/history.h
  by TEXT NOT NULL,
  detail TEXT NOT NULL                -- JSON
);
CREATE INDEX script_event_name ON script_event (name, seq);
CREATE TABLE run (
  id INTEGER PRIMARY KEY, agent TEXT NOT NULL, version TEXT NOT NULL,
  pins TEXT NOT NULL,                 -- JSON: skill id → hash
  trigger_kind TEXT NOT NULL, trigger_id TEXT NOT NULL, attempt INTEGER NOT NULL,
  seed INTEGER NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
  status TEXT NOT NULL,               -- those of run/status.h
  error TEXT NOT NULL
);
CREATE INDEX run_running ON run (status) WHERE status = 'running';
CREATE INDEX run_trigger ON run (trigger_id);
CREATE TABLE journal (
  run INTEGER NOT NULL, strand TEXT NOT NULL, position INTEGER NOT NULL, op TEXT NOT NULL,
  args BLOB NOT NULL,                 -- canonical MessagePack
  status TEXT NOT NULL,               -- started, done, error, cancelled
  result BLOB NOT NULL,               -- MessagePack; of an error {code, message}
  started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
  PRIMARY KEY (run, strand, position)
) WITHOUT ROWID;
-- What was used, for what: one row per finished effect.
CREATE TABLE ledger (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, run INTEGER NOT NULL, task TEXT NOT NULL, agent TEXT NOT NULL,
  kind TEXT NOT NULL,                 -- "cell.eval", "process.run"
  units INTEGER NOT NULL,             -- what the script counted, e.g. evaluations
  cpu_us INTEGER NOT NULL, wall_us INTEGER NOT NULL
);
CREATE INDEX ledger_task ON ledger (task);
CREATE TABLE proposal (
  id TEXT PRIMARY KEY, title TEXT NOT NULL, kind TEXT NOT NULL,
  body TEXT NOT NULL, on_accept TEXT NOT NULL, voters TEXT NOT NULL, -- JSON
  proposer TEXT NOT NULL, task TEXT NOT NULL, run INTEGER NOT NULL,
  state TEXT NOT NULL,                -- open, accepted, rejected
  reason TEXT NOT NULL, created_at INTEGER NOT NULL, deadline INTEGER NOT NULL, closed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE vote (
  proposal TEXT NOT NULL REFERENCES proposal (id), voter TEXT NOT NULL, choice TEXT NOT NULL, reason TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (proposal, voter)
) WITHOUT ROWID;
CREATE TABLE rule (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,                -- JSON
  set_by TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
-- Settings given on the command line: they hold until others are given.
CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL                 -- JSON
) WITHOUT ROWID;
-- Files that a committed run wants written; done after the commit, again after a crash.
CREATE TABLE file_write (
  seq INTEGER PRIMARY KEY, path TEXT NOT NULL, content BLOB NOT NULL, run INTEGER NOT NULL, at INTEGER NOT NULL,
  done INTEGER NOT NULL               -- 0: to be written, 1: written (content is emptied), 2: given up
);
CREATE INDEX file_write_open ON file_write (done) WHERE done = 0;
)sql";

// Lists of tasks, newest first, without a look at the rows that are not listed.
constexpr const char* kTasksInOrder = R"sql(
ALTER TABLE task ADD COLUMN seq INTEGER NOT NULL DEFAULT 0; -- counts tasks in the order of their submission
UPDATE task SET seq = coalesce((SELECT min(seq) FROM task_event WHERE task_event.task = task.id), 0);
DROP INDEX task_created;
CREATE INDEX task_seq ON task (seq, type);
CREATE INDEX task_state ON task (state, seq, type);
)sql";

// Replays, the audit, data by key, and what leaves the store by age.
constexpr const char* kKept = R"sql(
-- What a run began with, and in which order it was handed its results (run/handover.h).
CREATE TABLE state (
  hash TEXT PRIMARY KEY,              -- of the content
  content TEXT NOT NULL               -- JSON: a state that runs began with
) WITHOUT ROWID;
ALTER TABLE journal ADD COLUMN result_blob TEXT NOT NULL DEFAULT ''; -- of a large result, which is '' then
CREATE INDEX journal_result_blob ON journal (result_blob) WHERE result_blob <> '';
ALTER TABLE journal ADD COLUMN turn INTEGER NOT NULL DEFAULT 0; -- 0: it was answered at once
ALTER TABLE run ADD COLUMN role TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN state TEXT NOT NULL DEFAULT '';         -- hash of the one it began with; '': none
ALTER TABLE run ADD COLUMN state_version TEXT NOT NULL DEFAULT ''; -- the version that wrote it
ALTER TABLE run ADD COLUMN task_error TEXT NOT NULL DEFAULT '';    -- the error that its task brought along
ALTER TABLE run ADD COLUMN recorded INTEGER NOT NULL DEFAULT 0;    -- 1: all that follows is there
ALTER TABLE run ADD COLUMN omitted INTEGER NOT NULL DEFAULT 0;     -- bytes of reads that were not kept
ALTER TABLE run ADD COLUMN state_after TEXT NOT NULL DEFAULT '';   -- hash, when committed
ALTER TABLE run ADD COLUMN result TEXT NOT NULL DEFAULT '';        -- hash of its MessagePack, when committed
-- Who did what (audit.h). Rows of these are only ever added.
CREATE TABLE act (                    -- what no other table tells of
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
  detail TEXT NOT NULL                -- JSON
);
CREATE INDEX act_what ON act (what, seq);
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  source TEXT NOT NULL, key TEXT NOT NULL, -- table and row that tell of the act
  run INTEGER NOT NULL                -- whose doing it was; 0: a person's, or the host's own
);
CREATE INDEX audit_row ON audit (source, key);
CREATE INDEX audit_run ON audit (run) WHERE run <> 0;
CREATE TABLE audit_link (
  last INTEGER PRIMARY KEY,           -- the last line that it closes
  lines TEXT NOT NULL,                -- BLAKE2b of each line since the link before, 64 digits each
  hash TEXT NOT NULL                  -- BLAKE2b of the hash of the link before and `lines`
);
CREATE TRIGGER act_kept BEFORE UPDATE ON act BEGIN SELECT raise(ABORT, 'acts are only added'); END;
CREATE TRIGGER act_stays BEFORE DELETE ON act BEGIN SELECT raise(ABORT, 'acts are only added'); END;
CREATE TRIGGER audit_kept BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER link_kept BEFORE UPDATE ON audit_link BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER link_stays BEFORE DELETE ON audit_link BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
-- The content goes once a file is written: its size stays.
ALTER TABLE file_write ADD COLUMN bytes INTEGER; -- NULL: written before this was kept
UPDATE file_write SET bytes = length(content) WHERE done <> 1;
-- What agents keep by key (clade.data), per instance.
CREATE TABLE data (
  agent TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  value BLOB NOT NULL,                -- MessagePack
  PRIMARY KEY (agent, key)
);
-- What retention needs: sums of what it takes away, the numbers that were given, and ways to find what goes
-- together.
ALTER TABLE ledger ADD COLUMN count INTEGER NOT NULL DEFAULT 1; -- effects that the row tells of
CREATE UNIQUE INDEX ledger_sum ON ledger (task, agent, kind) WHERE run = 0; -- of runs that are gone
CREATE INDEX ledger_run ON ledger (run);
CREATE INDEX run_state ON run (state) WHERE state <> '';
CREATE INDEX file_write_run ON file_write (run);
CREATE INDEX proposal_open ON proposal (task) WHERE state = 'open';
CREATE TABLE mark (
  name TEXT PRIMARY KEY,              -- "task" (t7), "message" (m7)
  value INTEGER NOT NULL              -- the highest number of one that was removed
) WITHOUT ROWID;
)sql";

// Tasks and messages by number: rows at the end of their table, found by an integer, and few indexes. (A
// partial index whose condition is a list of states costs more to keep than all others together.)
constexpr const char* kByNumber = R"sql(
CREATE TABLE old_dependency AS SELECT * FROM task_dependency;
DROP TABLE task_dependency;
CREATE TABLE new_task (
  id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL,
  payload TEXT NOT NULL,              -- JSON
  result TEXT NOT NULL,               -- JSON
  parent TEXT NOT NULL, run INTEGER NOT NULL, approval TEXT NOT NULL, reviewer TEXT NOT NULL,
  attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL, error TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
  lease_run INTEGER NOT NULL, lease_epoch INTEGER NOT NULL, lease_until INTEGER NOT NULL,
  seq INTEGER PRIMARY KEY             -- counts tasks in the order of their submission
);
INSERT INTO new_task (id, type, state, priority, payload, result, parent, run, approval, reviewer, attempt,
    max_attempts, error, created_at, updated_at, due_at, lease_run, lease_epoch, lease_until)
  SELECT id, type, state, priority, payload, result, parent, run, approval, reviewer, attempt,
    max_attempts, error, created_at, updated_at, due_at, lease_run, lease_epoch, lease_until
  FROM task ORDER BY seq, id;
DROP TABLE task;
ALTER TABLE new_task RENAME TO task;
CREATE INDEX task_state ON task (state, seq, type, priority, due_at);
CREATE INDEX task_type ON task (type);
CREATE INDEX task_parent ON task (parent) WHERE parent <> '';
CREATE TABLE task_dependency (
  task TEXT NOT NULL REFERENCES task (id), after TEXT NOT NULL, PRIMARY KEY (task, after)
) WITHOUT ROWID;
INSERT INTO task_dependency SELECT * FROM old_dependency;
DROP TABLE old_dependency;
CREATE INDEX task_dependency_after ON task_dependency (after);
CREATE TABLE new_message (
  id TEXT NOT NULL UNIQUE, sender TEXT NOT NULL, recipient TEXT NOT NULL, address TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,                 -- JSON
  thread TEXT NOT NULL, wants_reply INTEGER NOT NULL, run INTEGER NOT NULL,
  seq INTEGER PRIMARY KEY,            -- counts messages in the order of their sending
  created_at INTEGER NOT NULL, state TEXT NOT NULL, -- stored, handled, dead_letter
  attempt INTEGER NOT NULL, error TEXT NOT NULL
);
INSERT INTO new_message (id, sender, recipient, address, kind, body, thread, wants_reply, run, created_at, state,
    attempt, error)
  SELECT id, sender, recipient, address, kind, body, thread, wants_reply, run, created_at, state, attempt, error
  FROM message ORDER BY seq, id;
DROP TABLE message;
ALTER TABLE new_message RENAME TO message;
CREATE INDEX message_waiting ON message (seq) WHERE state = 'stored';
)sql";

// Versions on probation, and what runs used: by that a version is compared with the one that it replaced.
constexpr const char* kInstalls = R"sql(
ALTER TABLE script ADD COLUMN install INTEGER NOT NULL DEFAULT 0; -- that is on probation; 0: none
ALTER TABLE script ADD COLUMN fallback TEXT NOT NULL DEFAULT '';  -- hash in force before it; '': none
ALTER TABLE script ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;  -- 1: its host ended in order meanwhile
ALTER TABLE version ADD COLUMN schema INTEGER NOT NULL DEFAULT 1;  -- of the state that it writes, as it says
ALTER TABLE script_event ADD COLUMN install INTEGER NOT NULL DEFAULT 0; -- that it is about
ALTER TABLE run ADD COLUMN cpu_us INTEGER NOT NULL DEFAULT 0;       -- of a committed one, in its cell
ALTER TABLE run ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0; -- that its VM held after it
ALTER TABLE run ADD COLUMN emitted INTEGER NOT NULL DEFAULT 0;      -- tasks and messages
)sql";

constexpr std::array<const char*, 5> kSteps = {kFirst, kTasksInOrder, kKept, kByNumber, kInstalls};

// The statement ends here: an unfinished one would keep its snapshot while the steps write.
Result<int> stored_version(Database& database) {
  auto query = database.prepare("PRAGMA user_version");
  auto row = query.step();
  if (!row) return failure(row.error());
  return static_cast<int>(query.integer(0));
}

// Within a transaction.
Status run_steps(Database& database) {
  const auto found = stored_version(database);
  if (!found) return failure(found.error());
  if (*found > schema_version()) {
    return failure("newer_schema", "the state was written by a newer clade (schema " +
                                       std::to_string(*found) + ", this one knows " +
                                       std::to_string(schema_version()) +
                                       "): run that version, or move .clade away to start afresh");
  }
  if (*found < 0) {
    return failure("corrupt",
                   "the state has the schema version " + std::to_string(*found) +
                       ": another program changed it; restore .clade, or move it away to start afresh");
  }
  for (int step = *found; step < schema_version(); ++step) {
    const std::string sql =
        kSteps.at(static_cast<size_t>(step)) + ("PRAGMA user_version = " + std::to_string(step + 1));
    if (auto status = database.execute(sql); !status) return status;
  }
  return {};
}

}  // namespace

int schema_version() {
  return static_cast<int>(kSteps.size());
}

Status migrate(Database& database) {
  auto found = stored_version(database);
  if (!found) return failure(found.error());
  if (*found == schema_version()) return {};
  // Two hosts may start at once: what is missing is asked again once nobody else can write.
  if (auto status = database.execute("BEGIN IMMEDIATE"); !status) return status;
  auto status = run_steps(database);
  if (status) status = database.execute("COMMIT");
  if (!status) (void)database.execute("ROLLBACK");
  return status;
}

}  // namespace clade::store
