#include "base/value.h"

#include <cmath>
#include <stdexcept>

namespace clade {
namespace {
constexpr double kExactIntegers =
    9007199254740992.0;  // 2^53: above it a double no longer holds every integer
}

Value::Value(double number) {
  if (std::trunc(number) == number && std::fabs(number) <= kExactIntegers) {
    data_ = static_cast<int64_t>(number);
  } else {
    data_ = number;
  }
}

bool Value::as_bool(bool fallback) const {
  const auto* boolean = std::get_if<bool>(&data_);
  return boolean ? *boolean : fallback;
}

int64_t Value::as_integer(int64_t fallback) const {
  const auto* number = std::get_if<int64_t>(&data_);
  return number ? *number : fallback;
}

double Value::as_real(double fallback) const {
  if (const auto* number = std::get_if<int64_t>(&data_)) return static_cast<double>(*number);
  const auto* number = std::get_if<double>(&data_);
  return number ? *number : fallback;
}

const std::string& Value::as_string() const {
  static const std::string empty;
  const auto* text = std::get_if<std::string>(&data_);
  return text ? *text : empty;
}

const Value::Array& Value::as_array() const {
  static const Array empty;
  const auto* array = std::get_if<Array>(&data_);
  return array ? *array : empty;
}

const Value::Map& Value::as_map() const {
  static const Map empty;
  const auto* map = std::get_if<Map>(&data_);
  return map ? *map : empty;
}

const Value& Value::operator[](std::string_view key) const {
  static const Value nil;
  const auto& map = as_map();
  auto entry = map.find(key);
  return entry == map.end() ? nil : entry->second;
}

bool Value::has(std::string_view key) const {
  return as_map().count(key) > 0;
}

Value& Value::set(std::string key, Value value) {
  if (is_nil()) data_ = Map();
  if (!is_map()) throw std::logic_error("Value::set on " + std::string(type_name()));
  std::get<Map>(data_).insert_or_assign(std::move(key), std::move(value));
  return *this;
}

Value& Value::push(Value value) {
  if (is_nil()) data_ = Array();
  if (!is_array()) throw std::logic_error("Value::push on " + std::string(type_name()));
  std::get<Array>(data_).push_back(std::move(value));
  return *this;
}

size_t Value::footprint() const {
  // What the library adds to an entry of a map: four words of its tree.
  constexpr size_t kEntryBytes = 4 * sizeof(void*);
  size_t bytes = sizeof(Value);
  if (is_string()) bytes += as_string().capacity();
  for (const auto& item : as_array()) bytes += item.footprint();
  for (const auto& [key, item] : as_map()) {
    bytes += kEntryBytes + sizeof(std::string) + key.capacity() + item.footprint();
  }
  return bytes;
}

const char* Value::type_name() const {
  if (is_nil()) return "nil";
  if (is_bool()) return "boolean";
  if (is_number()) return "number";
  if (is_string()) return "string";
  return is_array() ? "array" : "map";
}

}  // namespace clade
