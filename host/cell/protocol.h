// Frames between host and cell: 4 bytes little-endian length, then a MessagePack map with the kind in "t".
//
// Host → cell, one at a time; the cell answers each with any number of frames and then {t="idle",
// memory=<bytes of all VMs>}, where a run has ended with two figures more: cpu=<µs of processor time of all
// its slices>, vm_memory=<bytes that its VM holds; after a collection, not in cpu, if it was loaded with
// `measure`>:
//   {t="load", vm, agent, version, source, chunk, modules={id → {source, chunk}}, memory=<bytes>, measure}
//        → {t="loaded", vm, ok=true, info={api, tasks={…}, mail=<bool>, schema, state, has={on_task, on_mail,
//        migrate, check, selftest}}} | {t="loaded", vm, ok=false, error=<message with file:line>}
//        schema: the number of its state's form; has.back: it takes one of a higher number back to its own;
//        state: that of an agent which has none yet
//   {t="selftest", vm}                         → {t="result", ok, value | error, code}
//   {t="examine", vm, state, now, from?, from_schema?}  → {t="result", ok, value=<state> | error, code}
//        the state as the program would go on with it, if its `check` lets it pass
//   {t="unload", vm}
//   {t="run", vm, run, handler, state, from?, from_schema?, argument, now, seed}
//        from: the version that wrote the state, if it is another; from_schema: the number of the state's
//        form, the script's own if it is not said
//   {t="answer", run, strand, now, value} | {t="answer", run, strand, now, error, code}
//        code "invalid" and "refused" raise in the script; any other code makes the call return nil, error,
//        code
//   {t="cancel", run}
//        → {t="call", run, strand, position, op, args}   a strand waits for an answer
//        → {t="withdraw", run, strand}   a strand that waits never goes on: another one won its clade.any
//        → {t="done", run, value, state} | {t="failed", run, error}
//        → {t="log", run, level, text}
//   {t="eval", source, chunk, entry?, args={…}, modules, subject?={source, chunk, modules}}
//        → {t="result", ok=true, value, units, output} | {t="result", ok=false, error, code, units, output}
//        value: the chunk's first one; with an entry the first of that function; with the entry "..." an
//        array of all that the chunk returns. output: what it printed
//   {t="repl", source}  → {t="result", ok, value=<text of the values>, incomplete=<bool>, error}
// Numbers are integers unless a script made them; `vm` and `run` are the host's, a cell that names another is
// killed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "base/result.h"
#include "cell/vm/bounds.h"

namespace clade::cell {

using vm::kFrameBytes;
using vm::kFrameDepth;

// Appends a value as one frame. Errors: "limit".
Status append_frame(std::string& out, const Value& value);

// Cuts what a cell sends into frames.
class FrameReader {
 public:
  // `bytes` bounds a frame. Values and map entries in it are those of bounds.h, whoever sends it.
  explicit FrameReader(size_t depth = kFrameDepth, size_t bytes = vm::kSentBytes)
      : depth_(depth), bytes_(bytes) {}
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame, always a map; nil Value when more bytes are needed. Errors: "limit", "invalid": the
  // stream is lost.
  Result<Value> next();
  // True if bytes wait for the rest of their frame.
  bool holds_part() const { return offset_ < buffer_.size(); }

 private:
  size_t depth_;
  size_t bytes_;
  std::string buffer_;
  size_t offset_ = 0;
};

}  // namespace clade::cell
