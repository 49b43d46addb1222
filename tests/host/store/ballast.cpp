#include "store/ballast.h"

#include <string>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "base/bytes.h"
#include "support/temporary_folder.h"

using clade::store::Ballast;
using clade::store::kBallastBytes;

namespace {

int64_t taken(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 ? int64_t{found.st_blocks} * 512 : 0;
}

}  // namespace

TEST_CASE("ballast takes its space, and gives it back once", "[ballast]") {
  const test::TemporaryFolder folder;
  const Ballast ballast(folder / "ballast");
  REQUIRE(ballast.fill());
  CHECK(taken(folder / "ballast") >= kBallastBytes);
  REQUIRE(ballast.fill());
  CHECK(ballast.release());
  CHECK(taken(folder / "ballast") == 0);
  CHECK_FALSE(ballast.release());
}

TEST_CASE("ballast that a crash left half is filled up", "[ballast]") {
  const test::TemporaryFolder folder;
  REQUIRE(clade::write_file_atomic(folder / "ballast", "half"));
  REQUIRE(Ballast(folder / "ballast").fill());
  CHECK(taken(folder / "ballast") >= kBallastBytes);
}

TEST_CASE("ballast that cannot be made says where", "[ballast]") {
  const test::TemporaryFolder folder;
  const auto status = Ballast(folder / "none/ballast").fill();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "io");
  CHECK(status.error().message.find(folder / "none/ballast") != std::string::npos);
}
