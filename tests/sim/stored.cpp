#include "sim/stored.h"

#include <functional>
#include <string_view>

#include "base/codec.h"
#include "queue/rows.h"

namespace sim {
namespace {

using clade::store::Database;
using clade::store::Statement;

// Calls `take` for each row.
clade::Status each(Database& database, std::string_view sql, const std::function<void(Statement&)>& take) {
  auto query = database.prepare(sql);
  for (;;) {
    auto row = query.step();
    if (!row) return clade::failure(row.error());
    if (!*row) return {};
    take(query);
  }
}

clade::Value json(const std::string& text) {
  auto value = clade::decode_json(text);
  return value ? std::move(*value) : clade::Value("damaged: " + text);
}

}  // namespace

clade::Result<std::vector<Stored::ScriptEvent>> read_script_events(Database& database) {
  std::vector<Stored::ScriptEvent> events;
  const auto status = each(
      database, "SELECT name, hash, parent, verb, by, detail, at, install FROM script_event ORDER BY seq",
      [&](Statement& row) {
        events.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), json(row.text(5)),
                          row.integer(6), row.integer(7)});
      });
  if (!status) return clade::failure(status.error());
  return events;
}

clade::Result<Stored> read_stored(Database& database, bool thorough) {
  Stored stored;
  clade::Status status;
  auto read = [&](std::string_view sql, const std::function<void(Statement&)>& take) {
    if (status) status = each(database, sql, take);
  };
  stored.integrity = "ok";
  if (thorough) read("PRAGMA integrity_check", [&](Statement& row) { stored.integrity = row.text(0); });
  read("SELECT id, state, type, reviewer, error, approval, run, attempt, max_attempts, lease_run FROM task",
       [&](Statement& row) {
         auto& task = stored.tasks[row.text(0)];
         task = {row.text(1),    row.text(2),    row.text(3),    row.text(4),    row.text(5),
                 row.integer(6), row.integer(7), row.integer(8), row.integer(9), {}};
       });
  read("SELECT task, after FROM task_dependency",
       [&](Statement& row) { stored.tasks[row.text(0)].after.push_back(row.text(1)); });
  read("SELECT task, verb, state, agent, detail, run FROM task_event ORDER BY seq", [&](Statement& row) {
    for (const auto& step : clade::queue::steps_of(row.text(1), row.text(2))) {
      stored.events[row.text(0)].push_back({step.verb, step.state, row.text(3), row.text(4), row.integer(5)});
    }
  });
  read("SELECT id, sender, recipient, state, wants_reply, run, seq, attempt FROM message",
       [&](Statement& row) {
         stored.messages[row.text(0)] = {row.text(1),    row.text(2),    row.text(3),   row.integer(4) != 0,
                                         row.integer(5), row.integer(6), row.integer(7)};
       });
  read("SELECT id, agent, trigger_kind, trigger_id, status, error, attempt, role, version, pins FROM run",
       [&](Statement& row) {
         stored.runs[row.integer(0)] = {row.text(1), row.text(2), row.text(3), row.text(4),   row.text(5),
                                        row.text(7), row.text(8), row.text(9), row.integer(6)};
       });
  read("SELECT run, strand, position, op, status, iif(status = 'cancelled', result, '') FROM journal",
       [&](Statement& row) {
         auto& entry = stored.journal[{row.integer(0), row.text(1), row.integer(2)}];
         entry = {row.text(3), row.text(4), ""};
         if (entry.status != "cancelled") return;
         const auto error = clade::decode_msgpack(row.text(5));
         entry.code = error ? (*error)["code"].as_string() : "damaged";
       });
  read("SELECT name, state FROM agent",
       [&](Statement& row) { stored.states[row.text(0)] = json(row.text(1)); });
  read("SELECT agent, key, value FROM data", [&](Statement& row) {
    auto value = clade::decode_msgpack(row.text(2));
    stored.data[row.text(0)][row.text(1)] = value ? std::move(*value) : clade::Value("damaged");
  });
  read("SELECT id, state, voters, run, reason FROM proposal", [&](Statement& row) {
    auto& proposal = stored.proposals[row.text(0)];
    proposal.state = row.text(1);
    const clade::Value voters = json(row.text(2));
    for (const auto& voter : voters.as_array()) proposal.voters.push_back(voter.as_string());
    proposal.run = row.integer(3);
    proposal.reason = row.text(4);
  });
  read("SELECT proposal, voter, choice FROM vote",
       [&](Statement& row) { stored.proposals[row.text(0)].votes[row.text(1)] = row.text(2); });
  read("SELECT name, value FROM rule",
       [&](Statement& row) { stored.rules[row.text(0)] = json(row.text(1)); });
  read("SELECT name, hash, fallback, install FROM script", [&](Statement& row) {
    stored.scripts[row.text(0)] = {row.text(1), row.text(2), row.integer(3)};
  });
  read("SELECT hash, source FROM version", [&](Statement& row) { stored.texts[row.text(0)] = row.text(1); });
  read("SELECT path, content, run, done FROM file_write ORDER BY seq", [&](Statement& row) {
    stored.files.push_back({row.text(0), row.text(1), row.integer(2), row.integer(3)});
  });
  if (!status) return clade::failure(status.error());
  auto events = read_script_events(database);
  if (!events) return clade::failure(events.error());
  stored.script_events = std::move(*events);
  return stored;
}

}  // namespace sim
