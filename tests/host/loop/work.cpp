#include "loop/work.h"

#include <future>
#include <optional>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "support/guarded_loop.h"

using clade::loop::Work;

TEST_CASE("work runs on a thread of its own, and its end is told on the loop's", "[work]") {
  test::GuardedLoop loop;
  Work work(*loop);
  const auto home = std::this_thread::get_id();
  std::thread::id worked = home;
  std::thread::id told;
  CHECK_FALSE(work.active());
  work.start([&] { worked = std::this_thread::get_id(); },
             [&] {
               told = std::this_thread::get_id();
               loop->stop();
             });
  CHECK(work.active());
  loop.run();
  CHECK(worked != home);
  CHECK(told == home);
  CHECK_FALSE(work.active());
}

TEST_CASE("the loop turns while work takes long", "[work]") {
  test::GuardedLoop loop;
  Work work(*loop);
  std::promise<void> gate;
  std::string order;
  work.start([&] { gate.get_future().wait(); },
             [&] {
               order += "b";
               loop->stop();
             });
  loop->post([&] {
    order += "a";
    gate.set_value();
  });
  loop.run();
  CHECK(order == "ab");
}

TEST_CASE("the end of work may start the next, or destroy it", "[work]") {
  test::GuardedLoop loop;
  std::optional<Work> work(std::in_place, *loop);
  int done = 0;
  std::function<void()> finished = [&] {
    if (++done < 3) {
      work->start([] {}, finished);
    } else {
      work.reset();
      loop->stop();
    }
  };
  work->start([] {}, finished);
  loop.run();
  CHECK(done == 3);
}

TEST_CASE("who destroys work waits for it and hears nothing of it", "[work]") {
  test::GuardedLoop loop;
  bool told = false;
  bool worked = false;
  {
    Work work(*loop);
    std::promise<void> begun;
    work.start(
        [&] {
          begun.set_value();
          worked = true;
        },
        [&] { told = true; });
    begun.get_future().wait();
  }
  CHECK(worked);
  loop->post([&] { loop->stop(); });
  loop.run();
  CHECK_FALSE(told);
}
