#include "loop/signal.h"

#include <csignal>
#include <optional>

#include <catch2/catch.hpp>

#include "support/guarded_loop.h"

using clade::loop::Signal;

TEST_CASE("each signal reaches everybody who waits for its number", "[signal]") {
  test::GuardedLoop loop;
  int first = 0;
  int second = 0;
  const Signal one(*loop, SIGUSR1, [&] { ++first; });
  const Signal two(*loop, SIGUSR1, [&] { ++second; });
  raise(SIGUSR1);
  loop.run_until([&] { return first == 1 && second == 1; });
  raise(SIGUSR1);
  loop.run_until([&] { return first == 2 && second == 2; });
}

TEST_CASE("a signal object may be destroyed by its own function", "[signal]") {
  test::GuardedLoop loop;
  std::optional<Signal> signal;
  int count = 0;
  signal.emplace(*loop, SIGUSR2, [&] {
    signal.reset();
    ++count;
    loop->stop();
  });
  Signal moved(std::move(*signal));
  signal.emplace(std::move(moved));
  raise(SIGUSR2);
  loop.run();
  CHECK(count == 1);
}

TEST_CASE("a signal that no process can catch is refused", "[signal]") {
  test::GuardedLoop loop;
  CHECK_THROWS_AS(Signal(*loop, SIGKILL, [] {}), std::runtime_error);
}
