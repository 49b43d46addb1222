#include <catch2/catch.hpp>

#include "cli/app.h"
#include "support/command.h"

namespace clade::cli {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("the repl reads chunks from a pipe, without a prompt") {
  const auto result =
      test::run_clade({"repl"}, {"x = 20\nx + 22\nfor i = 1, 2 do\n  y = i\nend\ny\n:quit\n1\n", "", {}});
  CHECK(result.exit == kOk);
  CHECK(result.out == "42\n2\n");
  CHECK(result.err.empty());
}

TEST_CASE("the repl goes on after an error and tells of it in its status") {
  const auto result = test::run_clade({"repl"}, {"error('no')\n'still here'\n", "", {}});
  CHECK(result.exit == kFailed);
  CHECK(contains(result.out, "still here"));
  CHECK(contains(result.err, "no"));
}

TEST_CASE("an unfinished chunk at the end of the input is an error") {
  const auto result = test::run_clade({"repl"}, {"for i = 1, 2 do\n", "", {}});
  CHECK(result.exit == kFailed);
  CHECK(contains(result.err, "end"));
}

TEST_CASE("a chunk that takes its cell down costs its variables, not the repl") {
  const auto result = test::run_clade(
      {"repl"}, {"x = 1\nlocal t = {} while true do t[#t + 1] = ('x'):rep(1000000) .. #t end\n7\n", "", {}});
  CHECK(contains(result.out, "7\n"));
}

}  // namespace
}  // namespace clade::cli
