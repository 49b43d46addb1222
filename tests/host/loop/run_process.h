// Runs one process to its end.
#pragma once

#include <optional>
#include <utility>

#include <catch2/catch.hpp>

#include "loop/process.h"
#include "support/guarded_loop.h"

namespace test {

// What became of it; it is told once.
inline clade::loop::ProcessExit run(clade::loop::ProcessOptions options) {
  GuardedLoop loop;
  std::optional<clade::loop::ProcessExit> ended;
  const auto process =
      clade::loop::Process::spawn(*loop, std::move(options), [&](clade::loop::ProcessExit result) {
        CHECK_FALSE(ended.has_value());
        ended = std::move(result);
        loop->stop();
      });
  REQUIRE(process);
  CHECK(process->pid() > 0);
  loop.run();
  return *ended;
}

}  // namespace test
