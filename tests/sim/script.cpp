#include "sim/script.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace sim {
namespace {

using clade::Value;

enum Kind {
  evaluate,
  process,
  sleep,
  ask,
  read,
  add,
  add_all,
  review,
  fail,
  send,
  propose,
  write_file,
  group,
  data_set,
  data_get,
  data_keys,
  data_delete,
  commit,
  kinds,
};

constexpr const char* kTypes[] = {"work_a", "work_b", "check_a", "review_a"};
constexpr const char* kKeys[] = {"count", "last", "page/1", "page/2"};
constexpr int64_t kMostGroups = 3;  // of a run
constexpr const char* kAddresses[] = {"agent:other", "agent:worker", "agent:critic", "role:worker", "all"};

}  // namespace

Habits::Habits(uint64_t seed) {
  Random random(seed);
  raises = random.below(25);
  diverges = random.percent(40) ? random.below(25) : 0;
  strands = 1 + random.below(3);
  calls = 2 + random.below(5);
  big = random.percent(25) ? random.below(60) : 0;
  const int usual[kinds] = {14, 8, 5, 6, 6, 6, 2, 4, 3, 8, 3, 3, 6, 5, 6, 2, 2, 5};
  // Some things more, some not at all: rare combinations come that way.
  for (const int weight : usual) {
    const int64_t factor = random.below(4) == 0 ? 0 : random.between(1, 3);
    weights.push_back(static_cast<int>(weight * factor));
  }
  weights[evaluate] += 1;
}

Script::Script(const Habits& habits, const clade::run::Program& program,
               const clade::run::Invocation& invocation, const std::string& agent, uint64_t history_seed,
               uint64_t execution)
    : habits_(habits),
      invocation_(invocation),
      agent_(agent),
      seed_(mix(mix(mix(history_seed, static_cast<uint64_t>(invocation.seed)), program.key), "script")),
      traits_(traits_of(program, invocation.argument)),
      execution_(execution) {
  const Value& argument = invocation_.argument;
  const Value& content = argument[invocation_.handler == "on_task" ? "payload" : "body"];
  const bool of_clients = content.has("number");
  depth_ = of_clients ? 0 : content["depth"].as_integer(2);
  Random random(seed_);
  beside_ = random.below(habits.strands);
  state("0").left = static_cast<int64_t>(random.below(habits.calls + 1));
  // What is bad fails with every version.
  raises_ = (random.percent(habits.raises) && traits_.moody) || traits_.raises || content["bad"].as_bool();
  divergent_ = random.percent(habits.diverges) && traits_.moody;
  // The state counts the runs of this agent that were committed, and the parts of runs.
  intent_.state = Value{{"runs", invocation.state["runs"].as_integer() + 1},
                        {"parts", invocation.state["parts"].as_integer()},
                        {"last", invocation.argument["id"].as_string()}};
  intent_.result = Value{{"handled", invocation.argument["id"].as_string()}};
}

Script::Strand& Script::state(const std::string& strand) {
  return states_.try_emplace(strand, mix(seed_, strand)).first->second;
}

int64_t Script::position(const std::string& strand) const {
  return states_.at(strand).position;
}

std::string Script::outcome(const std::string& strand) const {
  const Join kind = strands_.joined(strand);
  const size_t decided = strands_.outcome(strand);
  return std::string(name(kind)) + " up to strand " + std::to_string(strands_.children(strand)) +
         (decided > 0         ? ": decided by " + std::to_string(decided)
          : kind == Join::all ? ": all done"
                              : ": all failed");
}

// What the message or task calls for, before anything else.
std::optional<Script::Call> Script::first_call() {
  const Value& argument = invocation_.argument;
  const Value& payload = argument["payload"];
  Random random(mix(static_cast<uint64_t>(invocation_.seed), "first"));
  if (!payload["reviews"].as_string().empty()) {
    const uint64_t verdict = random.below(10);
    if (verdict == 0) return std::nullopt;  // a reviewer that forgets
    return Call{verdict < 6 ? "queue.accept" : "queue.reject",
                Value{{"task", payload["reviews"]}, {"reason", "it is so"}}};
  }
  if (argument["kind"].as_string() == "vote_request") {
    const char* choices[] = {"yes", "yes", "yes", "no", "abstain"};
    return Call{"vote.cast", Value{{"proposal", argument["body"]["proposal"]},
                                   {"choice", choices[random.below(5)]},
                                   {"reason", "because"}}};
  }
  if (!payload["rule"].as_string().empty())
    return Call{"rule.set", Value{{"name", payload["rule"]}, {"value", payload["value"]}}};
  if (!payload["source"].as_string().empty())
    return Call{"script.publish", Value{{"name", payload["name"]}, {"source", payload["source"]}}};
  return std::nullopt;
}

Script::Step Script::go_on() {
  Step step;
  step.strand = strands_.next().value();
  Strand& strand = state(step.strand);
  // What it does after a group depends on how that came out.
  if (std::exchange(strand.joins, false))
    strand.random = Random(mix(strand.random.next(), strands_.outcome(step.strand)));
  auto call = strand.position == 0 && step.strand == "0" ? first_call() : std::nullopt;
  if (!call) {
    if (begin_group(step.strand, strand)) return step;
    if (strand.left-- <= 0) {
      auto end = strands_.end(step.strand, strand.insists && strand.failed);
      step.given_up = std::move(end.given_up);
      step.decided = std::move(end.decided);
      return step;
    }
  }
  ++strand.position;
  if (!call) call = draw(step.strand, strand);
  strand.last = *call;
  strand.acts_before = intent_.data.size();
  strands_.wait(step.strand);
  step.call = std::move(call);
  return step;
}

bool Script::begin_group(const std::string& name, Strand& strand) {
  if (name == "0" && beside_ > 0) {
    begin(name, strand, strand.random.percent(60) ? Join::all : Join::any, std::exchange(beside_, 0) + 1);
    return true;
  }
  const auto depth = std::count(name.begin(), name.end(), '.');
  const auto weight = static_cast<uint64_t>(habits_.weights[group]);
  if (strand.left <= 0 || depth > 1 || groups_ >= kMostGroups || !strand.random.percent(weight)) return false;
  --strand.left;
  const auto kind = static_cast<Join>(strand.random.below(3));
  begin(name, strand, kind, kind == Join::timeout ? 2 : 1 + strand.random.below(3));
  return true;
}

void Script::begin(const std::string& name, Strand& strand, Join kind, size_t count) {
  ++groups_;
  strand.joins = true;
  const auto members = strands_.join(name, kind, count);
  for (const auto& member : members) {
    Strand& its = state(member);
    its.left = its.random.between(kind == Join::all ? 0 : 1, 3);
    its.insists = its.random.percent(40);
  }
  if (kind != Join::timeout) return;
  Strand& pause = state(members.back());
  pause.left = 1;
  pause.pause_ms = strand.random.between(0, strand.random.percent(50) ? 1000 : 20000);
}

Value Script::payload(Random& random) {
  Value payload{{"depth", depth_ + 1}};
  if (random.percent(habits_.big))
    payload.set("text", std::string(1000 + random.below(6000), static_cast<char>('a' + random.below(26))));
  return payload;
}

Value Script::task(Strand& strand) {
  Random& random = strand.random;
  // Few children, or the queue never ends.
  Value task{{"type", kTypes[random.below(3)]},
             {"payload", payload(random)},
             {"priority", random.between(1, 10)},
             {"max_attempts", random.between(1, 3)}};
  if (random.percent(15)) task.set("approval", "may it?");
  if (!strand.added.empty() && random.percent(50)) task.set("after", Value::Array{random.pick(strand.added)});
  return task;
}

Script::Call Script::draw(const std::string& name, Strand& strand) {
  if (strand.pause_ms >= 0) return {"sleep", Value{{"ms", strand.pause_ms}}};
  Random& random = strand.random;
  const int sum = std::accumulate(habits_.weights.begin(), habits_.weights.end(), 0);
  auto left = static_cast<int>(random.below(static_cast<uint64_t>(sum)));
  int kind = 0;
  while (left >= habits_.weights[static_cast<size_t>(kind)])
    left -= habits_.weights[static_cast<size_t>(kind++)];
  // Tasks beget tasks, down to some depth.
  const bool begets =
      kind == add || kind == add_all || kind == review || kind == propose || kind == send || kind == ask;
  if (begets && (depth_ > 1 || (depth_ == 1 && random.percent(80)))) kind = read;
  const bool on_task = invocation_.handler == "on_task";
  if (!on_task && (kind == review || kind == fail)) kind = sleep;
  if (kind == group || (kind == commit && name != "0")) kind = evaluate;
  const Value salt = divergent_ && random.percent(50) ? Value(static_cast<int64_t>(execution_)) : Value();
  Value mark{{"strand", name},
             {"position", strand.position},
             {"ms", random.between(0, 800)},
             {"depth", depth_ + 1},
             {"salt", salt}};
  switch (kind) {
    case evaluate:
      return {"cell.eval", std::move(mark)};
    case process:
      return {"process.run", std::move(mark)};
    case sleep:
      return {"sleep", Value{{"ms", random.between(0, random.percent(10) ? 60000 : 3000)}}};
    case ask:
      return {"ask", Value{{"to", kAddresses[random.below(3)]},
                           {"kind", "question"},
                           {"body", std::move(mark)},
                           {"timeout_ms", random.between(10, 20000)}}};
    case add:
      return {"queue.add", task(strand)};
    case add_all: {
      Value first = task(strand);
      Value second = task(strand);
      first.set("key", "first");
      second.set("key", "second").set("after", Value::Array{"first"});
      return {"queue.add_all", Value{{"tasks", Value::Array{std::move(first), std::move(second)}}}};
    }
    case review:
      return {"queue.review", Value{{"type", "review_a"}, {"max_attempts", random.between(1, 2)}}};
    case fail:
      return {"queue.fail", Value{{"reason", "it cannot be"}, {"retry", random.percent(60)}}};
    case send:
      return {"mail.send",
              Value{{"to", kAddresses[random.below(5)]}, {"kind", "note"}, {"body", payload(random)}}};
    case propose: {
      const Value rule{{"rule", "vote.threshold"}, {"value", random.percent(50) ? 0.5 : 0.75}};
      return {"proposal.open", Value{{"title", "another threshold"},
                                     {"kind", "rule"},
                                     {"body", rule},
                                     {"voters", Value::Array{"other", "critic"}},
                                     {"on_accept", Value{{"type", "implement_rule"}, {"payload", rule}}}}};
    }
    case write_file:
      return {"file.write", Value{{"path", "report/" + std::to_string(random.below(4)) + ".md"},
                                  {"text", agent_ + " " + std::to_string(random.next())}}};
    case data_set:
    case data_get:
    case data_keys:
    case data_delete:
      return data_call(kind, strand);
    case commit: {
      // The run is not over, but a part of it.
      Value state = intent_.state;
      state.set("runs", invocation_.state["runs"]).set("parts", state["parts"].as_integer() + 1);
      return {"commit", Value{{"state", std::move(state)}}};
    }
    default:
      break;
  }
  switch (random.below(3)) {
    case 0:
      return {"queue.get", Value{{"id", invocation_.argument["id"]}}};
    case 1:
      return {"queue.list", Value{{"limit", 5}}};
    default:
      return {"rule.get", Value{{"name", "vote.threshold"}}};
  }
}

Script::Call Script::data_call(int kind, Strand& strand) {
  Random& random = strand.random;
  const std::string key = kKeys[random.below(std::size(kKeys))];
  if (kind == data_get) return {"data.get", Value{{"key", key}}};
  if (kind == data_keys) return {"data.keys", Value{{"prefix", random.percent(50) ? "page/" : ""}}};
  if (kind == data_delete) return {"data.delete", Value{{"key", key}}};
  // Often what follows from what it read.
  const int64_t number = random.percent(50) ? strand.number + 1 : random.between(0, 1000000);
  return {"data.set", Value{{"key", key}, {"value", payload(random).set("number", number)}}};
}

void Script::answer(const std::string& name, const clade::Result<Value>& result) {
  strands_.answered(name);
  Strand& strand = states_.at(name);
  strand.failed = !result;
  take_data(strand, result);
  if (result) take(strand, result);
}

// Notes what it did to the agent's data, and what it read there.
void Script::take_data(Strand& strand, const clade::Result<Value>& result) {
  const auto& [op, args] = strand.last;
  DataAct act{op, args, result ? *result : Value(), strand.acts_before};
  const bool absent = op == "data.get" && !result && result.error().code == "not_found";
  if (op.rfind("data.", 0) != 0 || (!result && !absent)) return;
  if (op == "data.get") strand.number = act.answer["number"].as_integer();
  intent_.data.push_back(std::move(act));
}

// Notes what an emission that was let through will have done once the run commits.
void Script::take(Strand& strand, const clade::Result<Value>& result) {
  const auto& [op, args] = strand.last;
  if (op == "queue.add" || op == "queue.review") {
    intent_.tasks.push_back(result->as_string());
    if (op == "queue.add") strand.added.push_back(result->as_string());
    if (op == "queue.review") intent_.review = result->as_string();
  } else if (op == "queue.add_all") {
    for (const auto& id : result->as_array()) intent_.tasks.push_back(id.as_string());
  } else if (op == "queue.fail") {
    intent_.fails = true;
  } else if (op == "mail.send") {
    intent_.messages.push_back(result->as_string());
  } else if (op == "proposal.open") {
    intent_.proposals.push_back(result->as_string());
  } else if (op == "vote.cast") {
    intent_.votes.push_back(args["proposal"].as_string());
  } else if (op == "file.write") {
    intent_.files.emplace_back(args["path"].as_string(), args["text"].as_string());
  } else if (op == "commit") {
    intent_.state.set("parts", intent_.state["parts"].as_integer() + 1);
  } else if (op == "rule.set") {
    intent_.rules[args["name"].as_string()] = args["value"];
  }
}

}  // namespace sim
