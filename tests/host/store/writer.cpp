#include "store/writer.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "host/store/store_fixture.h"

using clade::Status;
using clade::store::Batch;
using clade::store::Database;
using clade::store::Writer;

namespace {

// A writer on a fresh database.
struct Bench {
  explicit Bench(std::function<void()> watch = nullptr)
      : inbox(std::move(watch)), writer(std::in_place, test::open_database(path), inbox) {}

  // Submits and collects the outcome in order of the callbacks.
  void commit(Batch batch, const std::string& name) {
    writer->commit(std::move(batch), [this, name](Status status) {
      order.push_back(name);
      outcomes.push_back(std::move(status));
    });
  }
  void commit_and_wait(Batch batch) {
    const size_t before = outcomes.size();
    commit(std::move(batch), "");
    inbox.run_until([&] { return outcomes.size() > before; });
  }

  test::TemporaryFolder folder;
  std::string path = folder / "db";
  test::Inbox inbox;
  std::optional<Writer> writer;
  std::vector<std::string> order;
  std::vector<Status> outcomes;
};

}  // namespace

TEST_CASE("what is acknowledged is visible to others at that moment", "[writer]") {
  Bench bench;
  int acknowledged = 0;
  for (int64_t number = 1; number <= 20; ++number) {
    bench.writer->commit(test::batch(test::insert(number)), [&, number](Status status) {
      REQUIRE(status);
      const auto seen = test::stored(bench.path);
      CHECK(std::count(seen.begin(), seen.end(), number) == 1);
      CHECK(++acknowledged == number);
    });
  }
  bench.inbox.run_until([&] { return acknowledged == 20; });
}

TEST_CASE("callbacks run on the loop's thread, in order of submission", "[writer]") {
  Bench bench;
  std::vector<int64_t> order;
  const auto home = std::this_thread::get_id();
  for (int64_t number = 0; number < 200; ++number) {
    bench.writer->commit(number % 7 == 0 ? Batch() : test::batch(test::insert(number)),
                         [&, number](Status status) {
                           CHECK(status);
                           CHECK(std::this_thread::get_id() == home);
                           order.push_back(number);
                         });
    if (number % 50 == 0) bench.inbox.run_once();
  }
  bench.inbox.run_until([&] { return order.size() == 200; });
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("changes of a batch run in order, on another thread", "[writer]") {
  Bench bench;
  auto order = std::make_shared<std::string>();
  Batch batch;
  for (const char* letter : {"a", "b", "c"}) {
    batch.add([order, letter, home = std::this_thread::get_id()](Database&) -> Status {
      *order += std::this_thread::get_id() == home ? "?" : letter;
      return {};
    });
  }
  bench.commit_and_wait(std::move(batch));
  CHECK(*order == "abc");
}

TEST_CASE("what is submitted while the writer works becomes one commit and one post", "[writer]") {
  Bench bench;
  test::Gate gate;
  bench.commit(test::batch(gate.change()), "gate");
  gate.wait_reached();
  for (int64_t number = 0; number < 100; ++number) bench.commit(test::batch(test::insert(number)), "batch");
  CHECK(bench.writer->pending() == 101);
  CHECK(bench.writer->groups() == 0);
  gate.open();
  bench.inbox.run_until([&] { return bench.outcomes.size() == 101; });
  CHECK(bench.writer->groups() == 2);
  CHECK(bench.inbox.posts == 2);
  CHECK(bench.writer->pending() == 0);
  CHECK(test::stored(bench.path).size() == 100);
}

TEST_CASE("nothing of a group is visible before all of it", "[writer]") {
  Bench bench;
  test::Gate gate;
  Batch batch = test::batch(test::insert(1));
  batch.add(gate.change());
  bench.commit(std::move(batch), "a");
  gate.wait_reached();
  CHECK(test::stored(bench.path).empty());
  CHECK(bench.outcomes.empty());
  gate.open();
  bench.inbox.run_until([&] { return bench.outcomes.size() == 1; });
  CHECK(test::stored(bench.path) == std::vector<int64_t>{1});
}

TEST_CASE("a failing change takes its whole group back, and ends the writer", "[writer]") {
  Bench bench;
  bench.commit_and_wait(test::batch(test::insert(1)));
  test::Gate gate;
  bench.commit(test::batch(gate.change()), "gate");
  gate.wait_reached();
  bench.commit(test::batch(test::insert(2)), "before");
  Batch failing = test::batch(test::insert(3));
  failing.add(test::insert(1));  // exists
  bench.commit(std::move(failing), "failing");
  bench.commit(test::batch(test::insert(4)), "behind");
  gate.open();
  bench.inbox.run_until([&] { return bench.outcomes.size() == 5; });
  bench.commit_and_wait(test::batch(test::insert(5)));
  bench.commit_and_wait(Batch());

  CHECK(bench.order == std::vector<std::string>{"", "gate", "before", "failing", "behind", "", ""});
  CHECK(bench.outcomes[0]);
  CHECK(bench.outcomes[1]);
  for (size_t index = 2; index < bench.outcomes.size(); ++index) {
    CAPTURE(index);
    REQUIRE_FALSE(bench.outcomes[index]);
    CHECK(bench.outcomes[index].error().code == "constraint");
    CHECK(bench.outcomes[index].error().message.find("must stop") != std::string::npos);
    CHECK(bench.outcomes[index].error().message.find("item.number") != std::string::npos);
  }
  CHECK(test::stored(bench.path) == std::vector<int64_t>{1});
  CHECK(bench.writer->groups() == 2);
  CHECK(bench.writer->pending() == 0);
  bench.writer.reset();
  CHECK(test::stored(bench.path) == std::vector<int64_t>{1});
}

TEST_CASE("a change that throws is a failure with its text", "[writer]") {
  Bench bench;
  bench.commit_and_wait(test::batch([](Database& database) -> Status {
    database.prepare("SELEKT");
    return {};
  }));
  REQUIRE_FALSE(bench.outcomes.at(0));
  CHECK(bench.outcomes[0].error().code == "internal");
  CHECK(bench.outcomes[0].error().message.find("SELEKT") != std::string::npos);
}

TEST_CASE("a full disk is no_space, says what to do, and loses nothing acknowledged", "[writer]") {
  Bench bench;
  bench.commit_and_wait(test::batch(test::insert(1)));
  Batch batch =
      test::batch([](Database& database) { return database.execute("PRAGMA max_page_count = 20"); });
  batch.add(test::insert(2, 1 << 20));
  bench.commit_and_wait(std::move(batch));
  bench.commit_and_wait(test::batch(test::insert(3)));
  REQUIRE(bench.outcomes.at(0));
  for (const size_t index : {1, 2}) {
    REQUIRE_FALSE(bench.outcomes.at(index));
    CHECK(bench.outcomes[index].error().code == "no_space");
    CHECK(bench.outcomes[index].error().message.find("free some space") != std::string::npos);
  }
  bench.writer.reset();
  CHECK(test::stored(bench.path) == std::vector<int64_t>{1});
}

TEST_CASE("destroying the writer commits what was submitted and calls nothing", "[writer]") {
  Bench bench;
  for (int64_t number = 1; number <= 50; ++number) bench.commit(test::batch(test::insert(number)), "late");
  bench.writer.reset();
  bench.inbox.drain();
  CHECK(bench.outcomes.empty());
  std::vector<int64_t> all(50);
  std::iota(all.begin(), all.end(), 1);
  CHECK(test::stored(bench.path) == all);
  CHECK_FALSE(std::filesystem::exists(bench.path + "-wal"));
}

TEST_CASE("a callback may submit, and may destroy the writer", "[writer]") {
  Bench bench;
  test::Gate gate;
  bench.commit(test::batch(gate.change()), "gate");
  gate.wait_reached();
  bool done = false;
  bench.writer->commit(test::batch(test::insert(1)), [&](Status) {
    bench.writer->commit(test::batch(test::insert(2)), [&](Status) { FAIL("called after the end"); });
    bench.writer.reset();
    done = true;
  });
  bench.writer->commit(test::batch(test::insert(3)), [&](Status) { FAIL("called after the end"); });
  bench.writer->commit(Batch(), nullptr);
  gate.open();
  bench.inbox.run_until([&] { return done; });
  bench.inbox.drain();
  CHECK(test::stored(bench.path) == std::vector<int64_t>{1, 2, 3});
}

TEST_CASE("the log is folded into the database as it grows", "[writer]") {
  Bench bench;
  for (int64_t number = 0; number < 60; ++number)
    bench.commit_and_wait(test::batch(test::insert(number, 1 << 20)));
  for (const auto& outcome : bench.outcomes) CHECK(outcome);
  CHECK(std::filesystem::file_size(bench.path + "-wal") < 16 << 20);
  CHECK(std::filesystem::file_size(bench.path) > 40 << 20);
}

TEST_CASE("a reader that pins the log stops neither commits nor the end", "[writer]") {
  Bench bench;
  bench.commit_and_wait(test::batch(test::insert(0)));
  auto reader = Database::open(bench.path, Database::Mode::read_only);
  REQUIRE(reader);
  REQUIRE(reader->execute("PRAGMA busy_timeout = 0; BEGIN"));
  REQUIRE(reader->prepare("SELECT count(*) FROM item").step() == true);
  for (int64_t number = 1; number < 12; ++number)
    bench.commit_and_wait(test::batch(test::insert(number, 1 << 20)));
  for (const auto& outcome : bench.outcomes) CHECK(outcome);
  {
    auto query = reader->prepare("SELECT count(*) FROM item");
    REQUIRE(query.step() == true);
    CHECK(query.integer(0) == 1);  // its snapshot
  }
  bench.writer->commit(
      test::batch([](Database& database) { return database.execute("PRAGMA busy_timeout = 0"); }), nullptr);
  bench.writer.reset();
  REQUIRE(reader->execute("COMMIT"));
  CHECK(test::stored(bench.path).size() == 12);
}
