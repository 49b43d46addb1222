#include "store/audit.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/codec.h"

namespace clade::store {
namespace {

constexpr size_t kDigits = 64;  // of a hash

// How the row of a source is read: at, who, what, subject, content, then what the line tells besides. What is
// read is hashed: for lines that exist it must stay as it is, so columns are not added here but in a source
// of another name.
struct Source {
  const char* name;
  const char* sql;
  std::vector<const char*> details;
};

const std::array<Source, 5>& sources() {
  static const std::array<Source, 5> table = {{
      {"task_event",
       "SELECT event.at, event.agent, 'task.' || CASE event.verb WHEN 'submit' THEN 'add' WHEN 'submit "
       "enqueue' THEN 'add' ELSE event.verb END, "
       "event.task, task.payload, task.type, task.approval, event.detail "
       "FROM task_event event JOIN task ON task.id = event.task WHERE event.seq = ?1",
       {"type", "approval", "reason"}},
      {"script_event",
       "SELECT at, by, 'script.' || verb, name, detail, hash, parent, "
       "CASE WHEN json_valid(detail) THEN coalesce(json_extract(detail, '$.reason'), '') ELSE '' END "
       "FROM script_event WHERE seq = ?1",
       {"hash", "parent", "reason"}},
      {"vote",
       "SELECT at, voter, 'vote.cast', proposal, '', choice, reason FROM vote "
       "WHERE proposal = substr(?1, 1, instr(?1, ' ') - 1) AND voter = substr(?1, instr(?1, ' ') + 1)",
       {"choice", "reason"}},
      {"proposal",
       "SELECT closed_at, 'host', 'proposal.' || state, id, body || char(10) || on_accept || char(10) || "
       "voters, "
       "kind, title, reason FROM proposal WHERE id = ?1",
       {"kind", "title", "reason"}},
      {"act", "SELECT at, who, what, subject, '', detail FROM act WHERE seq = ?1", {"detail"}},
  }};
  return table;
}

const Source* source_named(const std::string& name) {
  const auto& all = sources();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return name == one.name; });
  return found == all.end() ? nullptr : &*found;
}

// What the row says, into `line`; a row that is not there is `gone`.
Status read_source(Database& database, AuditLine& line) {
  const Source* source = source_named(line.source);
  line.gone = true;
  if (!source) return {};
  auto query = database.prepare(source->sql);
  query.bind(1, line.key);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (!*row) return {};
  line.gone = false;
  line.at = query.integer(0);
  line.who = query.text(1);
  line.what = query.text(2);
  line.subject = query.text(3);
  if (const std::string content = query.text(4); !content.empty()) line.content = content_hash(content);
  int column = 5;
  for (const char* name : source->details) {
    std::string text = query.text(column++);
    if (text.empty()) continue;
    auto parts = line.source == "act" ? decode_json(text) : Result<Value>(Value());
    if (parts && parts->is_map()) {
      line.detail = std::move(*parts);
    } else {
      line.detail.set(name, std::move(text));
    }
  }
  return {};
}

Status read_version(Database& database, AuditLine& line) {
  if (line.run == 0) return {};
  auto query = database.prepare("SELECT version FROM run WHERE id = ?1");
  query.bind(1, line.run);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (*row) line.version = query.text(0);
  return {};
}

constexpr const char* kColumns = "SELECT seq, source, key, run FROM audit ";

// The line of a row selected with kColumns.
Result<AuditLine> read_line(Database& database, const Statement& row) {
  AuditLine line;
  line.number = row.integer(0);
  line.source = row.text(1);
  line.key = row.text(2);
  line.run = row.integer(3);
  if (auto status = read_version(database, line); !status) return failure(status.error());
  if (auto status = read_source(database, line); !status) return failure(status.error());
  return line;
}

// The hash of a line: of its canonical bytes.
std::string digest(const AuditLine& line) {
  return content_hash(
      encode_msgpack(Value::Array{line.number, line.source, line.key, line.run, line.version, line.at,
                                  line.who, line.what, line.subject, line.detail, line.content}));
}

std::string link_hash(const std::string& before, const std::string& digests) {
  return content_hash(before + digests);
}

constexpr const char* kForget = "audit.forget";
constexpr const char* kHost = "host";

// The lines that the chain says are forgotten. Whether it says so rightly, the walk sees when it comes there.
Result<std::set<int64_t>> forgotten_lines(Database& database) {
  std::set<int64_t> lines;
  auto query = database.prepare(
      "SELECT act.detail FROM act JOIN audit ON audit.source = 'act' AND audit.key = CAST(act.seq AS TEXT) "
      "WHERE act.what = ?1");
  query.bind(1, kForget);
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return lines;
    auto detail = decode_json(query.text(0));
    if (!detail) continue;  // changed by somebody: that line is broken itself
    for (const Value& line : (*detail)["lines"].as_array()) lines.insert(line.as_integer());
  }
}

// The numbers that a statement gives in its first column.
Result<std::vector<int64_t>> numbers(Statement& query) {
  std::vector<int64_t> found;
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return found;
    found.push_back(query.integer(0));
  }
}

// One walk along the chain, from its beginning.
class Walk {
 public:
  Walk(Database& database, const std::string& noted) : database_(database), noted_(noted) {}

  Result<AuditVerdict> run() {
    auto forgotten = forgotten_lines(database_);
    if (!forgotten) return failure(forgotten.error());
    forgotten_ = std::move(*forgotten);
    auto query = database_.prepare("SELECT last, lines, hash FROM audit_link ORDER BY last");
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      auto fits = check_link(query.integer(0), query.text(1), query.text(2));
      if (!fits) return failure(fits.error());
      if (!*fits) return verdict_;
    }
    if (auto status = check_end(); !status) return failure(status.error());
    return verdict_;
  }

 private:
  bool broken(int64_t line, const std::string& problem) {
    verdict_.broken_line = line;
    verdict_.problem = problem;
    return false;
  }

  Result<bool> check_link(int64_t last, const std::string& digests, const std::string& hash) {
    const int64_t first = verdict_.lines + 1;
    if (digests.size() != static_cast<size_t>(last - first + 1) * kDigits)
      return broken(first, "the link that closes the lines up to " + std::to_string(last) + " was changed");
    for (int64_t number = first; number <= last; ++number) {
      auto fits = check_line(number, digests.substr(static_cast<size_t>(number - first) * kDigits, kDigits));
      if (!fits || !*fits) return fits;
    }
    if (link_hash(verdict_.head.hash, digests) != hash) {
      const std::string lines =
          first == last ? "line " + std::to_string(first) + " does"
                        : "lines " + std::to_string(first) + " to " + std::to_string(last) + " do";
      return broken(first,
                    lines + " not follow from what was before: the chain was written anew from here on");
    }
    verdict_.lines = last;
    verdict_.head = {last, hash};
    if (hash == noted_) verdict_.noted_line = last;
    return true;
  }

  Result<bool> check_line(int64_t number, const std::string& expected) {
    auto query = database_.prepare(std::string(kColumns) + "WHERE seq = ?1");
    query.bind(1, number);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return broken(number, "it was removed");
    auto line = read_line(database_, query);
    if (!line) return failure(line.error());
    if (forgotten_.count(number) > 0 && (line->gone || (line->run != 0 && line->version.empty()))) {
      ++verdict_.forgotten;
      return true;
    }
    if (line->gone) return broken(number, "what it tells of was removed: " + line->source + " " + line->key);
    if (digest(*line) == expected) return true;
    return broken(number,
                  "it was changed; now it says: " + line->who + " " + line->what + " " + line->subject);
  }

  Status check_end() {
    auto query = database_.prepare("SELECT coalesce(min(seq), 0) FROM audit WHERE seq > ?1 OR seq < 1");
    query.bind(1, verdict_.lines);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (query.integer(0) != 0) {
      broken(query.integer(0), "no link closes it: it was not written by a host, or its link was removed");
    } else if (!noted_.empty() && verdict_.noted_line == 0) {
      broken(
          verdict_.lines + 1,
          "the noted head is not in the chain: lines were cut off at its end, or all of it was written anew");
    }
    return {};
  }

  Database& database_;
  const std::string& noted_;
  std::set<int64_t> forgotten_;
  AuditVerdict verdict_;
};

}  // namespace

void record_act(Act act, Batch& batch) {
  batch.add([act = std::move(act)](Database& database) {
    auto insert = database.prepare("INSERT INTO act (at, who, what, subject, detail) VALUES (?, ?, ?, ?, ?)");
    insert.bind(1, act.at).bind(2, act.who).bind(3, act.what).bind(4, act.subject);
    insert.bind(5, encode_json(act.detail.is_nil() ? Value(Value::Map()) : act.detail));
    return insert.run();
  });
  note_act("act", "", batch);
}

void note_act(const std::string& source, const std::string& key, Batch& batch) {
  batch.mark_act();
  batch.add([source, key, run = batch.acting_run()](Database& database) {
    auto insert = database.prepare(
        "INSERT INTO audit (source, key, run) VALUES (?1, CASE ?2 WHEN '' THEN last_insert_rowid() ELSE ?2 "
        "END, "
        "?3)");
    return insert.bind(1, source).bind(2, key).bind(3, run).run();
  });
}

Result<std::vector<int64_t>> lines_of(Database& database, const std::string& source, const std::string& key) {
  auto query = database.prepare("SELECT seq FROM audit WHERE source = ?1 AND key = ?2");
  query.bind(1, source).bind(2, key);
  return numbers(query);
}

Result<std::vector<int64_t>> lines_of_run(Database& database, int64_t run) {
  auto query = database.prepare("SELECT seq FROM audit WHERE run = ?1 AND run <> 0");
  query.bind(1, run);
  return numbers(query);
}

Status forget_lines(Database& database, const std::vector<int64_t>& lines, int64_t at) {
  if (lines.empty()) return {};
  auto act =
      database.prepare("INSERT INTO act (at, who, what, subject, detail) VALUES (?, ?, ?, 'lines', ?)");
  const Value detail{{"lines", Value::Array(lines.begin(), lines.end())}};
  act.bind(1, at).bind(2, kHost).bind(3, kForget).bind(4, encode_json(detail));
  if (auto status = act.run(); !status) return status;
  return database.execute("INSERT INTO audit (source, key, run) VALUES ('act', last_insert_rowid(), 0)");
}

Status seal_acts(Database& database) {
  auto head = audit_head(database);
  if (!head) return failure(head.error());
  std::string digests;
  int64_t last = head->line;
  {
    auto query = database.prepare(std::string(kColumns) + "WHERE seq > ?1 ORDER BY seq");
    query.bind(1, head->line);
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      auto line = read_line(database, query);
      if (!line) return failure(line.error());
      digests += digest(*line);
      last = line->number;
    }
  }
  if (digests.empty()) return {};
  auto insert = database.prepare("INSERT INTO audit_link (last, lines, hash) VALUES (?, ?, ?)");
  return insert.bind(1, last).bind(2, digests).bind(3, link_hash(head->hash, digests)).run();
}

Result<std::vector<AuditLine>> audit_lines(Database& database, const AuditFilter& filter) {
  std::vector<AuditLine> lines;
  auto query = database.prepare(std::string(kColumns) + "ORDER BY seq DESC");
  while (static_cast<int64_t>(lines.size()) < filter.limit) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) break;
    auto line = read_line(database, query);
    if (!line) return failure(line.error());
    const bool wanted = line->at >= filter.since && (filter.who.empty() || line->who == filter.who);
    // A line whose row is gone is everybody's: nobody can say whose it was.
    if (wanted || line->gone) lines.push_back(std::move(*line));
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

Result<AuditLine> audit_line(Database& database, int64_t number) {
  auto query = database.prepare(std::string(kColumns) + "WHERE seq = ?1");
  query.bind(1, number);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (!*row)
    return failure("not_found",
                   "the audit has no line " + std::to_string(number) + ": see `clade audit list`");
  return read_line(database, query);
}

Result<AuditHead> audit_head(Database& database) {
  auto query = database.prepare("SELECT last, hash FROM audit_link ORDER BY last DESC LIMIT 1");
  auto row = query.step();
  if (!row) return failure(row.error());
  return *row ? AuditHead{query.integer(0), query.text(1)} : AuditHead();
}

Result<AuditVerdict> verify_audit(Database& database, const std::string& noted) {
  if (auto status = database.execute("BEGIN"); !status) return failure(status.error());
  auto verdict = Walk(database, noted).run();
  (void)database.execute("COMMIT");  // it only read
  return verdict;
}

}  // namespace clade::store
