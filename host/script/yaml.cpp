#include "script/yaml.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "script/nearest.h"

namespace clade::script {
namespace {

std::string place(const std::string& path, Mark mark) {
  return path + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column) + ": ";
}

// Thrown inside this file only, out of the library's callbacks.
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

Value typed_scalar(const std::string& tag, const std::string& text, Mark mark) {
  if (tag == "!") return text;  // quoted, or tagged "not specific"
  if (tag.empty() || tag == "?") return plain_scalar(text);
  if (tag == std::string(kStandardTag) + "str") return text;
  if (std::string_view(tag).starts_with(kStandardTag)) {
    const auto kind = std::string_view(tag).substr(kStandardTag.size());
    Value value = plain_scalar(text);
    const bool fits = (kind == "int" && value.is_integer()) || (kind == "float" && value.is_number()) ||
                      (kind == "bool" && value.is_bool()) || (kind == "null" && value.is_nil());
    if (fits) return value;
    if (is_one_of(kind, {"int", "float", "bool", "null"})) {
      throw Refusal{"invalid", mark, "\"" + text + "\" is no !!" + std::string(kind)};
    }
  }
  throw Refusal{"invalid", mark, "the tag " + tag + " is not known here: leave it out"};
}

// Builds the tree from the parser's events. The library's own nodes are not used: they turn aliases into a
// graph without bounds and forget where an alias stands.
class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.mark = to_mark(mark);
    if (expects_key()) throw Refusal{"invalid", node.mark, "a key must be text"};
    count(1, node.mark);
    add(std::move(node), 0, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    YamlNode node;
    node.mark = to_mark(mark);
    if (expects_key()) {
      add_key({text, node.mark}, tag);
      return;
    }
    count(1, node.mark);
    node.scalar = typed_scalar(tag, text, node.mark);
    add(std::move(node), 0, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, to_mark(mark), tag, "seq", anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, to_mark(mark), tag, "map", anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& at, YAML::anchor_t anchor) override {
    const Mark mark = to_mark(at);
    if (expects_key()) throw Refusal{"invalid", mark, "a key must be text"};
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refusal{"invalid", mark, "an alias that contains itself"};
    count(found->second.values, mark);
    check_depth(stack_.size() + found->second.levels, mark);
    YamlNode node = found->second.node;
    node.mark = mark;
    add(std::move(node), found->second.levels, 0);
  }

  YamlNode take() { return std::move(root_); }

 private:
  // A list or map that is not finished.
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    size_t values_before = 0;
    size_t levels = 0;  // of lists and maps inside
    std::map<std::string, Mark> seen;
  };
  // What aliases of an anchor stand for.
  struct Anchored {
    YamlNode node;
    size_t values = 0;
    size_t levels = 0;
  };

  bool expects_key() const {
    return !stack_.empty() && stack_.back().node.kind == YamlNode::Kind::map &&
           stack_.back().node.keys.size() == stack_.back().node.items.size();
  }

  void count(size_t values, Mark mark) {
    count_ += values;
    if (count_ <= kYamlValues) return;
    throw Refusal{"limit", mark,
                  "more than " + std::to_string(kYamlValues) +
                      " values (an alias counts as what it stands for): split the file"};
  }

  static void check_depth(size_t levels, Mark mark) {
    if (levels <= kYamlDepth) return;
    throw Refusal{"limit", mark, "nested deeper than " + std::to_string(kYamlDepth) + " levels"};
  }

  void add_key(YamlNode::Key key, const std::string& tag) {
    Frame& frame = stack_.back();
    if (key.text == "<<" && tag != "!") {
      throw Refusal{"invalid", key.mark, "merge keys (<<) are not supported: write the keys out"};
    }
    const auto [first, is_new] = frame.seen.emplace(key.text, key.mark);
    if (!is_new) {
      throw Refusal{"invalid", key.mark,
                    "key \"" + key.text + "\" appears twice (first on line " +
                        std::to_string(first->second.line) + "): remove one"};
    }
    frame.node.keys.push_back(std::move(key));
  }

  void open(YamlNode::Kind kind, Mark mark, const std::string& tag, std::string_view standard,
            YAML::anchor_t anchor) {
    if (expects_key()) throw Refusal{"invalid", mark, "a key must be text"};
    if (!is_one_of(tag, {"", "?", "!"}) && tag != std::string(kStandardTag) + std::string(standard)) {
      throw Refusal{"invalid", mark, "the tag " + tag + " is not known here: leave it out"};
    }
    Frame frame;
    frame.values_before = count_;
    count(1, mark);
    check_depth(stack_.size() + 1, mark);
    frame.node.kind = kind;
    frame.node.mark = mark;
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    values_of_last_ = count_ - frame.values_before;
    add(std::move(frame.node), frame.levels + 1, frame.anchor);
  }

  // Puts a finished node where it belongs. `levels`: how deep lists and maps are nested in it, itself
  // included.
  void add(YamlNode node, size_t levels, YAML::anchor_t anchor) {
    if (anchor != 0) {
      const size_t values = levels == 0 ? 1 : values_of_last_;
      count(values, node.mark);  // the copy
      anchors_.insert_or_assign(anchor, Anchored{node, values, levels});
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    stack_.back().levels = std::max(stack_.back().levels, levels);
    stack_.back().node.items.push_back(std::move(node));
  }

  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  YamlNode root_;
  size_t count_ = 0;
  size_t values_of_last_ = 0;
};

// Refuses whatever comes after the first document: another one, or what the library could not make sense of
// and would hand out as empty documents for ever.
class Rest : public Builder {
 public:
  explicit Rest(std::string_view text) : text_(text) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    const size_t at = mark.is_null() ? text_.size() : std::min(text_.size(), static_cast<size_t>(mark.pos));
    const bool another = text_.substr(at).starts_with("---");
    throw Refusal{"invalid", to_mark(mark),
                  another ? "a second document begins here: one file holds one, remove the \"---\""
                          : "no valid YAML: this does not belong to what stands above it"};
  }

 private:
  std::string_view text_;
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
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    Rest rest(text);
    parser.HandleNextDocument(rest);
    return builder.take();
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
  for (const auto& item : node->items) out.push_back(item_text(item, key, check));
  return out;
}

std::string YamlFields::item_text(const YamlNode& item, const std::string& key, const TextCheck& check) {
  return scalar_text(item, "an entry of \"" + key + "\"", check);
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
