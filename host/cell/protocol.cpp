#include "cell/protocol.h"

#include <msgpack.hpp>

namespace clade::cell {
namespace {

constexpr size_t kHeaderBytes = 4;
constexpr size_t kMostItems = 2 * (vm::kValues + vm::kSentNames);  // keys count, too
constexpr size_t kMostEntries = vm::kMapEntries + vm::kSentNames;

size_t frame_size(const char* header) {
  size_t size = 0;
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    size |= static_cast<size_t>(static_cast<unsigned char>(header[i])) << (8 * i);
  }
  return size;
}

// Counts values and stops at the limit. What is malformed is found by the decoder that runs afterwards.
class ItemCounter : public msgpack::null_visitor {
 public:
  bool visit_nil() { return count(); }
  bool visit_boolean(bool) { return count(); }
  bool visit_positive_integer(uint64_t) { return count(); }
  bool visit_negative_integer(int64_t) { return count(); }
  bool visit_float32(float) { return count(); }
  bool visit_float64(double) { return count(); }
  bool visit_str(const char*, uint32_t) { return count(); }
  bool visit_bin(const char*, uint32_t) { return count(); }
  bool visit_ext(const char*, uint32_t) { return count(); }
  bool start_array(uint32_t) { return count(); }
  bool start_map(uint32_t entries) { return (entries_ += entries) <= kMostEntries && count(); }
  void parse_error(size_t, size_t) {}
  void insufficient_bytes(size_t, size_t) {}
  bool passed() const { return items_ > kMostItems || entries_ > kMostEntries; }

 private:
  bool count() { return ++items_ <= kMostItems; }
  size_t items_ = 0;
  size_t entries_ = 0;
};

bool too_many_items(std::string_view bytes) {
  // Every entry takes two bytes at least.
  if (bytes.size() <= 2 * vm::kMapEntries) return false;
  ItemCounter counter;
  size_t offset = 0;
  msgpack::parse(bytes.data(), bytes.size(), offset, counter);
  return counter.passed();
}

}  // namespace

Status append_frame(std::string& out, const Value& value) {
  const std::string body = encode_msgpack(value);
  if (body.size() > kFrameBytes) {
    return failure("limit", "a frame of " + std::to_string(body.size()) + " bytes is larger than the " +
                                std::to_string(kFrameBytes >> 20) +
                                " MB that host and cell exchange at once");
  }
  for (size_t i = 0; i < kHeaderBytes; ++i) out.push_back(static_cast<char>(body.size() >> (8 * i) & 0xFF));
  out += body;
  return {};
}

Result<Value> FrameReader::next() {
  const std::string_view waiting = std::string_view(buffer_).substr(offset_);
  const size_t size = waiting.size() < kHeaderBytes ? 0 : frame_size(waiting.data());
  if (size > bytes_) {
    return failure("limit", "announced a frame of " + std::to_string(size) + " bytes; " +
                                std::to_string(bytes_) + " are allowed");
  }
  if (waiting.size() < kHeaderBytes || waiting.size() < kHeaderBytes + size) {
    // Here at most one partial frame is left, so what moves is small against what was read.
    buffer_.erase(0, offset_);
    offset_ = 0;
    return Value();
  }
  const std::string_view body = waiting.substr(kHeaderBytes, size);
  if (too_many_items(body)) {
    return failure("limit", "sent a frame with more than " + std::to_string(vm::kValues) + " values or " +
                                std::to_string(vm::kMapEntries) + " map entries");
  }
  auto value = decode_msgpack(body, {bytes_, depth_});
  if (!value)
    return failure(value.error().code, "sent a frame that cannot be read: " + value.error().message);
  if (!value->is_map())
    return failure("invalid", std::string("sent a frame that is a ") + value->type_name());
  offset_ += kHeaderBytes + size;
  return value;
}

}  // namespace clade::cell
