#include "store/backup.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "base/bytes.h"
#include "host/store/store_fixture.h"

using clade::store::back_up;
using clade::store::Blobs;
using clade::store::Database;
using clade::store::Writer;

namespace {

void unwatched(const std::string&, double) {}

std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

// A database whose rows name blobs, and a reading connection to it.
struct Bench {
  Bench() {
    REQUIRE(blobs.prepare());
    auto writing = test::open_database(path);
    REQUIRE(writing.execute("CREATE TABLE large (value_blob TEXT)"));
    hash = blobs.put("a large value").value();
    REQUIRE(writing.execute("INSERT INTO large VALUES ('" + hash + "'), ('')"));
    REQUIRE(test::insert(1)(writing));
  }
  Database reader() const {
    auto database = Database::open(path, Database::Mode::read_only);
    REQUIRE(database);
    return std::move(*database);
  }

  test::TemporaryFolder folder;
  test::TemporaryFolder place;
  std::string path = folder / "clade.db";
  Blobs blobs{folder / "blobs"};
  std::string hash;
};

}  // namespace

TEST_CASE("a backup holds the database and the blobs that it names", "[backup]") {
  const Bench bench;
  REQUIRE(bench.blobs.put("nobody's"));
  auto source = bench.reader();
  const auto backup = back_up(source, bench.blobs, bench.place / "copy", false, unwatched);
  REQUIRE(backup);
  CHECK(backup->blobs == 1);
  CHECK(test::stored(bench.place / "copy/clade.db") == std::vector<int64_t>{1});
  const Blobs copied(bench.place / "copy/blobs");
  CHECK(copied.get(bench.hash) == std::string("a large value"));
  CHECK(copied.get(clade::content_hash("nobody's")).error().code == "not_found");
  CHECK(entries(bench.place / "copy") == std::vector<std::string>{"blobs", "clade.db"});
  CHECK(entries(bench.place.path()) == std::vector<std::string>{"copy"});
  CHECK(mode_of(bench.place / "copy") == 0700);
  CHECK(mode_of(bench.place / "copy/clade.db") == 0600);
}

TEST_CASE("a backup is one moment's state, while others are written", "[backup]") {
  const Bench bench;
  test::Inbox inbox;
  Writer writer(test::open_database(bench.path), inbox);
  // Many steps of the copy.
  bool done = false;
  writer.commit(test::batch(test::insert(2, 8 << 20)),
                [&](clade::Status status) { done = status.has_value(); });
  inbox.run_until([&] { return done; });
  int steps = 0;
  const auto write_more = [&](const std::string& what, double) {
    if (what != "copies the database") return;
    bool written = false;
    writer.commit(test::batch(test::insert(100 + steps++)),
                  [&](clade::Status status) { written = status.has_value(); });
    inbox.run_until([&] { return written; });
  };
  auto source = bench.reader();
  REQUIRE(back_up(source, bench.blobs, bench.place / "copy", false, write_more));
  CHECK(steps > 4);
  CHECK(test::stored(bench.place / "copy/clade.db") == std::vector<int64_t>{1, 2});
}

TEST_CASE("a backup never takes the place of something by itself", "[backup]") {
  const Bench bench;
  auto source = bench.reader();
  REQUIRE(clade::make_folders(bench.place / "copy"));
  REQUIRE(clade::write_file_atomic(bench.place / "copy/mine", "mine"));
  for (const bool replace : {false, true}) {
    const auto refused = back_up(source, bench.blobs, bench.place / "copy", replace, unwatched);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "conflict");
    CHECK(refused.error().message.find(bench.place / "copy") != std::string::npos);
  }
  CHECK(entries(bench.place / "copy") == std::vector<std::string>{"mine"});
}

TEST_CASE("a backup replaces another one when told so", "[backup]") {
  const Bench bench;
  auto source = bench.reader();
  REQUIRE(back_up(source, bench.blobs, bench.place / "copy/", false, unwatched));
  CHECK(back_up(source, bench.blobs, bench.place / "copy", false, unwatched).error().code == "conflict");
  {
    auto writing = test::open_database(bench.path);
    REQUIRE(test::insert(2)(writing));
  }
  REQUIRE(back_up(source, bench.blobs, bench.place / "copy", true, unwatched));
  CHECK(test::stored(bench.place / "copy/clade.db") == std::vector<int64_t>{1, 2});
  CHECK(entries(bench.place.path()) == std::vector<std::string>{"copy"});
}

TEST_CASE("a backup that cannot be whole is none", "[backup]") {
  const Bench bench;
  auto source = bench.reader();
  const std::string file = bench.blobs.folder() + "/" + bench.hash.substr(0, 2) + "/" + bench.hash;
  SECTION("a blob is damaged") {
    REQUIRE(clade::write_file_atomic(file, "another"));
  }
  SECTION("a blob is missing") {
    REQUIRE(bench.blobs.erase(bench.hash));
  }
  const auto failed = back_up(source, bench.blobs, bench.place / "copy", false, unwatched);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message.find(bench.hash) != std::string::npos);
  CHECK(entries(bench.place.path()).empty());
}

TEST_CASE("a blob that goes while a backup is made is not missed by the next moment's", "[backup]") {
  const Bench bench;
  auto source = bench.reader();
  bool gone = false;
  const auto remove = [&](const std::string& what, double done) {
    if (what != "copies the database" || done < 1 || gone) return;
    gone = true;
    auto writing = test::open_database(bench.path);
    REQUIRE(writing.execute("DELETE FROM large"));
    REQUIRE(bench.blobs.erase(bench.hash));
  };
  const auto backup = back_up(source, bench.blobs, bench.place / "copy", false, remove);
  REQUIRE(backup);
  CHECK(gone);
  CHECK(backup->blobs == 0);
}

TEST_CASE("a backup without a place to put it says so", "[backup]") {
  const Bench bench;
  auto source = bench.reader();
  CHECK(back_up(source, bench.blobs, bench.place / "none/copy", false, unwatched).error().code ==
        "not_found");
}
