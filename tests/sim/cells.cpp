#include "sim/cells.h"

#include <utility>

#include "base/codec.h"
#include "run/leases.h"
#include "sim/promises.h"

namespace sim {

using clade::Result;
using clade::Value;

namespace {

// Operations whose answers are journaled on their own: `told` of the witness is about these.
bool is_await(const std::string& op) {
  return op == "cell.eval" || op == "process.run" || op == "sleep" || op == "ask" || op == "commit";
}

bool is_read(const std::string& op) {
  return op == "queue.get" || op == "queue.list" || op == "rule.get" || op == "data.get" || op == "data.keys";
}

// A call that was refused never began: the answer is a read like others.
bool began(const Result<Value>& answer) {
  if (answer) return true;
  const std::string& code = answer.error().code;
  return code != "refused" && code != "invalid" && code != "not_found" && code != "limit";
}

}  // namespace

void Cells::wake(int64_t run, Live& live) {
  if (!std::exchange(live.awake, true)) later(run, live);
}

void Cells::later(int64_t run, const Live& live) {
  Random& random = loop_.random();
  const auto delay = static_cast<int64_t>(random.below(random.percent(3) ? 500000 : 4000));
  loop_.after(delay, [this, run, execution = live.execution] { step(run, execution); });
}

void Cells::step(int64_t run, uint64_t execution) {
  const auto live_still = [&]() -> Live* {
    const auto live = live_.find(run);
    return live != live_.end() && live->second.execution == execution ? &live->second : nullptr;
  };
  Live* live = live_still();
  if (!live) return;
  go_on(run, *live);
  live = live_still();
  if (!live) return;
  if (live->hangs) return;
  if (live->script->any_ready()) {
    later(run, *live);
    return;
  }
  live->awake = false;
  events_->rested(run);
}

bool Cells::at_rest(int64_t run) const {
  const auto live = live_.find(run);
  return live != live_.end() && !live->second.awake;
}

void Cells::start(const clade::run::Program& program, clade::run::Invocation invocation) {
  const int64_t run = invocation.run;
  const std::string& trigger = invocation.argument["id"].as_string();
  Live& live = live_[run];
  live.execution = ++executions_;
  live.agent = program.agent;
  live.trigger = trigger;
  live.script =
      std::make_unique<Script>(world_.habits, program, invocation, program.agent, world_.seed, executions_);
  live.awake = false;
  live.hangs = false;
  world_.trace.line(world_.time.steady_us(), "run " + std::to_string(run) + " of " + program.agent + " on " +
                                                 trigger + " starts, attempt " +
                                                 std::to_string(invocation.argument["attempt"].as_integer()));
  if (world_.witness.run_started(
          run, {program.agent, trigger, program.key, live.script->divergent(), world_.life}))
    world_.counters.add("run taken up again");
  suspicions_->started(run, program);
  wake(run, live);
}

void Cells::go_on(int64_t run, Live& live) {
  const uint64_t trouble = loop_.random().below(1000);
  if (trouble < troubles_.deaths) {
    lose(run, loop_.random().percent(50));
    return;
  }
  if (trouble < troubles_.deaths + troubles_.hangs) {
    hang(run, live);
    return;
  }
  Script& script = *live.script;
  auto step = script.go_on();
  give_up(run, script, step);
  if (step.call) {
    call(run, script, std::move(step));
  } else if (script.done() && script.traits().kills) {
    lose(run, true);
  } else if (script.done()) {
    end(run, live);
  }
}

void Cells::give_up(int64_t run, const Script& script, const Script::Step& step) {
  for (const auto& strand : step.given_up) {
    const std::string& op = script.last_call(strand).op;
    world_.trace.line(world_.time.steady_us(), "run " + std::to_string(run) + " gives up strand " + strand);
    events_->withdrawn(run, strand);
    world_.counters.add("given up: " + std::string(is_await(op) ? op : "a read"));
    if (is_await(op)) world_.witness.given_up({run, strand, script.position(strand)}, op);
  }
  if (step.decided.empty()) return;
  const std::string outcome = script.outcome(step.decided);
  world_.counters.add(outcome.substr(0, outcome.find(' ')) +
                      (outcome.find("failed") == std::string::npos ? "" : ", all failed"));
  world_.trace.line(world_.time.steady_us(),
                    "run " + std::to_string(run) + " strand " + step.decided + ": " + outcome);
  if (world_.witness.decided(run, step.decided, outcome)) world_.counters.add("group came out again");
}

void Cells::call(int64_t run, const Script& script, Script::Step step) {
  const int64_t position = script.position(step.strand);
  const std::string op = step.call->op;
  world_.trace.line(world_.time.steady_us(), "run " + std::to_string(run) + " strand " + step.strand +
                                                 " calls " + op + " " +
                                                 clade::encode_json(step.call->args).substr(0, 200));
  const Place place{run, step.strand, position};
  if (is_await(op)) world_.witness.called_await(place);
  if (op == "commit") {
    Intent part = script.intent();
    part.state = step.call->args["state"];
    world_.witness.run_split(place, std::move(part));
  }
  // Answers may come from within.
  events_->called(run, step.strand, position, op, std::move(step.call->args));
  suspicions_->told(run);
}

void Cells::answer(int64_t run, const std::string& strand, Result<Value> value, int64_t) {
  const auto found = live_.find(run);
  if (found == live_.end()) return;
  Live& live = found->second;
  if (!live.script->waits(strand)) {
    world_.witness.broken(kGivenUp, "run " + std::to_string(run) + ", strand " + strand +
                                        " waits for nothing, and is answered");
    return;
  }
  const std::string op = live.script->last_call(strand).op;
  const int64_t position = live.script->position(strand);
  world_.trace.line(world_.time.steady_us(), "run " + std::to_string(run) + " strand " + strand +
                                                 " is answered " +
                                                 (value ? clade::encode_json(*value).substr(0, 100)
                                                        : value.error().code + ": " + value.error().message));
  if (is_await(op) && began(value)) {
    const Place place{run, strand, position};
    const bool again = world_.witness.told.count(place) > 0;
    if (again) world_.counters.add("await told again");
    if (op == "commit") world_.counters.add(again ? "clade.commit passed again" : "clade.commit");
    if (op == "ask") {
      if (value) world_.counters.add("ask answered");
      if (!value && value.error().code == "timeout") world_.counters.add("ask timed out");
    }
    if (!value && value.error().code == "outcome_unknown") world_.counters.add("effect cut off, unknown");
    world_.witness.answered(place, op, value);
  }
  if (op == "script.publish") world_.witness.answered_trial({run, strand, position});
  if (op.rfind("data.", 0) == 0 && value) world_.counters.add(op);
  if (is_read(op)) world_.witness.answered_read({run, strand, position}, op, value);
  live.script->answer(strand, value);
  wake(run, live);
}

void Cells::end(int64_t run, Live& live) {
  const auto script = std::move(live.script);
  const std::string trigger = live.trigger;
  live_.erase(run);
  suspicions_->failing(run);
  if (script->raises()) {
    world_.witness.run_left(run);
    world_.witness.failed.insert(run);
    events_->failed(run, "it raised");
    suspicions_->told(run);
    return;
  }
  world_.witness.run_finished(run, script->intent());
  if (late_return_ && loop_.random().percent(2)) late_return_(trigger);
  events_->finished(run, script->intent().result, script->intent().state, script->traits().usage);
  suspicions_->told(run);
}

// It says nothing any more until somebody kills it, maybe long after the time of a lease.
void Cells::hang(int64_t run, Live& live) {
  const int64_t us = loop_.random().between(1000000, 900000000);
  world_.trace.line(world_.time.steady_us(), "run " + std::to_string(run) + " hangs");
  live.hangs = true;
  loop_.after(us, [this, run, us, execution = live.execution] {
    const auto hung = live_.find(run);
    if (hung == live_.end() || hung->second.execution != execution) return;
    if (us > clade::run::kLeaseMs * 1000) world_.counters.add("cell hung beyond a lease");
    lose(run, true);
  });
}

void Cells::lose(int64_t run, bool blamed) {
  world_.trace.line(world_.time.steady_us(),
                    "run " + std::to_string(run) + " loses its cell" + (blamed ? ", to blame" : ""));
  live_.erase(run);
  world_.witness.run_left(run);
  suspicions_->failing(run);
  if (blamed) world_.witness.failed.insert(run);
  events_->lost(run, blamed, "its cell died");
  suspicions_->told(run);
}

void Cells::cancel(int64_t run) {
  if (live_.erase(run) > 0) world_.witness.run_left(run);
}

clade::Status WorldEffect::check(const Value&, clade::script::Call&) const {
  return {};
}

uint64_t WorldEffect::start(const clade::run::EffectRequest& request, Done done) {
  const Value& args = request.args;
  const Place place{request.run, args["strand"].as_string(), args["position"].as_integer()};
  world_.trace.line(world_.time.steady_us(), "an effect begins: " + text(place));
  const auto known = world_.witness.effects.find(place);
  if (known != world_.witness.effects.end()) world_.counters.add("effect cut off, repeated");
  world_.witness.effect_began(place, idempotent_);
  const uint64_t handle = ++last_;
  under_way_[handle] = {place, std::move(done)};
  Random random(mix(mix(world_.seed, static_cast<uint64_t>(place.run)),
                    place.strand + "/" + std::to_string(place.position)));
  const bool fails = random.percent(12);
  const auto delay = args["ms"].as_integer() * 1000 + static_cast<int64_t>(loop_.random().below(3000));
  loop_.after(delay, [this, handle, fails, number = static_cast<int64_t>(random.below(1000))] {
    const auto found = under_way_.find(handle);
    if (found == under_way_.end()) return;
    const Done finish = std::move(found->second.done);
    world_.witness.effect_ended(found->second.place);
    under_way_.erase(found);
    if (fails) {
      finish(clade::failure("failed", "the world said no"));
    } else {
      finish(Value{{"number", number}, {"units", 1}, {"cpu_us", 10}, {"wall_us", 20}});
    }
  });
  return handle;
}

void WorldEffect::cancel(uint64_t handle) {
  const auto found = under_way_.find(handle);
  if (found == under_way_.end()) return;
  world_.trace.line(world_.time.steady_us(), "an effect is called off: " + text(found->second.place));
  world_.witness.effect_ended(found->second.place);
  under_way_.erase(found);
}

}  // namespace sim
