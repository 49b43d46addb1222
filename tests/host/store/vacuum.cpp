#include "store/vacuum.h"

#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "host/store/store_fixture.h"

using clade::store::Blobs;
using clade::store::collect_blobs;
using clade::store::Database;
using clade::store::vacuum_all;
using clade::store::vacuum_slice;
using clade::store::Vacuumed;

namespace {

struct Bench {
  Bench() {
    REQUIRE(blobs.prepare());
    REQUIRE(writing.execute("CREATE TABLE large (value_blob TEXT)"));
  }
  int group_of(const std::string& hash) const { return std::stoi(hash.substr(0, 2), nullptr, 16); }
  void execute(const std::string& sql) { REQUIRE(writing.execute(sql)); }
  Vacuumed collect(const std::string& hash) {
    auto done = collect_blobs(writing, committed, blobs, group_of(hash));
    REQUIRE(done);
    return *done;
  }
  // Every slice, each in a transaction as the writer has it.
  Vacuumed slices() {
    Vacuumed sum;
    for (sum.next = 0; sum.next >= 0;) {
      execute("BEGIN IMMEDIATE");
      auto part = vacuum_slice(writing, path, blobs, sum.next);
      REQUIRE(part);
      execute("COMMIT");
      sum.blobs += part->blobs;
      sum.bytes += part->bytes;
      sum.next = part->next;
      ++sum.slices;
    }
    return sum;
  }
  int64_t free_pages() {
    auto query = writing.prepare("PRAGMA freelist_count");
    REQUIRE(query.step() == true);
    return query.integer(0);
  }

  test::TemporaryFolder folder;
  std::string path = folder / "clade.db";
  Database writing = test::open_database(path);
  Database committed = Database::open(path, Database::Mode::read_only).value();
  Blobs blobs{folder / "blobs"};
};

}  // namespace

TEST_CASE("only blobs that nothing names are collected", "[vacuum]") {
  Bench bench;
  const auto hash = bench.blobs.put("a value").value();
  bench.execute("INSERT INTO large VALUES ('" + hash + "')");
  CHECK(bench.collect(hash).blobs == 0);
  bench.execute("DELETE FROM large");
  const auto done = bench.collect(hash);
  CHECK(done.blobs == 1);
  CHECK(done.blob_bytes == 7);
  CHECK_FALSE(bench.blobs.check(hash));
}

TEST_CASE("a blob is not collected before its row, or the loss of it, is on disk", "[vacuum]") {
  Bench bench;
  const auto hash = bench.blobs.put("a value").value();
  bench.execute("BEGIN IMMEDIATE; INSERT INTO large VALUES ('" + hash + "')");
  CHECK(bench.collect(hash).blobs == 0);
  bench.execute("COMMIT; BEGIN IMMEDIATE; DELETE FROM large");
  CHECK(bench.collect(hash).blobs == 0);
  bench.execute("ROLLBACK");
  CHECK(bench.blobs.check(hash));
}

TEST_CASE("slices give back blobs and pages, a little each", "[vacuum]") {
  Bench bench;
  for (int number = 1; number <= 10; ++number) REQUIRE(test::insert(number, 1 << 20)(bench.writing));
  const auto kept = bench.blobs.put("kept").value();
  bench.execute("INSERT INTO large VALUES ('" + kept + "')");
  for (int number = 0; number < 20; ++number) REQUIRE(bench.blobs.put(std::to_string(number)));
  bench.execute("DELETE FROM item WHERE number < 10");
  const auto done = bench.slices();
  CHECK(done.blobs == 20);
  CHECK(done.bytes >= 9 << 20);
  CHECK(done.slices > 16 + 4);
  CHECK(bench.free_pages() == 0);
  CHECK(bench.blobs.check(kept));
  CHECK(test::stored(bench.path) == std::vector<int64_t>{10});
  CHECK(bench.slices().bytes == 0);
}

TEST_CASE("a file that was made before is vacuumed as a whole first", "[vacuum]") {
  Bench bench;
  for (int number = 1; number <= 4; ++number) REQUIRE(test::insert(number, 1 << 20)(bench.writing));
  bench.execute("DELETE FROM item WHERE number < 4; PRAGMA auto_vacuum = NONE; VACUUM; DELETE FROM item");
  const auto refused = vacuum_slice(bench.writing, bench.path, bench.blobs, 0);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "refused");
  CHECK(refused.error().message.find("clade stop") != std::string::npos);
  const auto orphan = bench.blobs.put("nobody's").value();
  const auto done = vacuum_all(bench.writing, bench.path, bench.blobs);
  REQUIRE(done);
  CHECK(done->bytes >= 1000000);
  CHECK(done->blobs == 1);
  CHECK_FALSE(bench.blobs.check(orphan));
  CHECK(std::filesystem::file_size(bench.path) < 1 << 20);
  CHECK(vacuum_slice(bench.writing, bench.path, bench.blobs, 0));
}
