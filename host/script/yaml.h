// YAML as plain data that remembers where each part stands, and the readers that check it against a schema.
// Input is hostile until checked: bounded in bytes, depth and, because of aliases, in the number of values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace clade::script {

inline constexpr size_t kYamlBytes = 8u << 20;
inline constexpr size_t kYamlDepth = 64;
inline constexpr size_t kYamlValues = 100000;

// A place in a file; both from 1, columns count bytes.
struct Mark {
  int line = 1;
  int column = 1;

  bool operator==(const Mark&) const = default;
  bool operator<(const Mark& other) const {
    return line != other.line ? line < other.line : column < other.column;
  }
};

// A scalar, list or map as written. Plain scalars get a type by YAML's core schema (null, true, 12,
// 0x1f, 1.5, .inf); quoted ones are text.
struct YamlNode {
  enum class Kind { scalar, list, map };
  struct Key {
    std::string text;
    Mark mark;
  };

  Kind kind = Kind::scalar;
  Mark mark;
  Value scalar;                 // of a scalar
  std::vector<YamlNode> items;  // of a list; of a map: the values
  std::vector<Key> keys;        // of a map: one per item, in the order of the file

  bool is_nil() const { return kind == Kind::scalar && scalar.is_nil(); }
  // The value of a map's key, or nullptr.
  const YamlNode* find(std::string_view key) const;
  // As plain data without places.
  Value value() const;
  // "text", "a number", "true or false", "a list", "a map" or "nothing": for error messages.
  const char* kind_name() const;
};

// Parses one document; `path` is what errors call it. Errors: "invalid" as "path:line:column: what": syntax,
// duplicate keys, keys that are no scalar, tags of other programs, more than one document; "limit" likewise.
Result<YamlNode> parse_yaml(std::string_view text, const std::string& path);
// Reads and parses a file. Errors: those of read_file and parse_yaml.
Result<YamlNode> load_yaml(const std::string& path);

// Gathers what is wrong with one file; what stands first in the file is what gets reported.
class YamlReport {
 public:
  explicit YamlReport(std::string path) : path_(std::move(path)) {}

  // Notes a problem; of two at one place the first counts.
  void add(Mark mark, std::string text);
  // The first problem as "invalid", "path:line:column: text"; success if there was none.
  Status status() const;

 private:
  struct Problem {
    Mark mark;
    std::string text;
  };
  std::string path_;
  std::optional<Problem> first_;
};

// Says what is wrong with a text, "" if nothing.
using TextCheck = std::function<std::string(const std::string&)>;

// Reads the keys of one map. Every problem goes to the report; a read then returns its fallback. Borrows node
// and report.
class YamlFields {
 public:
  // Reports a node that is no map (nothing counts as an empty one), and every key that is not in `known`,
  // unless `open`.
  YamlFields(const YamlNode& node, std::vector<std::string> known, YamlReport& report, bool open = false);

  // Reports a key that is not there.
  void require(const std::string& key);
  std::string text(const std::string& key, const TextCheck& check = {}, std::string fallback = "");
  std::vector<std::string> texts(const std::string& key, const TextCheck& check = {});
  // The text of an item of the list `key`.
  std::string item_text(const YamlNode& item, const std::string& key, const TextCheck& check = {});
  // `low` and `high` are both allowed.
  int64_t integer(const std::string& key, int64_t fallback, int64_t low, int64_t high);
  // Above `low`, up to `high`.
  double real(const std::string& key, double fallback, double low, double high);
  // The node of a key if it is of that kind; nullptr if it is not there, nothing, or was reported.
  const YamlNode* list(const std::string& key);
  const YamlNode* map(const std::string& key);

 private:
  const YamlNode* find(const std::string& key) const;
  std::string scalar_text(const YamlNode& node, const std::string& what, const TextCheck& check);

  const YamlNode& node_;
  YamlReport& report_;
};

}  // namespace clade::script
