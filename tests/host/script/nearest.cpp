#include "script/nearest.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using clade::script::did_you_mean;
using clade::script::nearest;

TEST_CASE("the nearest word is a few slips away", "[nearest]") {
  const std::vector<std::string> known = {"summary", "topics", "skills", "grants"};
  CHECK(nearest("sumary", known) == "summary");
  CHECK(nearest("toipcs", known) == "topics");
  CHECK(nearest("grant", known) == "grants");
  CHECK(nearest("Skills", known) == "skills");
  CHECK(nearest("colour", known).empty());
  CHECK(nearest("", known).empty());
  CHECK(nearest(std::string(100000, 'a'), known).empty());
  CHECK(did_you_mean("grnats", known) == " (did you mean \"grants\"?)");
  CHECK(did_you_mean("x", known).empty());
}

TEST_CASE("words are listed with commas", "[nearest]") {
  CHECK(clade::script::join_words({"a", "b"}) == "a, b");
  CHECK(clade::script::join_words({}) == "none");
}
