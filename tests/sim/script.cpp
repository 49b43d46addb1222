#include "sim/script.h"

#include <numeric>

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
  kinds,
};

constexpr const char* kTypes[] = {"work_a", "work_b", "check_a", "review_a"};
constexpr const char* kAddresses[] = {"agent:other", "agent:worker", "agent:critic", "role:worker", "all"};

}  // namespace

Habits::Habits(uint64_t seed) {
  Random random(seed);
  raises = random.below(25);
  diverges = random.percent(40) ? random.below(25) : 0;
  strands = 1 + random.below(3);
  calls = 2 + random.below(5);
  big = random.percent(25) ? random.below(60) : 0;
  const int usual[kinds] = {14, 8, 5, 6, 6, 6, 2, 4, 3, 8, 3, 3};
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
    : habits_(habits), invocation_(invocation), agent_(agent), execution_(execution) {
  const Value& argument = invocation_.argument;
  const Value& content = argument[invocation_.handler == "on_task" ? "payload" : "body"];
  const bool of_clients = content.has("number");
  depth_ = of_clients ? 0 : content["depth"].as_integer(2);
  const uint64_t seed =
      mix(mix(mix(history_seed, static_cast<uint64_t>(invocation.seed)), program.key), "script");
  Random random(seed);
  const uint64_t count = 1 + random.below(habits.strands);
  for (uint64_t number = 0; number < count; ++number) {
    const std::string name = number == 0 ? "0" : "0." + std::to_string(number);
    Strand strand{
        Random(mix(seed, name)), 0, static_cast<int64_t>(random.below(habits.calls + 1)), false, {}, {}};
    strands_.emplace(name, std::move(strand));
  }
  raises_ = random.percent(habits.raises);
  divergent_ = random.percent(habits.diverges);
  // The state counts the runs of this agent that were committed.
  intent_.state = Value{{"runs", invocation.state["runs"].as_integer() + 1},
                        {"last", invocation.argument["id"].as_string()}};
  intent_.result = Value{{"handled", invocation.argument["id"].as_string()}};
}

std::vector<std::string> Script::strands() const {
  std::vector<std::string> names;
  for (const auto& [name, strand] : strands_) names.push_back(name);
  return names;
}

int64_t Script::position(const std::string& strand) const {
  return strands_.at(strand).position;
}

bool Script::done() const {
  for (const auto& [name, strand] : strands_) {
    if (strand.waits || strand.left >= 0) return false;
  }
  return true;
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

std::optional<Script::Call> Script::next(const std::string& name) {
  Strand& strand = strands_.at(name);
  ++strand.position;
  if (strand.position == 1 && name == "0") {
    if (auto call = first_call()) {
      strand.waits = true;
      strand.last = *call;
      return call;
    }
  }
  if (strand.left-- <= 0) {
    strand.left = -1;
    return std::nullopt;
  }
  strand.last = draw(name, strand);
  strand.waits = true;
  return strand.last;
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

void Script::answer(const std::string& name, const clade::Result<Value>& result) {
  Strand& strand = strands_.at(name);
  strand.waits = false;
  if (result) take(strand, result);
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
  } else if (op == "rule.set") {
    intent_.rules[args["name"].as_string()] = args["value"];
  }
}

}  // namespace sim
