// Acknowledged means on disk: these tests see every fsync that SQLite asks for, and refuse some.
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/store/store_fixture.h"
#include "store/writer.h"

using clade::Status;
using clade::store::Batch;
using clade::store::Database;
using clade::store::Writer;

namespace {

std::atomic<int> log_syncs{0};
std::atomic<int> refused_with{0};  // errno of every sync of a log from now on; 0: they work

int sync_and_count(long call, int descriptor) {
  std::array<char, 4096> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = readlink(link.c_str(), target.data(), target.size());
  const bool log = size > 0 && std::string_view(target.data(), static_cast<size_t>(size)).ends_with("-wal");
  if (log && refused_with != 0) {
    errno = refused_with;
    return -1;
  }
  const auto result = static_cast<int>(syscall(call, descriptor));
  if (log && result == 0) ++log_syncs;
  return result;
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
