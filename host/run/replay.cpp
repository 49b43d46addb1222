#include "run/replay.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "run/agent_state.h"
#include "run/emit.h"
#include "run/journal.h"
#include "run/read.h"
#include "run/run.h"
#include "run/split.h"

namespace clade::run {
namespace {

constexpr const char* kSleep = "sleep";

}  // namespace

const char* name(Replayed::End end) {
  switch (end) {
    case Replayed::End::returned:
      return "returned";
    case Replayed::End::raised:
      return "raised";
    case Replayed::End::lost:
      return "lost";
    case Replayed::End::stuck:
      break;
  }
  return "stuck";
}

Replay::Replay(const Recording& recording, Executor& executor, Matching matching, Done done)
    : recording_(recording),
      executor_(executor),
      matching_(matching),
      done_(std::move(done)),
      answers_(recording, matching) {}

void Replay::start(const Program& program) {
  Invocation invocation = recording_.invocation;
  const bool migrates = !recording_.state_version.empty() && recording_.state_version != program.version;
  invocation.from_version = migrates ? recording_.state_version : std::string();
  now_ms_ = invocation.now_ms;
  executor_.start(program, std::move(invocation));
}

void Replay::called(int64_t, const std::string& strand, int64_t position, const std::string& op, Value args) {
  if (over_) return;
  if (++seen_ > kMostCalls) {
    end(Replayed::End::raised, too_many_calls());
    return;
  }
  std::string bytes = encode_msgpack(args);
  Call call{{strand, position}, op, std::move(args), std::move(bytes), {}};
  call.choice = answers_.choice(call.place, op, call.bytes);
  const auto* recorded = answers_.first(call.choice);
  if (diverges(call, recorded)) return;
  if (is_answered_at_once(call, recorded)) {
    answer(call, recorded);
  } else {
    calls_.push_back(std::move(call));
  }
}

void Replay::withdrawn(int64_t, const std::string& strand) {
  std::erase_if(calls_, [&strand](const Call& call) { return call.place.first == strand; });
}

void Replay::rested(int64_t) {
  if (over_ || calls_.empty()) return;
  auto next = calls_.end();
  const Recording::Answer* first = nullptr;
  for (auto call = calls_.begin(); call != calls_.end(); ++call) {
    const auto* recorded = answers_.first(call->choice);
    if (!recorded || !recorded->known || (first && first->turn <= recorded->turn)) continue;
    first = recorded;
    next = call;
  }
  if (!first && matching_ == Matching::loose)
    next = std::find_if(calls_.begin(), calls_.end(),
                        [](const Call& call) { return call.op == kSleep || call.op == kSplitOperation; });
  if (next == calls_.end()) {
    end(Replayed::End::stuck, calls_.front().op + " " + shown_arguments(calls_.front().bytes));
    return;
  }
  const Call call = std::move(*next);
  calls_.erase(next);
  answer(call, first);
}

// Ends the replay if the recording has something else in this place.
bool Replay::diverges(const Call& call, const Recording::Answer* answer) {
  if (!answer || (answer->op == call.op && answer->args == call.bytes)) return false;
  end(Replayed::End::raised,
      divergence(recording_.invocation.run, call.place, answer->op, answer->args, call.op, call.bytes));
  return true;
}

bool Replay::is_answered_at_once(const Call& call, const Recording::Answer* answer) const {
  if (answer) return answer->known && answer->turn == 0;
  return is_emission(call.op);
}

void Replay::answer(const Call& call, const Recording::Answer* recorded) {
  if (recorded) {
    answers_.give(*recorded);
    if (recorded->turn != 0) now_ms_ = std::max(now_ms_, recorded->finished_at);
  }
  if (is_emission(call.op)) {
    if (recorded && !recorded->result) {
      hand(call, recorded->result);
      return;
    }
    replayed_.effects.push_back({{"op", call.op}, {"args", call.args}});
    Value value = emission_answer(recording_.invocation.run, next_id_, call.op, call.args);
    if (recorded && answers_from_state(call.op)) value = *recorded->result;
    hand(call, std::move(value));
    return;
  }
  // What came before it happens even if the handler fails later.
  if (call.op == kSplitOperation) replayed_.effects.push_back({{"op", call.op}, {"args", call.args}});
  Result<Value> value = recorded ? recorded->result : Result<Value>(true);
  Value line{{"op", call.op}, {"args", call.args}};
  if (value) {
    line.set("result", *value);
  } else {
    line.set("error", {{"code", value.error().code}, {"message", value.error().message}});
  }
  replayed_.answers.push_back(std::move(line));
  hand(call, std::move(value));
}

void Replay::hand(const Call& call, Result<Value> value) {
  executor_.answer(recording_.invocation.run, call.place.first, std::move(value), now_ms_);
}

void Replay::finished(int64_t, Value result, Value state, Usage) {
  if (over_) return;
  if (auto status = check_json(result); !status) {
    end(Replayed::End::raised, "result: " + status.error().message);
    return;
  }
  AgentState before;
  before.value = recording_.invocation.state;
  auto after = next_state(before, std::move(state), recording_.version);
  if (!after) {
    end(Replayed::End::raised, after.error().message);
    return;
  }
  replayed_.result = std::move(result);
  replayed_.state = std::move(after->value);
  end(Replayed::End::returned, "");
}

void Replay::failed(int64_t, const std::string& message) {
  end(Replayed::End::raised, message);
}

void Replay::lost(int64_t, bool, const std::string& reason) {
  end(Replayed::End::lost, reason);
}

void Replay::end(Replayed::End how, std::string text) {
  if (std::exchange(over_, true)) return;
  replayed_.end = how;
  replayed_.text = std::move(text);
  executor_.cancel(recording_.invocation.run);
  done_(std::move(replayed_));
}

std::string replayed_text(const Replayed& replayed) {
  std::string text = std::string(name(replayed.end)) + "\n";
  if (replayed.end == Replayed::End::stuck) text += "asks for " + replayed.text + "\n";
  const bool broke = replayed.end == Replayed::End::raised || replayed.end == Replayed::End::lost;
  if (broke && !replayed.text.empty()) text += replayed.text + "\n";
  if (replayed.end == Replayed::End::returned) {
    text += "result " + encode_json(replayed.result) + "\n";
    text += "state " + encode_json(replayed.state, true) + "\n";
  }
  if (!replayed.effects.empty())
    text += replayed.end == Replayed::End::returned ? "effects\n" : "effects, none of which is committed\n";
  for (const auto& effect : replayed.effects)
    text += "  " + effect["op"].as_string() + " " + encode_json(effect["args"]) + "\n";
  return text;
}

}  // namespace clade::run
