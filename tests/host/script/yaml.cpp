#include "script/yaml.h"

#include <cmath>
#include <string>

#include <catch2/catch.hpp>

#include "script/manifest.h"
#include "support/temporary_folder.h"

using clade::Value;
using clade::script::parse_yaml;

namespace {

Value value_of(const std::string& text) {
  auto node = parse_yaml(text, "f.yaml");
  INFO((node ? "" : node.error().message));
  REQUIRE(node);
  return node->value();
}

std::string error_of(const std::string& text) {
  auto node = parse_yaml(text, "f.yaml");
  REQUIRE_FALSE(node);
  CHECK((node.error().code == "invalid" || node.error().code == "limit"));
  return node.error().message;
}

}  // namespace

TEST_CASE("plain scalars get a type, quoted ones are text", "[yaml]") {
  const Value value = value_of(
      "a: [true, False, null, ~, '', 12, -7, +3, 007, 0x1F, 0o17]\n"
      "b: [1.5, -2e3, .5, 3., 1.0, .inf, 18446744073709551616]\n"
      "c: ['1', \"true\", yes, 1.0.0, 1_000, 0x, e5, -, '~']\n"
      "d:\n");
  const auto& a = value["a"].as_array();
  CHECK(a[0] == Value(true));
  CHECK(a[1] == Value(false));
  CHECK(a[2].is_nil());
  CHECK(a[3].is_nil());
  CHECK(a[4] == Value(""));
  CHECK(a[5] == Value(12));
  CHECK(a[6] == Value(-7));
  CHECK(a[7] == Value(3));
  CHECK(a[8] == Value(7));
  CHECK(a[9] == Value(31));
  CHECK(a[10] == Value(15));
  const auto& b = value["b"].as_array();
  CHECK(b[0] == Value(1.5));
  CHECK(b[1] == Value(-2000));
  CHECK(b[2] == Value(0.5));
  CHECK(b[3] == Value(3));
  CHECK(b[4] == Value(1));
  CHECK(std::isinf(b[5].as_real()));
  CHECK(b[6] == Value(18446744073709551616.0));
  for (const auto& item : value["c"].as_array()) CHECK(item.is_string());
  CHECK(value.has("d"));
  CHECK(value["d"].is_nil());
}

TEST_CASE("standard tags are heard, others refused", "[yaml]") {
  CHECK(value_of("a: !!str 12")["a"] == Value("12"));
  CHECK(value_of("a: !!float 2")["a"] == Value(2));
  CHECK(error_of("a:\n  - !!int x") == "f.yaml:2:5: \"x\" is no !!int");
  CHECK(error_of("a: !thing x") == "f.yaml:1:4: the tag !thing is not known here: leave it out");
}

TEST_CASE("lists and maps keep order, places and nesting", "[yaml]") {
  auto node = parse_yaml("b: 1\na:\n  - x\n  - {k: v}\n", "f.yaml");
  REQUIRE(node);
  REQUIRE(node->keys.size() == 2);
  CHECK(node->keys[0].text == "b");
  CHECK(node->keys[1].mark == clade::script::Mark{2, 1});
  CHECK(node->items[1].items[1].keys[0].mark == clade::script::Mark{4, 6});
  CHECK(node->items[1].items[1].items[0].mark == clade::script::Mark{4, 9});
  CHECK(value_of("").is_nil());
  CHECK(value_of("# nothing\n").is_nil());
  CHECK(value_of("1: x")["1"] == Value("x"));
}

TEST_CASE("a syntax error is named with its place", "[yaml]") {
  CHECK(error_of("a: [1, 2\nb: 3\n").rfind("f.yaml:2:", 0) == 0);
  CHECK(error_of("a: b: c") == "f.yaml:1:5: no valid YAML: illegal map value");
  CHECK(error_of("a: *nobody").rfind("f.yaml:1:4: no valid YAML: ", 0) == 0);
  CHECK(error_of("\t- x").rfind("f.yaml:1:", 0) == 0);
}

TEST_CASE("a duplicate key is refused where it stands", "[yaml]") {
  CHECK(error_of("a: 1\nb: 2\na: 3\n") ==
        "f.yaml:3:1: key \"a\" appears twice (first on line 1): remove one");
  CHECK(error_of("x:\n  - {k: 1, k: 2}\n") ==
        "f.yaml:2:12: key \"k\" appears twice (first on line 2): remove one");
  CHECK(error_of("\"a\": 1\na: 2") == "f.yaml:2:1: key \"a\" appears twice (first on line 1): remove one");
}

TEST_CASE("keys are text, and not merged", "[yaml]") {
  CHECK(error_of("[1, 2]: x") == "f.yaml:1:1: a key must be text");
  CHECK(error_of("a: &a {x: 1}\nb:\n  <<: *a\n") ==
        "f.yaml:3:3: merge keys (<<) are not supported: write the keys out");
}

TEST_CASE("one file holds one document", "[yaml]") {
  CHECK(error_of("a: 1\n---\nb: 2\n") ==
        "f.yaml:2:1: a second document begins here: one file holds one, remove the \"---\"");
  CHECK(value_of("---\na: 1\n")["a"] == Value(1));
}

TEST_CASE("aliases stand for what they name, within bounds", "[yaml]") {
  CHECK(value_of("a: &x [1]\nb: *x\n")["b"] == value_of("[1]"));
  auto node = parse_yaml("a: &x {k: &y 1}\nb: [*x, *y]\n", "f.yaml");
  REQUIRE(node);
  CHECK(node->items[1].items[0].mark == clade::script::Mark{2, 5});
  CHECK(node->items[1].items[1].scalar == Value(1));
  CHECK(error_of("a: &x [*x]") == "f.yaml:1:8: an alias that contains itself");
  CHECK(error_of("a: &x k\n*x : 1\n") == "f.yaml:2:1: a key must be text");
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) bomb += before + ", ";
    bomb += before + "]\n";
  }
  CHECK(error_of(bomb).find("more than 100000 values") != std::string::npos);
}

TEST_CASE("aliases do not get around the bound on depth", "[yaml]") {
  std::string text = "a0: &a0 " + std::string(30, '[') + std::string(30, ']') + "\n";
  text += "a1: &a1 " + std::string(30, '[') + "*a0" + std::string(30, ']') + "\n";
  CHECK(value_of(text)["a1"].is_array());
  text += "a2: [[[[*a1]]]]\n";
  CHECK(error_of(text) == "f.yaml:3:9: nested deeper than 64 levels");
}

TEST_CASE("what the parser cannot place is an error, not an empty file", "[yaml]") {
  CHECK(error_of(", x") == "f.yaml:1:1: no valid YAML: this does not belong to what stands above it");
  CHECK(error_of("--- !!ma,!!\n").rfind("f.yaml:1:", 0) == 0);
  CHECK(error_of("a: 1\n...\nb: 2\n") ==
        "f.yaml:3:1: no valid YAML: this does not belong to what stands above it");
}

TEST_CASE("depth and bytes are bounded", "[yaml]") {
  CHECK(value_of(std::string(64, '[') + std::string(64, ']')).is_array());
  CHECK(error_of(std::string(65, '[') + "1" + std::string(65, ']')).find("nested deeper") !=
        std::string::npos);
  CHECK_FALSE(parse_yaml(std::string(100000, '['), "f.yaml"));
  std::string dashes;
  for (int i = 0; i < 100000; ++i) dashes += "- ";
  CHECK_FALSE(parse_yaml(dashes, "f.yaml"));
  CHECK(error_of(std::string(clade::script::kYamlBytes + 1, ' ')).find("larger than") != std::string::npos);
}

TEST_CASE("what is no text is refused where it stands", "[yaml]") {
  CHECK(error_of("a: 1\nb: x\x04y\n") == "f.yaml:2:5: a control character (byte 4) is not allowed");
  CHECK(error_of(std::string("a\0b", 3)) == "f.yaml:1:2: a control character (byte 0) is not allowed");
  CHECK(error_of("a: \xff\n") == "f.yaml:1:4: this is not UTF-8: save the file as UTF-8");
  CHECK(value_of("a: \"ö\\n\"\r\n")["a"] == Value("ö\n"));
}

TEST_CASE("any YAML file is read as plain data", "[yaml]") {
  const test::TemporaryFolder folder;
  auto missing = clade::script::read_yaml(folder / "none.yaml");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == "not_found");
  CHECK(missing.error().message.find(folder / "none.yaml") != std::string::npos);
}
