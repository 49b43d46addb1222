// The two encodings of a Value: MessagePack on the wire between host and cells and in the journal; JSON where
// people and other tools read (command line, store columns). Decoders treat their input as hostile.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace clade {

// What a decoder accepts. Sizes in bytes, depth in nested arrays and maps.
struct CodecLimits {
  size_t bytes = 16u << 20;
  size_t depth = 64;
};

// For JSON that the host stored: wider than what it takes in, so that no stored value ever fails to load.
inline constexpr CodecLimits kStoredLimits{256u << 20, 1024};

// MessagePack of a value. Canonical: equal values give equal bytes.
std::string encode_msgpack(const Value& value);
// Errors: "invalid" (malformed, map key that is no string or appears twice, trailing bytes), "limit".
Result<Value> decode_msgpack(std::string_view bytes, const CodecLimits& limits = {});

// Is it UTF-8 (RFC 3629)?
bool is_utf8(std::string_view text);
// The text with every byte that is no part of valid UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

// A foreign text between quotation marks, for a message: control characters escaped as in JSON, and what is
// longer than 60 characters cut, with "…".
std::string in_quotes(std::string_view text);
// An id or name for a message: as it is if it looks like one, otherwise quoted.
std::string legible(std::string_view text);

// JSON text, one line unless `pretty` (2 spaces). NaN and infinities become null, bytes that are not UTF-8
// become U+FFFD: check with `check_json` where that loss matters.
std::string encode_json(const Value& value, bool pretty = false);
// Errors: "invalid" with line and column and what was expected; duplicate keys are refused; "limit".
Result<Value> decode_json(std::string_view text, const CodecLimits& limits = {});
// Fails with "invalid" and the path (`.a[3].b`) of the first part that JSON cannot hold exactly.
Status check_json(const Value& value);

}  // namespace clade
