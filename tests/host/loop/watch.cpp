#include "loop/watch.h"

#include <filesystem>
#include <optional>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "support/guarded_loop.h"
#include "support/temporary_folder.h"

using clade::loop::Watch;

TEST_CASE("changes of one moment are told once", "[watch]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  REQUIRE(clade::make_folders(folder / "a"));
  REQUIRE(clade::make_folders(folder / "b"));
  int calls = 0;
  auto watch = Watch::folders(*loop, {folder / "a", folder / "b"}, 20, [&] { ++calls; });
  REQUIRE(watch);
  for (int number = 0; number < 20; ++number) {
    REQUIRE(clade::write_file_atomic(folder / "a/file" + std::to_string(number), "x"));
    REQUIRE(clade::write_file_atomic(folder / "b/file" + std::to_string(number), "x"));
  }
  loop.run_until([&] { return calls > 0; });
  CHECK(calls == 1);
  REQUIRE(clade::write_file_atomic(folder / "b/file1", "changed"));
  loop.run_until([&] { return calls > 1; });
  CHECK(calls == 2);
  std::filesystem::remove(folder / "a/file1");
  loop.run_until([&] { return calls > 2; });
  CHECK(calls == 3);
}

TEST_CASE("a watch may be destroyed by its own function, and before it called", "[watch]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  std::optional<Watch> watch;
  int calls = 0;
  auto made = Watch::folders(*loop, {folder.path()}, 0, [&] {
    watch.reset();
    ++calls;
  });
  REQUIRE(made);
  watch.emplace(std::move(*made));
  auto dropped = Watch::folders(*loop, {folder.path()}, 0, [&] { calls += 100; });
  REQUIRE(dropped);
  dropped = clade::failure("", "");
  REQUIRE(clade::write_file_atomic(folder / "file", "x"));
  loop.run_until([&] { return calls > 0; });
  CHECK(calls == 1);
}

TEST_CASE("a folder that cannot be watched is named", "[watch]") {
  test::GuardedLoop loop;
  const test::TemporaryFolder folder;
  const auto watch = Watch::folders(*loop, {folder.path(), folder / "absent"}, 0, [] {});
  REQUIRE_FALSE(watch);
  CHECK(watch.error().code == "io");
  CHECK(watch.error().message.find(folder / "absent") != std::string::npos);
}
