// `process.run`: a granted program, run once under the host's eyes, in the swarm's folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "loop/process.h"
#include "run/effect.h"

namespace clade::worker {

// The arguments as grants see them: joined by single blanks. An argument that is empty or holds a blank, a
// line break, another control character, a quote or a backslash is put in single quotes (one inside as '\''),
// so that no two commands read alike: {"git", "add x"} is "git 'add x'", which a grant for "git add x" does
// not cover. A `*` of a grant spans arguments, but no "/": "git *" covers every option of git, those included
// that run other programs (git -c core.pager=…), so whoever grants that grants them. A program runs with the
// host's own rights.
std::string command_text(const std::vector<std::string>& arguments);

// Args: {arguments={text, …}, cwd?=<below the swarm's folder>, input?, timeout_ms?=60000}. Result: {code,
// signal, out, error, truncated, cpu_us, wall_us, timed_out}; code is 128 + signal for a program that a
// signal ended; out and error hold the first MB each. Needs the grant "process.run:<command_text>". The
// environment is PATH, HOME, LANG and TZ of the host, and has git refuse bare repositories that nobody named;
// no shell. A program named with a slash is looked for from the swarm's folder, whatever cwd is. The process
// group is killed on timeout and when the host is gone, however that ended; only then can the next host
// start. So many run at once, in all and of an agent (kAtOnce in command.cpp); more wait for their turn, and
// timeout_ms counts from the start. Fails with "not_found" (no such program or cwd), "refused" (cwd leads out
// of the folder), "io".
class CommandEffect final : public run::Effect {
 public:
  CommandEffect(loop::Loop& loop, std::string folder, loop::Keeper keeper);
  ~CommandEffect() override;  // kills what still runs, without a report
  bool idempotent() const override { return false; }
  Status check(const Value& args, script::Call& call) const override;
  uint64_t start(const run::EffectRequest& request, Done done) override;
  void cancel(uint64_t handle) override;
  // For status: {running, waiting}, counted.
  Value statistics() const;
  // The programs of a run that are under way: [{pid (of the process group), command, took_ms}].
  Value programs(int64_t run) const;

 private:
  struct State;
  std::shared_ptr<State>
      state_;  // shared with what is posted to the loop, which looks whether it is still there
};

}  // namespace clade::worker
