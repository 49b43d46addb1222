#include "loop/timer.h"

#include <memory>
#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "support/guarded_loop.h"

using clade::loop::Timer;

TEST_CASE("a timer fires once, in order of delay", "[timer]") {
  test::GuardedLoop loop;
  std::string order;
  Timer second(*loop);
  Timer first(*loop);
  second.start(6, [&] {
    order += "b";
    loop->stop();
  });
  first.start(1, [&] { order += "a"; });
  CHECK(first.active());
  loop.run();
  CHECK(order == "ab");
  CHECK_FALSE(first.active());
  CHECK_FALSE(second.active());
}

TEST_CASE("a timer repeats until it is stopped", "[timer]") {
  test::GuardedLoop loop;
  int count = 0;
  Timer timer(*loop);
  timer.start(
      0,
      [&] {
        if (++count == 3) {
          timer.stop();
          loop->stop();
        }
      },
      1);
  loop.run();
  CHECK(count == 3);
  CHECK_FALSE(timer.active());
}

TEST_CASE("starting replaces what was set, also from within", "[timer]") {
  test::GuardedLoop loop;
  std::string order;
  Timer timer(*loop);
  timer.start(0, [&] { order += "never"; });
  timer.start(0, [&, owned = std::string(100, 'x')] {
    timer.start(0, [&] {
      order += "b";
      loop->stop();
    });
    order += owned.size() == 100 ? "a" : "?";  // what runs must not be destroyed by being replaced
  });
  loop.run();
  CHECK(order == "ab");
}

TEST_CASE("a timer may be destroyed by its own function", "[timer]") {
  test::GuardedLoop loop;
  auto timer = std::make_optional<Timer>(*loop);
  int count = 0;
  timer->start(
      0,
      [&, owned = std::make_unique<int>(5).release()] {
        const std::unique_ptr<int> kept(owned);
        timer.reset();
        count += *kept;
        loop->stop();
      },
      1);
  loop.run();
  CHECK(count == 5);
}

TEST_CASE("a destroyed or stopped timer does not fire and gives up what it owns", "[timer]") {
  test::GuardedLoop loop;
  const auto owned = std::make_shared<int>();
  bool fired = false;
  Timer stopped(*loop);
  {
    Timer destroyed(*loop);
    destroyed.start(0, [&fired, owned] { fired = true; });
    stopped.start(0, [&fired, owned] { fired = true; });
    CHECK(owned.use_count() == 3);
  }
  stopped.stop();
  CHECK(owned.use_count() == 1);
  Timer last(*loop);
  last.start(2, [&, owned] { loop->stop(); });
  loop.run();
  CHECK_FALSE(fired);
  CHECK(owned.use_count() == 1);  // a one-shot timer that fired keeps nothing either
}

TEST_CASE("a moved timer goes on, and one that is overwritten stops", "[timer]") {
  test::GuardedLoop loop;
  std::string order;
  Timer first(*loop);
  first.start(1, [&] {
    order += "first";
    loop->stop();
  });
  Timer other(*loop);
  other.start(0, [&] { order += "other"; });
  other = std::move(first);
  loop.run();
  CHECK(order == "first");
}
