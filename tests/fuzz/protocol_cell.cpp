// The cell's end under arbitrary frames of "the host": it never crashes, and what it answers is whole frames
// of the kinds that the protocol has, one "idle" for each frame that it was sent. Its scripts are stopped by
// their deadline, as in a cell, so that one that loops is no finding.
#include <set>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cell/protocol.h"
#include "cell/vm/cell_main.h"
#include "cell/vm/compiled.h"
#include "fuzz/input.h"
#include "fuzz/programs.h"

namespace clade::vm {
namespace {

using fuzz::Input;
using fuzz::promise;

// The cell is never full: then it would end this process. One VM gets less than a sixteenth.
constexpr size_t kCellBytes = 512u << 20;
constexpr int64_t kProgramBytes = 16 << 20;
constexpr size_t kFrames = 16;
constexpr long kDeadlineMicroseconds = 20000;
// So much is not read in between.
constexpr int kAnswerBytes = 4 << 20;
constexpr const char* kHandlers[] = {"on_task", "on_mail", "check", "no_such"};
constexpr const char* kStrands[] = {"0", "1", "2", "1.1", ""};
constexpr const char* kCodes[] = {"invalid", "refused", "not_found"};

// The host's end: writes all it has to say, then hears the answers.
class Host {
 public:
  Host() {
    promise(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) == 0, "no socket pair");
    (void)setsockopt(ends_[1], SOL_SOCKET, SO_SNDBUF, &kAnswerBytes, sizeof kAnswerBytes);
    // Whoever answers more than fits must not wait for this one, which reads it later.
    (void)fcntl(ends_[1], F_SETFL, O_NONBLOCK);
  }
  ~Host() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  int cell_end() const { return ends_[1]; }
  void say_bytes(std::string_view bytes) {
    promise(::send(ends_[0], bytes.data(), bytes.size(), MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size()),
            "an input is too large for the socket");
  }
  void say(const Value& frame) {
    std::string bytes;
    promise(cell::append_frame(bytes, frame).has_value(), "an input is too large for a frame");
    say_bytes(bytes);
    ++said_;
  }
  void finish() { shutdown(ends_[0], SHUT_WR); }
  size_t said() const { return said_; }

  void hear(cell::FrameReader& reader) {
    char bytes[16384];
    for (;;) {
      const ssize_t count = ::recv(ends_[0], bytes, sizeof bytes, MSG_DONTWAIT);
      if (count <= 0) return;
      reader.feed({bytes, static_cast<size_t>(count)});
    }
  }

 private:
  int ends_[2] = {-1, -1};
  size_t said_ = 0;
};

// Sends the interrupt of the deadline again and again: each stops what runs then.
class Deadlines {
 public:
  Deadlines() { set(kDeadlineMicroseconds); }
  ~Deadlines() { set(0); }
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

 private:
  static void set(long microseconds) {
    const itimerval timer{{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_PROF, &timer, nullptr);
  }
};

// Any plain data: MessagePack if the bytes are such, else text.
Value value_of(std::string_view bytes) {
  auto value = decode_msgpack(bytes);
  return value ? std::move(*value) : Value(bytes);
}

// Reads the input as a script: each byte chooses a frame.
class Script {
 public:
  Script(Input& input, Host& host) : input_(input), host_(host) {}

  void say() {
    while (!input_.empty() && host_.said() < kFrames) {
      if (!step()) break;
    }
    host_.finish();
  }

 private:
  // False if nothing can follow.
  bool step() {
    switch (input_.byte() % 12) {
      case 0:
        host_.say(load(source_of(fuzz::kAgents)));
        return true;
      case 1:
        host_.say(load(Value(input_.text())));
        return true;
      case 2:
      case 3:
        host_.say(run());
        return true;
      case 4:
        host_.say({{"t", "answer"}, {"run", number()}, {"strand", strand()}, {"value", value()}});
        return true;
      case 5:
        host_.say({{"t", "answer"},
                   {"run", number()},
                   {"strand", strand()},
                   {"error", value()},
                   {"code", one_of(kCodes)}});
        return true;
      case 6:
        host_.say({{"t", input_.byte() % 2 == 0 ? "cancel" : "unload"}, {"run", number()}, {"vm", number()}});
        return true;
      case 7:
        host_.say({{"t", "selftest"}, {"vm", number()}});
        return true;
      case 8:
        host_.say(evaluation());
        return true;
      case 9:
        host_.say({{"t", "repl"}, {"source", input_.text()}});
        return true;
      case 10:
        return say_any_frame();
      default:
        host_.say_bytes(input_.rest());
        return false;
    }
  }

  Value load(Value source) {
    return {{"t", "load"},          {"vm", number()},         {"agent", "fuzzed"},
            {"version", "cafe"},    {"source", source},       {"chunk", "agents/fuzzed/init.lua@cafe"},
            {"modules", modules()}, {"memory", kProgramBytes}};
  }

  Value run() {
    return {{"t", "run"},       {"vm", number()},      {"run", number()}, {"handler", one_of(kHandlers)},
            {"state", value()}, {"argument", value()}, {"now", 1000},     {"seed", input_.byte()}};
  }

  Value evaluation() {
    const uint8_t choice = input_.byte();
    Value frame{{"t", "eval"}, {"chunk", "chunk"}, {"modules", modules()}};
    frame.set("source", (choice & 1) != 0 ? source_of(fuzz::kChunks) : Value(input_.text()));
    if ((choice & 2) != 0) frame.set("entry", (choice & 4) != 0 ? "run" : "...");
    if ((choice & 8) != 0) frame.set("args", Value::Array{value(), value()});
    if ((choice & 16) != 0) {
      frame.set("subject",
                {{"source", source_of(fuzz::kChunks)}, {"chunk", "subject"}, {"modules", modules()}});
    }
    return frame;
  }

  // A frame whose length fits and whose content is anything, but for the memory that it may ask for.
  bool say_any_frame() {
    const std::string_view body = input_.text();
    auto frame = decode_msgpack(body, {cell::kFrameBytes, cell::kFrameDepth});
    if (frame && frame->is_map()) {
      if ((*frame)["t"].as_string() == "load") frame->set("memory", kProgramBytes);
      host_.say(*frame);
      return true;
    }
    const char header[] = {static_cast<char>(body.size()), 0, 0, 0};
    host_.say_bytes(std::string(header, sizeof header) + std::string(body));
    return false;
  }

  Value modules() { return Value{{"m", Value{{"source", source_of(fuzz::kChunks)}, {"chunk", "m"}}}}; }
  template <size_t N>
  Value source_of(const char* const (&sources)[N]) {
    return one_of(sources);
  }
  template <size_t N>
  const char* one_of(const char* const (&choices)[N]) {
    return choices[input_.byte() % N];
  }
  Value value() { return value_of(input_.text()); }
  int64_t number() { return input_.byte() % 4; }
  const char* strand() { return one_of(kStrands); }

  Input& input_;
  Host& host_;
};

// What the cell said: `cut` if its last frame may be half.
void check_answers(Host& host, bool cut) {
  static const std::set<std::string, std::less<>> kinds = {"idle", "loaded", "result", "call",
                                                           "done", "failed", "log"};
  cell::FrameReader reader;
  host.hear(reader);
  size_t idle = 0;
  std::string last;
  for (;;) {
    const auto frame = reader.next();
    promise(frame.has_value(), "the cell sent a frame that cannot be read");
    if (frame->is_nil()) break;
    last = (*frame)["t"].as_string();
    promise(kinds.count(last) == 1, "the cell sent a frame of an unknown kind");
    if (last != "idle") continue;
    promise((*frame)["memory"].is_integer() && (*frame)["memory"].as_integer() >= 0,
            "an idle cell has no memory");
    ++idle;
  }
  promise(cut || idle >= host.said(), "the cell did not answer every frame");
  promise(cut || last == "idle" || idle == 0, "the cell said something after it was idle");
}

}  // namespace
}  // namespace clade::vm

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  clade::vm::compile_embedded();
  clade::vm::install_interrupt_handlers();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace clade::vm;
  clade::fuzz::Input input(bytes, size);
  Host host;
  Script(input, host).say();
  int status = 0;
  {
    const Deadlines deadlines;
    status = serve_cell(host.cell_end(), CellOptions{kCellBytes});
  }
  clade::fuzz::promise(status == 0 || status == 1, "the cell ended with a status that it does not have");
  check_answers(host, status != 0);
  return 0;
}
