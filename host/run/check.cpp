#include "run/check.h"

#include <algorithm>
#include <functional>

#include "base/bytes.h"
#include "base/codec.h"
#include "queue/task.h"
#include "run/status.h"

namespace clade::run {
namespace {

using store::CheckProgress;
using store::Database;
using store::Finding;
using store::Findings;

constexpr const char* kRestore = "restore the state from a backup (`clade db backup --help` says how)";

// 'a', 'b' for SQL.
std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

std::string final_states() {
  std::vector<std::string> names;
  for (int i = 0; i < queue::kStates; ++i) {
    const auto state = static_cast<queue::State>(i);
    if (queue::is_final(state)) names.emplace_back(queue::name(state));
  }
  return quoted_list(names);
}

// A query whose every row (where, what) is a finding.
struct Rule {
  const char* kind;
  std::string sql;
  const char* advice;
  bool warning = false;
};

std::vector<Rule> rules() {
  const std::string task_states = quoted_list(queue::state_names());
  const std::string run_states = quoted_list(run_status_names());
  // What commits together with the end of a run. That its task is over may be another's doing.
  const std::string has_ended =
      "finished_at <> 0 OR EXISTS (SELECT 1 FROM task_event e WHERE e.task = trigger_id AND e.run = run.id "
      "AND trigger_kind = 'task' AND e.verb IN ('complete', 'review'))";
  return {
      {"task state",
       "SELECT 'task ' || id, 'its state \"' || state || '\" is none' FROM task WHERE state NOT IN (" +
           task_states + ")",
       kRestore},
      {"task event",
       "SELECT 'task ' || t.id, 'it is ' || t.state || ', but its last event says ' || e.state FROM task t "
       "JOIN task_event e ON e.seq = (SELECT max(seq) FROM task_event WHERE task = t.id) "
       "WHERE e.state <> t.state",
       "another program changed it: `clade task show TASK` has its history, `clade task cancel TASK` ends "
       "it"},
      {"task history",
       "SELECT 'task ' || id, 'it has no history' FROM task "
       "WHERE NOT EXISTS (SELECT 1 FROM task_event WHERE task = task.id)",
       kRestore},
      {"lease",
       "SELECT 'task ' || id, 'it is ' || state || ', but run ' || lease_run || ' holds a lease on it' "
       "FROM task WHERE lease_run <> 0 AND state NOT IN ('assigned', 'executing')",
       "`clade task cancel TASK`, then `clade task retry TASK`"},
      {"no lease",
       "SELECT 'task ' || id, 'it is ' || state || ', but nobody holds a lease on it' FROM task "
       "WHERE lease_run = 0 AND state IN ('assigned', 'executing')",
       "`clade task cancel TASK`, then `clade task retry TASK`"},
      {"dependency",
       "SELECT 'task ' || t.id, 'it waits for ' || d.after || ', which is not there' FROM task t "
       "JOIN task_dependency d ON d.task = t.id WHERE t.state NOT IN (" +
           final_states() + ") AND NOT EXISTS (SELECT 1 FROM task WHERE id = d.after)",
       "it would wait for ever: `clade task cancel TASK`"},
      {"journal run",
       "SELECT 'run ' || run, 'it has ' || count(*) || ' entries in the journal, but is not there' FROM "
       "journal "
       "WHERE NOT EXISTS (SELECT 1 FROM run WHERE id = journal.run) GROUP BY run",
       kRestore},
      {"journal state",
       "SELECT 'run ' || run, 'the state \"' || status || '\" of a journal entry is none' FROM journal "
       "WHERE status NOT IN ('started', 'done', 'error', 'cancelled')",
       kRestore},
      {"run status",
       "SELECT 'run ' || id, 'its status \"' || status || '\" is none' FROM run WHERE status NOT IN (" +
           run_states + ")",
       kRestore},
      {"run end",
       "SELECT 'run ' || id, 'it is running, but ' || CASE WHEN finished_at <> 0 THEN 'has an end' ELSE "
       "'has ended its ' || trigger_kind || ' ' || trigger_id END FROM run WHERE status = 'running' AND (" +
           has_ended + ")",
       "another program changed it: the next `clade run` ends it as lost"},
      {"run of a task",
       "SELECT 'run ' || id, 'it is running, but its task ' || trigger_id || ' is not there' FROM run "
       "WHERE status = 'running' AND trigger_kind = 'task' AND NOT (" +
           has_ended + ") AND NOT EXISTS (SELECT 1 FROM task WHERE id = run.trigger_id)",
       "another program changed it: the next `clade run` ends it as lost"},
      // A host was ended between the cancellation and the end of the run, or is about to get there.
      {"run of what is over",
       "SELECT 'run ' || run.id, 'it is running, but its task ' || task.id || ' is ' || task.state FROM run "
       "JOIN task ON task.id = run.trigger_id WHERE run.status = 'running' AND run.trigger_kind = 'task' AND "
       "NOT (" +
           has_ended + ") AND task.state IN (" + final_states() + ")",
       "a host at work ends it, and so does the next `clade run`", true},
      {"run agent",
       "SELECT 'agent ' || agent, 'runs of it were committed, as run ' || min(id) || ', but its state is not "
       "there' "
       "FROM run WHERE status = 'committed' AND NOT EXISTS (SELECT 1 FROM agent WHERE name = run.agent) "
       "GROUP BY agent",
       kRestore},
      {"data agent",
       "SELECT 'agent ' || agent, 'it keeps data by key, but its state is not there' FROM "
       "data "
       "WHERE NOT EXISTS (SELECT 1 FROM agent WHERE name = data.agent) GROUP BY agent",
       kRestore},
      {"run state",
       "SELECT 'run ' || id, 'the state ' || state || ' that it began with is not there' FROM run "
       "WHERE state <> '' AND NOT EXISTS (SELECT 1 FROM state WHERE hash = run.state)",
       kRestore},
      {"run version",
       "SELECT 'run ' || id, 'its version ' || version || ' is not there' FROM run "
       "WHERE NOT EXISTS (SELECT 1 FROM version WHERE hash = run.version)",
       kRestore},
      {"script version",
       "SELECT 'script ' || name, 'its version ' || hash || ' is not there' FROM script_event "
       "WHERE NOT EXISTS (SELECT 1 FROM version WHERE hash = script_event.hash)",
       kRestore},
      {"message state",
       "SELECT 'message ' || id, 'its state \"' || state || '\" is none' FROM message "
       "WHERE state NOT IN ('stored', 'handled', 'dead_letter')",
       kRestore},
      {"proposal state",
       "SELECT 'proposal ' || id, 'its state \"' || state || '\" is none' FROM proposal "
       "WHERE state NOT IN ('open', 'accepted', 'rejected')",
       kRestore},
      {"file state",
       "SELECT 'file ' || path || ' of run ' || run, 'its state ' || done || ' is none' FROM file_write "
       "WHERE done NOT IN (0, 1, 2)",
       kRestore},
  };
}

// A query of (where, value …), and what is wrong with a row's values ("" if nothing).
struct Values {
  const char* what;
  const char* sql;
  std::function<std::string(const store::Statement&)> wrong;
};

std::string json_problem(const store::Statement& row, const std::vector<const char*>& columns) {
  for (size_t index = 0; index < columns.size(); ++index) {
    auto value = decode_json(row.text(static_cast<int>(index) + 1), kStoredLimits);
    if (!value) return std::string("its ") + columns[index] + " is damaged: " + value.error().message;
  }
  return "";
}

std::function<std::string(const store::Statement&)> json(std::vector<const char*> columns) {
  return [columns = std::move(columns)](const store::Statement& row) { return json_problem(row, columns); };
}

std::string journal_problem(const store::Statement& row) {
  auto args = decode_msgpack(row.text(1));
  if (!args) return "the arguments of " + row.text(4) + " are damaged: " + args.error().message;
  // What is in a blob is checked with the blobs.
  if (row.text(3) == "started" || !row.text(5).empty()) return "";
  auto result = decode_msgpack(row.text(2));
  return result ? "" : "the result of " + row.text(4) + " is damaged: " + result.error().message;
}

std::string state_problem(const store::Statement& row) {
  const std::string hash = content_hash(row.text(1));
  return hash == row.text(2) ? "" : "its content is another one's, " + short_hash(hash);
}

std::string version_problem(const store::Statement& row) {
  const std::string hash = content_hash(row.text(1));
  return hash == row.text(2) ? "" : "its source is another one's, " + short_hash(hash);
}

const std::vector<Values>& values() {
  static const std::vector<Values> all = {
      {"tasks", "SELECT 'task ' || id, payload, result FROM task", json({"payload", "result"})},
      {"messages", "SELECT 'message ' || id, body FROM message", json({"body"})},
      {"agents", "SELECT 'agent ' || name, state FROM agent", json({"state"})},
      {"runs", "SELECT 'run ' || id, pins FROM run", json({"list of skills"})},
      {"script events", "SELECT 'script ' || name, detail FROM script_event", json({"history"})},
      {"proposals", "SELECT 'proposal ' || id, body, on_accept, voters FROM proposal",
       json({"body", "follow-up", "list of voters"})},
      {"rules", "SELECT 'rule ' || name, value FROM rule", json({"value"})},
      {"settings", "SELECT 'setting ' || name, value FROM setting", json({"value"})},
      {"journal", "SELECT 'run ' || run, args, result, status, op, result_blob FROM journal",
       journal_problem},
      {"states", "SELECT 'state ' || hash, content, hash FROM state", state_problem},
      {"versions", "SELECT 'version ' || hash, source, hash FROM version", version_problem},
  };
  return all;
}

// What the database itself will not give is a finding, and the other questions are still asked.
void ask(Database& database, const std::string& sql, Findings& findings,
         const std::function<void(const store::Statement&)>& each) {
  auto query = database.prepare(sql);
  for (;;) {
    auto row = query.step();
    if (!row) findings.add("unreadable", {false, "the database", row.error().message, kRestore});
    if (!row || !*row) return;
    each(query);
  }
}

}  // namespace

bool StateReport::clean() const {
  return std::all_of(findings.begin(), findings.end(), [](const Finding& one) { return one.warning; });
}

Result<StateReport> check_state(Database& database, const store::Blobs& blobs,
                                const store::BlobCheck& options, const CheckProgress& progress) {
  {
    auto query = database.prepare("SELECT count(*) FROM sqlite_schema");
    if (auto row = query.step(); !row) return failure(row.error());
  }
  StateReport report;
  Findings findings;
  store::check_file(database, findings, progress);
  for (const auto& rule : rules()) {
    progress("every " + std::string(rule.kind), 0);
    ask(database, rule.sql, findings, [&](const store::Statement& row) {
      findings.add(rule.kind, {rule.warning, row.text(0), row.text(1), rule.advice});
    });
  }
  for (const auto& part : values()) {
    int64_t done = 0;
    ask(database, part.sql, findings, [&](const store::Statement& row) {
      progress(part.what, ++done);
      const std::string wrong = part.wrong(row);
      if (!wrong.empty()) findings.add(part.what, {false, row.text(0), wrong, kRestore});
    });
    report.rows += done;
  }
  auto read = store::check_blobs(database, blobs, options, findings, progress);
  if (read) {
    report.blobs = *read;
  } else {
    findings.add("unreadable", {false, "the blobs in " + blobs.folder(), read.error().message, kRestore});
  }
  report.findings = findings.take();
  return report;
}

}  // namespace clade::run
