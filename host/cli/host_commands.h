// What a running host does for commands that come over the control socket: the operator's verbs.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "cell/pool.h"
#include "cell/zygote.h"
#include "loop/loop.h"
#include "run/dispatcher.h"
#include "run/kernel.h"
#include "run/reload.h"
#include "worker/command.h"

namespace clade::cli {

class HostCommands {
 public:
  using Reply = std::function<void(Result<Value>)>;

  // `store` tells how the store does (for status); `stop` ends the host, orderly, soon; it is told who asked
  // for it.
  HostCommands(const run::Kernel& kernel, const loop::Loop& loop, run::Dispatcher& dispatcher,
               run::Reload& reload, cell::Pool& pool, const worker::CommandEffect& command,
               const cell::Zygote& zygote, std::function<Value()> store,
               std::function<void(const std::string& by)> stop);

  // Commands and their arguments: stop {}; status {}; task.live {id}, what the store does not have: {lease:
  // {run, epoch, until}, cell: pid, programs, advice}, as far as there is any; task.add {type, payload,
  // priority, after}; task.cancel {id, reason}; task.retry {id}; mail.send {to, kind, body}; approval.approve
  // and approval.reject {id, reason}; script.rollback {name, hash}; script.release {role}; db.vacuum {slice}
  // (store/vacuum.h). Each takes `by`, the name of whoever asks, for the audit. `reply` once the change is on
  // disk. Errors: "usage" for an unknown command or arguments of another type, and those of queue, mail and
  // library.
  void handle(const std::string& command, const Value& args, Reply reply);

 private:
  void add_task(const Value& args, Reply reply);
  void decide(const Value& args, bool approve, Reply reply);
  void send_mail(const Value& args, Reply reply);
  void roll_back(const Value& args, Reply reply);
  void vacuum(int slice, Reply reply);
  Value status() const;
  Value live(const std::string& task) const;
  // Commits a change and replies with `answer`, or replies with the error that kept it from happening.
  void commit(Status changed, store::Batch batch, Value answer, Reply reply);

  run::Kernel kernel_;
  const loop::Loop& loop_;
  run::Dispatcher& dispatcher_;
  run::Reload& reload_;
  cell::Pool& pool_;
  const worker::CommandEffect& command_;
  const cell::Zygote& zygote_;
  std::function<Value()> store_;
  std::function<void(const std::string& by)> stop_;
  int64_t started_at_;
};

}  // namespace clade::cli
