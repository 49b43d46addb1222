// The decoders of MessagePack and JSON under arbitrary bytes and limits: what they accept is within the
// limits and comes back from its encodings unchanged; what they refuse has a code and a reason.
#include "base/codec.h"

#include "fuzz/input.h"

namespace clade {
namespace {

using fuzz::Input;
using fuzz::promise;

size_t depth_of(const Value& value) {
  size_t deepest = 0;
  for (const auto& item : value.as_array()) deepest = std::max(deepest, depth_of(item));
  for (const auto& [key, item] : value.as_map()) deepest = std::max(deepest, depth_of(item));
  return deepest + (value.is_array() || value.is_map() ? 1 : 0);
}

// Bytes, not values, are compared: a NaN is not equal to itself, and a whole real may come back as an
// integer.
void check_msgpack_round_trip(const Value& value) {
  const std::string encoded = encode_msgpack(value);
  const auto again = decode_msgpack(encoded);
  promise(again.has_value(), "MessagePack that was encoded here is refused");
  promise(encode_msgpack(*again) == encoded, "MessagePack changes when it is decoded and encoded again");
}

void check_json_round_trip(const Value& value, bool pretty) {
  const std::string encoded = encode_json(value, pretty);
  const auto again = decode_json(encoded);
  promise(again.has_value(), "JSON that was encoded here is refused");
  promise(*again == value, "a value changes on its way through JSON");
  promise(encode_json(*again, pretty) == encoded, "JSON changes when it is decoded and encoded again");
}

void check_refusal(const Error& error) {
  promise(error.code == "invalid" || error.code == "limit", "a code that the decoders do not have");
  promise(!error.message.empty(), "a refusal without a reason");
}

void check_accepted(const Value& value, size_t size, const CodecLimits& limits) {
  promise(size <= limits.bytes, "more bytes than the limit were accepted");
  promise(depth_of(value) <= limits.depth, "deeper nesting than the limit was accepted");
  check_msgpack_round_trip(value);
  if (check_json(value)) {
    check_json_round_trip(value, false);
    check_json_round_trip(value, true);
  }
}

void decode_as_msgpack(std::string_view bytes, const CodecLimits& limits) {
  const auto value = decode_msgpack(bytes, limits);
  if (!value) return check_refusal(value.error());
  check_accepted(*value, bytes.size(), limits);
}

void decode_as_json(std::string_view bytes, const CodecLimits& limits) {
  const auto value = decode_json(bytes, limits);
  if (!value) return check_refusal(value.error());
  promise(check_json(*value).has_value(), "JSON was decoded to what JSON cannot hold");
  check_accepted(*value, bytes.size(), limits);
}

// Foreign text for a message.
void show(std::string_view bytes) {
  const std::string valid = valid_utf8(bytes);
  promise(valid_utf8(valid) == valid, "valid_utf8 makes text that is not UTF-8");
  for (const std::string& shown : {in_quotes(bytes), legible(bytes)}) {
    promise(!shown.empty() && valid_utf8(shown) == shown, "a message shows bytes that are not UTF-8");
    const bool control = std::any_of(shown.begin(), shown.end(),
                                     [](char letter) { return static_cast<unsigned char>(letter) < 0x20; });
    promise(!control, "a message shows a control character");
  }
  promise(decode_json(in_quotes(bytes)).has_value(), "a quoted text is not what JSON takes for one");
}

}  // namespace
}  // namespace clade

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  clade::fuzz::Input input(bytes, size);
  const uint8_t kind = input.byte();
  clade::CodecLimits limits;
  if (const uint8_t depth = input.byte(); depth < limits.depth) limits.depth = depth;
  if ((kind & 4) != 0) limits.bytes = input.byte();
  switch (kind & 3) {
    case 0:
      clade::decode_as_msgpack(input.rest(), limits);
      break;
    case 1:
      clade::decode_as_json(input.rest(), limits);
      break;
    default:
      clade::show(input.rest());
  }
  return 0;
}
