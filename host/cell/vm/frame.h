// The cell's end of the socket to the host: whole frames, read and written blocking. The format is that of
// cell/protocol.h: 4 bytes little-endian length, then a MessagePack map.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "cell/vm/bounds.h"

namespace clade::vm {

class Channel {
 public:
  // Borrows the descriptor. `most` bounds the frames that are put.
  explicit Channel(int descriptor, size_t most = kFrameBytes) : descriptor_(descriptor), most_(most) {}

  // The next frame, or nil when the host has closed its end. Errors: "io", "invalid", "limit".
  Result<Value> read();
  // Puts a frame into the output. Errors: "limit" (nothing is put).
  Status put(const Value& frame);
  // Writes the output. Errors: "io".
  Status flush();
  // Bytes put since the last read.
  size_t sent() const { return sent_; }

 private:
  Result<bool> read_exactly(char* bytes, size_t size);

  int descriptor_;
  size_t most_;
  std::string output_;
  size_t sent_ = 0;
};

}  // namespace clade::vm
