// A cell in a forked child, spoken to with frames over a socket pair: blocking, as a test needs it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/value.h"
#include "cell/vm/cell_main.h"
#include "cell/vm/frame.h"

namespace clade::test {

class CellProcess {
 public:
  explicit CellProcess(size_t memory_bytes = 64u << 20) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      close(ends[0]);
      vm::install_interrupt_handlers();
      _exit(vm::serve_cell(ends[1], vm::CellOptions{memory_bytes}));
    }
    close(ends[1]);
    descriptor_ = ends[0];
  }

  ~CellProcess() {
    close(descriptor_);
    waitpid(child_, nullptr, 0);
  }
  CellProcess(const CellProcess&) = delete;
  CellProcess& operator=(const CellProcess&) = delete;

  void send(const Value& frame) {
    vm::Channel channel(descriptor_);
    REQUIRE(channel.put(frame));
    REQUIRE(channel.flush());
  }

  Value receive() {
    auto frame = vm::Channel(descriptor_).read();
    REQUIRE(frame);
    REQUIRE(frame->is_map());
    return *frame;
  }

  // The frames up to "idle", without it: that is kept.
  std::vector<Value> ask(const Value& frame) {
    send(frame);
    return until_idle();
  }
  std::vector<Value> until_idle() {
    std::vector<Value> frames;
    for (;;) {
      Value next = receive();
      if (next["t"].as_string() == "idle") {
        idle_ = std::move(next);
        return frames;
      }
      frames.push_back(std::move(next));
    }
  }
  // The last frame "idle".
  const Value& idle() const { return idle_; }

  // Loads an agent's source into VM 1 and returns the frame "loaded".
  Value load(const std::string& source, Value modules = Value::Map(), bool measure = false) {
    auto frames = ask({{"t", "load"},
                       {"vm", 1},
                       {"agent", "tester"},
                       {"version", "cafe"},
                       {"source", source},
                       {"chunk", "agents/tester/init.lua@cafe"},
                       {"modules", std::move(modules)},
                       {"memory", 32 << 20},
                       {"measure", measure}});
    REQUIRE(frames.size() == 1);
    return frames[0];
  }

  std::vector<Value> run(int64_t run, Value argument, Value state = {}, const std::string& from = "",
                         int64_t from_schema = 0) {
    Value frame{{"t", "run"},           {"vm", 1},        {"run", run},
                {"handler", "on_task"}, {"state", state}, {"argument", std::move(argument)},
                {"now", 1000},          {"seed", 7}};
    if (!from.empty()) frame.set("from", from);
    if (from_schema != 0) frame.set("from_schema", from_schema);
    return ask(frame);
  }

  Value examine(Value state, const std::string& from, int64_t from_schema) {
    auto frames = ask({{"t", "examine"},
                       {"vm", 1},
                       {"state", std::move(state)},
                       {"now", 1000},
                       {"from", from},
                       {"from_schema", from_schema}});
    REQUIRE(frames.size() == 1);
    return frames[0];
  }

  std::vector<Value> answer(int64_t run, const std::string& strand, Value value) {
    return ask({{"t", "answer"}, {"run", run}, {"strand", strand}, {"value", std::move(value)}});
  }
  std::vector<Value> refuse(int64_t run, const std::string& strand, const std::string& message,
                            const std::string& code) {
    return ask({{"t", "answer"}, {"run", run}, {"strand", strand}, {"error", message}, {"code", code}});
  }

  Value eval(const std::string& source, Value more = Value::Map()) {
    more.set("t", "eval").set("source", source).set("chunk", "chunk");
    auto frames = ask(more);
    REQUIRE(frames.size() == 1);
    return frames[0];
  }

  Value repl(const std::string& source) {
    auto frames = ask({{"t", "repl"}, {"source", source}});
    REQUIRE(frames.size() == 1);
    return frames[0];
  }

  // True if a frame arrives within the time.
  bool readable(const timespec& time) const {
    pollfd entry{descriptor_, POLLIN, 0};
    return ppoll(&entry, 1, &time, nullptr) > 0;
  }

  pid_t child() const { return child_; }

 private:
  pid_t child_ = -1;
  int descriptor_ = -1;
  Value idle_;
};

}  // namespace clade::test
