#include "cli/diff.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace clade::cli {
namespace {

// What `patch` makes of the older text with the difference.
std::string patched(const std::string& before, const std::string& difference) {
  const test::TemporaryFolder folder;
  REQUIRE(write_file_atomic(folder / "file", before).has_value());
  const auto result =
      test::run_program("git", {"apply", "--unidiff-zero", "-p0", "-"}, {difference, folder.path(), {}});
  INFO(difference << result.err);
  REQUIRE(result.exit == 0);
  return *read_file(folder / "file");
}

std::string numbered(int first, int last) {
  std::string text;
  for (int line = first; line <= last; ++line) text += "line " + std::to_string(line) + "\n";
  return text;
}

TEST_CASE("equal texts differ in nothing") {
  CHECK(unified_diff("a\nb\n", "a\nb\n", "x", "y").empty());
}

TEST_CASE("a changed line is shown with three lines around it") {
  std::string after = numbered(1, 20);
  after.replace(after.find("line 10\n"), 8, "line ten\n");
  CHECK(unified_diff(numbered(1, 20), after, "old", "new") ==
        "--- old\n+++ new\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+line ten\n line 11\n line "
        "12\n line 13\n");
}

TEST_CASE("differences can be applied") {
  const std::string twenty = numbered(1, 20);
  std::string both = twenty;
  both.insert(both.find("line 3\n"), "new\n");
  both.erase(both.find("line 17\n"), 8);
  for (const auto& [before, after] : std::initializer_list<std::pair<std::string, std::string>>{
           {twenty, both},
           {both, twenty},
           {twenty, numbered(5, 20)},
           {twenty, numbered(1, 15)},
           {twenty, "nothing\nof\nthat\n"},
           {"a\nb\nc\n", "a\nb\nc"},
           {"a\nb", "a\nc\n"},
           {numbered(1, 5000), numbered(3, 2500) + numbered(2600, 5000)}}) {
    CHECK(patched(before, unified_diff(before, after, "file", "file")) == after);
  }
}

}  // namespace
}  // namespace clade::cli
