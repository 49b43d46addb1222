#include "cli/output.h"

#include <catch2/catch.hpp>

namespace clade::cli {
namespace {

TEST_CASE("what scripts say cannot drive the terminal") {
  CHECK(plain("a\x1b[2Jb\nc\td\x7f") == "a\\x1b[2Jb\\nc d\\x7f");
  CHECK(plain("\xc2\x9b"
              "31m") == "\\x9b31m");  // the one-character form of ESC [
  CHECK(plain("größe ≤ 3") == "größe ≤ 3");
  // What turns the direction would let a question read as another one.
  CHECK(plain("a\u202eb\u2066c") == "a\\u202eb\\u2066c");
  CHECK(plain_lines("a\x1b\nb\n") == "a\\x1b\nb\n");
  CHECK(plain("\xff") == "\xef\xbf\xbd");
}

TEST_CASE("texts are measured and cut by characters") {
  CHECK(width("größe") == 5);
  CHECK(shortened("größe", 5) == "größe");
  CHECK(shortened("größer", 5) == "größ…");
  CHECK(shortened("", 0).empty());
}

TEST_CASE("a table is aligned, its last column not padded") {
  Table table({"ID", "STATE"});
  CHECK(table.empty());
  table.row({"größe", "x"});
  table.row({"t1"});
  CHECK(table.text(false) == "ID     STATE\ngröße  x\nt1     \n");
  CHECK(table.text(true).starts_with("\x1b[1mID\x1b[0m     \x1b[1mSTATE\x1b[0m\n"));
}

TEST_CASE("spans, numbers and values as a person reads them") {
  CHECK(format_span(-5) == "0 s");
  CHECK(format_span(59999) == "59 s");
  CHECK(format_span(60000) == "1 min");
  CHECK(format_span(3 * 3600 * 1000) == "3 h");
  CHECK(format_span(50LL * 3600 * 1000) == "2 d");
  CHECK(format_number(3.976, 2) == "3.98");
  CHECK(readable("text") == "text");
  CHECK(readable(Value{{"a", 1}}) == "{\"a\":1}");
}

TEST_CASE("nothing is coloured unless it is wanted") {
  CHECK(paint(false, Colour::red, "x") == "x");
  CHECK(paint(true, Colour::red, "x") == "\x1b[31mx\x1b[0m");
}

}  // namespace
}  // namespace clade::cli
