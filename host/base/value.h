// Value: plain data as it crosses between Lua, the store and the command line: nil, boolean, integer, real,
// string, array, map with string keys. Maps are sorted by key, so equal values encode to equal bytes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace clade {

class Value {
 public:
  using Array = std::vector<Value>;
  using Map = std::map<std::string, Value, std::less<>>;

  Value() = default;
  Value(bool boolean) : data_(boolean) {}
  Value(int number) : data_(static_cast<int64_t>(number)) {}
  Value(unsigned number) : data_(static_cast<int64_t>(number)) {}
  Value(int64_t number) : data_(number) {}
  Value(double number);  // integral values up to 2^53 become integers, as Lua does not tell them apart
  Value(const char* text) : data_(std::string(text)) {}
  Value(std::string_view text) : data_(std::string(text)) {}
  Value(std::string text) : data_(std::move(text)) {}
  Value(Array array) : data_(std::move(array)) {}
  Value(Map map) : data_(std::move(map)) {}
  Value(std::initializer_list<std::pair<const std::string, Value>> entries) : data_(Map(entries)) {}

  bool is_nil() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(data_); }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(data_); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_map() const { return std::holds_alternative<Map>(data_); }

  // Typed reads with a fallback for any other type: no throw, no conversion (except integer to real).
  bool as_bool(bool fallback = false) const;
  int64_t as_integer(int64_t fallback = 0) const;
  double as_real(double fallback = 0) const;
  const std::string& as_string() const;  // "" for any other type
  const Array& as_array() const;         // empty for any other type
  const Map& as_map() const;             // empty for any other type

  // The entry of a map; nil if this is no map or has no such key.
  const Value& operator[](std::string_view key) const;
  bool has(std::string_view key) const;
  // Sets an entry; a nil Value becomes a map first. Precondition: nil or map.
  Value& set(std::string key, Value value);
  // Appends; a nil Value becomes an array first. Precondition: nil or array.
  Value& push(Value value);

  // The memory that it takes, all parts included, in bytes: about what the allocator gives for it. A value
  // that is a byte on a wire takes fifty here.
  size_t footprint() const;

  // "nil", "boolean", "number", "string", "array" or "map": for error messages.
  const char* type_name() const;

  bool operator==(const Value&) const = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Map> data_;
};

}  // namespace clade
