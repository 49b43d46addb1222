// Acknowledged means on disk: these tests see every fsync that SQLite asks for, and refuse some.
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "host/store/store_fixture.h"
#include "store/blob.h"
#include "store/writer.h"

using clade::Status;
using clade::store::Batch;
using clade::store::Blobs;
using clade::store::Database;
using clade::store::Writer;

namespace {

std::atomic<int> log_syncs{0};
std::atomic<int> refused_with{0};  // errno of every sync of a log from now on; 0: they work
std::string refused_folder;        // its syncs fail
std::mutex synced_lock;
std::vector<std::string> synced;  // what was synced, by path, in order; guarded by synced_lock

int sync_and_count(long call, int descriptor) {
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = readlink(link.c_str(), target.data(), target.size());
  const std::string_view path(target.data(), size > 0 ? static_cast<size_t>(size) : 0);
  const bool log = path.ends_with("-wal");
  if (log && refused_with != 0) {
    errno = refused_with;
    return -1;
  }
  if (!refused_folder.empty() && path == refused_folder) {
    errno = EIO;
    return -1;
  }
  const auto result = static_cast<int>(syscall(call, descriptor));
  if (result == 0) {
    const std::lock_guard lock(synced_lock);
    synced.emplace_back(path);
  }
  if (log && result == 0) ++log_syncs;
  return result;
}

std::vector<std::string> take_synced() {
  const std::lock_guard lock(synced_lock);
  return std::exchange(synced, {});
}

}  // namespace

// In the place of the C library's, for this whole executable and what it links.
extern "C" int fsync(int descriptor) {
  return sync_and_count(SYS_fsync, descriptor);
}
extern "C" int fdatasync(int descriptor) {
  return sync_and_count(SYS_fdatasync, descriptor);
}

TEST_CASE("every acknowledgement comes after an fsync of the log", "[durability]") {
  const test::TemporaryFolder folder;
  std::atomic<int> syncs_when_posted{0};
  test::Inbox inbox([&] { syncs_when_posted = log_syncs.load(); });
  Writer writer(test::open_database(folder / "db"), inbox);
  for (int64_t number = 1; number <= 10; ++number) {
    auto syncs_when_changed = std::make_shared<int>(0);
    Batch batch = test::batch(test::insert(number));
    batch.add([syncs_when_changed](Database&) -> Status {
      *syncs_when_changed = log_syncs;
      return {};
    });
    bool done = false;
    writer.commit(std::move(batch), [&](Status status) {
      REQUIRE(status);
      done = true;
    });
    inbox.run_until([&] { return done; });
    CHECK(syncs_when_posted > *syncs_when_changed);
  }
}

TEST_CASE("the writer's connection keeps the durable settings", "[durability]") {
  const test::TemporaryFolder folder;
  test::Inbox inbox;
  Writer writer(test::open_database(folder / "db"), inbox);
  auto settings = std::make_shared<std::string>();
  bool done = false;
  writer.commit(
      test::batch([settings](Database& database) -> Status {
        for (const char* sql : {"PRAGMA synchronous", "PRAGMA journal_mode", "PRAGMA foreign_keys"}) {
          auto query = database.prepare(sql);
          if (auto row = query.step(); !row) return clade::failure(row.error());
          *settings += query.text(0) + " ";
        }
        return {};
      }),
      [&](Status status) { done = status.has_value(); });
  inbox.run_once();
  CHECK(done);
  CHECK(*settings == "2 wal 1 ");  // 2 is FULL
}

TEST_CASE("the files as they are at the acknowledgement hold what was acknowledged", "[durability]") {
  const test::TemporaryFolder folder;
  const test::TemporaryFolder copy;
  test::Inbox inbox;
  Writer writer(test::open_database(folder / "db"), inbox);
  bool done = false;
  writer.commit(test::batch(test::insert(42)), [&](Status status) {
    REQUIRE(status);
    // What a machine that lost its power now would find: the shared memory file is not part of it.
    for (const std::string name : {"db", "db-wal"}) std::filesystem::copy(folder / name, copy / name);
    done = true;
  });
  inbox.run_until([&] { return done; });
  CHECK(test::stored(copy / "db") == std::vector<int64_t>{42});
}

TEST_CASE("a failed fsync acknowledges nothing, then or later", "[durability]") {
  const auto [number, code] =
      GENERATE(std::pair<int, std::string>{EIO, "io"}, std::pair<int, std::string>{ENOSPC, "no_space"});
  const test::TemporaryFolder folder;
  test::Inbox inbox;
  std::optional<Writer> writer(std::in_place, test::open_database(folder / "db"), inbox);
  std::vector<Status> outcomes;
  const auto commit = [&](int64_t item) {
    const size_t before = outcomes.size();
    writer->commit(test::batch(test::insert(item)),
                   [&](Status status) { outcomes.push_back(std::move(status)); });
    inbox.run_until([&] { return outcomes.size() > before; });
  };
  commit(1);
  refused_with = number;
  commit(2);
  refused_with = 0;
  commit(3);
  CHECK(outcomes[0]);
  for (const size_t index : {1, 2}) {
    REQUIRE_FALSE(outcomes[index]);
    CHECK(outcomes[index].error().code == code);
    CHECK(outcomes[index].error().message.find("must stop") != std::string::npos);
  }
  CHECK(writer->groups() == 1);
  writer.reset();
  const auto found = test::stored(folder / "db");
  CHECK(std::count(found.begin(), found.end(), 1) == 1);
  CHECK(std::count(found.begin(), found.end(), 3) == 0);
}

TEST_CASE("a blob and its name are synced before the row that names it", "[durability]") {
  const test::TemporaryFolder folder;
  const Blobs blobs(folder / "blobs");
  REQUIRE(blobs.prepare());
  const std::string bytes = "a value";
  const std::string hash = clade::content_hash(bytes);
  const std::string group = blobs.folder() + "/" + hash.substr(0, 2);
  test::Inbox inbox;
  Writer writer(test::open_database(folder / "db"), inbox);
  (void)take_synced();
  Batch batch;
  batch.add([&](Database& database) -> Status {
    if (auto kept = blobs.put(bytes); !kept) return clade::failure(kept.error());
    return test::insert(1)(database);
  });
  bool done = false;
  writer.commit(std::move(batch), [&](Status status) { done = status.has_value(); });
  inbox.run_once();
  REQUIRE(done);
  CHECK(take_synced() == std::vector<std::string>{blobs.folder(), group + "/." + hash + ".clade-new", group,
                                                  folder / "db-wal"});
  // Whoever put it first may have been killed before it synced the folder.
  REQUIRE(blobs.put(bytes));
  CHECK(take_synced() == std::vector<std::string>{group});
}

TEST_CASE("a blob whose folder could not be synced is not taken for one that is kept", "[durability]") {
  const test::TemporaryFolder folder;
  const Blobs blobs(folder / "blobs");
  REQUIRE(blobs.prepare());
  const std::string hash = clade::content_hash("a value");
  refused_folder = blobs.folder() + "/" + hash.substr(0, 2);
  const auto kept = blobs.put("a value");
  refused_folder.clear();
  REQUIRE_FALSE(kept);
  CHECK(kept.error().code == "io");
  CHECK(kept.error().message.find(hash) != std::string::npos);
  CHECK_FALSE(blobs.check(hash));
}
