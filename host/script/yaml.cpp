#include "script/yaml.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include <yaml-cpp/yaml.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "script/nearest.h"

namespace clade::script {
namespace {

std::string place(const std::string& path, Mark mark) {
  return path + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column) + ": ";
}

// Thrown inside this file only, where the recursion over the library's nodes would make a Result noisy.
struct Refusal {
  std::string code;
  Mark mark;
  std::string text;
};

Mark to_mark(const YAML::Mark& mark) {
  return mark.is_null() ? Mark{} : Mark{mark.line + 1, mark.column + 1};
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const auto word : words) {
    if (text == word) return true;
  }
  return false;
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool has_real_form(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const size_t exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    auto digits = text.substr(exponent + 1);
    if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
    if (!all_digits(digits)) return false;
    text = text.substr(0, exponent);
  }
  const size_t point = text.find('.');
  if (point == std::string_view::npos) return all_digits(text);
  const auto whole = text.substr(0, point);
  const auto part = text.substr(point + 1);
  return (whole.empty() || all_digits(whole)) && (part.empty() ? !whole.empty() : all_digits(part));
}

std::optional<Value> integer_of(std::string_view text, int base) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Value(number);
}

// A plain scalar by YAML 1.2's core schema.
Value plain_scalar(const std::string& text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return {};
  if (is_one_of(text, {"true", "True", "TRUE"})) return true;
  if (is_one_of(text, {"false", "False", "FALSE"})) return false;
  const std::string_view view = text;
  if (view.starts_with("0x") && view.size() > 2 && view[2] != '-') {
    if (auto number = integer_of(view.substr(2), 16)) return *number;
  }
  if (view.starts_with("0o") && view.size() > 2 && view[2] != '-') {
    if (auto number = integer_of(view.substr(2), 8)) return *number;
  }
  const bool sign = view[0] == '-' || view[0] == '+';
  const auto unsigned_part = view.substr(sign ? 1 : 0);
  if (is_one_of(unsigned_part, {".inf", ".Inf", ".INF"})) {
    const double infinity = std::numeric_limits<double>::infinity();
    return view[0] == '-' ? -infinity : infinity;
  }
  if (is_one_of(view, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  if (all_digits(unsigned_part)) {
    if (auto number = integer_of(view[0] == '+' ? unsigned_part : view, 10)) return *number;
  }
  if (has_real_form(view)) {
    double number = 0;
    const auto digits = view[0] == '+' ? unsigned_part : view;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    // Out of range stays text: neither 0 nor infinity is what was written.
    if (error == std::errc() && end == digits.data() + digits.size()) return number;
  }
  return text;
}

constexpr std::string_view kStandardTag = "tag:yaml.org,2002:";

Value typed_scalar(const YAML::Node& node, Mark mark) {
  const std::string& tag = node.Tag();
  if (tag == "!") return node.Scalar();  // quoted, or tagged "not specific"
  if (tag.empty() || tag == "?") return plain_scalar(node.Scalar());
  if (tag == std::string(kStandardTag) + "str") return node.Scalar();
  if (std::string_view(tag).starts_with(kStandardTag)) {
    const auto kind = std::string_view(tag).substr(kStandardTag.size());
    Value value = plain_scalar(node.Scalar());
    const bool fits = (kind == "int" && value.is_integer()) || (kind == "float" && value.is_number()) ||
                      (kind == "bool" && value.is_bool()) || (kind == "null" && value.is_nil());
    if (fits) return value;
    if (is_one_of(kind, {"int", "float", "bool", "null"})) {
      throw Refusal{"invalid", mark, "\"" + node.Scalar() + "\" is no !!" + std::string(kind)};
    }
  }
  throw Refusal{"invalid", mark, "the tag " + tag + " is not known here: leave it out"};
}

// Copies the library's nodes, which aliases may have made into a graph, out as a bounded tree.
class Converter {
 public:
  YamlNode convert(const YAML::Node& node, size_t depth) {
    YamlNode out;
    out.mark = to_mark(node.Mark());
    if (++count_ > kYamlValues) {
      throw Refusal{"limit", out.mark,
                    "more than " + std::to_string(kYamlValues) +
                        " values (an alias counts as what it stands for): split the file"};
    }
    if (depth > kYamlDepth) {
      throw Refusal{
          "limit", out.mark,
          "nested deeper than " + std::to_string(kYamlDepth) + " levels (or an alias that contains itself)"};
    }
    if (node.IsSequence()) {
      out.kind = YamlNode::Kind::list;
      for (const auto& item : node) out.items.push_back(convert(item, depth + 1));
    } else if (node.IsMap()) {
      out.kind = YamlNode::Kind::map;
      convert_map(node, depth, out);
    } else if (node.IsScalar()) {
      out.scalar = typed_scalar(node, out.mark);
    }
    return out;
  }

 private:
  void convert_map(const YAML::Node& node, size_t depth, YamlNode& out) {
    std::map<std::string, Mark> seen;
    for (const auto& entry : node) {
      const Mark mark = to_mark(entry.first.Mark());
      if (!entry.first.IsScalar()) throw Refusal{"invalid", mark, "a key must be text"};
      const std::string& key = entry.first.Scalar();
      if (key == "<<" && entry.first.Tag() != "!") {
        throw Refusal{"invalid", mark, "merge keys (<<) are not supported: write the keys out"};
      }
      const auto [first, is_new] = seen.emplace(key, mark);
      if (!is_new) {
        throw Refusal{"invalid", mark,
                      "key \"" + key + "\" appears twice (first on line " +
                          std::to_string(first->second.line) + "): remove one"};
      }
      out.keys.push_back({key, mark});
      out.items.push_back(convert(entry.second, depth + 1));
    }
  }

  size_t count_ = 0;
};

// The library would take byte 4 for the end of the file and pass others through: what YAML does not allow is
// refused first, with its place.
void check_bytes(std::string_view text) {
  Mark mark;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if ((code < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || code == 0x7f) {
      throw Refusal{"invalid", mark,
                    "a control character (byte " + std::to_string(code) + ") is not allowed"};
    }
    mark = byte == '\n' ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + 1};
  }
  const std::string valid = valid_utf8(text);
  if (valid == text) return;
  mark = {};
  for (size_t i = 0; i < text.size() && text[i] == valid[i]; ++i) {
    mark = text[i] == '\n' ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + 1};
  }
  throw Refusal{"invalid", mark, "this is not UTF-8: save the file as UTF-8"};
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

Value YamlNode::value() const {
  if (kind == Kind::scalar) return scalar;
  if (kind == Kind::list) {
    Value::Array array;
    for (const auto& item : items) array.push_back(item.value());
    return array;
  }
  Value::Map map;
  for (size_t i = 0; i < keys.size(); ++i) map.emplace(keys[i].text, items[i].value());
  return map;
}

const char* YamlNode::kind_name() const {
  if (kind == Kind::list) return "a list";
  if (kind == Kind::map) return "a map";
  if (scalar.is_nil()) return "nothing";
  if (scalar.is_bool()) return "true or false";
  return scalar.is_number() ? "a number" : "text";
}

Result<YamlNode> parse_yaml(std::string_view text, const std::string& path) {
  if (text.size() > kYamlBytes) {
    return failure("limit", path + " is larger than the " + std::to_string(kYamlBytes) + " bytes allowed");
  }
  try {
    check_bytes(text);
    const auto documents = YAML::LoadAll(std::string(text));
    if (documents.empty()) return YamlNode{};
    if (documents.size() > 1) {
      throw Refusal{"invalid", to_mark(documents[1].Mark()),
                    "a second document begins here: one file holds one, remove the \"---\""};
    }
    return Converter().convert(documents[0], 0);
  } catch (const Refusal& refusal) {
    return failure(refusal.code, place(path, refusal.mark) + refusal.text);
  } catch (const YAML::Exception& error) {
    return failure("invalid", place(path, to_mark(error.mark)) + "no valid YAML: " + error.msg);
  }
}

Result<YamlNode> load_yaml(const std::string& path) {
  auto text = read_file(path, kYamlBytes);
  if (!text) return failure(text.error());
  return parse_yaml(*text, path);
}

void YamlReport::add(Mark mark, std::string text) {
  if (!first_ || mark < first_->mark) first_ = Problem{mark, std::move(text)};
}

Status YamlReport::status() const {
  if (!first_) return {};
  return failure("invalid", place(path_, first_->mark) + first_->text);
}

YamlFields::YamlFields(const YamlNode& node, std::vector<std::string> known, YamlReport& report, bool open)
    : node_(node), report_(report) {
  if (node.kind != YamlNode::Kind::map) {
    if (!node.is_nil()) {
      report.add(node.mark, std::string("expected a map with the keys ") + join_words(known) + ", found " +
                                node.kind_name());
    }
    return;
  }
  if (open) return;
  for (const auto& key : node.keys) {
    bool is_known = false;
    for (const auto& word : known) is_known = is_known || word == key.text;
    if (is_known) continue;
    const std::string hint = did_you_mean(key.text, known);
    report.add(key.mark,
               "unknown key \"" + key.text + "\"" + (hint.empty() ? "; known: " + join_words(known) : hint));
  }
}

const YamlNode* YamlFields::find(const std::string& key) const {
  return node_.find(key);
}

void YamlFields::require(const std::string& key) {
  if (node_.kind != YamlNode::Kind::map && !node_.is_nil()) return;
  if (!find(key)) report_.add(node_.mark, "the key \"" + key + "\" is missing");
}

std::string YamlFields::scalar_text(const YamlNode& node, const std::string& what, const TextCheck& check) {
  if (!node.scalar.is_string()) {
    const bool quotable = node.scalar.is_number() || node.scalar.is_bool();
    report_.add(node.mark,
                what + " must be text, not " + node.kind_name() + (quotable ? ": put it in quotes" : ""));
    return {};
  }
  std::string text = node.scalar.as_string();
  if (check) {
    if (const std::string problem = check(text); !problem.empty()) report_.add(node.mark, problem);
  }
  return text;
}

std::string YamlFields::text(const std::string& key, const TextCheck& check, std::string fallback) {
  const YamlNode* node = find(key);
  return node ? scalar_text(*node, "\"" + key + "\"", check) : fallback;
}

std::vector<std::string> YamlFields::texts(const std::string& key, const TextCheck& check) {
  std::vector<std::string> out;
  const YamlNode* node = list(key);
  if (!node) return out;
  for (const auto& item : node->items) out.push_back(scalar_text(item, "an entry of \"" + key + "\"", check));
  return out;
}

int64_t YamlFields::integer(const std::string& key, int64_t fallback, int64_t low, int64_t high) {
  const YamlNode* node = find(key);
  if (!node) return fallback;
  const bool is_integer = node->kind == YamlNode::Kind::scalar && node->scalar.is_integer();
  if (!is_integer) {
    report_.add(node->mark, "\"" + key + "\" must be a whole number, not " +
                                (node->scalar.is_number() ? "a fraction" : node->kind_name()));
    return fallback;
  }
  const int64_t number = node->scalar.as_integer();
  if (number < low || number > high) {
    report_.add(node->mark, "\"" + key + "\" must be from " + std::to_string(low) + " to " +
                                std::to_string(high) + ", not " + std::to_string(number));
    return fallback;
  }
  return number;
}

double YamlFields::real(const std::string& key, double fallback, double low, double high) {
  const YamlNode* node = find(key);
  if (!node) return fallback;
  if (!node->scalar.is_number()) {
    report_.add(node->mark, "\"" + key + "\" must be a number, not " + node->kind_name());
    return fallback;
  }
  const double number = node->scalar.as_real();
  if (!(number > low && number <= high)) {
    report_.add(node->mark, "\"" + key + "\" must be above " + encode_json(low) + " and at most " +
                                encode_json(high) + ", not " + encode_json(node->scalar));
    return fallback;
  }
  return number;
}

const YamlNode* YamlFields::list(const std::string& key) {
  const YamlNode* node = find(key);
  if (!node || node->is_nil()) return nullptr;
  if (node->kind == YamlNode::Kind::list) return node;
  report_.add(node->mark, "\"" + key + "\" must be a list, not " + node->kind_name());
  return nullptr;
}

const YamlNode* YamlFields::map(const std::string& key) {
  const YamlNode* node = find(key);
  if (!node || node->is_nil()) return nullptr;
  if (node->kind == YamlNode::Kind::map) return node;
  report_.add(node->mark, "\"" + key + "\" must be a map, not " + node->kind_name());
  return nullptr;
}

}  // namespace clade::script
