#include "queue/why.h"

#include <set>
#include <vector>

#include "base/clock.h"
#include "base/codec.h"
#include "queue/history.h"

namespace clade::queue {
namespace {

constexpr size_t kLongestChain = 1000;
constexpr size_t kLongestLine = 200;
constexpr size_t kShownAwaits = 5;

// The first line, cut to a length that fits a terminal's.
std::string short_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  const bool is_cut = line.size() > kLongestLine;
  if (is_cut) line = valid_utf8(line.substr(0, kLongestLine));
  return is_cut || line.size() < text.size() ? line + " …" : line;
}

std::string with(const std::string& text, const std::string& detail) {
  return detail.empty() ? text : text + ": " + short_line(detail);
}

std::string claimant(const Value& event) {
  const std::string agent = event["agent"].as_string().empty() ? "an agent" : event["agent"].as_string();
  return agent + " (run " + std::to_string(event["run"].as_integer()) + ")";
}

// What an event says to a person; "" for edges that say nothing of their own.
std::string told(const Value& task, const Value& event) {
  const std::string& verb = event["verb"].as_string();
  const std::string& detail = event["detail"].as_string();
  const std::string& by = event["agent"].as_string();
  if (verb == "submit") {
    const int64_t run = event["run"].as_integer();
    if (run == 0) return "submitted " + (by.empty() ? "from outside" : "by " + by);
    const std::string& parent = task["parent"].as_string();
    return "submitted by run " + std::to_string(run) + (parent.empty() ? "" : " of task " + parent);
  }
  if (verb == "block" || verb == "note") return short_line(detail);
  if (verb == "unblock") return with("its dependencies are met", detail);
  if (verb == "hold") return with("asked a person", detail);
  if (verb == "approve") return with("approved by " + by, detail);
  if (verb == "refuse") return with("refused by " + by, detail);
  if (verb == "start") return "started by " + claimant(event);
  if (verb == "review") return "handed to review " + detail + " by " + claimant(event);
  if (verb == "accept") return with("accepted", detail);
  if (verb == "reject") return with("rejected", detail);
  if (verb == "complete") return "completed by " + claimant(event);
  if (verb == "release") return with("given back by " + claimant(event), detail);
  if (verb == "fail")
    return event["run"].as_integer() ? with("failed in " + claimant(event), detail) : short_line(detail);
  if (verb == "retry") return by.empty() ? short_line(detail) : "put back by " + by;
  if (verb == "bury") return with("became a dead letter", detail);
  if (verb == "cancel") return with("cancelled by " + by, detail);
  if (verb == "late")
    return "a late write of run " + std::to_string(event["run"].as_integer()) + " was refused";
  return {};  // enqueue, assign
}

Value happened(const Value& task) {
  Value::Array lines;
  std::string last;
  int repeated = 0;
  for (const auto& event : task["events"].as_array()) {
    const std::string text = told(task, event);
    if (text.empty()) continue;
    repeated = text == last ? repeated + 1 : 1;
    last = text;
    if (repeated > 1) lines.pop_back();
    lines.push_back(
        Value{{"at", event["at"]},
              {"text", repeated > 1 ? text + " (" + std::to_string(repeated) + " times)" : text}});
  }
  return lines;
}

Value link(const Value& task) {
  Value entry;
  for (const char* field : {"id", "type", "state", "attempt", "max_attempts", "error"})
    entry.set(field, task[field]);
  entry.set("happened", happened(task));
  return entry;
}

std::string named(const Value& task) {
  return task["id"].as_string() + " (" + task["type"].as_string() + ")";
}

class Explanation {
 public:
  Explanation(store::Database& database, Value task, int64_t now)
      : database_(database), task_(std::move(task)), now_(now) {}

  Result<Value> run() {
    for (auto step :
         {&Explanation::read_chain, &Explanation::read_waits, &Explanation::read_proposals,
          &Explanation::read_versions, &Explanation::read_children, &Explanation::read_dependents}) {
      if (auto status = (this->*step)(); !status) return failure(status.error());
    }
    return Value{{"chain", std::move(chain_)},
                 {"waits_for", std::move(waits_)},
                 {"consequences", std::move(follows_)}};
  }

 private:
  std::string id() const { return task_["id"].as_string(); }
  void waits(const std::string& text) { waits_.emplace_back(text); }

  Status read_chain() {
    Value::Array upwards = {link(task_)};
    std::set<std::string> seen = {id()};
    std::string parent = task_["parent"].as_string();
    while (!parent.empty() && seen.insert(parent).second && upwards.size() < kLongestChain) {
      auto task = task_with_history(database_, parent);
      if (!task) return failure(task.error());
      if (task->is_nil()) break;
      upwards.push_back(link(*task));
      parent = (*task)["parent"].as_string();
    }
    chain_.assign(upwards.rbegin(), upwards.rend());
    return {};
  }

  Status read_waits() {
    const auto state = state_from_name(task_["state"].as_string());
    switch (state.value_or(State::created)) {
      case State::created:
      case State::failed:
        waits("the host: `clade run`");
        return {};
      case State::blocked:
        return wait_for_dependencies();
      case State::awaiting_approval:
        waits("an answer to \"" + task_["approval"].as_string() + "\": `clade approval approve " + id() +
              "` or `clade approval reject " + id() + "`");
        return {};
      case State::queued:
        wait_for_claim();
        return {};
      case State::assigned:
      case State::executing:
        return wait_for_run();
      case State::reviewing:
        return wait_for_review();
      case State::dead_letter:
        waits("a person, as its attempts are used up: `clade task retry " + id() + "`");
        return {};
      case State::completed:
      case State::cancelled:
        return {};
    }
    return {};
  }

  Status wait_for_dependencies() {
    for (const auto& dependency : task_["after"].as_array()) {
      auto other = task_with_history(database_, dependency.as_string());
      if (!other) return failure(other.error());
      const std::string& state = (*other)["state"].as_string();
      if (state == "completed") continue;
      std::string text = "its dependency " + named(*other) + ", which is " + state;
      if (state == "cancelled" || state == "dead_letter") {
        text += ": `clade task retry " + dependency.as_string() + "` or `clade task cancel " + id() + "`";
      }
      waits(text);
    }
    return {};
  }

  void wait_for_claim() {
    const int64_t due_at = task_["due_at"].as_integer();
    if (due_at > now_) {
      const int64_t attempt = task_["attempt"].as_integer();
      waits("its time, " + format_time(due_at) +
            (attempt > 0 ? " (backoff after attempt " + std::to_string(attempt) + ")" : ""));
      return;
    }
    waits("a free agent that handles " + task_["type"].as_string());
  }

  Status wait_for_run() {
    std::string agent;
    for (const auto& event : task_["events"].as_array()) {
      if (event["verb"].as_string() == "start") agent = claimant(event);
    }
    const int64_t until = task_["lease_until"].as_integer();
    std::string text = agent + ", which works on it under a lease until " + format_time(until);
    if (until <= now_) text += " (over: it goes back to the queue when the host sees it)";
    auto query = database_.prepare(
        "SELECT op, started_at FROM journal WHERE run = ?1 AND status = 'started' ORDER BY started_at, "
        "strand");
    query.bind(1, task_["lease_run"].as_integer());
    size_t awaits = 0;
    while (true) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      if (++awaits <= kShownAwaits)
        text += "; it awaits " + query.text(0) + " since " + format_time(query.integer(1));
    }
    if (awaits > kShownAwaits) {
      text += "; and " + std::to_string(awaits - kShownAwaits) + " more: `clade run show " +
              std::to_string(task_["lease_run"].as_integer()) + "`";
    }
    waits(text);
    return {};
  }

  Status wait_for_review() {
    const std::string& reviewer = task_["reviewer"].as_string();
    auto review = task_with_history(database_, reviewer);
    if (!review) return failure(review.error());
    const std::string cancel = "`clade task cancel " + id() + "`";
    if (review->is_nil()) {
      waits("the verdict of " + reviewer + ", which does not exist: " + cancel);
      return {};
    }
    const auto state = state_from_name((*review)["state"].as_string()).value_or(State::created);
    std::string text = "the verdict of " + named(*review) + ", which is " + name(state);
    if (state == State::completed) text += " without one: " + cancel;
    if (state == State::cancelled || state == State::dead_letter) {
      text += ": `clade task retry " + reviewer + "` or " + cancel;
    }
    waits(text);
    return {};
  }

  // Proposals made for the task, and open ones whose acceptance sets off something about it.
  // Versions that failed on it.
  Status read_versions() {
    auto query = database_.prepare(
        "SELECT name, hash FROM script_event WHERE verb = 'undone' AND json_extract(detail, '$.trigger') = ? "
        "ORDER BY seq");
    query.bind(1, id());
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) return {};
      const std::string name = query.text(0);
      follows_.push_back(
          Value{{"kind", "version"},
                {"id", name},
                {"type", query.text(1)},
                {"state", "undone"},
                {"text", name + " " + query.text(1).substr(0, 12) +
                             ", which failed on this, being undone: `clade why " + name + "`"}});
    }
  }

  Status read_proposals() {
    auto query = database_.prepare(
        "SELECT id, title, kind, state, reason, deadline, voters, task, "
        "(SELECT group_concat(voter || ' ' || choice, ', ') FROM (SELECT voter, choice FROM vote "
        "WHERE vote.proposal = proposal.id ORDER BY at, voter)) "
        "FROM proposal WHERE task = ?1 OR id = ?2 OR (state = 'open' AND instr(on_accept, ?3) > 0) "
        "ORDER BY created_at, id");
    query.bind(1, id()).bind(2, task_["payload"]["proposal"].as_string()).bind(3, encode_json(id()));
    while (true) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) return {};
      add_proposal(query);
    }
  }

  void add_proposal(const store::Statement& row) {
    const std::string proposal = row.text(0) + " \"" + row.text(1) + "\"";
    const std::string votes = row.text(8).empty() ? "no votes yet" : "votes: " + row.text(8);
    const bool is_open = row.text(3) == "open";
    if (is_open) {
      std::string voters;
      if (auto list = decode_json(row.text(6)); list) {
        for (const auto& voter : list->as_array()) voters += (voters.empty() ? "" : ", ") + voter.as_string();
      }
      waits("the vote on proposal " + proposal + " by " + format_time(row.integer(5)) +
            "; voters: " + voters + "; " + votes);
    }
    const std::string text = row.text(3) + (row.text(4).empty() ? "" : ": " + row.text(4)) + "; " + votes;
    if (row.text(7) == id()) {
      follows_.push_back(Value{{"kind", "proposal"},
                               {"id", row.text(0)},
                               {"type", row.text(2)},
                               {"state", row.text(3)},
                               {"text", "proposal " + proposal + " " + text}});
    } else if (!is_open) {
      // The proposal that set this task off belongs before the task's own history.
      Value entry = chain_.back();
      Value::Array lines = {Value{{"at", 0}, {"text", "set off by proposal " + proposal + ", " + text}}};
      for (const auto& line : entry["happened"].as_array()) lines.push_back(line);
      lines.front().set("at", lines.size() > 1 ? lines[1]["at"] : Value(0));
      entry.set("happened", std::move(lines));
      chain_.back() = std::move(entry);
    }
  }

  Status read_children() {
    for (const auto& child : task_["children"].as_array()) {
      if (auto status = add_task("task", child.as_string()); !status) return status;
    }
    return {};
  }

  Status read_dependents() {
    std::vector<std::string> ids;
    {
      auto query = database_.prepare("SELECT task FROM task_dependency WHERE after = ?1 ORDER BY task");
      query.bind(1, id());
      while (true) {
        auto row = query.step();
        if (!row) return failure(row.error());
        if (!*row) break;
        ids.push_back(query.text(0));
      }
    }
    for (const auto& dependent : ids) {
      if (auto status = add_task("dependent", dependent); !status) return status;
    }
    return {};
  }

  Status add_task(const char* kind, const std::string& other) {
    auto query = database_.prepare("SELECT type, state FROM task WHERE id = ?1");
    query.bind(1, other);
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    const std::string what = std::string(kind) == "task" ? "task " : "dependent ";
    follows_.push_back(Value{{"kind", kind},
                             {"id", other},
                             {"type", query.text(0)},
                             {"state", query.text(1)},
                             {"text", what + other + " (" + query.text(0) + "), which is " + query.text(1)}});
    return {};
  }

  store::Database& database_;
  Value task_;
  int64_t now_;
  Value::Array chain_;
  Value::Array waits_;
  Value::Array follows_;
};

}  // namespace

Result<Value> why(store::Database& database, const std::string& id, int64_t now_ms) {
  auto task = task_with_history(database, id);
  if (!task) return failure(task.error());
  if (task->is_nil()) return failure("not_found", "no task " + legible(id) + ": see `clade task list`");
  return Explanation(database, std::move(*task), now_ms).run();
}

Result<Value> why(store::Database& database, const std::string& id) {
  return why(database, id, SystemClock().wall_ms());
}

}  // namespace clade::queue
