#include "store/readers.h"

#include <array>
#include <string>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "host/store/store_fixture.h"

using clade::store::Database;
using clade::store::foreign_readers;
using clade::store::readers_text;

namespace {

// Another process with a read transaction on the database, until it is destroyed.
class ForeignReader {
 public:
  explicit ForeignReader(const std::string& path) {
    REQUIRE(pipe(up_.data()) == 0);
    REQUIRE(pipe(end_.data()) == 0);
    process_ = fork();
    if (process_ == 0) read_on(path);
    char ready = 0;
    REQUIRE(::read(up_[0], &ready, 1) == 1);
  }
  ~ForeignReader() {
    ::close(end_[1]);
    int status = 0;
    ::waitpid(process_, &status, 0);
    for (const int descriptor : {up_[0], up_[1], end_[0]}) ::close(descriptor);
  }
  pid_t process() const { return process_; }

 private:
  [[noreturn]] void read_on(const std::string& path) {
    ::close(end_[1]);
    {
      auto database = Database::open(path, Database::Mode::read_only);
      const bool reads = database && database->execute("BEGIN; SELECT count(*) FROM item");
      char wait = 0;
      if (reads && ::write(up_[1], "r", 1) == 1) (void)!::read(end_[0], &wait, 1);
    }
    ::_exit(0);
  }

  std::array<int, 2> up_{};
  std::array<int, 2> end_{};
  pid_t process_ = 0;
};

}  // namespace

TEST_CASE("a process that reads in a transaction is named, others are not", "[readers]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  REQUIRE(test::insert(1)(database));
  CHECK(foreign_readers(folder / "db").empty());
  CHECK(foreign_readers(folder / "none").empty());
  {
    const ForeignReader reader(folder / "db");
    const auto readers = foreign_readers(folder / "db");
    REQUIRE(readers.size() == 1);
    CHECK(readers[0].process == reader.process());
    CHECK(readers[0].command.find("tests_store") != std::string::npos);
    CHECK(readers_text(readers).find(std::to_string(reader.process())) != std::string::npos);
  }
  CHECK(foreign_readers(folder / "db").empty());
  CHECK(readers_text({}) == "another process");
}

TEST_CASE("a log that a reader keeps from being folded is told, and so is its end", "[readers]") {
  const test::TemporaryFolder folder;
  test::Inbox inbox;
  clade::store::Writer writer(test::open_database(folder / "db"), inbox);
  std::vector<int64_t> told;
  writer.watch({nullptr, [&](int64_t bytes) { told.push_back(bytes); }});
  int64_t number = 0;
  const auto write_megabytes = [&](int count) {
    for (int done = 0; done < count; ++done) {
      bool written = false;
      writer.commit(test::batch(test::insert(++number, 1 << 20)),
                    [&](clade::Status status) { written = status.has_value(); });
      inbox.run_until([&] { return written; });
    }
  };
  write_megabytes(1);
  {
    const ForeignReader reader(folder / "db");
    write_megabytes(24);
    CHECK(told.empty());
    write_megabytes(24);
    REQUIRE(told.size() == 1);
    CHECK(told[0] > clade::store::kPinnedBytes);
    CHECK(foreign_readers(folder / "db").size() == 1);
  }
  write_megabytes(12);
  REQUIRE(told.size() == 2);
  CHECK(told[1] == 0);
}

TEST_CASE("what waits for the writer is bounded by telling when it is too much", "[readers]") {
  const test::TemporaryFolder folder;
  test::Inbox inbox;
  clade::store::Writer writer(test::open_database(folder / "db"), inbox);
  std::vector<bool> told;
  writer.watch({[&](bool high) { told.push_back(high); }, nullptr});
  test::Gate gate;
  writer.commit(test::batch(gate.change()), nullptr);
  gate.wait_reached();
  int done = 0;
  const size_t part = clade::store::kHighWaterBytes / 8;
  for (int number = 0; number < 9; ++number) {
    clade::store::Batch batch;
    batch.add(test::insert(number), part);
    writer.commit(std::move(batch), [&](clade::Status) { ++done; });
    CHECK(told == (number < 7 ? std::vector<bool>() : std::vector<bool>{true}));
  }
  CHECK(writer.pending_bytes() > clade::store::kHighWaterBytes);
  gate.open();
  inbox.run_until([&] { return done == 9; });
  CHECK(told == std::vector<bool>{true, false});
  CHECK(writer.pending_bytes() == 0);
}
