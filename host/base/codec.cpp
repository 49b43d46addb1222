#include "base/codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include <msgpack.hpp>
#include <rapidjson/encodedstream.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace clade {
namespace {

// How much of a foreign text a message repeats.
constexpr size_t kShownBytes = 60;

// Builds a Value from the events of either parser, and refuses what passes the limits as soon as it is seen.
class Builder {
 public:
  explicit Builder(const CodecLimits& limits) : limits_(limits) {}

  bool scalar(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Frame& frame = stack_.back();
    if (frame.is_map) {
      if (!frame.key) return fail("invalid", "a map key that is no string");
      frame.map.emplace(std::move(*frame.key), std::move(value));
      frame.key.reset();
    } else {
      frame.array.push_back(std::move(value));
    }
    return true;
  }

  bool key(std::string text) {
    Frame& frame = stack_.back();
    if (frame.map.count(text)) return fail("invalid", "the key " + in_quotes(text) + " appears twice");
    frame.key = std::move(text);
    return true;
  }

  bool expects_key() const { return !stack_.empty() && stack_.back().is_map && !stack_.back().key; }

  bool open(bool is_map) {
    if (expects_key()) return fail("invalid", "a map key that is no string");
    if (stack_.size() >= limits_.depth) {
      return fail("limit", "nested deeper than " + std::to_string(limits_.depth) + " levels");
    }
    stack_.push_back(Frame{is_map, {}, {}, {}});
    return true;
  }

  bool close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    return scalar(frame.is_map ? Value(std::move(frame.map)) : Value(std::move(frame.array)));
  }

  bool fail(std::string code, std::string message) {
    if (!error_) error_ = Error{std::move(code), std::move(message)};
    return false;
  }

  const std::optional<Error>& error() const { return error_; }
  Value take() { return std::move(root_); }

 private:
  struct Frame {
    bool is_map;
    Value::Array array;
    Value::Map map;
    std::optional<std::string> key;
  };
  const CodecLimits& limits_;
  std::vector<Frame> stack_;
  Value root_;
  std::optional<Error> error_;
};

Value integer_or_real(uint64_t number) {
  if (number > static_cast<uint64_t>(INT64_MAX)) return static_cast<double>(number);
  return static_cast<int64_t>(number);
}

// The library's visitor interface: it calls these names.
class MsgpackVisitor : public msgpack::null_visitor {
 public:
  explicit MsgpackVisitor(Builder& builder) : builder_(builder) {}

  bool visit_nil() { return atom({}); }
  bool visit_boolean(bool boolean) { return atom(boolean); }
  bool visit_positive_integer(uint64_t number) { return atom(integer_or_real(number)); }
  bool visit_negative_integer(int64_t number) { return atom(number); }
  bool visit_float32(float number) { return atom(static_cast<double>(number)); }
  bool visit_float64(double number) { return atom(number); }
  bool visit_str(const char* text, uint32_t size) {
    std::string string(text, size);
    return builder_.expects_key() ? builder_.key(std::move(string)) : builder_.scalar(std::move(string));
  }
  bool visit_bin(const char* text, uint32_t size) { return atom(std::string(text, size)); }
  bool visit_ext(const char*, uint32_t) { return builder_.fail("invalid", "an extension type"); }
  bool start_array(uint32_t) { return builder_.open(false); }
  bool end_array() { return builder_.close(); }
  bool start_map(uint32_t) { return builder_.open(true); }
  bool end_map() { return builder_.close(); }
  void parse_error(size_t, size_t offset) {
    builder_.fail("invalid", "malformed at byte " + std::to_string(offset));
  }
  void insufficient_bytes(size_t, size_t) { builder_.fail("invalid", "cut off"); }

 private:
  bool atom(Value value) {
    if (builder_.expects_key()) return builder_.fail("invalid", "a map key that is no string");
    return builder_.scalar(std::move(value));
  }
  Builder& builder_;
};

constexpr int64_t kMostDigits = int64_t{1} << 40;

// True if a real, as JSON writes it, lies between -1 and 1.
bool is_fraction(std::string_view text) {
  const size_t mark = std::min(text.find_first_of("eE"), text.size());
  int64_t exponent = 0;
  if (mark < text.size()) {
    const size_t sign = text[mark + 1] == '+' ? 2 : 1;
    const auto [end, error] = std::from_chars(text.data() + mark + sign, text.data() + text.size(), exponent);
    if (error != std::errc()) return text[mark + 1] == '-';
    // Beyond what any text has digits for.
    exponent = std::clamp<int64_t>(exponent, -kMostDigits, kMostDigits);
  }
  const size_t first = text.find_first_of("123456789");
  const auto point = static_cast<int64_t>(std::min(text.find('.'), mark));
  return first >= mark || point - static_cast<int64_t>(first) + exponent <= 0;
}

// The value of a number as JSON writes it, or nothing if it is too large. The library finds where a number
// ends and no more: its own conversion is wrong where a number's first 20 digits are rounded up to 2^64.
std::optional<Value> json_number(std::string_view text) {
  const char* const end = text.data() + text.size();
  if (text.find_first_of(".eE") == std::string_view::npos) {
    int64_t integer = 0;
    if (std::from_chars(text.data(), end, integer).ec == std::errc()) return Value(integer);
  }
  double real = 0;
  if (std::from_chars(text.data(), end, real).ec == std::errc()) return Value(real);
  // Out of range: too small is 0, which is as near as a double comes.
  return is_fraction(text) ? std::optional(Value(0)) : std::nullopt;
}

// The library's SAX interface: it calls these names.
class JsonHandler : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, JsonHandler> {
 public:
  explicit JsonHandler(Builder& builder) : builder_(builder) {}

  bool Null() { return builder_.scalar({}); }
  bool Bool(bool boolean) { return builder_.scalar(boolean); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    auto number = json_number({text, size});
    return number ? builder_.scalar(std::move(*number))
                  : builder_.fail("invalid", "a number too large to be stored");
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return is_whole({text, size}) && builder_.scalar(std::string(text, size));
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    return is_whole({text, size}) && builder_.key(std::string(text, size));
  }
  bool StartObject() { return builder_.open(true); }
  bool EndObject(rapidjson::SizeType) { return builder_.close(); }
  bool StartArray() { return builder_.open(false); }
  bool EndArray(rapidjson::SizeType) { return builder_.close(); }

 private:
  // The library sees to it that text is UTF-8 and that the first half of a pair of escapes has a second one,
  // but takes a second half without a first. It comes as three bytes that no other text has.
  bool is_whole(std::string_view text) {
    for (size_t at = text.find('\xed'); at != std::string_view::npos; at = text.find('\xed', at + 1)) {
      if (static_cast<unsigned char>(text[at + 1]) < 0xa0) continue;
      return builder_.fail("invalid",
                           "a string with an escape from \\udc00 to \\udfff that has no other half");
    }
    return true;
  }

  Builder& builder_;
};

// The library makes an integer of a whole number that one holds, and tries it with 2^64, which none does.
template <class Packer>
void write_real(Packer& packer, double number) {
  constexpr char kTwoToThe64[] = {'\xcb', '\x43', '\xf0', 0, 0, 0, 0, 0, 0};
  if (number == 0x1p64) {
    packer.pack_str_body(kTwoToThe64, sizeof kTwoToThe64);
  } else {
    packer.pack_double(number);
  }
}

template <class Packer>
void write_msgpack(Packer& packer, const Value& value) {
  if (value.is_nil()) {
    packer.pack_nil();
  } else if (value.is_bool()) {
    value.as_bool() ? packer.pack_true() : packer.pack_false();
  } else if (value.is_integer()) {
    packer.pack_int64(value.as_integer());
  } else if (value.is_number()) {
    write_real(packer, value.as_real());
  } else if (value.is_string()) {
    const auto& text = value.as_string();
    packer.pack_str(static_cast<uint32_t>(text.size()));
    packer.pack_str_body(text.data(), static_cast<uint32_t>(text.size()));
  } else if (value.is_array()) {
    packer.pack_array(static_cast<uint32_t>(value.as_array().size()));
    for (const auto& item : value.as_array()) write_msgpack(packer, item);
  } else {
    packer.pack_map(static_cast<uint32_t>(value.as_map().size()));
    for (const auto& [key, item] : value.as_map()) {
      packer.pack_str(static_cast<uint32_t>(key.size()));
      packer.pack_str_body(key.data(), static_cast<uint32_t>(key.size()));
      write_msgpack(packer, item);
    }
  }
}

// How many letters of ASCII a text begins with; eight at a time, as most are.
size_t ascii_letters(std::string_view text) {
  size_t count = 0;
  for (uint64_t eight = 0; count + sizeof eight <= text.size(); count += sizeof eight) {
    std::memcpy(&eight, text.data() + count, sizeof eight);
    if ((eight & 0x8080808080808080u) != 0) break;
  }
  while (count < text.size() && static_cast<unsigned char>(text[count]) < 0x80) ++count;
  return count;
}

// The bytes of the character that a text begins with; 0 if it is no UTF-8.
size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  size_t length = 0;
  uint32_t point = 0;
  if (first < 0x80) {
    length = 1, point = first;
  } else if (first >= 0xC2 && first < 0xE0) {
    length = 2, point = first & 0x1Fu;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3, point = first & 0x0Fu;
  } else if (first >= 0xF0 && first < 0xF5) {
    length = 4, point = first & 0x07u;
  }
  if (length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    const auto next = static_cast<unsigned char>(text[k]);
    if ((next & 0xC0u) != 0x80u) return 0;
    point = point << 6 | (next & 0x3Fu);
  }
  // Overlong forms, surrogates and points past U+10FFFF are no UTF-8 either (RFC 3629).
  if (length == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) return 0;
  if (length == 4 && (point < 0x10000 || point > 0x10FFFF)) return 0;
  return length;
}

template <class Writer>
void write_utf8(Writer& writer, const std::string& text, bool is_key) {
  const std::string repaired = is_utf8(text) ? std::string() : valid_utf8(text);
  const std::string& valid = repaired.empty() ? text : repaired;
  const auto size = static_cast<rapidjson::SizeType>(valid.size());
  if (is_key) {
    writer.Key(valid.data(), size);
  } else {
    writer.String(valid.data(), size);
  }
}

template <class Writer>
void write_json(Writer& writer, const Value& value) {
  if (value.is_bool()) {
    writer.Bool(value.as_bool());
  } else if (value.is_integer()) {
    writer.Int64(value.as_integer());
  } else if (value.is_number() && std::isfinite(value.as_real())) {
    writer.Double(value.as_real());
  } else if (value.is_string()) {
    write_utf8(writer, value.as_string(), false);
  } else if (value.is_array()) {
    writer.StartArray();
    for (const auto& item : value.as_array()) write_json(writer, item);
    writer.EndArray();
  } else if (value.is_map()) {
    writer.StartObject();
    for (const auto& [key, item] : value.as_map()) {
      write_utf8(writer, key, true);
      write_json(writer, item);
    }
    writer.EndObject();
  } else {
    writer.Null();
  }
}

// Line and column, both from 1, of a byte offset.
std::string line_and_column(std::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto start = before.rfind('\n');
  const size_t column = offset - (start == std::string_view::npos ? 0 : start + 1) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// A value within another, named from the inside: a path costs only who asks for it.
struct Place {
  const Place* around = nullptr;
  const std::string* key = nullptr;  // of a map; otherwise `index` of a list, from 1
  size_t index = 0;

  std::string path() const {
    if (!around) return "";
    return around->path() + (key ? "." + *key : "[" + std::to_string(index) + "]");
  }
  tl::unexpected<Error> wrong(const std::string& what) const {
    return failure("invalid", (around ? path() : "the value") + what);
  }
};

Status check_json_at(const Value& value, const Place& place) {
  if (value.is_number() && !std::isfinite(value.as_real())) return place.wrong(" is not a finite number");
  if (value.is_string() && !is_utf8(value.as_string())) return place.wrong(" is a string that is not UTF-8");
  size_t index = 0;
  for (const auto& item : value.as_array()) {
    if (auto status = check_json_at(item, {&place, nullptr, ++index}); !status) return status;
  }
  for (const auto& [key, item] : value.as_map()) {
    if (!is_utf8(key)) return place.wrong(" has a key that is not UTF-8");
    if (auto status = check_json_at(item, {&place, &key}); !status) return status;
  }
  return {};
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    i += ascii_letters(text.substr(i));
    if (i == text.size()) return true;
    const size_t length = character_length(text.substr(i));
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string valid_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = character_length(text.substr(i));
    if (length > 0) {
      out.append(text.substr(i, length));
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      i += 1;
    }
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  const std::string valid = valid_utf8(text);
  size_t end = 0;
  for (size_t characters = 0; end < valid.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(valid[end]) & 0xC0u) != 0x80u;
    if (begins && characters++ == kShownBytes) break;
  }
  return encode_json(end < valid.size() ? valid.substr(0, end) + "…" : valid);
}

std::string legible(std::string_view text) {
  constexpr std::string_view marks = "_-.:/#@";
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  };
  const bool plain =
      !text.empty() && text.size() <= kShownBytes && std::all_of(text.begin(), text.end(), fits);
  return plain ? std::string(text) : in_quotes(text);
}

std::string encode_msgpack(const Value& value) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  write_msgpack(packer, value);
  return {buffer.data(), buffer.size()};
}

Result<Value> decode_msgpack(std::string_view bytes, const CodecLimits& limits) {
  if (bytes.size() > limits.bytes) {
    return failure("limit", "larger than " + std::to_string(limits.bytes) + " bytes");
  }
  Builder builder(limits);
  MsgpackVisitor visitor(builder);
  size_t offset = 0;
  const bool parsed = msgpack::parse(bytes.data(), bytes.size(), offset, visitor);
  if (builder.error()) return failure(*builder.error());
  if (!parsed) return failure("invalid", "malformed");
  if (offset != bytes.size()) return failure("invalid", "bytes behind the end");
  return builder.take();
}

std::string encode_json(const Value& value, bool pretty) {
  rapidjson::StringBuffer buffer;
  if (pretty) {
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
    writer.SetIndent(' ', 2);
    write_json(writer, value);
  } else {
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    write_json(writer, value);
  }
  return {buffer.GetString(), buffer.GetSize()};
}

Result<Value> decode_json(std::string_view text, const CodecLimits& limits) {
  if (text.size() > limits.bytes) {
    return failure("limit", "larger than " + std::to_string(limits.bytes) + " bytes");
  }
  Builder builder(limits);
  JsonHandler handler(builder);
  rapidjson::MemoryStream memory(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(memory);
  rapidjson::Reader reader;
  // Iterative: a deep text must not use up the host's stack before the depth limit is seen.
  // Numbers as text: a state that is kept as JSON must come back to the last bit, see json_number.
  reader.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
               rapidjson::kParseNumbersAsStringsFlag>(stream, handler);
  if (builder.error()) {
    return failure(builder.error()->code,
                   line_and_column(text, reader.GetErrorOffset()) + ": " + builder.error()->message);
  }
  if (reader.HasParseError()) {
    return failure("invalid", line_and_column(text, reader.GetErrorOffset()) + ": " +
                                  rapidjson::GetParseError_En(reader.GetParseErrorCode()));
  }
  // The parser takes a NUL byte for the end of the text.
  if (memory.Tell() < text.size()) {
    return failure("invalid", line_and_column(text, memory.Tell()) + ": a NUL byte behind the value");
  }
  return builder.take();
}

Status check_json(const Value& value) {
  return check_json_at(value, Place());
}

}  // namespace clade
