#include "cell/zygote.h"

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "cell/protocol.h"
#include "host/cell/fixture.h"
#include "loop/stream.h"

namespace clade::cell {
namespace {

TEST_CASE("the zygote says which layers are there") {
  auto zygote = Zygote::start(CLADE_BINARY);
  REQUIRE(zygote);
  std::vector<std::string> names;
  for (const auto& layer : zygote->layers()) names.push_back(layer.name);
  CHECK(names == std::vector<std::string>{"no_new_privs", "namespaces", "landlock", "rlimits", "seccomp",
                                          "checkhook"});
}

TEST_CASE("an executable that is not there is an error, not a hang") {
  auto zygote = Zygote::start("/nonexistent/clade");
  REQUIRE_FALSE(zygote);
  CHECK(zygote.error().code == "io");
  CHECK_THAT(zygote.error().message, Catch::Contains("/nonexistent/clade"));
}

TEST_CASE("a cell is spawned, killed and reported with its CPU time") {
  ZygoteFixture fixture;
  std::vector<CellExit> exits;
  const auto on_exit = [&](CellExit exit) {
    exits.push_back(exit);
    if (exits.size() == 3) fixture.loop.stop();
  };
  std::vector<loop::Stream> streams;
  for (int i = 0; i < 3; ++i) {
    auto cell = fixture.zygote->spawn({}, on_exit);
    REQUIRE(cell);
    streams.emplace_back(fixture.loop, cell->descriptor);
    fixture.zygote->kill(cell->id);
  }
  fixture.loop.run();
  for (const auto& exit : exits) {
    CHECK(exit.signal == SIGKILL);
    CHECK(exit.failure.empty());
    CHECK(exit.cpu_us >= 0);
  }
  // Ids of cells that are gone are harmless.
  fixture.zygote->kill(1);
  fixture.zygote->abandon(2);
  fixture.zygote->interrupt(3, nullptr);
}

TEST_CASE("a cell whose socket closes ends by itself") {
  ZygoteFixture fixture;
  std::optional<CellExit> ended;
  auto cell = fixture.zygote->spawn({}, [&](CellExit exit) {
    ended = exit;
    fixture.loop.stop();
  });
  REQUIRE(cell);
  close(cell->descriptor);
  fixture.loop.run();
  REQUIRE(ended);
  CHECK(ended->signal == 0);
  CHECK(ended->code == 0);
}

TEST_CASE("more requests than the socket holds are sent later, none is lost") {
  ZygoteFixture fixture;
  constexpr int kCells = 400;
  int ended = 0;
  for (int i = 0; i < kCells; ++i) {
    auto cell = fixture.zygote->spawn({}, [&](const CellExit&) {
      if (++ended == kCells) fixture.loop.stop();
    });
    REQUIRE(cell);
    close(cell->descriptor);
  }
  fixture.loop.run();
  CHECK(ended == kCells);
}

TEST_CASE("the death of the zygote is reported, after that of its cells") {
  ZygoteFixture fixture;
  std::vector<std::string> seen;
  auto cell = fixture.zygote->spawn(
      {}, [&](const CellExit& exit) { seen.push_back(exit.failure.empty() ? "exit" : "failure"); });
  REQUIRE(cell);
  fixture.on_death = [&] {
    seen.push_back("death");
    fixture.loop.stop();
  };
  ::kill(fixture.zygote->pid(), SIGKILL);
  fixture.loop.run();
  CHECK(seen == std::vector<std::string>{"failure", "death"});
  close(cell->descriptor);
  CHECK_FALSE(fixture.zygote->spawn({}, nullptr));
}

TEST_CASE("cells die with the zygote, even in an endless loop") {
  ZygoteFixture fixture;
  auto cell = fixture.zygote->spawn({}, nullptr);
  REQUIRE(cell);
  loop::Stream stream(fixture.loop, cell->descriptor);
  std::string bytes;
  REQUIRE(append_frame(bytes, {{"t", "eval"}, {"source", "while true do end"}, {"chunk", "loop"}}));
  stream.write(bytes);
  bool closed = false;
  stream.read([](std::string_view) {},
              [&](const std::string&) {
                closed = true;
                fixture.loop.stop();
              });
  fixture.on_death = [] {};
  ::kill(fixture.zygote->pid(), SIGKILL);
  while (!closed) fixture.loop.run();
}

}  // namespace
}  // namespace clade::cell
