#include "store/blob.h"

#include <filesystem>
#include <string>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "host/store/store_fixture.h"

using clade::store::blob_columns;
using clade::store::Blobs;
using clade::store::is_blob_named;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

// A folder of blobs, ready.
struct Bench {
  Bench() { REQUIRE(blobs.prepare()); }

  std::string path_of(const std::string& hash) const {
    return blobs.folder() + "/" + hash.substr(0, 2) + "/" + hash;
  }

  test::TemporaryFolder folder;
  Blobs blobs{folder / "blobs"};
};

int group_of(const std::string& hash) {
  return std::stoi(hash.substr(0, 2), nullptr, 16);
}

}  // namespace

TEST_CASE("a blob is named by what it holds and read back whole", "[blob]") {
  const Bench bench;
  const std::string bytes = std::string(200000, '\0') + "\xff";
  const auto hash = bench.blobs.put(bytes);
  REQUIRE(hash);
  CHECK(*hash == clade::content_hash(bytes));
  CHECK(bench.blobs.get(*hash) == bytes);
  CHECK(bench.blobs.put(bytes) == *hash);
  const auto empty = bench.blobs.put("");
  REQUIRE(empty);
  CHECK(bench.blobs.get(*empty) == std::string());
}

TEST_CASE("blobs are their owner's alone", "[blob]") {
  const Bench bench;
  const auto hash = bench.blobs.put("a value");
  REQUIRE(hash);
  CHECK(mode_of(bench.blobs.folder()) == 0700);
  CHECK(mode_of(bench.blobs.folder() + "/" + hash->substr(0, 2)) == 0700);
  CHECK(mode_of(bench.path_of(*hash)) == 0600);
}

TEST_CASE("a blob that does not hold what its name says is never handed out", "[blob]") {
  const Bench bench;
  const auto hash = bench.blobs.put("a value");
  REQUIRE(hash);
  REQUIRE(clade::write_file_atomic(bench.path_of(*hash), "another"));
  const auto damaged = bench.blobs.get(*hash);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == "corrupt");
  CHECK(damaged.error().message.find(bench.path_of(*hash)) != std::string::npos);
  CHECK_FALSE(bench.blobs.check(*hash));
  // Putting the bytes again mends it.
  REQUIRE(bench.blobs.put("a value"));
  CHECK(bench.blobs.get(*hash) == std::string("a value"));
}

TEST_CASE("a blob that is not there says what to do", "[blob]") {
  const Bench bench;
  const auto missing = bench.blobs.get(clade::content_hash("a value"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == "not_found");
  CHECK(missing.error().message.find("clade db") != std::string::npos);
  for (const std::string name : {"", "../../etc/passwd", "abc"}) {
    CHECK(bench.blobs.get(name).error().code == "invalid");
    CHECK(bench.blobs.erase(name).error().code == "invalid");
  }
}

TEST_CASE("an erased blob is gone, and its file with it", "[blob]") {
  const Bench bench;
  const auto hash = bench.blobs.put("a value");
  REQUIRE(hash);
  REQUIRE(bench.blobs.erase(*hash));
  CHECK_FALSE(std::filesystem::exists(bench.path_of(*hash)));
  CHECK(bench.blobs.erase(*hash));
}

TEST_CASE("the list of blobs tells them from what else lies there", "[blob]") {
  const Bench bench;
  const auto hash = bench.blobs.put("a value");
  REQUIRE(hash);
  const std::string temporary = bench.path_of(*hash) + ".left";
  REQUIRE(clade::write_file_atomic(temporary, "half"));
  const auto files = bench.blobs.list(group_of(*hash));
  REQUIRE(files);
  REQUIRE(files->size() == 2);
  CHECK(files->at(0).hash == *hash);
  CHECK(files->at(0).bytes == 7);
  CHECK(files->at(1).hash.empty());
  CHECK(files->at(1).path == temporary);
  for (int group = 0; group < Blobs::kGroups; ++group) {
    if (group != group_of(*hash)) CHECK(bench.blobs.list(group)->empty());
  }
}

TEST_CASE("a blob that cannot be written is an error with the path", "[blob]") {
  const Bench bench;
  const std::string hash = clade::content_hash("a value");
  // A file where its folder would be.
  REQUIRE(clade::write_file_atomic(bench.blobs.folder() + "/" + hash.substr(0, 2), ""));
  const auto kept = bench.blobs.put("a value");
  REQUIRE_FALSE(kept);
  CHECK(kept.error().message.find(bench.blobs.folder()) != std::string::npos);
}

TEST_CASE("the columns that name blobs are found by their names", "[blob]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  REQUIRE(database.execute(
      "CREATE TABLE one (a, blob TEXT, blobs TEXT); CREATE TABLE two (input_blob TEXT, "
      "inputblob TEXT); CREATE INDEX two_input_blob ON two (input_blob) WHERE input_blob <> ''"));
  const auto columns = blob_columns(database);
  REQUIRE(columns);
  std::string names;
  for (const auto& [table, column] : *columns) names += table + "." + column + " ";
  CHECK(names == "one.blob two.input_blob ");
  CHECK(is_blob_named(database, *columns, "abc") == false);
  REQUIRE(database.execute("INSERT INTO two VALUES ('abc', 'def')"));
  CHECK(is_blob_named(database, *columns, "abc") == true);
  CHECK(is_blob_named(database, *columns, "def") == false);
}
