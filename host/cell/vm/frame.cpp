#include "cell/vm/frame.h"

#include <cerrno>
#include <cstdint>

#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "cell/vm/bounds.h"

namespace clade::vm {
namespace {

// Collected before it is written.
constexpr size_t kBatchBytes = 64u << 10;

}  // namespace

// False at the end of the stream.
Result<bool> Channel::read_exactly(char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t count = ::read(descriptor_, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("io", "cannot read from the host: " + system_reason(errno));
    if (count == 0) return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

Result<Value> Channel::read() {
  sent_ = 0;
  unsigned char header[4];
  auto more = read_exactly(reinterpret_cast<char*>(header), sizeof header);
  if (!more) return failure(more.error());
  if (!*more) return Value();
  const uint32_t size =
      header[0] | header[1] << 8u | header[2] << 16u | static_cast<uint32_t>(header[3]) << 24u;
  if (size > kFrameBytes) return failure("limit", "a frame of " + std::to_string(size) + " bytes");
  std::string bytes(size, '\0');
  more = read_exactly(bytes.data(), size);
  if (!more) return failure(more.error());
  if (!*more) return failure("io", "the host closed in the middle of a frame");
  return decode_msgpack(bytes, CodecLimits{kFrameBytes, kFrameDepth});
}

Status Channel::put(const Value& frame) {
  const std::string bytes = encode_msgpack(frame);
  if (bytes.size() > most_) {
    return failure("limit", std::to_string(bytes.size()) + " bytes are too many for one frame: at most " +
                                std::to_string(most_ >> 20) + " MB");
  }
  for (unsigned shift = 0; shift < 32; shift += 8)
    output_ += static_cast<char>(bytes.size() >> shift & 0xFFu);
  output_ += bytes;
  sent_ += sizeof(uint32_t) + bytes.size();
  return output_.size() > kBatchBytes ? flush() : Status();
}

Status Channel::flush() {
  size_t written = 0;
  while (written < output_.size()) {
    const ssize_t count = ::write(descriptor_, output_.data() + written, output_.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("io", "cannot write to the host: " + system_reason(errno));
    written += static_cast<size_t>(count);
  }
  output_.clear();
  return {};
}

}  // namespace clade::vm
