#include "run/replay.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "run/agent_state.h"
#include "run/emit.h"
#include "run/journal.h"
#include "run/read.h"
#include "run/run.h"

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
    : recording_(recording), executor_(executor), matching_(matching), done_(std::move(done)) {}

void Replay::start(const Program& program) {
  Invocation invocation = recording_.invocation;
  const bool migrates = !recording_.state_version.empty() && recording_.state_version != program.version;
  invocation.from_version = migrates ? recording_.state_version : std::string();
  executor_.start(program, std::move(invocation));
}

void Replay::called(int64_t, const std::string& strand, int64_t position, const std::string& op, Value args) {
  if (over_) return;
  if (++seen_ > kMostCalls) {
    end(Replayed::End::raised, too_many_calls());
    return;
  }
  std::string bytes = encode_msgpack(args);
  calls_.push_back({strand, position, op, std::move(args), std::move(bytes)});
}

void Replay::waits(int64_t) {
  if (over_) return;
  if (matching_ == Matching::exact) {
    const auto call = next_call();
    if (call == calls_.end()) {
      end(Replayed::End::stuck, "it does not wait for what it was answered next");
      return;
    }
    const Call taken = std::move(*call);
    calls_.erase(call);
    ++handed_;
    if (!answer(taken) && !over_) end(Replayed::End::stuck, taken.op + " " + shown_arguments(taken.bytes));
    return;
  }
  for (auto call = calls_.begin(); call != calls_.end(); ++call) {
    if (!answer(*call)) continue;
    calls_.erase(call);
    return;
  }
  const Call& first = calls_.front();
  end(Replayed::End::stuck, first.op + " " + shown_arguments(first.bytes));
}

// The call whose answer came next in the original.
std::deque<Replay::Call>::iterator Replay::next_call() {
  if (recording_.handed.empty() || handed_ >= recording_.handed.size()) return calls_.begin();
  return std::find_if(calls_.begin(), calls_.end(),
                      [this](const Call& call) { return call.strand == recording_.handed[handed_]; });
}

const Recording::Answer* Replay::find(const Call& call) {
  const auto& answers = recording_.answers;
  if (matching_ == Matching::exact) {
    const auto found = std::find_if(answers.begin(), answers.end(), [&](const auto& one) {
      return one.strand == call.strand && one.position == call.position;
    });
    return found == answers.end() ? nullptr : &*found;
  }
  const Recording::Answer* again = nullptr;
  const Recording::Answer* elsewhere = nullptr;
  for (const auto& one : answers) {
    if (!one.known || one.op != call.op || one.args != call.bytes) continue;
    const auto index = static_cast<size_t>(&one - answers.data());
    if (used_.count(index) > 0) {
      if (is_read(one.op)) again = &one;
    } else if (one.strand == call.strand) {
      used_.insert(index);
      return &one;
    } else if (!elsewhere) {
      elsewhere = &one;
    }
  }
  if (elsewhere) used_.insert(static_cast<size_t>(elsewhere - answers.data()));
  return elsewhere ? elsewhere : again;
}

// False if the recording has no answer.
bool Replay::answer(const Call& call) {
  const auto* recorded = find(call);
  if (recorded && (recorded->op != call.op || recorded->args != call.bytes)) {
    end(Replayed::End::raised, divergence(recording_.invocation.run, {call.strand, call.position},
                                          recorded->op, recorded->args, call.op, call.bytes));
    return false;
  }
  if (recorded && !recorded->known) return false;
  if (is_emission(call.op)) {
    if (recorded && !recorded->result) {
      hand(call, recorded->result);
      return true;
    }
    replayed_.effects.push_back({{"op", call.op}, {"args", call.args}});
    hand(call, emission_answer(recording_.invocation.run, next_id_, call.op, call.args));
    return true;
  }
  if (!recorded && !(matching_ == Matching::loose && call.op == kSleep)) return false;
  Result<Value> value = recorded ? recorded->result : Result<Value>(true);
  Value line{{"op", call.op}, {"args", call.args}};
  if (value) {
    line.set("result", *value);
  } else {
    line.set("error", {{"code", value.error().code}, {"message", value.error().message}});
  }
  replayed_.answers.push_back(std::move(line));
  hand(call, std::move(value));
  return true;
}

void Replay::hand(const Call& call, Result<Value> value) {
  executor_.answer(recording_.invocation.run, call.strand, std::move(value));
}

void Replay::finished(int64_t, Value result, Value state) {
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

}  // namespace clade::run
