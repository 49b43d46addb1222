#include "loop/loop.h"

#include <array>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "support/guarded_loop.h"

using clade::loop::Loop;
using clade::loop::Timer;

TEST_CASE("the loop knows how long it was busy at most, and waiting does not count") {
  Loop loop;
  const clade::SystemClock clock;
  Timer timer(loop);
  const int64_t begin = clock.steady_us();
  timer.start(100, [&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  // A timer may come a millisecond early.
  CHECK(loop.longest_turn_us() <= clock.steady_us() - begin - 99000);
  timer.start(1, [&] {
    const int64_t until = clock.steady_us() + 20000;
    while (clock.steady_us() < until) {
    }
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  CHECK(loop.longest_turn_us() >= 20000);
}

TEST_CASE("posted functions run in order, on the loop's thread", "[loop]") {
  test::GuardedLoop loop;
  std::vector<int> order;
  for (int number = 0; number < 5; ++number) {
    loop->post([&, number] {
      CHECK(std::this_thread::get_id() != std::thread::id());
      order.push_back(number);
    });
  }
  loop->post([&] { loop->stop(); });
  CHECK(order.empty());
  loop.run();
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("what was deferred runs once nothing else is ready, though a stream that nobody reads has more",
          "[loop]") {
  test::GuardedLoop loop;
  std::array<int, 2> ends{-1, -1};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  clade::loop::Stream stream(*loop, ends[0]);
  std::vector<std::string> order;
  stream.read(
      [&](std::string_view) {
        REQUIRE(::write(ends[1], "more", 4) == 4);
        stream.pause();
        loop->defer([&] {
          order.emplace_back("deferred");
          loop->stop();
        });
        loop->defer([&] { order.emplace_back("after it"); });
      },
      [](const std::string&) {});
  REQUIRE(::write(ends[1], "x", 1) == 1);
  loop.run();
  CHECK(order == std::vector<std::string>{"deferred", "after it"});
  ::close(ends[1]);
}

TEST_CASE("the end of each turn is told", "[loop]") {
  test::GuardedLoop loop;
  int ends = 0;
  loop->at_turn_end([&] { ++ends; });
  loop->post([&] { loop->post([&] { loop->stop(); }); });
  loop.run();
  CHECK(ends >= 2);
}

TEST_CASE("threads may post while the loop runs, and each one's order is kept", "[loop]") {
  test::GuardedLoop loop;
  constexpr int kThreads = 4;
  constexpr int kPosts = 500;
  const auto home = std::this_thread::get_id();
  std::vector<std::vector<int>> seen(kThreads);
  int total = 0;
  bool strayed = false;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int number = 0; number < kPosts; ++number) {
        loop->post([&, thread, number] {
          strayed = strayed || std::this_thread::get_id() != home;
          seen[static_cast<size_t>(thread)].push_back(number);
          if (++total == kThreads * kPosts) loop->stop();
        });
      }
    });
  }
  loop.run();
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(strayed);
  for (const auto& numbers : seen) {
    REQUIRE(numbers.size() == kPosts);
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST_CASE("a posted function may post, and the loop may run again after stop", "[loop]") {
  test::GuardedLoop loop;
  int runs = 0;
  loop->post([&] {
    ++runs;
    loop->post([&] {
      ++runs;
      loop->stop();
    });
  });
  loop.run();
  CHECK(runs == 2);
  loop->post([&] {
    ++runs;
    loop->stop();
  });
  loop.run();
  CHECK(runs == 3);
}

TEST_CASE("what was posted and never ran is dropped with what it owns", "[loop]") {
  const auto owned = std::make_shared<int>(1);
  bool ran = false;
  {
    Loop loop;
    auto timer = std::make_shared<Timer>(loop);
    timer->start(0, [&] { ran = true; });
    loop.post([&, owned, timer = std::move(timer)] { ran = true; });
    CHECK(owned.use_count() == 2);
  }
  CHECK(owned.use_count() == 1);
  CHECK_FALSE(ran);
}

TEST_CASE("a loop that never ran, and one that was stopped before, can be destroyed", "[loop]") {
  { const Loop never; }
  Loop loop;
  loop.stop();
  loop.run();
}
