#include "cli/repl_session.h"

#include <csignal>
#include <optional>

#include "cell/protocol.h"
#include "cell/zygote.h"
#include "loop/loop.h"
#include "loop/signal.h"
#include "loop/stream.h"

namespace clade::cli {
namespace {

constexpr int64_t kMemoryMb = 256;

}  // namespace

struct ReplSession::State {
  explicit State(cell::Zygote started) : zygote(std::move(started)) {
    zygote.attach(
        loop, [this](const std::string& reason) { lost("the process that makes cells ended: " + reason); });
  }

  void lost(const std::string& reason) {
    if (death.empty()) death = reason;
    loop.stop();
  }

  Status open_cell() {
    death.clear();
    reader = cell::FrameReader();
    cell::CellLimits limits;
    limits.memory_mb = kMemoryMb;
    auto spawned = zygote.spawn(limits, [this](const cell::CellExit& exit) {
      cell = 0;
      lost(!exit.failure.empty() ? exit.failure
           : exit.signal         ? "it was ended by signal " + std::to_string(exit.signal)
                                 : "it exited with status " + std::to_string(exit.code));
    });
    if (!spawned) return failure(spawned.error());
    cell = spawned->id;
    stream.emplace(loop, spawned->descriptor);
    // An end of the stream is not told: how the process ended says more, and follows.
    stream->read([this](std::string_view bytes) { received(bytes); }, [](const std::string&) {});
    return {};
  }

  void received(std::string_view bytes) {
    reader.feed(bytes);
    for (;;) {
      auto frame = reader.next();
      if (!frame) {
        if (cell) zygote.kill(cell);
        return lost("it sent what is no frame");
      }
      if (frame->is_nil()) return;
      const std::string& kind = (*frame)["t"].as_string();
      if (kind == "result") {
        answer =
            Answer{(*frame)["ok"].as_bool(), (*frame)["incomplete"].as_bool(), (*frame)["value"].as_string()};
        if (!answer->ok) answer->text = (*frame)["error"].as_string();
      } else if (kind == "idle") {
        idle = true;
        loop.stop();
      }
    }
  }

  void interrupt() {
    if (!cell) return;
    if (interrupts++ == 0) {
      // A chunk sent before the signal got there would be hit by it.
      undelivered = true;
      zygote.interrupt(cell, [this] {
        undelivered = false;
        loop.stop();
      });
    } else {
      zygote.kill(cell);
    }
  }

  loop::Loop loop;
  cell::Zygote zygote;
  uint64_t cell = 0;
  std::optional<loop::Stream> stream;
  cell::FrameReader reader;
  std::optional<Answer> answer;
  bool idle = false;
  bool undelivered = false;
  int interrupts = 0;
  std::string death;  // why there is no cell any more
};

ReplSession::ReplSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReplSession::ReplSession(ReplSession&&) noexcept = default;
ReplSession& ReplSession::operator=(ReplSession&&) noexcept = default;
ReplSession::~ReplSession() = default;

Result<ReplSession> ReplSession::start() {
  auto zygote = cell::Zygote::start();
  if (!zygote) return failure(zygote.error());
  return ReplSession(std::make_unique<State>(std::move(*zygote)));
}

Result<ReplSession::Answer> ReplSession::run(const std::string& source) {
  State& state = *state_;
  std::string bytes;
  if (auto framed = cell::append_frame(bytes, {{"t", "repl"}, {"source", source}}); !framed) {
    return failure(framed.error());
  }
  if (!state.stream || !state.cell) {
    state.stream.reset();
    if (auto opened = state.open_cell(); !opened) return failure(opened.error());
  }
  state.answer.reset();
  state.idle = false;
  state.undelivered = false;
  state.interrupts = 0;
  {
    const loop::Signal interrupt(state.loop, SIGINT, [&state] { state.interrupt(); });
    state.stream->write(std::move(bytes));
    while ((!state.idle || state.undelivered) && state.death.empty()) state.loop.run();
  }
  if (state.death.empty() && state.answer) {
    if (state.interrupts > 0 && !state.answer->ok) state.answer->text = "interrupted: " + state.answer->text;
    return *state.answer;
  }
  if (state.cell) state.zygote.kill(state.cell);
  state.stream.reset();
  return failure("killed", "the cell is gone: " + (state.death.empty() ? "it did not answer" : state.death) +
                               "; variables are lost, the next chunk starts afresh");
}

}  // namespace clade::cli
